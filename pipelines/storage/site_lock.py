"""File lock that allows only one process at a time to write the data of a site.

The kernel releases the lock when the process ends, even if the process is killed.
"""

import fcntl
import json
import os
import socket
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, Self

from crawler.clock import now
from pipelines.storage.errors import StorageError, storage_errors
from pipelines.storage.failpoint import reached


class SiteLocked(Exception):
    """Another process holds the lock of a site; the message gives its pid, host and start time if they are known."""

    def __init__(self, site: str, holder: dict[str, Any]) -> None:
        process = "another process"
        if {"pid", "host", "since"} <= holder.keys():
            process = f"process {holder['pid']} on {holder['host']}, since {holder['since']}"
        super().__init__(f"{site} is held by {process}; wait until it ends, or end it")
        self.holder = holder


class SiteLock(AbstractContextManager["SiteLock"]):
    """Lock on an open file; it is held until every process that inherited the file descriptor has closed it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, path: Path) -> Self:
        """Lock the file of a site (`state/<site>.lock`) without waiting for another process to release it.

        Raises :class:`SiteLocked` if another process holds the lock, and :class:`StorageError` if the file cannot be
        opened.
        """
        # The file is never removed, because a lock on a file that was replaced would not exclude other processes.
        with storage_errors("lock", path):
            reached("lock.wanted")
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return cls._lock(descriptor, path)

    @classmethod
    def hold(cls, path: Path) -> Self:
        """Lock the existing file of a site without changing it, so that no run starts while its data is read.

        Several processes may do so. Raises :class:`SiteLocked` if a run holds the lock, and :class:`StorageError` if
        there is no file.
        """
        with storage_errors("lock", path):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return cls._lock(descriptor, path, is_shared=True)

    @classmethod
    def adopt(cls, path: Path, descriptor: int) -> Self:
        """Return the lock that the parent process took, from the file descriptor that it passed on (`pass_fds`).

        Raises :class:`SiteLocked` if another process holds the lock, and ValueError if the descriptor does not refer to
        the lock file.
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
    def _lock(cls, descriptor: int, path: Path, *, is_shared: bool = False) -> Self:
        try:
            with storage_errors("lock", path):
                fcntl.flock(descriptor, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                if not is_shared:
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
        """Close the file; the site stays locked while another process has the inherited descriptor open."""
        if self._descriptor is not None:
            reached("lock.leaving")
            os.close(self._descriptor)
            self._descriptor = None

    def __exit__(self, *_: object) -> None:
        self.release()


def _holder(descriptor: int) -> dict[str, Any]:
    with suppress(BlockingIOError):  # otherwise the last process that wrote its name is not the one that holds the lock
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return {}
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:  # it is being written
        return {}
    return holder if isinstance(holder, dict) else {}
