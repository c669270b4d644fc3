"""The frontier: which address is asked for next, in which order, and which not at all.

Scrapy's scheduler, kept in the ledger: an address is opened there when it is discovered and closed with what came of
it, so what a run leaves open the next one asks for.
"""

from collections import deque
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Self

from scrapy.core.scheduler import BaseScheduler
from scrapy.crawler import Crawler
from scrapy.http import Request
from scrapy.utils.httpobj import urlparse_cached

from crawler.clock import now
from crawler.downloader.retry import may_be_asked
from crawler.entry_points import EntryPoint, Listing, dump_position
from crawler.items import Fetch
from crawler.outcomes import Outcome
from crawler.spider import NewspaperSpider
from crawler.urls import SiteUrl
from pipelines.ledger import KnownUrl
from pipelines.runtime.fatal_errors import FATAL_ERRORS
from pipelines.runtime.request_queue import RequestQueue
from pipelines.runtime.revisit import begun
from pipelines.runtime.run import Run

# Before everything else: what goes on with a visit that has begun.
_GOES_ON = -(10**18)
# What an incremental run looks at again, besides what something calls for: a few stories that are due, and so many more
# for each new one, as each is looked at so often in its life.
LOOKS_PER_PULSE = 3
LOOKS_PER_NEW = 4
MOST_LOOKS = 5_000
# How long a story that failed is left alone by incremental runs, doubled with each failure; a full run asks for it
# every time.
AFTER_FAILURE = timedelta(minutes=10)


class LedgerScheduler(BaseScheduler):
    """Best first; each address once a run; known stories only when they are due.

    A site that names URLs without an end may fill the ledger, not the memory: of what is too much to wait here,
    some is taken up from there when nothing else waits, by this run or another.
    """

    def __init__(self, run: Run, spider: NewspaperSpider, max_pages: int, max_depth: int, most_waiting: int) -> None:
        self._run = run
        self._spider = spider
        self._max_pages = max_pages
        self._max_depth = max_depth
        self._waiting = RequestQueue(most_waiting)
        self._at_once = max(1, most_waiting // 2)  # URLs that are taken up from the ledger
        self._is_run: bool | None = None  # and not `scrapy parse`, say, which asks for a page and for nothing else
        self._left = True  # whether earlier runs may have left open what is not taken up yet
        self._taken_up: KnownUrl | None = None  # the last of it that is
        self._seen: set[str] = set()
        self._asked_for: set[str] = set()
        self._held: dict[str, Request] = {}  # stories that are due and named, until there is room to look at them
        self._due: deque[KnownUrl] | None = None
        self._looks = 0
        self.asked = 0
        run.lets_go = self._let_go

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        run = Run.of(crawler)
        assert isinstance(crawler.spider, NewspaperSpider)
        settings = crawler.settings
        bounds = (settings.getint(name) for name in ("KHOBOR_MAX_PAGES", "DEPTH_LIMIT", "KHOBOR_MAX_QUEUED"))
        return cls(run, crawler.spider, *bounds)

    def __len__(self) -> int:
        return len(self._waiting)

    def _take_up_what_was_left(self) -> None:
        """Ask again for what earlier runs left open; what failed or was forbidden then waits for a full run.

        A listing that a run did not read on to known ground would otherwise not be read on at all: what that run
        had read of it is known ground to this one.
        """
        urls, waiting = self._run.ledger.urls, len(self._waiting)
        while self._left and len(self._waiting) <= waiting:
            left = urls.left_open(self._run.run_id, self._at_once, self._taken_up)
            with self._run.ledger.savepoint():
                for self._taken_up in left:
                    self._take_up(self._taken_up)
            self._left = bool(left)

    def _take_up(self, known: KnownUrl) -> None:
        request = self._again(known)
        if request is None:
            self._run.ledger.urls.close(known.key)
        elif known.key not in self._seen and not (
            self._spider.is_incremental and (known.failures or known.outcome == Outcome.ROBOTS)
        ):
            self._admit(request)

    def _take_up_what_spilled(self) -> None:
        """Take up what did not fit: as nothing waits or is under way, it is what is open and was not asked for."""
        self._waiting.spilled = False
        spilled = self._run.ledger.urls.pending(self._run.run_id)
        found = (known for known in spilled if known.key not in self._asked_for)
        for known in islice(found, self._at_once):
            if request := self._again(known):
                _ask_only_for_changes(request, known)
                self._push(request)
                self._waiting.spilled = True  # there may be more

    def _again(self, known: KnownUrl) -> Request | None:
        fetch = begun(known, self._run.ledger.site, self._run.run_id)
        return self._spider.resume(fetch, known.position)

    def has_pending_requests(self) -> bool:
        return not self._spent() and (bool(self._waiting) or self._look_again())

    def enqueue_request(self, request: Request) -> bool:
        """Take a request in, or answer for its address at once; False too where trouble with the disk ends the run.

        Scrapy expects no error from here: it would wait for ever for what else came of the page.
        """
        try:
            taken = self._taken_in(request)
            if self._is_run is None:
                self._is_run = "fetch" in request.meta
                if self._is_run:
                    self._take_up_what_was_left()
            return taken
        except FATAL_ERRORS as error:
            if not self._run.give_up(error):
                raise
            return False

    def _taken_in(self, request: Request) -> bool:
        fetch: Fetch | None = request.meta.get("fetch")
        if fetch is None:  # asked for, and not entered in the books
            self._push(request)
            return True
        if request.meta.get("redirect_times", 0) > request.meta.get("redirects_seen", 0):
            return self._redirected(request, fetch)
        if request.meta.get("retry_times"):
            self._push(request, _GOES_ON)
            return True
        if fetch.story_id:
            self._run.also_seen(fetch.story_id, fetch.url)
        if fetch.key in self._seen:
            return False
        with self._run.ledger.savepoint():
            return self._admit(request)

    def next_request(self) -> Request | None:
        if not self._waiting and not self._spent():
            self._look_again()
        if not self._waiting or self._spent() or not self._may_be_asked(self._waiting.first()):
            return None
        place, request = self._waiting.pop()
        if "fetch" in request.meta:
            self._asked_for.add(request.meta["fetch"].key)
        self.asked += place != _GOES_ON
        return request

    def _may_be_asked(self, request: Request) -> bool:
        """Whether the host is free: what would only wait in its slot waits here, where better ones may overtake it."""
        engine = self._run.engine
        if engine is None:
            return True
        in_work = len(engine.scraper.slot.active) if engine.scraper.slot is not None else 0
        return may_be_asked(engine.downloader, urlparse_cached(request).hostname or "", in_work)

    def _spent(self) -> bool:
        return 0 < self._max_pages <= self.asked

    def _admit(self, request: Request) -> bool:
        fetch: Fetch = request.meta["fetch"]
        self._seen.add(fetch.key)
        known = self._run.ledger.urls.get(fetch.key)
        if 0 < self._max_depth < fetch.depth:
            return self._answer(fetch, Outcome.TOO_DEEP)
        if known is not None and not known.open and fetch.via != "seed":
            rests = known.due_at is None or known.due_at > now()
            if rests and not request.meta["at_once"]:
                return self._answer(fetch, Outcome.SKIPPED_FRESH)
            _ask_only_for_changes(request, known)
            if self._spider.is_incremental and fetch.story_id and not fetch.hinted_by:
                self._held[fetch.key] = request
                return True
        elif fetch.story_id and self._spider.is_incremental and known is not None and _failed_just_now(known):
            return self._answer(fetch, Outcome.SKIPPED_FRESH)
        return self._ask(request)

    def _ask(self, request: Request) -> bool:
        fetch: Fetch = request.meta["fetch"]
        self._run.note_known(fetch.key)
        entry_point: EntryPoint | None = request.meta["entry_point"]
        position = request.meta["position"]
        self._run.revisits.discover(fetch, dump_position(entry_point, position) if entry_point else None)
        self._push(request)
        return True

    def _look_again(self) -> bool:
        """When nothing else is to be asked for: what is open in the ledger, then stories that are due, named or not."""
        if not self._is_run or not self.asked or self._is_busy():
            return False
        if self._waiting.spilled:
            self._take_up_what_spilled()
        if not self._waiting:
            self._take_up_what_was_left()
        return bool(self._waiting) or self._look_at_stories_that_are_due()

    def _look_at_stories_that_are_due(self) -> bool:
        """Take in as many as there is room for."""
        if (room := self._room()) <= 0:
            return False
        if self._due is None:
            self._due = deque(self._run.ledger.urls.due(now(), MOST_LOOKS))
        before = self._looks
        with self._run.ledger.savepoint():
            while self._due and self._looks < before + room:
                self._look_at(self._due.popleft())
        return self._looks > before

    def _is_busy(self) -> bool:
        """Whether a page is under way or being read, which may bring what is better."""
        engine = self._run.engine
        if engine is None:
            return False
        reading = engine.scraper.slot is not None and not engine.scraper.slot.is_idle()
        return reading or bool(engine.downloader.active)

    def _look_at(self, known: KnownUrl) -> None:
        request = self._held.pop(known.key, None)
        if request is None:
            if known.key in self._seen:
                return
            self._seen.add(known.key)
            request = self._again(known)
            assert request is not None  # it is a story
            _ask_only_for_changes(request, known)
        self._looks += 1
        self._ask(request)

    def _let_go(self) -> None:
        """Answer for the stories that were held back and not looked at: they stay due."""
        with self._run.ledger.savepoint():
            for request in self._held.values():
                self._answer(request.meta["fetch"], Outcome.SKIPPED_FRESH)
        self._held.clear()

    def _room(self) -> int:
        """How many more stories may be looked at again."""
        if not self._spider.is_incremental:
            return MOST_LOOKS - self._looks
        counts = self._run.ledger.runs.counts(self._run.run_id)
        new = counts.get("story/new", 0) + counts.get("story/exact_duplicates", 0)
        again = max(0, counts.get("requests", 0) - self.asked)  # a page in trouble was asked for more than once
        return LOOKS_PER_PULSE + LOOKS_PER_NEW * new - self._looks - again

    def _answer(self, fetch: Fetch, outcome: Outcome) -> bool:
        fetch.fetched_at, fetch.outcome = now(), outcome
        self._run.revisits.note(fetch)
        return False

    def _redirected(self, request: Request, fetch: Fetch) -> bool:
        """Follow a redirect: within one identity it is the same visit; elsewhere it is a discovery of its own."""
        request.meta["redirects_seen"] = request.meta["redirect_times"]
        target = self._spider.url_rules.identify(request.url)
        if isinstance(target, SiteUrl) and target.story_id:
            self._run.also_seen(target.story_id, target.url)
        if not isinstance(target, SiteUrl) or target.key == fetch.key:
            self._push(request, _GOES_ON)  # what is not ours to ask is refused, and named, on its way out
            return True
        found = self._spider.new_fetch(target, via=fetch.via, referrer=fetch.url, depth=fetch.depth)
        with self._run.ledger.savepoint():
            reason = f"to {target.url}"
            sent = request.meta.pop("sent", 0)
            ended = replace(fetch, fetched_at=now(), outcome=Outcome.REDIRECTED, reason=reason, attempts=sent)
            self._run.settle(ended)
            if target.story_id is None:  # home, or to its section: that is how a paper takes a story down
                self._run.revisits.gone(ended)
            if target.key in self._seen:
                return True
            behind = {name: request.meta[name] for name in ("entry_point", "position")}
            onward = self._spider.request(found, priority=request.priority, **behind)
            # From story to story too, a chain of redirects is followed for a few hops only.
            onward.meta.update({name: value for name, value in request.meta.items() if name.startswith("redirect")})
            return self._admit(onward)

    def _push(self, request: Request, place: int | None = None) -> None:
        self._waiting.push(request, -request.priority if place is None else place)


def _failed_just_now(known: KnownUrl) -> bool:
    if not known.open or not known.failures or known.fetched_at is None:
        return False
    rest: timedelta = AFTER_FAILURE * 2 ** (known.failures - 1)
    return now() < known.fetched_at + rest


def _ask_only_for_changes(request: Request, known: KnownUrl) -> None:
    """Name the state that is known; but not for a page whose lists are wanted, whatever else of it is the same."""
    if isinstance(request.meta["entry_point"], Listing):
        return
    if known.etag:
        request.headers["If-None-Match"] = known.etag
    if known.last_modified:
        request.headers["If-Modified-Since"] = known.last_modified
