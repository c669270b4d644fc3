"""The books of a run: every address that was discovered ends in exactly one outcome."""

from dataclasses import replace
from datetime import datetime, timedelta

from crawler.clock import now
from crawler.items import Fetch
from crawler.outcomes import Outcome
from pipelines.ledger import KnownUrl, Ledger
from pipelines.ledger.revisit_policy import next_revisit

# What has been read whole, so that a server may say next time that it is still the same.
READ = frozenset((Outcome.STORY, Outcome.EXACT_DUPLICATE, Outcome.UNCHANGED, Outcome.LIST))
# What may be otherwise next time, and how often in a row it is tried.
TRY_AGAIN = frozenset(
    (
        Outcome.UNREACHABLE,
        Outcome.HTTP_ERROR,
        Outcome.CORRUPT,
        Outcome.BLOCKED,
        Outcome.SOFT_ERROR,
        Outcome.REJECTED,
        Outcome.UNREADABLE,
        Outcome.ROBOTS,
    )
)
MOST_FAILURES = 5
# After that it is left alone until a list or a sitemap names it a week later: what failed may have been our own reader.
AFTER_FAILURES = timedelta(days=7)
# A list may name a story before its page stands, and a paper in trouble sends every reader elsewhere: what was missing
# is looked for again, where it is still named, on two other nights.
MAY_COME_BACK = frozenset((Outcome.GONE, Outcome.REDIRECTED))
MOST_ABSENCES = 3
NEXT_NIGHT = timedelta(hours=20)

DOOR_RESTS = (timedelta(hours=1), timedelta(days=7))
_AT_ONCE = 1_000  # addresses that are closed


class Revisits:
    """Writes discoveries and outcomes, inside the ledger's transactions."""

    def __init__(
        self, ledger: Ledger, run_id: str, entry_point_intervals: tuple[timedelta, timedelta] = DOOR_RESTS
    ) -> None:
        self.ledger = ledger
        self.run_id = run_id
        self._door_rests = entry_point_intervals

    def discover(self, fetch: Fetch, door: str | None = None) -> None:
        """Open an address that will be asked for; ``door`` is what a later run must know of one behind a door."""
        self.ledger.urls.discover(fetch, door)
        self.ledger.runs.count(self.run_id, "discovered")

    def note(self, fetch: Fetch) -> None:
        """An address that is not asked for: its discovery and its outcome are one."""
        self.ledger.urls.record(fetch)
        self.ledger.runs.count(self.run_id, "discovered")

    def finish(self, fetch: Fetch, published_at: datetime | None = None) -> None:
        """What came of an open address, and when it is due again."""
        known = self.ledger.urls.get(fetch.key)
        failures = known.failures if known else 0
        again = fetch.outcome == Outcome.PENDING or (fetch.outcome in TRY_AGAIN and failures + 1 < MOST_FAILURES)
        if failures and fetch.outcome in TRY_AGAIN:
            self.ledger.runs.count(self.run_id, f"retry_failed/{fetch.outcome}")
        due_at = self._due_at(fetch, known, published_at, failures + 1)
        failed = again or fetch.outcome in MAY_COME_BACK
        if fetch.outcome not in READ:  # or the page that was not read would count as known
            fetch.etag = fetch.last_modified = None
        self.ledger.urls.finish(fetch, due_at=due_at, retry=again, born_at=published_at, failed=failed)
        if fetch.hinted_by:
            in_vain = fetch.outcome == Outcome.UNCHANGED
            self.ledger.change_hints.record_result(fetch.hinted_by, fetch.key, right=not in_vain)
            self.ledger.runs.count(self.run_id, "hint/wrong" if in_vain else "hint/right")
        if fetch.outcome == Outcome.GONE:
            self.gone(fetch)
        if fetch.status == 304:
            self._stands(fetch)

    def _due_at(
        self, fetch: Fetch, known: KnownUrl | None, published_at: datetime | None, failures: int
    ) -> datetime | None:
        if fetch.story_id is None:
            failed = fetch.outcome in TRY_AGAIN or fetch.outcome == Outcome.PENDING
            return fetch.fetched_at if failed else fetch.fetched_at + self._rest_of_door(fetch, known)
        if fetch.outcome in (Outcome.STORY, Outcome.UNCHANGED, Outcome.EXACT_DUPLICATE):
            return next_revisit(published_at or (known.born_at if known else None), fetch.fetched_at)
        if fetch.outcome in MAY_COME_BACK:
            return fetch.fetched_at + NEXT_NIGHT if failures < MOST_ABSENCES else None
        return fetch.fetched_at + AFTER_FAILURES if fetch.outcome in TRY_AGAIN else None

    def _stands(self, fetch: Fetch) -> None:
        """Note that a story stands as it stood, which its server says without sending it."""
        known = self.ledger.stories.get(fetch.story_id) if fetch.story_id else None
        if known is not None:
            self.ledger.stories.mark_seen(known, fetch.fetched_at)
            self.ledger.runs.count(self.run_id, "story/unchanged")

    def gone(self, fetch: Fetch) -> None:
        """Note that the story behind an address was taken down, if it is one that is kept."""
        known = self.ledger.stories.get(fetch.story_id) if fetch.story_id else None
        if known is not None:
            self.ledger.stories.mark_gone(known, fetch.fetched_at)
            self.ledger.runs.count(self.run_id, "story/gone")

    def _rest_of_door(self, fetch: Fetch, known: KnownUrl | None) -> timedelta:
        """A door that showed something new is due sooner the next time, one that did not later, within bounds.

        What it is measured by is the time since it was opened last, which may be longer than it was to rest.
        """
        least, most = self._door_rests
        if fetch.outcome == Outcome.GONE:
            return most
        if known is None or known.due_at is None or known.fetched_at is None:
            return least
        rest, passed = known.due_at - known.fetched_at, fetch.fetched_at - known.fetched_at
        return min(max(min(rest, passed) / 2 if fetch.new_links else max(rest, passed) * 2, least), most)

    def close(self) -> int:
        """Give every address that is still open its outcome, and leave it open for the next run."""
        closed, after = 0, ""
        while left := self.ledger.urls.pending_by_key(self.run_id, _AT_ONCE, after):
            for known in left:
                with self.ledger.savepoint():
                    fetch = self._not_reached(known)
                    self.ledger.urls.finish(fetch, retry=True, due_at=fetch.fetched_at, failed=False)
            closed, after = closed + len(left), left[-1].key
        self.ledger.commit()
        return closed

    def _not_reached(self, known: KnownUrl) -> Fetch:
        fetch = begun(known, self.ledger.site, self.run_id)
        return replace(fetch, fetched_at=now(), outcome=Outcome.PENDING)


def begun(known: KnownUrl, site: str, run_id: str) -> Fetch:
    """The fetch of an address that an earlier moment left open."""
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
