"""LSH (locality-sensitive hashing) index, which finds stories that share a band of their MinHash sketches.

Each story has 16 band keys, which belong in 16 different places of the index, so inserting them at once would write 16
pages of the database file per story. The keys of the latest stories are therefore stored in a separate table with one
row per story, and also in memory. They are merged into the index 500 stories at a time.
"""

import sqlite3
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

from pipelines.similarity.minhash import WINDOW

SCHEMA = """
CREATE TABLE bands (key INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (key, number)) WITHOUT ROWID;
CREATE TABLE latest_bands (number INTEGER NOT NULL, keys BLOB NOT NULL);
"""
_PERIOD = 2 * WINDOW
_MAX_UNMERGED = 500  # stories
# A band that very many stories share comes from boilerplate, so only the latest of these stories are compared.
_MAX_PER_KEY = 50


class LshIndex:
    """Index in SQLite from the band keys of MinHash sketches to the numbers of the stories that have them.

    If the transaction of a page is rolled back, the keys of its story remain in memory, so a match may be the number of
    a story that does not exist. A rollback may also undo the merge of recent keys into the index, so merged keys are
    kept in memory until the next merge.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection
        self._latest: dict[int, list[int]] | None = None  # stories by key; None until first read
        self._merged: dict[int, list[int]] = {}
        self._count = 0

    def add(self, number: int, at: int, bands: Sequence[int]) -> None:
        """Add a story by its number; ``at`` is its time of publication in seconds since the epoch."""
        keys = [key_of(at, band) for band in bands]
        latest = self._read_latest()
        self._sql.execute("INSERT INTO latest_bands VALUES (?, ?)", (number, struct.pack(f"<{len(keys)}i", *keys)))
        self._note(latest, number, keys)
        if self._count > _MAX_UNMERGED:
            self._merge()

    def matches(self, at: int, bands: Sequence[int]) -> Counter[int]:
        """Return the number of bands that each indexed story shares with ``bands``, by story number.

        Only stories whose time of publication is near ``at`` (seconds since the epoch) are searched.
        """
        neighbour = at - WINDOW if at % _PERIOD < WINDOW else at + WINDOW
        keys = [key_of(second, band) for second in (at, neighbour) for band in bands]
        pairs = set(self._sql.execute(_query(len(keys)), keys))
        for stories in (self._merged, self._read_latest()):
            pairs.update((key, number) for key in keys for number in stories.get(key, ())[-_MAX_PER_KEY:])
        return Counter(number for _, number in pairs)

    def clear(self) -> None:
        for table in ("bands", "latest_bands"):
            self._sql.execute(f"DELETE FROM {table}")  # without WHERE, SQLite frees the pages unread
        self._latest, self._merged, self._count = {}, {}, 0

    def _read_latest(self) -> dict[int, list[int]]:
        if self._latest is None:
            self._latest = {}
            for number, keys in self._rows():
                self._note(self._latest, number, keys)
        return self._latest

    def _note(self, latest: dict[int, list[int]], number: int, keys: Sequence[int]) -> None:
        for key in keys:
            latest.setdefault(key, []).append(number)
        self._count += 1

    def _rows(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        for number, keys in self._sql.execute("SELECT number, keys FROM latest_bands ORDER BY rowid"):
            yield number, struct.unpack(f"<{len(keys) // 4}i", keys)

    def _merge(self) -> None:
        pairs = sorted((key, number) for number, keys in self._rows() for key in keys)
        self._sql.executemany("INSERT OR IGNORE INTO bands VALUES (?, ?)", pairs)
        self._sql.execute("DELETE FROM latest_bands")
        self._merged, self._latest, self._count = self._read_latest(), {}, 0


def key_of(at: int, band: int) -> int:
    """Return the index key of a band: a signed 32-bit integer, which SQLite stores in four bytes.

    Its upper eight bits are the number of the period that contains the time ``at``, so that stories of the same period
    are stored close together. Its lower 24 bits are the band.
    """
    return ((at // _PERIOD & 0xFF) << 24 | band) - (1 << 31)


@cache
def _query(keys: int) -> str:
    last = f"SELECT key, number FROM bands WHERE key = ? ORDER BY number DESC LIMIT {_MAX_PER_KEY}"
    return " UNION ALL ".join(f"SELECT * FROM ({last})" for _ in range(keys))
