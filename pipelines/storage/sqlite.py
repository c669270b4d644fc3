"""Functions and base classes for Khobor's SQLite databases: open, identify, change, copy and move them."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from pipelines.storage.errors import DatabaseDamaged
from pipelines.storage.fsync import private_file

_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


@dataclass(frozen=True, slots=True)
class Format:
    """Description of one kind of SQLite database.

    :ivar name: name of the kind in error messages
    :ivar application_id: number in the file header that identifies the kind
    :ivar version: highest version that this program can read
    """

    name: str
    application_id: int
    #: SQL statements, separated by semicolons.
    schema: str
    #: Advice in error messages on handling a damaged file.
    remedy: str
    version: int = 1


class Connection(sqlite3.Connection):
    """SQLite connection in autocommit mode that raises :class:`DatabaseDamaged` for a damaged file."""

    def __init__(self, path: Path, form: Format, *, mode: str = "rwc") -> None:
        self.path = path
        self.form = form
        if mode == "rwc":
            # Its other files get the mode of this one. An existing file is not opened here: closing it again would
            # release the locks of the other connections of this process.
            with suppress(OSError):  # SQLite reports the error
                if path.exists():
                    path.chmod(0o600)
                else:
                    os.close(private_file(str(path), os.O_RDWR | os.O_CREAT | os.O_EXCL))
        super().__init__(f"{path.absolute().as_uri()}?mode={mode}", timeout=15, isolation_level=None, uri=True)

    def application_id(self) -> int:
        """Return the number in the file header that identifies the kind of database; 0 in a new file."""
        return self._pragma("application_id")

    def is_blank(self) -> bool:
        """Return True if the database has no schema, because it is new or its creation was interrupted."""
        return not self.application_id() and not self.execute("SELECT 1 FROM sqlite_schema").fetchone()

    def check_format(self) -> None:
        """Raise :class:`DatabaseDamaged` if the file was made by another program or by a later version of this one."""
        if self.application_id() != self.form.application_id:
            raise DatabaseDamaged(f"{self.path} is not a {self.form.name}; {self.form.remedy}")
        if (version := self._pragma("user_version")) > self.form.version:
            raise DatabaseDamaged(
                f"{self.path} is a {self.form.name} of version {version}; this program knows versions up to"
                f" {self.form.version}: upgrade Khobor"
            )

    def make_durable(self) -> None:
        """Set SQLite to sync the file at each commit, because a power cut could otherwise undo the last commits.

        ``secure_delete`` is switched off: all rows were on public pages, so deleted rows need not be overwritten.
        """
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "trusted_schema = OFF", "secure_delete = OFF"):
            self.execute(f"PRAGMA {pragma}")

    def create(self) -> None:
        """Create the schema of the database in one transaction, unless another process has already done so."""
        with self.immediate():
            if self.is_blank():
                for statement in self.form.schema.split(";"):
                    self.execute(statement)
                self.execute(f"PRAGMA application_id = {self.form.application_id}")
                self.execute(f"PRAGMA user_version = {self.form.version}")

    @contextmanager
    def immediate(self) -> Iterator[None]:
        """Run the block in a transaction; commit it at the end, or roll it back if the block raises an error."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self.in_transaction:  # a full disk has rolled it back
                self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    def execute(self, statement: str, values: Any = (), /) -> sqlite3.Cursor:
        return self._run(super().execute, statement, values)

    def executemany(self, statement: str, rows: Iterable[Any], /) -> sqlite3.Cursor:
        return self._run(super().executemany, statement, rows)

    def _run(self, method: Callable[..., sqlite3.Cursor], *arguments: Any) -> sqlite3.Cursor:
        try:
            return method(*arguments)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if (named := self._named(error)) is None:
                raise
            raise named from error

    def _named(self, error: Exception) -> Exception | None:
        """Return the exception to raise instead of an SQLite error, or None if the SQLite error itself is to be raised.

        A UnicodeDecodeError is treated as damage too: SQLite quotes bytes of a damaged schema in its error message, and
        these may not be valid UTF-8.
        """
        if isinstance(error, UnicodeDecodeError) or getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE:
            return DatabaseDamaged(f"{self.path} is damaged ({error}); {self.form.remedy}")
        return None

    def _pragma(self, name: str) -> int:
        return int(self.execute(f"PRAGMA {name}").fetchone()[0])


class Database(AbstractContextManager[Any]):
    """SQLite database that several processes may open at the same time.

    Each method that changes it uses one transaction, which survives a power cut once the method has returned.
    """

    form: ClassVar[Format]

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a database, or create it if it does not exist.

        Raises :class:`DatabaseDamaged` if the file is damaged, or was made by another program or a later version.
        """
        connection = Connection(path, cls.form)
        try:
            blank = connection.is_blank()
            if not blank:
                connection.check_format()
            connection.make_durable()
            if blank:
                connection.create()
        except BaseException:
            connection.close()
            raise
        return cls(connection)

    @classmethod
    def read_only(cls, path: Path) -> Self:
        """Open an existing database for reading only; raise sqlite3.OperationalError if it does not exist."""
        return cls(Connection(path, cls.form, mode="ro"))

    def close(self) -> None:
        self._sql.close()

    def __exit__(self, *_: object) -> None:
        self.close()


def copy_live_database(path: Path, target: Path) -> None:
    """Copy an SQLite file as of one moment by SQLite's backup API, while other processes may read and change it."""
    os.close(private_file(str(target), os.O_RDWR | os.O_CREAT | os.O_EXCL))
    source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=15)
    with closing(source), closing(sqlite3.connect(target)) as copy:
        try:
            source.backup(copy)
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE:
                raise DatabaseDamaged(f"{path} is damaged ({error})") from error
            raise


def copy_database(path: Path, target: Path) -> None:
    """Copy an SQLite file together with its write-ahead log; do nothing if the file does not exist."""
    for suffix in ("", "-wal"):
        with suppress(FileNotFoundError):
            shutil.copyfile(f"{path}{suffix}", f"{target}{suffix}")


def move_database(path: Path, target: Path) -> None:
    """Rename an SQLite file together with its write-ahead log; do nothing if the file does not exist.

    If the log stayed, SQLite would apply it to the next database with the old name.
    """
    for suffix in ("", "-wal"):
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{target}{suffix}")
    Path(f"{path}-shm").unlink(missing_ok=True)
