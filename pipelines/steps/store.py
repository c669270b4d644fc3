"""Accept: what got this far is durable, together with what makes the crawl remember it."""

from dataclasses import replace
from typing import Any, Self

from scrapy.crawler import Crawler

from crawler.items import Fetch, ParsedStory, Snapshot, Story, as_row
from crawler.outcomes import Outcome
from pipelines.drop_reasons import InvalidRow
from pipelines.ledger import KnownStory
from pipelines.runtime.run import Run
from pipelines.similarity.hashes import snapshot_digest, state_hash
from pipelines.steps.validate_row import row_error


class Store:
    """Writes stories, lists and fetches to the ledger, each in one piece."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(Run.of(crawler))

    def process_item(self, item: Any) -> Any:
        with self._run.ledger.savepoint():
            if isinstance(item, ParsedStory):
                self._store_story(item)
            elif isinstance(item, Snapshot):
                self._accept_snapshot(item)
            elif isinstance(item, Fetch):
                self._run.settle(item)
        return item

    def _store_story(self, parsed: ParsedStory) -> None:
        story = parsed.story
        if error := row_error(Story, as_row(story), complete=True):
            raise InvalidRow(error)
        ledger = self._run.ledger
        known, words = ledger.stories.get(story.story_id), parsed.body_hash
        story = self._clustered(parsed, known or (ledger.stories.by_body_hash(words) if words else None))
        ledger.stories.store(story, body_hash=words, state_hash=state_hash(as_row(story)), known=known)
        ledger.runs.count(self._run.run_id, "story/revised" if known else "story/new")
        self._run.reading = story.headline
        self._run.saw(parsed)
        if parsed.fetch is not None:
            parsed.fetch.outcome = Outcome.STORY
            self._run.settle(parsed.fetch, story.published_at or story.first_seen_at)

    def _clustered(self, parsed: ParsedStory, kin: KnownStory | None) -> Story:
        """The story in its cluster; others change theirs when it comes before their head, or goes from among them."""
        story, ledger = parsed.story, self._run.ledger
        at = story.published_at or story.first_seen_at
        assert at is not None
        named = (kin.story_id, kin.cluster_id) if kin else None
        heads = ledger.clusters.place(story.story_id, parsed.sketch, at, known_story=named)
        head = heads.pop(story.story_id, story.cluster_id)
        for other, other_head in heads.items():
            ledger.stories.move_to_cluster(other, other_head)
        return replace(story, cluster_id=head)

    def _accept_snapshot(self, snapshot: Snapshot) -> None:
        self._run.ledger.runs.count(self._run.run_id, f"list/{snapshot.name}/seen")
        digest = snapshot_digest([as_row(ranking) for ranking in snapshot.rows])
        if not snapshot.overlaps:
            self._run.ledger.runs.count(self._run.run_id, f"list/{snapshot.name}/missed")
        if self._run.ledger.snapshots.store(snapshot, digest):
            self._run.ledger.runs.count(self._run.run_id, f"list/{snapshot.name}/kept")
