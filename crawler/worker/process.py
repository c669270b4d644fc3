"""Forked child process that is connected to its parent by a socket; all other open files are closed in it."""

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
    """Handle of a child process: send it bytes, and receive its messages and its exit status by callbacks."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        serve: Callable[[socket.socket], NoReturn],
        on_message: Callable[[int, bytes], None],
        on_exit: Callable[[int], None],
        memory: int,
    ) -> None:
        """Fork the child process; raise :class:`OSError` if that fails.

        :param serve: function that runs in the child; its argument is the child's end of the socket
        :param on_message: called with the kind and content of each message of the child
        :param on_exit: called once with the exit status of the child, unless :meth:`end` was called
        :param memory: bytes of memory that the child may map in addition to those that the parent has mapped now
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
        """Kill the child without calling `on_exit`, and return its peak memory in bytes."""
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
        # Python warns that a fork does not copy other threads; the child does not need them.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if not pid:
        try:
            end_with_parent()
            _limit_memory(memory)
            serve(_isolate(link))
        finally:  # the child must not continue with the parent's code
            os._exit(1)
    return pid


def _isolate(link: socket.socket) -> socket.socket:
    """Remove the inherited signal handlers, logging and open files, including the site's lock; return the socket.

    Inherited objects are exempted from garbage collection, because a finaliser could close the parent's database.
    """
    gc.freeze()
    signal.set_wakeup_fd(-1)
    # Ctrl-C also reaches the child, but the parent may still need the child while it stops.
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
    """Return a function, to be called in a child process, that requests a signal when the parent exits (Linux only).

    `prctl` is looked up before the fork, because a forked child should not load libraries.
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
