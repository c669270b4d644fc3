"""Index of the MinHash sketches of all stories, which assigns each story to a cluster of near-duplicates.

Opening a ledger reads nothing from this index. Similar stories are found by looking up the 16 band keys of a sketch in
each of the two periods that its time window overlaps (:mod:`pipelines.ledger.lsh_index`). The index can be rebuilt from
the Parquet files. If its sketches were computed by another version of the algorithm, it is emptied; the stories then
keep the clusters to which they were assigned before.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pipelines.ledger.lsh_index import LshIndex
from pipelines.similarity.minhash import SKETCH_VERSION, Member, cluster_heads, is_near_duplicate

# A family is a connected component of similar stories. Whenever a story joins or leaves, its cluster heads are
# computed again.
SCHEMA = """
CREATE TABLE sketch_version (version INTEGER NOT NULL);
CREATE TABLE sketches (
    number INTEGER PRIMARY KEY, story_id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, family INTEGER, prints BLOB NOT NULL
);
CREATE INDEX sketches_family ON sketches (family) WHERE family IS NOT NULL;
"""
# Limits for boilerplate, which any number of stories may share. A story is compared only with the stories that share
# most bands with it, and joins no family that has more members than any story ever had copies.
_MAX_COMPARED, _MAX_FAMILY = 50, 100


@dataclass(frozen=True, slots=True)
class _Sketched:
    number: int
    member: Member
    family: int


class Clusters:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection
        self._index = LshIndex(connection)
        self._is_current = False  # the sketches in the file are known to be of this version

    def place(
        self,
        story_id: str,
        sketch: tuple[tuple[int, ...], bytes] | None,
        at: datetime,
        *,
        known_story: tuple[str, str] | None = None,
    ) -> dict[str, str]:
        """Add a new or revised story to the index; return the cluster ids of the stories in its cluster, by story id.

        The id of a cluster is the id of its head, the story that was published first. Adding a story may change the
        cluster of others, because it can connect two clusters or become the head.

        :param sketch: MinHash sketch of the body, or None if the body is too short for one; the story is then not
            indexed
        :param at: time of publication, or the time of the first fetch if that is unknown
        :param known_story: story id and cluster id of a story with the same body, or of the previous revision of this
            story
        """
        self._check_version()
        previous = self._one(story_id)
        if sketch is None:
            return self.forget(story_id) | ({story_id: story_id} if previous else {})
        (bands, prints), seconds = sketch, int(at.timestamp())
        placed = self._write(previous, Member(story_id, seconds, prints))
        self._index.add(placed.number, seconds, bands)
        families = {placed.family, *(other.family for other in self._similar(placed, bands, known_story))}
        crowded = len(families) > 1 and self._size(families) > _MAX_FAMILY
        if crowded:
            families = {placed.family}
        if len(families) > 1:
            self._unite(families)
        if len(families) > 1 or previous:
            return cluster_heads(self._members(min(families)))
        foreign = known_story is not None and (crowded or self._one(known_story[1]) is None)
        return {story_id: known_story[1] if known_story and foreign else story_id}

    def forget(self, story_id: str) -> dict[str, str]:
        """Delete a story from the index; return the cluster ids of the stories in its cluster, by story id.

        They are computed again, because the deleted story may have been the head of the cluster.
        """
        self._check_version()
        known = self._one(story_id)
        if known is None:
            return {}
        self._sql.execute("DELETE FROM sketches WHERE number = ?", (known.number,))
        return cluster_heads(self._members(known.family))

    def _write(self, previous: _Sketched | None, member: Member) -> _Sketched:
        if previous:
            query = "UPDATE sketches SET at = ?, prints = ? WHERE number = ?"
            self._sql.execute(query, (member.at, member.prints, previous.number))
            return replace(previous, member=member)
        query = "INSERT INTO sketches (story_id, at, prints) VALUES (?, ?, ?)"
        number = self._sql.execute(query, (member.story_id, member.at, member.prints)).lastrowid
        assert number is not None
        return _Sketched(number, member, number)

    def _similar(
        self, placed: _Sketched, bands: tuple[int, ...], known_story: tuple[str, str] | None
    ) -> Iterator[_Sketched]:
        """Return the stories that are near-duplicates of ``placed`` and share at least one MinHash band with it.

        ``known_story`` is compared even if it shares no band.
        """
        matches = [number for number, _ in self._index.matches(placed.member.at, bands).most_common(_MAX_COMPARED)]
        known_id = known_story and known_story[0]
        candidates = self._select(f"story_id = ? OR number IN ({_marks(matches)})", (known_id, *matches))
        return (other for other in candidates if is_near_duplicate(placed.member, other.member))

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
        query = f"SELECT number, story_id, at, family, prints FROM sketches WHERE {condition}"
        for number, story_id, at, family, prints in self._sql.execute(query, tuple(values)):
            yield _Sketched(number, Member(story_id, at, prints), family or number)

    def _check_version(self) -> None:
        """Empty the index if its sketches were made by another version, since they cannot be compared with new ones."""
        if self._is_current:
            return
        versions = {version for (version,) in self._sql.execute("SELECT version FROM sketch_version")}
        self._is_current = versions == {SKETCH_VERSION}
        if not self._is_current:
            self._index.clear()
            for table in ("sketch_version", "sketches"):
                self._sql.execute(f"DELETE FROM {table}")
            self._sql.execute("INSERT INTO sketch_version VALUES (?)", (SKETCH_VERSION,))


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)
