"""A connection to a ledger that reports a full disk, and gives up the reserve of disk space for it."""

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
    """A connection that raises :class:`StorageError` for errors of the disk and keeps the first one in ``fault``.

    On a full disk SQLite rolls back everything since the last commit; the reserve is then deleted, so that the run
    can still be closed in order.
    """

    def __init__(self, path: Path, form: sqlite.Format) -> None:
        self.fault: StorageError | None = None
        try:
            super().__init__(path, form)
        except sqlite3.OperationalError as error:
            raise self._storage_error(str(error)) from error

    def reached(self, place: str) -> None:
        """Mark a fail-point where an error of the disk is reported as SQLite would report it."""
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
