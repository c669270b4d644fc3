"""A connection to a ledger: durable at every commit, and plain about a full disk and a damaged file."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipelines.storage.errors import DatabaseDamaged, StorageError
from pipelines.storage.failpoint import reached
from pipelines.storage.fsync import give_up_reserve

_OF_THE_DISK = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
}
_OUT_OF_ROOM = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}  # a quota that is used up is an error of the latter kind
_OF_THE_FILE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
REMEDY = "`khobor reindex` rebuilds it from the Parquet"


class Connection(sqlite3.Connection):
    """Raises :class:`StorageError` for what the disk refuses and :class:`DatabaseDamaged` for a damaged file.

    When the disk is full, SQLite takes back everything since the last commit. So that what is accepted can still be
    closed in order, the reserve is given up then; ``fault`` is what went wrong first, and stays.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fault: StorageError | None = None
        try:
            super().__init__(path, timeout=15, isolation_level=None)
        except sqlite3.OperationalError as error:
            raise self._refused(str(error)) from error

    def make_durable(self) -> None:
        """Let every commit be on the disk when it returns: without FULL, a power cut takes the last ones back.

        Nothing here is a secret: where SQLite is built to write zeros over what is deleted, it need not.
        """
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "trusted_schema = OFF", "secure_delete = OFF"):
            self.execute(f"PRAGMA {pragma}")

    def execute(self, statement: str, values: Any = (), /) -> sqlite3.Cursor:
        try:
            return super().execute(statement, values)
        except UnicodeDecodeError as error:  # what SQLite says of a damaged schema quotes it, and it is no text
            raise DatabaseDamaged(f"{self.path} is damaged (no text where there should be); {REMEDY}") from error
        except sqlite3.DatabaseError as error:
            if (named := self._named(error)) is None:
                raise
            raise named from error

    def executemany(self, statement: str, rows: Iterable[Any], /) -> sqlite3.Cursor:
        try:
            return super().executemany(statement, rows)
        except sqlite3.DatabaseError as error:
            if (named := self._named(error)) is None:
                raise
            raise named from error

    def reached(self, place: str) -> None:
        """A place where a crash test may stop the program, or let the disk fail as it would fail there."""
        try:
            reached(place)
        except OSError as error:
            raise self._refused(error.strerror or str(error)) from error

    def _named(self, error: sqlite3.DatabaseError) -> Exception | None:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _OF_THE_FILE:
            return DatabaseDamaged(f"{self.path} is damaged ({error}); {REMEDY}")
        if code in _OUT_OF_ROOM:
            give_up_reserve(self.path.parent)
        return self._refused(str(error)) if code in _OF_THE_DISK else None

    def _refused(self, reason: str) -> StorageError:
        refused = StorageError(f"cannot use {self.path}: {reason}; everything accepted before is kept")
        self.fault = self.fault or refused
        return refused
