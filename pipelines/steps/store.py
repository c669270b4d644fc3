"""Item pipeline that stores each item in the ledger, the SQLite file of its site.

An item is stored in the same transaction as the crawl state that marks its URL as known.
"""

import logging
from dataclasses import replace
from typing import Any, Self

from scrapy.crawler import Crawler

from crawler.items import Fetch, ParsedStory, Snapshot, Story, as_row
from crawler.outcomes import Outcome
from crawler.safe_text import one_line
from pipelines.drop_reasons import InvalidRow
from pipelines.ledger import KnownStory
from pipelines.runtime.run import Run
from pipelines.similarity.hashes import snapshot_digest, state_hash
from pipelines.steps.validate_row import row_error

logger = logging.getLogger(__name__)


class Store:
    def __init__(self, run: Run) -> None:
        self._run = run
        self._ledger = run.ledger

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(Run.of(crawler))

    def process_item(self, item: Any) -> Any:
        with self._ledger.savepoint():
            if isinstance(item, ParsedStory):
                self._store_story(item)
            elif isinstance(item, Snapshot):
                self._store_snapshot(item)
            elif isinstance(item, Fetch):
                self._run.revisits.settle(item)
        return item

    def _store_story(self, parsed: ParsedStory) -> None:
        story, stories = parsed.story, self._ledger.stories
        if error := row_error(Story, as_row(story), complete=True):
            raise InvalidRow(error)
        known, body_hash = stories.get(story.story_id), parsed.body_hash
        story = self._clustered(parsed, known or (stories.by_body_hash(body_hash) if body_hash else None))
        stories.store(story, body_hash=body_hash, state_hash=state_hash(as_row(story)), known=known)
        self._count("story/revised" if known else "story/new")
        if known and known.url != story.url and story.fetched_at:
            self._run.memory.note_story_url(story.story_id, known.url, story.fetched_at)
        self._run.headline = story.headline
        if dates := parsed.unreadable_dates:
            self._count("unreadable/dates", len(dates))
            logger.warning("unreadable date on %s: %s", story.url, one_line(dates[0]))
        if parsed.damaged_letters:
            self._count("unreadable/letters", parsed.damaged_letters)
            self._count("unreadable/damaged_stories")
        if parsed.fetch is not None:
            parsed.fetch.outcome = Outcome.STORY
            if parsed.damaged_letters:
                parsed.fetch.reason = f"{parsed.damaged_letters} damaged letters"
            self._run.revisits.settle(parsed.fetch, story.published_at or story.first_seen_at)

    def _clustered(self, parsed: ParsedStory, known: KnownStory | None) -> Story:
        """Return a copy of a story with the id of its cluster of near-duplicates.

        The id of a cluster is that of its first story, the head. If the new story becomes the head of a cluster, or
        stops being one, the other stories of the cluster get the new id too.
        """
        story = parsed.story
        at = story.published_at or story.first_seen_at
        assert at is not None
        known_story = (known.story_id, known.cluster_id) if known else None
        heads = self._ledger.clusters.place(story.story_id, parsed.sketch, at, known_story=known_story)
        head = heads.pop(story.story_id, story.cluster_id)
        for other, other_head in heads.items():
            self._ledger.stories.move_to_cluster(other, other_head)
        return replace(story, cluster_id=head)

    def _store_snapshot(self, snapshot: Snapshot) -> None:
        self._run.revisits.count_list(snapshot)
        rows = [
            replace(row, headline=None) if self._ledger.stories.is_removed(row.story_id) else row
            for row in snapshot.rows
        ]
        snapshot = replace(snapshot, rows=rows)
        digest = snapshot_digest([as_row(ranking) for ranking in snapshot.rows])
        self._ledger.changes.note(snapshot.name, digest, snapshot.observed_at)
        if not snapshot.overlaps:
            self._count(f"list/{snapshot.name}/missed")
        if self._ledger.snapshots.store(snapshot, digest):
            self._count(f"list/{snapshot.name}/kept")

    def _count(self, name: str, n: int = 1) -> None:
        self._ledger.runs.count(self._run.run_id, name, n)
