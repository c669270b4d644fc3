"""Forked child process that is connected to its parent by a socket; all other open files are closed in the child."""

import asyncio
import gc
import logging
import os
import resource
import signal
import socket
import struct
import warnings
from collections.abc import Callable
from contextlib import suppress
from io import BufferedReader
from itertools import pairwise
from pathlib import Path
from typing import NoReturn, Self

_PR_SET_PDEATHSIG = 1
_HEAD = struct.Struct("<BI")  # kind and length of a message


class ChildProcess:
    """Handle of a child process that replies to one message at a time."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._pid, self._reader, self._writer = pid, reader, writer

    @classmethod
    async def start(cls, serve: Callable[[socket.socket], NoReturn], memory: int) -> Self:
        """Fork the child process and return its handle.

        :param serve: function that runs in the child; its argument is the child's end of the socket
        :param memory: bytes of memory that the child may map in addition to those that the parent has mapped now
            :raises OSError: the process cannot be forked
        """
        pid, link = start_child(serve, memory)
        return cls(pid, *await asyncio.open_connection(sock=link))

    @property
    def has_ended(self) -> bool:
        return self._reader.at_eof()

    async def ask(self, *pieces: bytes) -> tuple[int, bytes]:
        """Send a message, given in pieces, and return the kind and content of the reply.

        :raises EOFError: the child exited before it replied :raises OSError: the connection to the child failed
        """
        self._writer.writelines(pieces)
        kind, length = _HEAD.unpack(await self._reader.readexactly(_HEAD.size))
        return kind, await self._reader.readexactly(length)

    def end(self) -> tuple[int, int]:
        """Kill the child if it is still running; return its exit status and its peak memory in bytes."""
        self._writer.transport.abort()
        return end_child(self._pid)


def frame(kind: int, content: bytes) -> bytes:
    return _HEAD.pack(kind, len(content)) + content


def read_frame(file: BufferedReader) -> tuple[int, bytes]:
    """Return the kind and content of the next message; raise EOFError if the sender exited before its end."""
    head = file.read(_HEAD.size)
    kind, length = _HEAD.unpack(head) if len(head) == _HEAD.size else (0, -1)
    content = file.read(length) if length >= 0 else b""
    if len(content) != length:
        raise EOFError("the child process exited before it replied")
    return kind, content


def start_child(serve: Callable[[socket.socket], NoReturn], memory: int) -> tuple[int, socket.socket]:
    """Fork a child process; return its id and the parent's end of the socket. See :meth:`ChildProcess.start`."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            return _fork(theirs, serve, memory), ours
        except OSError:
            ours.close()
            raise


def end_child(pid: int) -> tuple[int, int]:
    """Kill a child process if it is still running; return its exit status and its peak memory in bytes."""
    os.kill(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    return status, usage.ru_maxrss * 1024


def _fork(link: socket.socket, serve: Callable[[socket.socket], NoReturn], memory: int) -> int:
    end_with_parent = signal_on_parent_exit(os.getpid(), signal.SIGKILL)
    if pid := fork():
        return pid
    try:
        end_with_parent()
        if mapped := mapped_bytes():
            lower_limit(resource.RLIMIT_AS, mapped + memory)
        isolate(2, link.fileno())
        for number in (signal.SIGALRM, signal.SIGPROF):
            signal.signal(number, signal.SIG_DFL)
        logging.disable()
        serve(link)
    finally:  # the child must not continue with the parent's code
        os._exit(1)


def fork() -> int:
    with warnings.catch_warnings():
        # Python warns that a fork does not copy other threads; the child does not need them.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def isolate(last_standard: int, *kept: int) -> None:
    """Ignore the stop signals and close the inherited files in a forked process.

    Ctrl-C also reaches the child, but the parent may still need the child while it stops. Among the closed files is the
    lock of the site. Inherited objects are exempted from garbage collection, because a finaliser could close the
    parent's database.

    :param last_standard: descriptors from 0 up to this one stay open; -1 for none
    :param kept: other descriptors that stay open
    """
    gc.freeze()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for before, after in pairwise((last_standard, *sorted(kept), os.sysconf("SC_OPEN_MAX"))):
        os.closerange(before + 1, after)


def mapped_bytes() -> int | None:
    """Return the size of the address space of this process in bytes, or None if it is not known (not Linux)."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return None


def peak_bytes() -> int | None:
    """Return the highest resident memory of this program in bytes, or None if it is not known (not Linux).

    Unlike `ru_maxrss` of `getrusage`, which survives `exec`, it does not count the program that started this one.
    """
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None


def lower_limit(limit: int, value: int) -> None:
    """Lower a resource limit of this process to ``value``, unless it is already lower."""
    limits = [each for each in (value, *resource.getrlimit(limit)) if each != resource.RLIM_INFINITY]
    resource.setrlimit(limit, (min(limits), min(limits)))


def signal_on_parent_exit(parent: int, number: signal.Signals) -> Callable[[], None]:
    """Return a function that a child process calls to be sent a signal when its parent exits (Linux only).

    The C function `prctl` is looked up before the fork, because a forked child should not load libraries.

    :param parent: process id of the parent
    :param number: the signal to be sent
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
