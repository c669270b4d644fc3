"""Ledger table of a site's archive files (WARC), with the size of each up to its last committed record."""

from pipelines.ledger.connection import Connection

SCHEMA = "CREATE TABLE IF NOT EXISTS archive_files (path TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;"


class ArchiveFiles:
    """Sizes of the archive files.

    A record that is appended to a file is recorded here in the same transaction as the rows that refer to it. Whatever
    a file contains after its recorded size was not committed when the process was killed, and nothing refers to it.
    """

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def record(self, path: str, size: int) -> None:
        self._sql.execute("INSERT OR REPLACE INTO archive_files VALUES (?, ?)", (path, size))

    def announce(self, path: str) -> None:
        """Record a file before it exists; it is not one of :meth:`sizes` until a record in it is committed."""
        self._sql.execute("INSERT OR IGNORE INTO archive_files VALUES (?, 0)", (path,))

    def announced(self) -> list[str]:
        return [path for (path,) in self._sql.execute("SELECT path FROM archive_files WHERE bytes = 0")]

    def forget(self, path: str) -> None:
        self._sql.execute("DELETE FROM archive_files WHERE path = ?", (path,))

    def size(self, path: str) -> int:
        """Return the size of a file up to its last recorded record, or 0 if none is recorded."""
        row = self._sql.execute("SELECT bytes FROM archive_files WHERE path = ?", (path,)).fetchone()
        return int(row[0]) if row else 0

    def sizes(self) -> dict[str, int]:
        return dict(self._sql.execute("SELECT path, bytes FROM archive_files WHERE bytes > 0 ORDER BY path"))
