"""The outbox: accepted rows that are not in Parquet yet, and the ledger's record of every file that is."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from json import dumps
from typing import Any
from zoneinfo import ZoneInfo

from pipelines.ledger.connection import Connection
from pipelines.storage.tables import TABLES, Table, from_json, to_json


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the outbox.

    ``put`` replaces the row with the same key, ``drop`` takes it out of this partition because it moved to another,
    ``touch`` sets a few columns of the row, or of all rows whose key begins with the parts given, where they stand.
    """

    seq: int
    key: str
    act: str
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What a published file must be: compared with the folder by `check`. An empty hash means: there is no file."""

    path: str
    rows: int
    bytes: int
    sha256: str


class Outbox:
    """The outbox and the files of one ledger; its writes belong to the ledger's transaction."""

    def __init__(self, connection: Connection, zone: ZoneInfo) -> None:
        self._sql = connection
        self._zone = zone
        self._touched: dict[str, int] = {}  # by key, the last touch of those that come again and again

    def part_of(self, table: Table, row: Mapping[str, Any]) -> str:
        """The partition that a row belongs to."""
        return table.part_of(row, self._zone)

    def keep(self, name: str, row: Mapping[str, Any]) -> None:
        """Replace or add a row where it belongs, in a table by its name."""
        table = TABLES[name]
        self.put(table, self.part_of(table, row), row)

    def put(self, table: Table, part: str, row: Mapping[str, Any]) -> int:
        """Replace or add a row; returns the number of the change."""
        return self.add(table, part, table.key_of(row), "put", row)

    def touch(self, table: Table, part: str, key: str, columns: Mapping[str, Any]) -> None:
        """Set columns of a row that stands, or will stand, in this partition."""
        self.add(table, part, key, "touch", columns)

    def touch_again(self, table: Table, part: str, key: str, columns: Mapping[str, Any]) -> None:
        """The same, in place of the touch before if that waits still: a list stands for page after page."""
        row = to_json(columns)
        query = "UPDATE outbox SET row = ? WHERE seq = ? AND name = ? AND part = ? AND key = ? AND act = 'touch'"
        seq = self._touched.get(key)
        if seq is None or not self._sql.execute(query, (row, seq, table.name, part, key)).rowcount:
            self._touched[key] = self._insert(table, part, key, "touch", row)

    def drop(self, table: Table, part: str, key: str) -> None:
        """Take a row out of this partition."""
        self.add(table, part, key, "drop", {})

    def add(self, table: Table, part: str, key: str, act: str, row: Mapping[str, Any]) -> int:
        """Append a change; returns its number."""
        return self._insert(table, part, key, act, to_json(row))

    def _insert(self, table: Table, part: str, key: str, act: str, row: str) -> int:
        query = "INSERT INTO outbox (name, part, key, act, row) VALUES (?, ?, ?, ?, ?)"
        seq = self._sql.execute(query, (table.name, part, key, act, row)).lastrowid
        assert seq is not None
        return seq

    def waiting(self) -> dict[tuple[str, str], list[int]]:
        """By (table, part), the numbers of the changes that wait, oldest first."""
        found: dict[tuple[str, str], list[int]] = {}
        for seq, name, part in self._sql.execute("SELECT seq, name, part FROM outbox ORDER BY seq"):
            found.setdefault((name, part), []).append(seq)
        return dict(sorted(found.items()))

    def keys(self, table: Table) -> Iterator[tuple[str, str]]:
        """The (act, key) of every change that waits for a table."""
        return self._sql.execute("SELECT act, key FROM outbox WHERE name = ?", (table.name,))

    def size(self) -> int:
        """How many changes wait."""
        return int(self._sql.execute("SELECT count(*) FROM outbox").fetchone()[0])

    def changes(self, table: Table, seqs: Iterable[int]) -> list[Change]:
        """The changes of these numbers, oldest first: to look for those of one partition would be to look at all."""
        query = "SELECT seq, key, act, row FROM outbox WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq"
        rows = self._sql.execute(query, (dumps([*seqs]),))
        return [Change(seq, key, act, from_json(table, row)) for seq, key, act, row in rows]

    def forget_move(self, table: Table, key: str) -> str | None:
        """Let a row stay that was to leave for a place which came to nothing; returns the partition it stays in."""
        query = "SELECT seq, part, act FROM outbox WHERE name = ? AND key = ? AND act <> 'touch' ORDER BY seq DESC"
        last = self._sql.execute(f"{query} LIMIT 1", (table.name, key)).fetchone()
        if last is None or last[2] != "drop":
            return None
        self.clear([last[0]])
        return str(last[1])

    def clear(self, seqs: Iterable[int]) -> None:
        """Forget changes that are in Parquet."""
        self._sql.executemany("DELETE FROM outbox WHERE seq = ?", ((seq,) for seq in seqs))

    # Files -----------------------------------------------------------------------------------------------------------

    def files(self) -> list[FileRecord]:
        """Every file that is published, by path."""
        query = "SELECT path, rows, bytes, sha256 FROM files WHERE sha256 <> '' ORDER BY path"
        return [FileRecord(*row) for row in self._sql.execute(query)]

    def file(self, path: str) -> FileRecord:
        """The record of one file, published or not."""
        row = self._sql.execute("SELECT path, rows, bytes, sha256 FROM files WHERE path = ?", (path,)).fetchone()
        return FileRecord(*row) if row else FileRecord(path, 0, 0, "")

    def prepared(self) -> list[FileRecord]:
        """The files that were about to be put in place (or, with an empty hash, removed) and are not settled."""
        query = "SELECT path, prepared_rows, prepared_bytes, prepared_sha256 FROM files"
        return [FileRecord(*row) for row in self._sql.execute(f"{query} WHERE prepared_sha256 IS NOT NULL")]

    def prepare(self, file: FileRecord) -> None:
        """Announce what a path is about to hold."""
        self._sql.execute(
            "INSERT INTO files VALUES (?, 0, 0, '', ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " prepared_rows = excluded.prepared_rows, prepared_bytes = excluded.prepared_bytes,"
            " prepared_sha256 = excluded.prepared_sha256",
            (file.path, file.rows, file.bytes, file.sha256),
        )

    def settle(self, file: FileRecord) -> None:
        """Record what a path holds now, and forget what was announced for it."""
        if file.sha256:
            row = (file.path, file.rows, file.bytes, file.sha256)
            self._sql.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, NULL, NULL, NULL)", row)
        else:
            self._sql.execute("DELETE FROM files WHERE path = ?", (file.path,))
