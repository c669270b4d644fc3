"""Forked child process with a socket to its parent and nothing else that the parent has open."""

import asyncio
import gc
import logging
import os
import resource
import signal
import socket
import struct
import warnings
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

_RECEIVE_BYTES, _MAX_BUFFERS = 2**18, 16
_PR_SET_PDEATHSIG = 1
_HEAD = struct.Struct("<BI")  # kind and length of a message


class ChildProcess:
    """The parent's end: sends bytes, and reports messages and the exit of the child."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        serve: Callable[[socket.socket], NoReturn],
        on_message: Callable[[int, bytes], None],
        on_exit: Callable[[int], None],
        memory: int,
    ) -> None:
        """Fork; raises :class:`OSError` if that fails.

        :param serve: runs in the child with its end of the socket
        :param on_message: called with kind and content of each message
        :param on_exit: called once with the exit status, unless :meth:`end` was called
        :param memory: bytes that the child may map in addition to those mapped now
        """
        self._loop, self._on_message, self._on_exit = loop, on_message, on_exit
        self._unsent: deque[memoryview] = deque()
        self._received = bytearray()
        self._socket, theirs = socket.socketpair()
        with theirs:
            try:
                self._pid = _fork(theirs, serve, memory)
            except OSError:
                self._socket.close()
                raise
        self._socket.setblocking(False)
        loop.add_reader(self._socket, self._receive)

    def send(self, pieces: tuple[bytes, ...]) -> None:
        was_idle = not self._unsent
        self._unsent.extend(memoryview(piece) for piece in pieces if piece)
        if was_idle:
            self._flush()

    def kill(self) -> None:
        os.kill(self._pid, signal.SIGKILL)

    def end(self) -> int:
        """Kill the child without a call of `on_exit`; return its peak memory in bytes."""
        self._close()
        self.kill()
        _, _, usage = os.wait4(self._pid, 0)
        return usage.ru_maxrss * 1024

    def _close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()

    def _flush(self) -> None:
        try:
            while self._unsent:
                sent = self._socket.sendmsg([*self._unsent][:_MAX_BUFFERS])
                while sent and sent >= len(self._unsent[0]):
                    sent -= len(self._unsent.popleft())
                if sent:
                    self._unsent[0] = self._unsent[0][sent:]
        except BlockingIOError:
            self._loop.add_writer(self._socket, self._flush)
            return
        except OSError:  # the child is gone, which `_receive` notices
            self._unsent.clear()
        self._loop.remove_writer(self._socket)

    def _receive(self) -> None:
        try:
            received = self._socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self._close()
            _, status = os.waitpid(self._pid, 0)
            self._on_exit(status)
            return
        self._received += received
        while len(self._received) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._received)
            end = _HEAD.size + length
            if len(self._received) < end:
                return
            content = bytes(self._received[_HEAD.size : end])
            del self._received[:end]
            self._on_message(kind, content)


def frame(kind: int, content: bytes) -> bytes:
    return _HEAD.pack(kind, len(content)) + content


def _fork(link: socket.socket, serve: Callable[[socket.socket], NoReturn], memory: int) -> int:
    end_with_parent = signal_on_parent_exit(os.getpid(), signal.SIGKILL)
    with warnings.catch_warnings():
        # Python warns that other threads are not copied; the child needs none.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if not pid:
        try:
            end_with_parent()
            _limit_memory(memory)
            serve(_isolate(link))
        finally:  # no code of the parent may run on
            os._exit(1)
    return pid


def _isolate(link: socket.socket) -> socket.socket:
    """Drop what the child inherits except the socket: signal handlers, logging, open files and the site's lock.

    Objects of the parent are not collected, because a finaliser could close its ledger.
    """
    gc.freeze()
    signal.set_wakeup_fd(-1)
    # Ctrl-C reaches the child too, and its parent may still need it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(number, signal.SIG_DFL)
    logging.disable()
    descriptor = 3
    if link.fileno() != descriptor:
        os.dup2(link.fileno(), descriptor)
    os.closerange(descriptor + 1, os.sysconf("SC_OPEN_MAX"))
    return socket.socket(fileno=descriptor)


def _limit_memory(additional: int) -> None:
    try:
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:  # not Linux
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limits = [limit for limit in (mapped + additional, soft) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))


def signal_on_parent_exit(parent: int, number: signal.Signals) -> Callable[[], None]:
    """Return a function that lets the calling process get a signal when its parent exits; Linux only.

    The lookup of `prctl` happens here, because a forked child should not load libraries.
    """
    import ctypes

    prctl = getattr(ctypes.CDLL(None), "prctl", None)

    def request_signal() -> None:
        if prctl is None:
            return
        prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # it exited before the call
            os.kill(os.getpid(), number)

    return request_signal
