"""Ledger tables of the stored stories, their aliases (other URLs and ids) and the first link to each story."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crawler.items import Alias, Sighting, Story, as_row
from pipelines.ledger.connection import Connection
from pipelines.ledger.near_duplicates import Clusters
from pipelines.ledger.outbox import Outbox
from pipelines.storage.tables import TABLES

#: Reason of the rows in `rejects` that record the removal of a story.
REMOVED_ON_REQUEST = "RemovedOnRequest"
_COLUMNS = (
    "story_id, url, part, revision, content_hash, state_hash, cluster_id, first_seen_at, fetched_at,"
    " discovered_via, depth, gone_by, section"
)


@dataclass(frozen=True, slots=True)
class KnownStory:
    """Ledger row of a stored story: the columns that detect revisions and duplicates without reading Parquet files."""

    story_id: str
    url: str
    part: str
    revision: int
    content_hash: str
    state_hash: str | None
    cluster_id: str
    first_seen_at: datetime
    fetched_at: datetime
    discovered_via: str
    depth: int
    gone_by: datetime | None
    section: str | None


class Stories:
    def __init__(self, connection: Connection, outbox: Outbox, clusters: Clusters) -> None:
        self._sql = connection
        self._outbox = outbox
        self._clusters = clusters

    def any(self) -> bool:
        return bool(self._sql.execute("SELECT EXISTS (SELECT 1 FROM stories)").fetchone()[0])

    def size(self) -> int:
        return int(self._sql.execute("SELECT count(*) FROM stories").fetchone()[0])

    def ids(self) -> set[str]:
        return {story_id for (story_id,) in self._sql.execute("SELECT story_id FROM stories")}

    def get(self, story_id: str) -> KnownStory | None:
        return self._first("story_id = ?", story_id)

    def by_content_hash(self, content_hash: str) -> KnownStory | None:
        return self._first("content_hash = ? ORDER BY first_seen_at, story_id", content_hash)

    def by_body_hash(self, body_hash: str) -> KnownStory | None:
        return self._first("body_hash = ? ORDER BY first_seen_at, story_id", body_hash)

    def _first(self, condition: str, value: str) -> KnownStory | None:
        row = self._sql.execute(f"SELECT {_COLUMNS} FROM stories WHERE {condition} LIMIT 1", (value,)).fetchone()
        if row is None:
            return None
        values = list(row)
        moments = (values[7], values[8], values[11])
        values[7], values[8], values[11] = (moment and datetime.fromisoformat(moment) for moment in moments)
        return KnownStory(*values)

    def store(self, story: Story, *, body_hash: str | None, state_hash: str, known: KnownStory | None) -> None:
        """Store a new story, or a new revision of it, in the ledger and as a change for Parquet in the outbox.

        :param body_hash: hash of the body, or None if the body is too short to identify a story
        :param state_hash: hash of all columns whose change makes a new revision
        :param known: the previous revision, or None for a new story
        """
        row = as_row(story)
        table = TABLES["stories"]
        part = self._outbox.part_of(table, row)
        if known is not None and known.part != part:
            self._outbox.drop(table, known.part, story.story_id)
        self._outbox.put(table, part, row)
        self.upsert(story, part, body_hash=body_hash, state_hash=state_hash)

    def upsert(self, story: Story, part: str, *, body_hash: str | None, state_hash: str) -> None:
        """Insert or replace the ledger's row of a story; ``part`` is the Parquet partition that contains the story."""
        self._sql.execute(
            "INSERT OR REPLACE INTO stories VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                story.story_id,
                story.url,
                part,
                story.revision,
                story.content_hash,
                body_hash,
                state_hash,
                story.cluster_id,
                *(at and at.isoformat() for at in (story.first_seen_at, story.fetched_at)),
                story.discovered_via,
                story.depth,
                story.gone_by and story.gone_by.isoformat(),
                story.section,
            ),
        )

    def mark_seen(self, known: KnownStory, at: datetime, url: str | None = None, section: str | None = None) -> None:
        """Record that a stored story was seen online; if its URL has changed, also store the new URL and section."""
        self._touch(known, fetched_at=at, **({"gone_after": None, "gone_by": None} if known.gone_by else {}))
        query = "UPDATE stories SET fetched_at = ?, gone_by = NULL WHERE story_id = ?"
        self._sql.execute(query, (at.isoformat(), known.story_id))
        if url and url != known.url:
            section = section or known.section
            self._touch(known, url=url, section=section)
            query = "UPDATE stories SET url = ?, section = ? WHERE story_id = ?"
            self._sql.execute(query, (url, section, known.story_id))

    def mark_gone(self, known: KnownStory, after: datetime, by: datetime) -> None:
        """Record that a story was taken down: it was still online at ``after``, and no longer at ``by``."""
        self._touch(known, gone_after=after, gone_by=by)
        self._sql.execute("UPDATE stories SET gone_by = ? WHERE story_id = ?", (by.isoformat(), known.story_id))

    def _touch(self, known: KnownStory, **columns: Any) -> None:
        self._outbox.touch(TABLES["stories"], known.part, known.story_id, columns)

    def move_to_cluster(self, story_id: str, cluster_id: str) -> None:
        known = self.get(story_id)
        if known is not None and known.cluster_id != cluster_id:
            self._outbox.touch(TABLES["stories"], known.part, story_id, {"cluster_id": cluster_id})
            self._sql.execute("UPDATE stories SET cluster_id = ? WHERE story_id = ?", (cluster_id, story_id))

    def mark_removed(self, story_id: str) -> bool:
        """Mark a story as removed on request, so that it is not stored again; return True if it was not marked yet."""
        return bool(self._sql.execute("INSERT OR IGNORE INTO removed VALUES (?)", (story_id,)).rowcount)

    def is_removed(self, story_id: str | None) -> bool:
        return self._sql.execute("SELECT 1 FROM removed WHERE story_id = ?", (story_id,)).fetchone() is not None

    def removed(self) -> set[str]:
        return {story_id for (story_id,) in self._sql.execute("SELECT story_id FROM removed")}

    def withdraw(self, story_id: str, part: str | None) -> None:
        """Undo the changes that storing a story made in the ledger, because its row is invalid and cannot be published.

        :param part: partition that still contains an earlier revision, to which the story returns; None deletes the
            story
        """
        if part is None:
            self._sql.execute("DELETE FROM stories WHERE story_id = ? AND revision = 1", (story_id,))
            for other, head in self._clusters.forget(story_id).items():
                self.move_to_cluster(other, head)
        else:
            self._sql.execute("UPDATE stories SET part = ? WHERE story_id = ?", (part, story_id))

    def aliases(self) -> list[tuple[str, str]]:
        """Return the URL of each alias with the id of the stored story."""
        return self._sql.execute("SELECT url, story_id FROM aliases").fetchall()

    def add_alias(self, alias: Alias) -> None:
        """Store another URL or id of a story in the ledger and the outbox (for Parquet), unless already stored."""
        if self.insert_alias(alias):
            self._outbox.add_row("aliases", as_row(alias))

    def insert_alias(self, alias: Alias) -> bool:
        """Insert an alias (another URL or id of a story) into the ledger; return True if it is new.

        The alias is not added to the outbox, so it is not written to Parquet.
        """
        query = "INSERT OR IGNORE INTO aliases VALUES (?, ?, ?)"
        return bool(self._sql.execute(query, (alias.url, alias.story_id, alias.kind)).rowcount)

    def add_sighting(self, sighting: Sighting) -> None:
        """Store the time at which an entry point (list, feed, sitemap) first linked to a story; ignore later times."""
        if not self.is_removed(sighting.story_id) and self.insert_sighting(sighting.story_id, sighting.via):
            self._outbox.add_row("sightings", as_row(sighting))

    def insert_sighting(self, story_id: str, via: str) -> bool:
        """Record in the ledger that the entry point ``via`` linked to a story; return True if this is new.

        It is not added to the outbox, so it is not written to Parquet.
        """
        query = "INSERT OR IGNORE INTO sightings VALUES (?, ?)"
        return bool(self._sql.execute(query, (story_id, via)).rowcount)
