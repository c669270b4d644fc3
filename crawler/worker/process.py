"""A copy of this process that does one thing at the end of a link, and holds nothing else of what the process has."""

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

_PIECE, _MOST_PIECES = 2**18, 16
_PR_SET_PDEATHSIG = 1
_HEAD = struct.Struct("<BI")  # of a message: its kind, and how long it is


class Copy:
    """The copy, as whoever made it has it: what goes to and fro on the link, and when it is gone."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        serve: Callable[[socket.socket], NoReturn],
        hear: Callable[[int, bytes], None],
        ended: Callable[[int], None],
        memory: int,
    ) -> None:
        """Make the copy; raises `OSError` where there can be none.

        :param serve: what it does, with its end of the link
        :param hear: told of each message, by its kind
        :param ended: told, once, of its exit status when it ended by itself or was killed
        :param memory: bytes that it may map beyond what the process has mapped already
        """
        self._loop, self._hear, self._ended = loop, hear, ended
        self._unsent: deque[memoryview] = deque()
        self._heard = bytearray()
        self._link, theirs = socket.socketpair()
        with theirs:
            try:
                self._pid = _copied(theirs, serve, memory)
            except OSError:
                self._link.close()
                raise
        self._link.setblocking(False)
        loop.add_reader(self._link, self._receive)

    def send(self, pieces: tuple[bytes, ...]) -> None:
        """Hand something over as soon as there is room."""
        idle = not self._unsent
        self._unsent.extend(memoryview(piece) for piece in pieces if piece)
        if idle:
            self._flush()

    def kill(self) -> None:
        """End it, as if from outside."""
        os.kill(self._pid, signal.SIGKILL)

    def end(self) -> int:
        """End it, and hear no more of it; returns how much memory it had at its peak, in bytes."""
        self._leave()
        self.kill()
        _, _, used = os.wait4(self._pid, 0)
        return used.ru_maxrss * 1024

    def _leave(self) -> None:
        self._loop.remove_reader(self._link)
        self._loop.remove_writer(self._link)
        self._link.close()

    def _flush(self) -> None:
        try:
            while self._unsent:
                sent = self._link.sendmsg([*self._unsent][:_MOST_PIECES])
                while sent and sent >= len(self._unsent[0]):
                    sent -= len(self._unsent.popleft())
                if sent:
                    self._unsent[0] = self._unsent[0][sent:]
        except BlockingIOError:
            self._loop.add_writer(self._link, self._flush)
            return
        except OSError:  # it is gone, which the other direction tells
            self._unsent.clear()
        self._loop.remove_writer(self._link)

    def _receive(self) -> None:
        try:
            piece = self._link.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            self._leave()
            _, status = os.waitpid(self._pid, 0)
            self._ended(status)
            return
        self._heard += piece
        while len(self._heard) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._heard)
            end = _HEAD.size + length
            if len(self._heard) < end:
                return
            message = bytes(self._heard[_HEAD.size : end])
            del self._heard[:end]
            self._hear(kind, message)


def message(kind: int, text: bytes) -> bytes:
    """A message as the copy sends it on its end of the link."""
    return _HEAD.pack(kind, len(text)) + text


def _copied(link: socket.socket, serve: Callable[[socket.socket], NoReturn], memory: int) -> int:
    end_with_parent = ending_with(os.getpid(), signal.SIGKILL)
    with warnings.catch_warnings():
        # Python warns that other threads are not copied; the copy needs none.
        warnings.simplefilter("ignore", DeprecationWarning)
        copy = os.fork()
    if not copy:
        try:
            end_with_parent()
            _bound_memory(memory)
            serve(_let_go(link))
        finally:  # nothing of what the process does may go on in here
            os._exit(1)
    return copy


def _let_go(link: socket.socket) -> socket.socket:
    """Leave alone all that the process has but the link: its signals, its log, its files and connections, its lock.

    What it has is not collected either, or a connection to a ledger might be closed in passing.
    """
    gc.freeze()
    signal.set_wakeup_fd(-1)
    # Who interrupts the process means the process, which may still want something of its copy until it ends.
    for number, action in (
        (signal.SIGINT, signal.SIG_IGN),
        (signal.SIGTERM, signal.SIG_IGN),
        (signal.SIGALRM, signal.SIG_DFL),
        (signal.SIGPROF, signal.SIG_DFL),
    ):
        signal.signal(number, action)
    logging.disable()
    first = 3
    if link.fileno() != first:
        os.dup2(link.fileno(), first)
    os.closerange(first + 1, os.sysconf("SC_OPEN_MAX"))
    return socket.socket(fileno=first)


def _bound_memory(further: int) -> None:
    try:
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:  # only Linux tells
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limits = [limit for limit in (mapped + further, soft) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))


def ending_with(parent: int, sign: signal.Signals) -> Callable[[], None]:
    """What a process does to get a signal at the moment its parent is gone; only Linux can, elsewhere it does nothing.

    A copy of this process looks nothing up any more: what was looked up before the copy was made is at hand.
    """
    import ctypes

    prctl = getattr(ctypes.CDLL(None), "prctl", None)

    def end() -> None:
        if prctl is None:
            return
        prctl(_PR_SET_PDEATHSIG, sign)
        if os.getppid() != parent:  # it was gone before we asked
            os.kill(os.getpid(), sign)

    return end
