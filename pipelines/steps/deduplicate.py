"""Recognise: is this story new, a new revision, unchanged, or a copy of another?"""

from dataclasses import replace
from typing import Any, Self

from scrapy.crawler import Crawler

from crawler.bengali.text import count_words
from crawler.items import Story, as_row
from pipelines.drop_reasons import Copy, Unchanged
from pipelines.ledger import KnownStory, Ledger
from pipelines.runtime.run import Run
from pipelines.similarity.hashes import hashes, state_hash


def recognised(story: Story, ledger: Ledger) -> Story:
    """The story with its identity and revision; its cluster is the one it had, until it is accepted.

    Raises :class:`Unchanged` for a known story in a known state, and :class:`Copy` for a new id with the words of a
    story that is kept.
    """
    if not story.is_prepared:
        words = count_words(story.body) if story.word_count is None else story.word_count
        both, body = hashes(story.headline, story.body, words)
        story = replace(story, content_hash=both, body_hash=body)
    known = ledger.stories.get(story.story_id)
    if known is None:
        return _first_sight(story, ledger)
    if known.state_hash == state_hash(as_row(story)):
        raise Unchanged(f"revision {known.revision} still stands")
    return _revised(story, known)


def _first_sight(story: Story, ledger: Ledger) -> Story:
    assert story.content_hash is not None
    if twin := ledger.stories.with_content(story.content_hash):
        raise Copy(f"the words of {twin.story_id}", twin.story_id)
    return replace(story, revision=1, first_seen_at=story.fetched_at, cluster_id=story.story_id)


def _revised(story: Story, known: KnownStory) -> Story:
    return replace(
        story,
        url=known.url,
        section=story.section,
        revision=known.revision + 1,
        first_seen_at=known.first_seen_at,
        cluster_id=known.cluster_id,
        discovered_via=known.discovered_via,
        depth=known.depth,
    )


class Recognise:
    """Gives a story its identity, or drops it as unchanged or as a copy."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(Run.of(crawler))

    def process_item(self, item: Any) -> Any:
        return recognised(item, self._run.ledger) if isinstance(item, Story) else item
