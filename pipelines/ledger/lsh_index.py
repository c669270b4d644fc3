"""Keys: which stories share a band of their sketches; what is new waits, and is sorted into the index in one go.

A story has 16 keys at 16 places of the index, so that to enter each at once would be to write 16 pages of the file for
every story. Those of the latest stories stand in a table of their own, a row each, and are looked up in memory.
"""

import sqlite3
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

from pipelines.similarity.minhash import WINDOW

SCHEMA = """
CREATE TABLE bands (key INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (key, number))
WITHOUT ROWID;
CREATE TABLE latest_bands (number INTEGER NOT NULL, keys BLOB NOT NULL);
"""
_PERIOD = 2 * WINDOW
_MOST_WAITING = 500  # stories
# What very many stories share is a form that the newspaper prints under each of them.
_LAST_OF_A_KEY = 50


class LshIndex:
    """The keys of one ledger's stories; its writes belong to the ledger's transaction.

    What is in memory may be more than what the ledger has: a page may be taken back, with what it entered or sorted
    in. So those that were sorted in are remembered until the next are, and a story that is none is looked at in vain.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection
        self._waiting: dict[int, list[int]] | None = None  # stories by key; None before they are asked for
        self._sorted_in: dict[int, list[int]] = {}
        self._stories = 0

    def add(self, number: int, at: int, bands: Sequence[int]) -> None:
        """Let a story be found by its bands; ``at`` is its second of the epoch."""
        keys = [key_of(at, band) for band in bands]
        waiting = self._of_those_that_wait()
        self._sql.execute("INSERT INTO latest_bands VALUES (?, ?)", (number, struct.pack(f"<{len(keys)}i", *keys)))
        _note(waiting, number, keys)
        self._stories += 1
        if self._stories > _MOST_WAITING:
            self._sort_in()

    def sharing(self, at: int, bands: Sequence[int]) -> Counter[int]:
        """How many of the bands each story has that has any of them within a window of a moment.

        Of very many that have the same, the last ones.
        """
        beside = at - WINDOW if at % _PERIOD < WINDOW else at + WINDOW
        keys = [key_of(second, band) for second in (at, beside) for band in bands]
        pairs = set(self._sql.execute(_sharing(len(keys)), keys))
        for known in (self._sorted_in, self._of_those_that_wait()):
            pairs.update((key, number) for key in keys for number in known.get(key, ())[-_LAST_OF_A_KEY:])
        return Counter(number for _, number in pairs)

    def clear(self) -> None:
        """Forget all of them."""
        for table in ("bands", "latest_bands"):
            self._sql.execute(f"DELETE FROM {table}")  # without a condition: the pages are freed unread
        self._waiting, self._sorted_in, self._stories = {}, {}, 0

    def _of_those_that_wait(self) -> dict[int, list[int]]:
        if self._waiting is None:
            self._waiting = {}
            for number, keys in self._rows():
                _note(self._waiting, number, keys)
                self._stories += 1
        return self._waiting

    def _rows(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        for number, keys in self._sql.execute("SELECT number, keys FROM latest_bands ORDER BY rowid"):
            yield number, struct.unpack(f"<{len(keys) // 4}i", keys)

    def _sort_in(self) -> None:
        every = sorted((key, number) for number, keys in self._rows() for key in keys)
        self._sql.executemany("INSERT OR IGNORE INTO bands VALUES (?, ?)", every)
        self._sql.execute("DELETE FROM latest_bands")
        self._sorted_in, self._waiting, self._stories = self._of_those_that_wait(), {}, 0


def key_of(at: int, band: int) -> int:
    """What a band of a story of this second is found by: 32 bits, the most that take four bytes in a record.

    The upper eight are the period, so that neighbours in time are neighbours on disk.
    """
    return ((at // _PERIOD & 0xFF) << 24 | band) - (1 << 31)


def _note(waiting: dict[int, list[int]], number: int, keys: Sequence[int]) -> None:
    for key in keys:
        waiting.setdefault(key, []).append(number)


@cache
def _sharing(keys: int) -> str:
    """The query for the pairs of a key and a story that has it, of so many keys."""
    last = f"SELECT key, number FROM bands WHERE key = ? ORDER BY number DESC LIMIT {_LAST_OF_A_KEY}"
    return " UNION ALL ".join(f"SELECT * FROM ({last})" for _ in range(keys))
