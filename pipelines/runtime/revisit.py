"""Recording of the result (outcome) and the next visit of each discovered URL.

Each URL that a run discovers has exactly one outcome per run.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from crawler.clock import now
from crawler.items import Fetch, ParsedStory, Snapshot
from crawler.outcomes import Outcome
from crawler.urls import is_twin
from pipelines.ledger import KnownUrl, Ledger
from pipelines.ledger.revisit_policy import next_revisit

# Outcomes, besides those of failed requests, that may improve with a new release of Khobor.
_RETRIED = frozenset((Outcome.REJECTED, Outcome.UNREADABLE))
# The next runs request a failed URL again, up to this number of failures in a row.
MAX_FAILURES = 5
# After this time, a URL that is still linked is requested once more, because the parser may have been at fault.
DELAY_AFTER_FAILURES = timedelta(days=7)
# A site with a fault may give 404 for every story, so a stored story is gone only after a second 404 this much later. A
# missing story is requested again after this time, which doubles with each further visit: it may return, and a list may
# link to a story before its page is published.
MISSING = frozenset((Outcome.GONE, Outcome.REDIRECTED))
DELAY_AFTER_MISSING = timedelta(hours=20)
MAX_DOUBLINGS = 8
ENTRY_POINT_INTERVALS = (timedelta(hours=1), timedelta(days=7))
_BATCH = 1_000  # URLs


class Revisits:
    """Record of the URLs that a run discovers, their outcomes and their next visits, kept in the SQLite ledger.

    :param intervals: minimum and maximum time between two requests for a list, feed or sitemap
    """

    def __init__(
        self, ledger: Ledger, run_id: str, intervals: tuple[timedelta, timedelta] = ENTRY_POINT_INTERVALS
    ) -> None:
        self.ledger = ledger
        self.run_id = run_id
        self._intervals = intervals
        self._list_stories: dict[str, set[str]] = {}
        self.on_outcome: Callable[[Fetch], None] = lambda fetch: None
        self.on_new_url: Callable[[str, str, datetime], None] = lambda story_id, url, at: None

    def discover(self, fetch: Fetch, position: str | None = None) -> None:
        """Record that a URL was discovered and will be requested.

        :param position: JSON with the entry point from which the crawl reached the URL and its place in the pagination
        """
        self.ledger.urls.discover(fetch, position)
        self.ledger.runs.count(self.run_id, "discovered")

    def note(self, fetch: Fetch) -> None:
        """Record that a URL was discovered and is not requested; ``fetch.outcome`` is the reason."""
        self.ledger.urls.record(fetch)
        self.ledger.runs.count(self.run_id, "discovered")

    def settle(self, fetch: Fetch, published_at: datetime | None = None) -> None:
        """Record the outcome of a URL, and record each unchanged ranked list on its page as seen.

        The outcome is the result of the request, or the reason why there was none.

        :param published_at: time of publication if the page is a story
        """
        if fetch.removed:
            self.ledger.runs.count(self.run_id, "removed/pages")
            for kind, n in fetch.removed.items():
                self.ledger.runs.count(self.run_id, f"removed/{kind}", n)
            counts = ", ".join(f"{n} {kind}" for kind, n in fetch.removed.items())
            fetch.reason = fetch.reason or f"limits on markup removed {counts}"
        self._count_yield(fetch)
        if fetch.story_id and fetch.moved_to:
            self.on_new_url(fetch.story_id, fetch.moved_to, fetch.fetched_at)
        for snapshot in fetch.unchanged_lists.values():
            self.count_list(snapshot)
            self.ledger.snapshots.extend(snapshot, fetch.fetched_at)
        if self.ledger.urls.is_pending(fetch.key):
            self.finish(fetch, published_at)
        else:
            self.note(fetch)
        if fetch.attempts:
            self.ledger.runs.count(self.run_id, "requests", fetch.attempts)
        self.on_outcome(fetch)

    def _count_yield(self, fetch: Fetch) -> None:
        counts = {"html": int(fetch.is_html)}
        if name := fetch.ranked_list:
            counts[f"list/{name}/failed"] = int(Outcome(fetch.outcome).is_failed)
            counts[f"list/{name}/unchanged"] = int(fetch.outcome == Outcome.UNCHANGED)
        if fetch.story_id is None and fetch.outcome in (Outcome.LIST, Outcome.EMPTY):
            is_empty = fetch.outcome == Outcome.EMPTY
            counts |= {f"entry/{fetch.via}/read": 1, f"entry/{fetch.via}/empty": is_empty}
            counts |= {f"entry/{fetch.via}/links": fetch.links}
        for count, n in ((count, n) for count, n in counts.items() if n):
            self.ledger.runs.count(self.run_id, count, n)
        if fetch.front_page:
            self.ledger.changes.note("front_page", fetch.front_page, fetch.fetched_at)

    def count_list(self, snapshot: Snapshot) -> None:
        """Count that a ranked list was seen, and also that it was empty if none of its rows links to a story.

        It was replaced if it has none of the stories that it had when it last had any in this run.
        """
        name, stories = snapshot.name, {ranking.story_id for ranking in snapshot.rows if ranking.story_id}
        self.ledger.runs.count(self.run_id, f"list/{name}/seen")
        if not stories:
            self.ledger.runs.count(self.run_id, f"list/{name}/empty")
        elif stories.isdisjoint(self._list_stories.get(name, stories)):
            self.ledger.runs.count(self.run_id, f"list/{name}/replaced")
        self._list_stories[name] = stories or self._list_stories.get(name, stories)

    def finish(self, fetch: Fetch, published_at: datetime | None = None) -> None:
        """Record the outcome (result of the request) of a URL that had none, and set the time of its next visit.

        :param published_at: time of publication if the page is a story
        """
        known = self.ledger.urls.get(fetch.key)
        failures = known.failures if known else 0
        may_improve = _may_improve(fetch)
        retry = fetch.outcome == Outcome.PENDING or (may_improve and failures + 1 < MAX_FAILURES)
        if failures and may_improve:
            for kind in ("retry_failed", "story_retry_failed")[: 2 if fetch.story_id else 1]:
                self.ledger.runs.count(self.run_id, f"{kind}/{fetch.outcome}")
        if not Outcome(fetch.outcome).is_read:  # otherwise a later 304 would mark a page as known that was never parsed
            fetch.etag = fetch.last_modified = None
        due_at = self._due_at(fetch, known, published_at, failures + 1)
        failed = retry or fetch.outcome in MISSING
        missing_since = fetch.fetched_at if self._is_missing(fetch) else None
        self.ledger.urls.finish(
            fetch, due_at=due_at, retry=retry, born_at=published_at, failed=failed, missing_since=missing_since
        )
        if fetch.hinted_by:
            right = fetch.outcome != Outcome.UNCHANGED
            self.ledger.change_hints.record_result(fetch.hinted_by, fetch.key, right=right)
            self.ledger.runs.count(self.run_id, "hint/right" if right else "hint/wrong")
        if known is not None and missing_since is not None:
            self._mark_gone(known, fetch.fetched_at)
        if fetch.status == 304:
            self.mark_unchanged(fetch.story_id, fetch.fetched_at, fetch.moved_to)

    def _due_at(
        self, fetch: Fetch, known: KnownUrl | None, published_at: datetime | None, failures: int
    ) -> datetime | None:
        if fetch.story_id is None:
            failed = _may_improve(fetch) or fetch.outcome in (Outcome.PENDING, Outcome.EMPTY)
            return fetch.fetched_at if failed else fetch.fetched_at + self._interval(fetch, known)
        if fetch.outcome in (Outcome.STORY, Outcome.UNCHANGED, Outcome.EXACT_DUPLICATE):
            return next_revisit(published_at or (known.born_at if known else None), fetch.fetched_at)
        if fetch.outcome in MISSING:
            story = self.ledger.stories.get(fetch.story_id) if fetch.outcome == Outcome.GONE else None
            doublings = 0 if story and story.gone_by is None else min(failures - 1, MAX_DOUBLINGS)
            return fetch.fetched_at + DELAY_AFTER_MISSING * (1 << doublings)
        return fetch.fetched_at + DELAY_AFTER_FAILURES if _may_improve(fetch) else None

    def _interval(self, fetch: Fetch, known: KnownUrl | None) -> timedelta:
        """Return the time to wait before the next request for a list, feed or sitemap, within the configured limits.

        If the last response had new links, this is half of the last interval or half of the time since the last
        request, whichever is shorter. Otherwise it is four times the longer of the two.
        """
        minimum, maximum = self._intervals
        if fetch.outcome == Outcome.GONE:
            return maximum
        if known is None or known.due_at is None or known.fetched_at is None:
            return minimum
        interval, passed = known.due_at - known.fetched_at, fetch.fetched_at - known.fetched_at
        wanted = min(interval, passed) / 2 if fetch.new_links else max(interval, passed) * 4
        return min(max(wanted, minimum), maximum)

    def is_canonical(self, parsed: ParsedStory) -> bool:
        """Return True if the URL of a parsed story is to replace the URL stored for the story.

        This is so if the page names its URL as canonical, if the stored URL no longer works, or if the stored URL is
        that of an AMP or mobile edition and the new one is not.
        """
        known = self.ledger.urls.get(parsed.story.story_id)
        stored = self.ledger.stories.get(parsed.story.story_id)
        is_missing = known is not None and known.outcome in MISSING
        is_better = stored is not None and is_twin(stored.url) and not is_twin(parsed.story.url)
        return parsed.is_canonical or is_missing or is_better

    def mark_unchanged(
        self, story_id: str | None, at: datetime, url: str | None = None, section: str | None = None
    ) -> None:
        """Record that a stored story was seen unchanged at ``at``; do nothing for a story that is not stored.

        :param url: canonical URL of the story, if known; it replaces the stored one
        :param section: section of the story, which is stored together with a new URL
        """
        if story_id and (known := self.ledger.stories.get(story_id)):
            self.ledger.stories.mark_seen(known, at, url, section)
            if url and url != known.url:
                self.on_new_url(known.story_id, known.url, at)
            self.ledger.runs.count(self.run_id, "story/unchanged")

    def _is_missing(self, fetch: Fetch) -> bool:
        """Return True if the response was 404 or 410 for the URL stored for the story, or the story is not stored.

        If the response for another URL of the story was 404, the story may still be online at its own URL.
        """
        story = self.ledger.stories.get(fetch.story_id) if fetch.story_id else None
        return fetch.outcome == Outcome.GONE and (story is None or story.url == fetch.normal_url)

    def _mark_gone(self, known: KnownUrl, at: datetime) -> None:
        """Record that a stored story was taken down, if it was already missing at least 20 hours ago.

        The first response 404 or 410 does not prove this, because it may be a temporary fault of the site. A story that
        is already recorded as taken down is left as it is.
        """
        story = self.ledger.stories.get(known.story_id) if known.story_id else None
        if story is None or story.gone_by or known.missing_since is None or known.alive_at is None:
            return
        if at - known.missing_since >= DELAY_AFTER_MISSING:
            self.ledger.stories.mark_gone(story, known.alive_at, known.missing_since)
            self.ledger.runs.count(self.run_id, "story/gone")

    def close(self) -> None:
        """Record the outcome ``pending`` for every URL of the run that has none; the next run requests these URLs."""
        after = ""
        while pending := self.ledger.urls.pending_by_key(self.run_id, _BATCH, after):
            for known in pending:
                new = new_fetch(known, self.ledger.site, self.run_id)
                fetch = replace(new, fetched_at=now(), outcome=Outcome.PENDING)
                with self.ledger.savepoint():
                    self.ledger.urls.finish(fetch, retry=True, due_at=fetch.fetched_at)
            after = pending[-1].key
        self.ledger.commit()


def _may_improve(fetch: Fetch) -> bool:
    return Outcome(fetch.outcome).is_failed or fetch.outcome in _RETRIED


def new_fetch(known: KnownUrl, site: str, run_id: str) -> Fetch:
    """Return a :class:`Fetch` (the record of one URL in a run) for a URL from the ledger; it has no outcome yet."""
    return Fetch(
        site=site,
        url=known.url,
        key=known.key,
        story_id=known.story_id,
        via=known.via,
        referrer=known.referrer,
        depth=known.depth,
        attempts=0,
        run_id=run_id,
    )
