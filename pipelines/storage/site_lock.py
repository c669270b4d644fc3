"""One writer per site: a lock that dies with the process that holds it, however that ends."""

import fcntl
import json
import os
import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from crawler.clock import now
from pipelines.storage.errors import StorageError, storage_errors
from pipelines.storage.failpoint import reached


class SiteLocked(Exception):
    """Another process holds the site; says which, where and since when, as far as it wrote that down."""

    def __init__(self, site: str, holder: dict[str, Any]) -> None:
        who = "another process"
        if {"pid", "host", "since"} <= holder.keys():
            who = f"process {holder['pid']} on {holder['host']}, since {holder['since']}"
        super().__init__(f"{site} is held by {who}; wait until it ends, or end it")
        self.holder = holder


class SiteLock:
    """A lock file held open. The kernel lets go of it when the last process that has it open is gone."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, path: Path) -> Self:
        """Lock the file (`state/<site>.lock`) for this process; raises :class:`SiteLocked` at once if it is held.

        Raises :class:`StorageError` where no lock can be had at all.
        """
        # Never removed: a lock on a file that somebody else replaced would lock nothing.
        with storage_errors("lock", path):
            reached("lock.wanted")
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        return cls._hold(descriptor, path)

    @classmethod
    def adopt(cls, path: Path, descriptor: int) -> Self:
        """Take over the lock that a parent took and passed on (`pass_fds`); it is held until both let go.

        Raises :class:`SiteLocked` if the descriptor does not carry it and another process does, :class:`ValueError` if
        it is not open on the lock file at all.
        """
        try:
            passed, there = os.fstat(descriptor), path.stat()
        except OSError as error:
            raise ValueError(f"descriptor {descriptor} is no lock on {path}: {error.strerror}") from error
        if not os.path.samestat(passed, there):
            raise ValueError(f"descriptor {descriptor} is open on another file than {path}")
        os.set_inheritable(descriptor, False)
        return cls._hold(descriptor, path)

    @classmethod
    def _hold(cls, descriptor: int, path: Path) -> Self:
        try:
            with storage_errors("lock", path):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                holder = {
                    "pid": os.getpid(),
                    "host": socket.gethostname(),
                    "since": now().isoformat(timespec="seconds"),
                }
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, json.dumps(holder).encode(), 0)
                reached("lock.taken")
        except StorageError as refused:
            holder = _read(descriptor)
            os.close(descriptor)
            if isinstance(refused.__cause__, BlockingIOError):
                raise SiteLocked(path.stem, holder) from None
            raise
        return cls(descriptor)

    def fileno(self) -> int:
        """The descriptor, to be passed on to a child."""
        if self._descriptor is None:
            raise ValueError("the lock was let go")
        return self._descriptor

    def release(self) -> None:
        """Let go; a child that adopted the lock goes on holding it."""
        if self._descriptor is not None:
            reached("lock.leaving")
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _read(descriptor: int) -> dict[str, Any]:
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:  # it is being written just now
        return {}
    return holder if isinstance(holder, dict) else {}
