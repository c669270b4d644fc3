"""Clusters: the index of stories by their words, in the ledger, and which cluster a story is of.

Nothing is read when a ledger is opened: a story is looked up by 16 keys in each of the two periods that its window
touches (:mod:`pipelines.ledger.lsh_index`). The index can be rebuilt from the Parquet; one whose sketches were made
otherwise is emptied, and the clusters of the stories that were in it stand as they are.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pipelines.ledger.lsh_index import LshIndex
from pipelines.similarity.minhash import SKETCH_VERSION, Member, alike, clusters

# A family is all that chains of likenesses connect; within it the heads are found anew whenever a story comes or goes.
SCHEMA = """
CREATE TABLE sketch_version (version INTEGER NOT NULL);
CREATE TABLE sketches (
    number INTEGER PRIMARY KEY, story_id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, family INTEGER, prints BLOB NOT NULL
);
CREATE INDEX sketches_family ON sketches (family) WHERE family IS NOT NULL;
"""
# However many stories share a form that is printed under each of them, a story is compared with those that share most
# keys with it, and joins no family that is larger than any story was ever copied.
_MOST_COMPARED, _LARGEST_FAMILY = 50, 100
_SKETCH = "number, story_id, at, family, prints"


@dataclass(frozen=True, slots=True)
class _Sketched:
    """A story in the index."""

    number: int
    member: Member
    family: int


class Clusters:
    """The index of one ledger; its writes belong to the ledger's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection
        self._index = LshIndex(connection)

    def place(
        self,
        story_id: str,
        sketch: tuple[tuple[int, ...], bytes] | None,
        at: datetime,
        *,
        kin: tuple[str, str] | None = None,
    ) -> dict[str, str]:
        """Know a story, or a new revision of one, by its words; returns the heads of all whose cluster that decides.

        ``sketch`` is that of its body; nothing is decided for a body that is too short for one. ``at`` is when it was
        published, or first seen; ``kin`` names a story with the very same body, or the story itself as it was known,
        and the head of that one's cluster.
        """
        self._make_current()
        known = self._one(story_id)
        if sketch is None:
            return self.forget(story_id) | ({story_id: story_id} if known else {})
        (bands, prints), seconds = sketch, int(at.timestamp())
        placed = self._write(known, Member(story_id, seconds, prints))
        self._index.add(placed.number, seconds, bands)
        families = {placed.family, *(other.family for other in self._relatives(placed, bands, kin))}
        crowded = len(families) > 1 and self._size(families) > _LARGEST_FAMILY
        if crowded:
            families = {placed.family}
        if len(families) > 1:
            self._unite(families)
        if len(families) > 1 or known:
            return clusters(self._members(min(families)))
        foreign = kin is not None and (crowded or self._one(kin[1]) is None)
        return {story_id: kin[1] if kin and foreign else story_id}

    def forget(self, story_id: str) -> dict[str, str]:
        """Let go of a story; returns the heads of those that were of its family."""
        self._make_current()
        known = self._one(story_id)
        if known is None:
            return {}
        self._sql.execute("DELETE FROM sketches WHERE number = ?", (known.number,))
        return clusters(self._members(known.family))

    def _write(self, known: _Sketched | None, member: Member) -> _Sketched:
        if known:
            query = "UPDATE sketches SET at = ?, prints = ? WHERE number = ?"
            self._sql.execute(query, (member.at, member.prints, known.number))
            return replace(known, member=member)
        query = "INSERT INTO sketches (story_id, at, prints) VALUES (?, ?, ?)"
        number = self._sql.execute(query, (member.story_id, member.at, member.prints)).lastrowid
        assert number is not None
        return _Sketched(number, member, number)

    def _relatives(self, placed: _Sketched, bands: tuple[int, ...], kin: tuple[str, str] | None) -> Iterator[_Sketched]:
        """The stories that are alike, among those that share a band with it; and the one with its very body."""
        if kin and (cousin := self._one(kin[0])) and alike(placed.member, cousin.member):
            yield cousin
        sharing = self._index.sharing(placed.member.at, bands)
        likely = [number for number, _ in sharing.most_common(_MOST_COMPARED)]
        found = self._select(f"number IN ({_marks(likely)})", likely)
        yield from (other for other in found if alike(placed.member, other.member))

    def _unite(self, families: set[int]) -> None:
        values = [min(families), *families, *families]
        marks = _marks(families)
        self._sql.execute(f"UPDATE sketches SET family = ? WHERE family IN ({marks}) OR number IN ({marks})", values)

    def _size(self, families: set[int]) -> int:
        marks = _marks(families)
        query = f"SELECT count(*) FROM sketches WHERE family IN ({marks}) OR number IN ({marks})"
        [size] = self._sql.execute(query, [*families, *families]).fetchone()
        return int(size)

    def _members(self, family: int) -> list[Member]:
        return [found.member for found in self._select("family = ? OR number = ?", (family, family))]

    def _one(self, story_id: str) -> _Sketched | None:
        return next(self._select("story_id = ?", (story_id,)), None)

    def _select(self, condition: str, values: Iterable[Any]) -> Iterator[_Sketched]:
        rows = self._sql.execute(f"SELECT {_SKETCH} FROM sketches WHERE {condition}", tuple(values))
        for number, story_id, at, family, prints in rows:
            yield _Sketched(number, Member(story_id, at, prints), family or number)

    def _make_current(self) -> None:
        """Empty an index whose sketches were made otherwise: nothing in it can be found or compared any more."""
        versions = {version for (version,) in self._sql.execute("SELECT version FROM sketch_version")}
        if versions != {SKETCH_VERSION}:
            self._index.clear()
            for table in ("sketch_version", "sketches"):
                self._sql.execute(f"DELETE FROM {table}")
            self._sql.execute("INSERT INTO sketch_version VALUES (?)", (SKETCH_VERSION,))


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)
