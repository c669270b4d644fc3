"""Errors of storage, and the place where they are raised."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath


class StorageError(Exception):
    """The folder cannot be written, read or trusted with files: what, where, why and as whom, in one sentence."""


class DatabaseDamaged(Exception):
    """An SQLite file is damaged, foreign or of a later version; the message names the file and the remedy."""


class DataDamaged(Exception):
    """A published file is not what it should be; ``path`` is relative to the data folder."""

    def __init__(self, path: PurePath, reason: str) -> None:
        super().__init__(f"{path} {reason}; `khobor check` lists all damage and says what to do")
        self.path = path
        self.reason = reason


@contextmanager
def storage_errors(action: str, path: Path) -> Iterator[None]:
    """Say what could not be done, where and why: raises :class:`StorageError` for an error of the system."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(f"cannot {action} {path}: {reason} (as user {os.geteuid()})") from error
