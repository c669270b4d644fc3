"""The outbox, a table of row changes that are not yet in Parquet, and the record of every published Parquet file."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from json import dumps
from pathlib import PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

from pipelines.ledger.connection import Connection
from pipelines.storage.tables import TABLES, Table, from_json, to_json


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a row that is not yet in Parquet.

    :ivar act: `put` inserts or replaces the row with this key. `touch` updates some columns of this row, or of all rows
        whose key starts with the given parts. `drop` deletes the row from this partition because it has moved to
        another.
    """

    seq: int
    key: str
    act: str
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Path, number of rows, size and SHA-256 of a published file, with which `khobor check` compares the real file.

    The hash is empty if the file does not exist.
    """

    path: str
    rows: int
    bytes: int
    sha256: str


class Outbox:
    def __init__(self, connection: Connection, zone: ZoneInfo) -> None:
        self._sql = connection
        self._zone = zone
        self._touched: dict[str, int] = {}  # by key, the seq of the change that touch_again() may replace

    def part_of(self, table: Table, row: Mapping[str, Any]) -> str:
        """Return the partition (month or day in the site's time zone) to which a row belongs."""
        return table.part_of(row, self._zone)

    def add_row(self, name: str, row: Mapping[str, Any]) -> None:
        """Add a row to the outbox; the next publish inserts or replaces it in the Parquet table ``name``.

        A time of the row determines its partition.
        """
        table = TABLES[name]
        self.put(table, self.part_of(table, row), row)

    def put(self, table: Table, part: str, row: Mapping[str, Any]) -> int:
        return self.add(table, part, table.key_of(row), "put", row)

    def touch(self, table: Table, part: str, key: str, columns: Mapping[str, Any]) -> None:
        self.add(table, part, key, "touch", columns)

    def touch_again(self, table: Table, part: str, key: str, columns: Mapping[str, Any]) -> None:
        """Add a change to the outbox that updates some columns of a row, instead of the previous one for this key.

        The previous change is replaced only if it was made by this method and is not yet published. Nearly every page
        updates the same snapshot of a ranked list, so the outbox would otherwise grow by a row per page.
        """
        query = "UPDATE outbox SET row = ? WHERE seq = ? AND name = ? AND part = ? AND key = ? AND act = 'touch'"
        seq = self._touched.get(key)
        if seq is None or not self._sql.execute(query, (to_json(columns), seq, table.name, part, key)).rowcount:
            self._touched[key] = self.add(table, part, key, "touch", columns)

    def drop(self, table: Table, part: str, key: str) -> None:
        self.add(table, part, key, "drop", {})

    def add(self, table: Table, part: str, key: str, act: str, row: Mapping[str, Any]) -> int:
        query = "INSERT INTO outbox (name, part, key, act, row) VALUES (?, ?, ?, ?, ?)"
        seq = self._sql.execute(query, (table.name, part, key, act, to_json(row))).lastrowid
        assert seq is not None
        return seq

    def pending(self) -> dict[tuple[str, str], list[int]]:
        """Return the sequence numbers of all changes in the outbox, oldest first, by table name and partition."""
        found: dict[tuple[str, str], list[int]] = {}
        for seq, name, part in self._sql.execute("SELECT seq, name, part FROM outbox ORDER BY seq"):
            found.setdefault((name, part), []).append(seq)
        return dict(sorted(found.items()))

    def keys(self, table: Table) -> Iterator[tuple[str, str]]:
        return self._sql.execute("SELECT act, key FROM outbox WHERE name = ?", (table.name,))

    def size(self) -> int:
        return int(self._sql.execute("SELECT count(*) FROM outbox").fetchone()[0])

    def changes(self, table: Table, seqs: Iterable[int]) -> list[Change]:
        """Return the changes with the given sequence numbers, oldest first."""
        query = "SELECT seq, key, act, row FROM outbox WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq"
        rows = self._sql.execute(query, (dumps([*seqs]),))
        return [Change(seq, key, act, from_json(table, row)) for seq, key, act, row in rows]

    def forget_move(self, table: Table, key: str) -> str | None:
        """Cancel the pending deletion of a row from its old partition, because the row for its new one is invalid.

        Returns the old partition, or None if no deletion was pending.
        """
        query = "SELECT seq, part, act FROM outbox WHERE name = ? AND key = ? AND act <> 'touch' ORDER BY seq DESC"
        last = self._sql.execute(f"{query} LIMIT 1", (table.name, key)).fetchone()
        if last is None or last[2] != "drop":
            return None
        self.clear([last[0]])
        return str(last[1])

    def clear(self, seqs: Iterable[int]) -> None:
        self._sql.executemany("DELETE FROM outbox WHERE seq = ?", ((seq,) for seq in seqs))

    # Files -----------------------------------------------------------------------------------------------------------

    def files(self) -> list[FileRecord]:
        query = "SELECT path, rows, bytes, sha256 FROM files WHERE sha256 <> '' ORDER BY path"
        return [FileRecord(*row) for row in self._sql.execute(query)]

    def files_of(self, table: Table) -> list[tuple[str, FileRecord]]:
        """Return the partition (month, day or an empty string) and the record of each published file of a table."""
        query = "SELECT path, rows, bytes, sha256 FROM files WHERE sha256 <> '' AND path > ? AND path < ? ORDER BY path"
        rows = self._sql.execute(query, (f"{table.name}/", f"{table.name}0"))  # "0" follows "/"
        files = [FileRecord(*row) for row in rows]
        return [
            (PurePosixPath(file.path).parent.name.partition("=")[2] if table.partition else "", file) for file in files
        ]

    def outdated(self) -> list[Table]:
        """Return the published tables whose files may lack a column that a newer release has added."""
        known = dict(self._sql.execute("SELECT name, columns FROM columns"))
        tables = [table for table in TABLES.values() if known.get(table.name) != " ".join(table.columns)]
        return [table for table in tables if self.files_of(table)]

    def mark_current(self, table: Table) -> None:
        """Record that every published file of a table has all columns that the table has now."""
        row = (table.name, " ".join(table.columns))
        self._sql.execute("INSERT OR REPLACE INTO columns VALUES (?, ?)", row)

    def files_with_times(self) -> list[tuple[FileRecord, int | None]]:
        """Return the record of each published file, and its modification time (ns) when its content was last verified.

        The time is None if the content has not been verified yet.
        """
        query = "SELECT path, rows, bytes, sha256, modified FROM files WHERE sha256 <> '' ORDER BY path"
        return [(FileRecord(*row[:4]), row[4]) for row in self._sql.execute(query)]

    def set_time(self, path: str, modified: int) -> None:
        self._sql.execute("UPDATE files SET modified = ? WHERE path = ?", (modified, path))

    def file(self, path: str) -> FileRecord:
        row = self._sql.execute("SELECT path, rows, bytes, sha256 FROM files WHERE path = ?", (path,)).fetchone()
        return FileRecord(*row) if row else FileRecord(path, 0, 0, "")

    def prepared(self) -> list[FileRecord]:
        """Return the files whose replacement :meth:`prepare` announced and :meth:`settle` has not confirmed.

        The hash of a file that is to be removed is empty.
        """
        query = "SELECT path, prepared_rows, prepared_bytes, prepared_sha256 FROM files"
        return [FileRecord(*row) for row in self._sql.execute(f"{query} WHERE prepared_sha256 IS NOT NULL")]

    def prepare(self, file: FileRecord) -> None:
        """Announce the size and hash of a new file before it is renamed to its final path.

        After a crash, this shows if the file at the path is the old or the new one.
        """
        self._sql.execute(
            "INSERT INTO files VALUES (?, 0, 0, '', ?, ?, ?, NULL) ON CONFLICT DO UPDATE SET"
            " prepared_rows = excluded.prepared_rows, prepared_bytes = excluded.prepared_bytes,"
            " prepared_sha256 = excluded.prepared_sha256",
            (file.path, file.rows, file.bytes, file.sha256),
        )

    def settle(self, file: FileRecord) -> None:
        """Record the size and hash of the file now at this path; delete the announcement made by :meth:`prepare`."""
        if file.sha256:
            row = (file.path, file.rows, file.bytes, file.sha256)
            self._sql.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, NULL, NULL, NULL, NULL)", row)
        else:
            self._sql.execute("DELETE FROM files WHERE path = ?", (file.path,))


def recorded_files(connection: Connection) -> dict[str, frozenset[str]]:
    """Return the SHA-256 that each published file may have, by path.

    While a publish replaces a file, these are that of the old and that of the new file. The empty string stands for no
    file.
    """
    rows = connection.execute("SELECT path, sha256, prepared_sha256 FROM files ORDER BY path")
    return {path: frozenset({sha256, sha256 if new is None else new}) for path, sha256, new in rows}
