"""Site lock: one writer per site, by a file lock that the kernel releases when the process ends."""

import fcntl
import json
import os
import socket
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

from crawler.clock import now
from pipelines.storage.errors import StorageError, storage_errors
from pipelines.storage.failpoint import reached


class SiteLocked(Exception):
    """Another process holds the lock; names its pid, host and start, if it has written them."""

    def __init__(self, site: str, holder: dict[str, Any]) -> None:
        process = "another process"
        if {"pid", "host", "since"} <= holder.keys():
            process = f"process {holder['pid']} on {holder['host']}, since {holder['since']}"
        super().__init__(f"{site} is held by {process}; wait until it ends, or end it")
        self.holder = holder


class SiteLock(AbstractContextManager["SiteLock"]):
    """A locked, open file; it stays locked until the last process that inherited it closes it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, path: Path) -> Self:
        """Lock a file (`state/<site>.lock`), without waiting.

        Raises :class:`SiteLocked` if another process holds it, :class:`StorageError` if it cannot be opened.
        """
        # The file is never removed: a lock on a replaced file would exclude nobody.
        with storage_errors("lock", path):
            reached("lock.wanted")
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return cls._lock(descriptor, path)

    @classmethod
    def adopt(cls, path: Path, descriptor: int) -> Self:
        """Take over a lock inherited from the parent process (`pass_fds`).

        Raises :class:`SiteLocked` if another process holds the lock, ValueError if the descriptor is not open on it.
        """
        try:
            inherited, expected = os.fstat(descriptor), path.stat()
        except OSError as error:
            raise ValueError(f"descriptor {descriptor} is not a lock on {path}: {error.strerror}") from error
        if not os.path.samestat(inherited, expected):
            raise ValueError(f"descriptor {descriptor} is open on another file than {path}")
        os.set_inheritable(descriptor, False)
        return cls._lock(descriptor, path)

    @classmethod
    def _lock(cls, descriptor: int, path: Path) -> Self:
        try:
            with storage_errors("lock", path):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                since = now().isoformat(timespec="seconds")
                holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, json.dumps(holder).encode(), 0)
                reached("lock.taken")
        except StorageError as error:
            holder = _holder(descriptor)
            os.close(descriptor)
            if isinstance(error.__cause__, BlockingIOError):
                raise SiteLocked(path.stem, holder) from None
            raise
        return cls(descriptor)

    def fileno(self) -> int:
        if self._descriptor is None:
            raise ValueError("the lock was released")
        return self._descriptor

    def release(self) -> None:
        """Close the file; a child process that adopted the lock still holds it."""
        if self._descriptor is not None:
            reached("lock.leaving")
            os.close(self._descriptor)
            self._descriptor = None

    def __exit__(self, *_: object) -> None:
        self.release()


def _holder(descriptor: int) -> dict[str, Any]:
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:  # it is being written
        return {}
    return holder if isinstance(holder, dict) else {}
