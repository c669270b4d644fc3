"""SQLite connection of the ledger (the site's crawl state) that handles disk errors and a full disk."""

import sqlite3
from pathlib import Path

from pipelines.storage import sqlite
from pipelines.storage.errors import StorageError
from pipelines.storage.failpoint import reached
from pipelines.storage.fsync import give_up_reserve

_DISK_ERRORS = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
}
_DISK_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}  # an exhausted quota is an I/O error


class Connection(sqlite.Connection):
    """SQLite connection that raises :class:`StorageError` for a disk error and stores the first one in ``fault``.

    When the disk is full, SQLite rolls back everything since the last commit. A file that reserves disk space is then
    deleted, so that there is room to record the end of the run.
    """

    def __init__(self, path: Path, form: sqlite.Format, *, mode: str = "rwc") -> None:
        self.fault: StorageError | None = None
        try:
            super().__init__(path, form, mode=mode)
        except sqlite3.OperationalError as error:
            raise self._storage_error(str(error)) from error

    def reached(self, place: str) -> None:
        """Mark a place in the code at which a test can simulate a disk error, and handle it like an error of SQLite."""
        try:
            reached(place)
        except OSError as error:
            raise self._storage_error(error.strerror or str(error)) from error

    def _named(self, error: Exception) -> Exception | None:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _DISK_FULL:
            give_up_reserve(self.path.parent)
        return self._storage_error(str(error)) if code in _DISK_ERRORS else super()._named(error)

    def _storage_error(self, reason: str) -> StorageError:
        error = StorageError(f"cannot use {self.path}: {reason}; everything accepted before is kept")
        self.fault = self.fault or error
        return error
