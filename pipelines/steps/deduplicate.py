"""Item pipeline that drops unchanged and duplicate stories, and sets the revision number of new and changed ones."""

from dataclasses import replace
from typing import Any, Self

from scrapy.crawler import Crawler

from crawler.items import ParsedStory, Story, as_row
from pipelines.drop_reasons import ExactDuplicate, RemovedOnRequest, Unchanged, UnknownLayout
from pipelines.ledger import Ledger
from pipelines.runtime.run import Run
from pipelines.similarity.hashes import state_hash


def deduplicate(story: Story, ledger: Ledger, *, is_canonical: bool = True) -> Story:
    """Return a copy of a new or changed story with its revision number and the times when it was first seen.

    ``first_seen_at`` is the time at which any revision of the story was first seen, and ``appeared_by`` the time at
    which this revision was first seen. ``cluster_id`` is preliminary: it is that of the previous revision, or the
    story's own id. Raises :class:`RemovedOnRequest` if the
    story was removed, and :class:`Unchanged` if the story is already stored in this state. Raises
    :class:`ExactDuplicate` if its id is new but a stored story has the same headline and body.

    :param is_canonical: True if the URL of ``story`` is canonical; otherwise a stored story keeps its URL and section
    """
    if ledger.stories.is_removed(story.story_id):
        raise RemovedOnRequest("removed by `khobor forget`")
    known = ledger.stories.get(story.story_id)
    if known is None:
        assert story.content_hash is not None
        if original := ledger.stories.by_content_hash(story.content_hash):
            raise ExactDuplicate(f"the words of {original.story_id}", original.story_id)
        return replace(
            story,
            revision=1,
            first_seen_at=story.fetched_at,
            appeared_by=story.fetched_at,
            cluster_id=story.story_id,
        )
    if known.state_hash == state_hash(as_row(story)):
        raise Unchanged(f"revision {known.revision} still stands")
    if not is_canonical:
        story = replace(story, url=known.url, section=known.section)
    return replace(
        story,
        revision=known.revision + 1,
        first_seen_at=known.first_seen_at,
        appeared_after=known.fetched_at,
        appeared_by=story.fetched_at,
        cluster_id=known.cluster_id,
        discovered_via=known.discovered_via,
        depth=known.depth,
    )


class Deduplicate:
    def __init__(self, run: Run) -> None:
        self._run = run

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(Run.of(crawler))

    def process_item(self, item: Any) -> Any:
        if isinstance(item, ParsedStory):
            if item.missing and self._run.ledger.stories.get(item.story.story_id) is not None:
                # The text that generic reading finds would look like a revision.
                raise UnknownLayout("no layout of the newspaper fits the page; the stored story is kept")
            return replace(
                item,
                story=deduplicate(item.story, self._run.ledger, is_canonical=self._run.revisits.is_canonical(item)),
            )
        return item
