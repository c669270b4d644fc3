"""Exceptions for data that cannot be read or written."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath


class StorageError(Exception):
    """The data folder cannot be read or written.

    The message names the action that failed, the path, the reason and the user id of the process.
    """


class ClockSet(StorageError):
    """The system clock was changed during a run, so the times that the run records are not reliable."""


class DatabaseDamaged(Exception):
    """An SQLite file is damaged, or was made by another program or by a later version of Khobor.

    The message names the file and the remedy.
    """


class DataDamaged(Exception):
    """A published file is damaged; ``path`` is its path relative to the data folder."""

    def __init__(self, path: PurePath, reason: str) -> None:
        super().__init__(f"{path} {reason}; `khobor check` lists all damage and says what to do")
        self.path = path
        self.reason = reason


class InvalidBackup(Exception):
    """A file is not a backup, or it is damaged; the message names the file."""


class FolderInUse(Exception):
    """The data folder contains data already, which a restore never replaces."""


def is_read_only(error: StorageError) -> bool:
    """Return True if an error means that the data folder is read-only or write-protected for this user."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in (errno.EROFS, errno.EACCES, errno.EPERM)


@contextmanager
def storage_errors(action: str, path: Path) -> Iterator[None]:
    """Convert an OSError that the block raises to a :class:`StorageError` that names the action and the path."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(f"cannot {action} {path}: {reason} (as user {os.geteuid()})") from error
