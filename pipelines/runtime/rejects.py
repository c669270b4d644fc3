"""Rejects: what a step refused is kept with its reason, and its page ends in an outcome all the same."""

import json
from typing import Any, Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.clock import now
from crawler.items import Alias, Fetch, Reject, Snapshot, Story, as_row, fetch_of, record_of
from crawler.outcomes import Outcome
from crawler.safe_text import one_line
from pipelines.drop_reasons import ExactDuplicate, Refused, Unchanged
from pipelines.runtime.run import Run

PAGES_KEPT_PER_REASON = 20
LONGEST_VALUE, MOST_VALUES = 5_000, 100


class RecordRejects:
    """Answers for every record that did not reach the last step: dropped, or lost in a step that crashed."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._kept: dict[str, int] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        keeper = cls(crawler)
        crawler.signals.connect(keeper.item_dropped, signals.item_dropped)
        crawler.signals.connect(keeper.item_error, signals.item_error)
        crawler.signals.connect(keeper.spider_error, signals.spider_error)
        return keeper

    @property
    def _run(self) -> Run:
        return Run.of(self._crawler)

    def item_dropped(self, item: Any, response: Response | None, exception: Exception) -> None:
        """A step said no."""
        if isinstance(exception, Refused):
            self._answer(item, response, type(exception).__name__, exception.detail, exception)
        else:
            self._answer(item, response, type(exception).__name__, str(exception), None)

    def item_error(self, item: Any, response: Response | None, failure: Failure) -> None:
        """A step crashed: that too is a reason, unless the machine is at fault."""
        if self._run.give_up(failure.value):
            return
        detail = f"{failure.type.__name__}: {failure.value}" if failure.type else str(failure.value)
        self._answer(item, response, "StepCrashed", detail, None)

    def spider_error(self, failure: Failure, response: Response | None) -> None:
        """Reading the page crashed before any record came of it."""
        fetch: Fetch | None = response.meta.get("fetch") if response is not None else None
        if self._run.give_up(failure.value) or fetch is None:
            return
        fetch.outcome, fetch.reason = Outcome.UNREADABLE, "ReaderCrashed"
        detail = one_line(f"{failure.type.__name__ if failure.type else ''}: {failure.value}")
        with self._run.ledger.savepoint():
            self._run.ledger.add_reject(self._reject(None, fetch, "ReaderCrashed", detail, response))
            self._run.settle(fetch)

    def _answer(self, item: Any, response: Response | None, reason: str, detail: str, refusal: Refused | None) -> None:
        fetch = fetch_of(item)
        outcome = refusal.outcome if refusal else Outcome.UNREADABLE
        with self._run.ledger.savepoint():
            if isinstance(refusal, Unchanged):
                self._saw_again(item.story)
            elif isinstance(refusal, ExactDuplicate):
                self._run.ledger.stories.add_alias(self._alias(item.story, refusal.of))
                self._run.ledger.runs.count(self._run.run_id, "story/exact_duplicates")
            else:
                self._run.ledger.add_reject(self._reject(item, fetch, reason, one_line(detail), response))
            if fetch is not None:
                fetch.outcome = outcome
                fetch.reason = (
                    one_line(detail) if outcome is Outcome.EXACT_DUPLICATE else reason if fetch.reason is None else None
                )
                self._run.settle(fetch)

    def _saw_again(self, story: Story) -> None:
        known = self._run.ledger.stories.get(story.story_id)
        assert known is not None
        assert story.fetched_at is not None
        self._run.ledger.stories.mark_seen(known, story.fetched_at)
        self._run.ledger.runs.count(self._run.run_id, "story/unchanged")

    def _alias(self, story: Story, kept: str) -> Alias:
        assert story.fetched_at is not None
        return Alias(
            site=story.site,
            url=story.url,
            story_id=kept,
            kind="exact_duplicate",
            first_seen_at=story.fetched_at,
            run_id=self._run.run_id,
        )

    def _reject(self, item: Any, fetch: Fetch | None, reason: str, detail: str, response: Response | None) -> Reject:
        records = item.rows if isinstance(item, Snapshot) else [record_of(item)] if item is not None else []
        rows = [_shortened(as_row(record)) for record in records]
        return Reject(
            site=self._run.ledger.site,
            rejected_at=now(),
            url=response.url if response is not None else fetch.url if fetch else None,
            story_id=getattr(record_of(item), "story_id", None) or (fetch.story_id if fetch else None),
            reason=reason,
            detail=detail,
            record=json.dumps(rows, ensure_ascii=True, default=str) if rows else None,
            page=self._keep_page(reason, response),
            run_id=self._run.run_id,
        )

    def _keep_page(self, reason: str, response: Response | None) -> str | None:
        """The page as it was fetched, for whoever looks into it; a few of each reason are enough."""
        if response is None or self._kept.get(reason, 0) >= PAGES_KEPT_PER_REASON:
            return None
        self._kept[reason] = self._kept.get(reason, 0) + 1
        return self._run.dataset.keep_page(self._run.ledger.site, now(), response.body)


def _shortened(row: dict[str, Any]) -> dict[str, Any]:
    """The row as it is kept: what is far too long may be why it was refused, and would be too long here as well."""
    return {name: _short(value) for name, value in row.items()}


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        return f"{value[:LONGEST_VALUE]}… ({len(value):,} characters)"
    return [_short(each) for each in value[:MOST_VALUES]] if isinstance(value, list) else value
