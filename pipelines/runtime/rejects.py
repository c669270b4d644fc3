"""Scrapy extension that records each item that was dropped, or at which an item pipeline crashed, with the reason.

The result of the request for its URL is recorded too.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.clock import now
from crawler.items import Alias, Fetch, Reject, Snapshot, as_row, fetch_of, record_of
from crawler.outcomes import Outcome
from crawler.safe_text import one_line
from pipelines.drop_reasons import DropReason, ExactDuplicate, RemovedOnRequest, Unchanged
from pipelines.runtime.run import Run

MAX_VALUE_LENGTH, MAX_VALUES = 5_000, 100


class RecordRejects:
    """Scrapy extension that stores a row in the table `rejects` for each item that an item pipeline drops.

    An item for which a pipeline raised an unexpected exception, and a page at which the spider raised one, get a row
    too. Unchanged stories, exact duplicates and removed stories get none.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._last = datetime.min.replace(tzinfo=UTC)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls(crawler)
        crawler.signals.connect(extension.item_dropped, signals.item_dropped)
        crawler.signals.connect(extension.item_error, signals.item_error)
        crawler.signals.connect(extension.spider_error, signals.spider_error)
        return extension

    @property
    def _run(self) -> Run:
        return Run.of(self._crawler)

    def item_dropped(self, item: Any, response: Response | None, exception: Exception) -> None:
        self._record(item, response, type(exception).__name__, str(exception), exception)

    def item_error(self, item: Any, response: Response | None, failure: Failure) -> None:
        if not self._run.give_up(failure.value):
            self._record(item, response, "StepCrashed", _described(failure))

    def spider_error(self, failure: Failure, response: Response | None) -> None:
        """Record a reject for a page for which the spider's callback raised an exception before it returned an item."""
        fetch: Fetch | None = response.meta.get("fetch") if response is not None else None
        if self._run.give_up(failure.value) or fetch is None:
            return
        fetch.outcome, fetch.reason = Outcome.UNREADABLE, "ReaderCrashed"
        with self._run.ledger.savepoint():
            self._run.ledger.add_reject(self._reject(None, fetch, "ReaderCrashed", _described(failure), response))
            self._run.revisits.settle(fetch)

    def _record(
        self, item: Any, response: Response | None, reason: str, detail: str, error: Exception | None = None
    ) -> None:
        fetch, ledger, run_id = fetch_of(item), self._run.ledger, self._run.run_id
        with ledger.savepoint():
            if isinstance(error, Unchanged):
                story = item.story
                url, section = (story.url, story.section) if self._run.revisits.is_canonical(item) else (None, None)
                self._run.revisits.mark_unchanged(story.story_id, story.fetched_at, url, section)
            elif isinstance(error, ExactDuplicate):
                story, kind = item.story, "exact_duplicate"
                alias = Alias(site=story.site, url=story.url, story_id=error.original, kind=kind, run_id=run_id)
                alias.first_seen_at, alias.alias_id = story.fetched_at, story.story_id
                ledger.stories.add_alias(alias)
                ledger.runs.count(run_id, "story/exact_duplicates")
            elif not isinstance(error, RemovedOnRequest):
                ledger.add_reject(self._reject(item, fetch, reason, detail, response))
            if fetch is not None:
                fetch.outcome = error.outcome if isinstance(error, DropReason) else Outcome.UNREADABLE
                if isinstance(error, ExactDuplicate):
                    fetch.reason = one_line(detail)
                else:
                    fetch.reason = reason if fetch.reason is None else None
                self._run.revisits.settle(fetch)

    def _reject(self, item: Any, fetch: Fetch | None, reason: str, detail: str, response: Response | None) -> Reject:
        records = item.rows if isinstance(item, Snapshot) else [record_of(item)] if item is not None else []
        page: Fetch | None = response.meta.get("fetch") if response is not None else fetch
        # The time is part of the key of a row, and a replayed clock stands still between two responses.
        self._last = max(now(), self._last + timedelta(microseconds=1))
        rows = [{name: _shortened(value) for name, value in as_row(record).items()} for record in records]
        return Reject(
            site=self._run.ledger.site,
            rejected_at=self._last,
            url=response.url if response is not None else fetch.url if fetch else None,
            story_id=getattr(record_of(item), "story_id", None) or (fetch.story_id if fetch else None),
            reason=reason,
            detail=one_line(detail),
            record=json.dumps(rows, ensure_ascii=True, default=str) if rows else None,
            page=page.archive_place if page is not None else None,
            run_id=self._run.run_id,
        )


def _described(failure: Failure) -> str:
    return f"{failure.type.__name__ if failure.type else ''}: {failure.value}"


def _shortened(value: Any) -> Any:
    # An oversized value may be the reason for the reject.
    if isinstance(value, str) and len(value) > MAX_VALUE_LENGTH:
        return f"{value[:MAX_VALUE_LENGTH]}… ({len(value):,} characters)"
    return [_shortened(part) for part in value[:MAX_VALUES]] if isinstance(value, list) else value
