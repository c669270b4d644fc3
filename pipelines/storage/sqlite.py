"""SQLite databases of our own: opening, and setting aside one that is damaged."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar, Self

from pipelines.storage.errors import DatabaseDamaged


class Memory:
    """One file; each change is one transaction, durable when it returns."""

    #: What the file is marked with, so that it is told from one of another program.
    application: ClassVar[int]
    version: ClassVar[int] = 1
    #: The statements that make it, each ended by a semicolon.
    schema: ClassVar[str]
    #: What to do with a file that is damaged.
    remedy: ClassVar[str]

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or create; raises :class:`DatabaseDamaged` for a file that is damaged, foreign or of a later version."""
        connection = sqlite3.connect(path, timeout=15, isolation_level=None)
        try:
            memory = cls(connection)
            memory._examine(path)
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "trusted_schema = OFF"):
                connection.execute(f"PRAGMA {pragma}")
            memory._make()
        except sqlite3.OperationalError:
            connection.close()
            raise
        except sqlite3.DatabaseError as error:
            connection.close()
            raise DatabaseDamaged(f"{path} is damaged ({error}); {cls.remedy}") from error
        except DatabaseDamaged:
            connection.close()
            raise
        return memory

    def _examine(self, path: Path) -> None:
        # Whether it is blank is asked first: between the two questions another process may have made it ours.
        blank = self._is_blank()
        application, version = self._marks()
        if application != self.application and not blank:
            raise DatabaseDamaged(f"{path} is of another program; {self.remedy}")
        if version > self.version:
            raise DatabaseDamaged(
                f"{path} is of a later version, {version}, and this is {self.version}: use that Khobor"
            )

    def _make(self) -> None:
        if self._marks()[0] == self.application:
            return
        with self._transaction():
            if self._is_blank():  # nobody else was quicker
                for statement in self.schema.split(";"):
                    self._sql.execute(statement)
                self._sql.execute(f"PRAGMA application_id = {self.application}")
                self._sql.execute(f"PRAGMA user_version = {self.version}")

    def _marks(self) -> tuple[int, int]:
        [application], [version] = (
            self._sql.execute(f"PRAGMA {p}").fetchone() for p in ("application_id", "user_version")
        )
        return application, version

    def _is_blank(self) -> bool:
        return self._sql.execute("SELECT 1 FROM sqlite_schema").fetchone() is None

    def close(self) -> None:
        self._sql.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._sql.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._sql.execute("ROLLBACK")
            raise
        self._sql.execute("COMMIT")


def copy_database(path: Path, target: Path) -> None:
    """Copy a database, if there is one, with its write-ahead log."""
    for suffix in ("", "-wal"):
        with suppress(FileNotFoundError):
            shutil.copyfile(f"{path}{suffix}", f"{target}{suffix}")


def move_database(path: Path, target: Path) -> None:
    """Rename a database, if there is one, with its write-ahead log.

    A log that stayed would be replayed into the next database of that name.
    """
    for suffix in ("", "-wal"):
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{target}{suffix}")
    Path(f"{path}-shm").unlink(missing_ok=True)
