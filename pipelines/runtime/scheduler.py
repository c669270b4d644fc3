"""Scrapy scheduler that records each discovered URL in the ledger (the site's SQLite crawl state).

A URL is open from its discovery until the result of its request is recorded. The URLs that are still open at the end of
a run are requested by the next one.
"""

from dataclasses import replace
from typing import Self

from scrapy.core.scheduler import BaseScheduler
from scrapy.crawler import Crawler
from scrapy.http import Request
from scrapy.utils.httpobj import urlparse_cached

from crawler.clock import now
from crawler.downloader.retry import PatientRetry, has_free_slot
from crawler.items import Fetch
from crawler.link_following import FRONT_PAGE, RELATED
from crawler.outcomes import Outcome
from crawler.priorities import is_story_priority
from crawler.spider import NewspaperSpider
from crawler.urls import SiteUrl
from pipelines.runtime.admission import Admission
from pipelines.runtime.backlog import Backlog
from pipelines.runtime.fatal_errors import FATAL_ERRORS
from pipelines.runtime.request_queue import CONTINUED, RequestQueue
from pipelines.runtime.run import Run


class LedgerScheduler(BaseScheduler):
    """Scrapy scheduler that sends requests by priority and records each discovered URL in SQLite.

    ``KHOBOR_MAX_PAGES`` limits the number of requests, ``DEPTH_LIMIT`` the depth of a URL and ``KHOBOR_MAX_QUEUED`` the
    number of requests in memory. Requests beyond the last limit are only stored in SQLite, so that a site with endless
    links cannot fill the memory. They are loaded when the queue is empty, by this run or a later one.
    """

    def __init__(self, run: Run, spider: NewspaperSpider, max_pages: int, max_depth: int, max_queued: int) -> None:
        self._run = run
        self._spider = spider
        self._max_pages = max_pages
        self._queue = RequestQueue(max_queued)
        self._admission = Admission(run, spider, self._queue, max_depth)
        self._backlog = Backlog(self._admission, run, spider, self._queue)
        self._is_resumed = False
        self._sent = 0
        run.before_publish = self._backlog.finish
        run.revisits.on_outcome = self._admission.try_alternative

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        assert isinstance(crawler.spider, NewspaperSpider)
        names = ("KHOBOR_MAX_PAGES", "DEPTH_LIMIT", "KHOBOR_MAX_QUEUED")
        return cls(Run.of(crawler), crawler.spider, *(crawler.settings.getint(name) for name in names))

    def __len__(self) -> int:
        return len(self._queue)

    def has_pending_requests(self) -> bool:
        if self._is_limit_reached():
            return False
        return bool(self._queue) or bool(self._admission.held) or self._fill_queue()

    def enqueue_request(self, request: Request) -> bool:
        """Queue a request, or record why its URL is not requested; return False if the request was dropped.

        A fatal error stops the spider and also returns False. It is not raised, because Scrapy would then wait forever
        for the other requests and items of the page.
        """
        try:
            taken = self._enqueue(request, request.meta["fetch"])
            if not self._is_resumed:
                self._is_resumed = True
                self._backlog.queue_left_open()
            return taken
        except FATAL_ERRORS as error:
            if not self._run.give_up(error):
                raise
            return False

    def _enqueue(self, request: Request, fetch: Fetch) -> bool:
        if request.meta.get("redirect_times", 0) > request.meta.get("redirects_seen", 0):
            return self._enqueue_redirect(request, fetch)
        if request.meta.get("retry_times"):
            self._queue.push(request, CONTINUED)
            return True
        if fetch.story_id:
            self._run.memory.note_story_url(fetch.story_id, fetch.normal_url, fetch.fetched_at)
        with self._run.ledger.savepoint():
            if fetch.key in self._admission.seen:
                return self._admission.keep_alternative(request)
            if request.meta.get("only_for_gap"):
                return self._admission.hold(request)
            if fetch.via in (FRONT_PAGE, RELATED) and not request.meta.get("redirect_times"):
                return self._admission.hold_back(request)
            return self._admission.admit(request)

    def _enqueue_redirect(self, request: Request, fetch: Fetch) -> bool:
        """Queue the request for the target of a redirect.

        If the target is the same story or page, it is requested as part of the same fetch. Otherwise the outcome
        ``redirected`` is recorded for the first URL, and the target is handled like a newly discovered URL.
        """
        request.meta["redirects_seen"] = request.meta["redirect_times"]
        target, at = self._spider.url_rules.identify(request.url), request.meta.get("received_at") or now()
        if not isinstance(target, SiteUrl) or target.key == fetch.key:
            if isinstance(target, SiteUrl) and target.story_id:
                fetch.moved_to = target.url
            self._queue.push(request, CONTINUED)  # the downloader rejects foreign hosts
            return True
        if target.story_id:
            self._run.memory.note_story_url(target.story_id, target.url, at)
        with self._run.ledger.savepoint():
            ended = replace(
                fetch,
                fetched_at=at,
                outcome=Outcome.REDIRECTED,
                reason=f"to {target.url}",
                attempts=request.meta.pop("sent", 0),
            )
            self._run.revisits.settle(ended)
            if target.key in self._admission.seen:
                return True
            new = self._spider.request(
                self._spider.new_fetch(target, via=fetch.via, referrer=fetch.url, depth=fetch.depth),
                priority=request.priority,
                entry_point=request.meta["entry_point"],
                position=request.meta["position"],
            )
            # REDIRECT_MAX_TIMES also limits redirects from one story to another.
            new.meta.update({name: value for name, value in request.meta.items() if name.startswith("redirect")})
            return self._admission.admit(new)

    def next_request(self) -> Request | None:
        if not self.has_pending_requests() or not self._is_gap_settled():
            return None
        if not self._is_host_free(self._queue.first()):
            return None
        priority, request = self._queue.pop()
        self._backlog.requested.add(request.meta["fetch"].key)
        self._sent += priority != CONTINUED
        return request

    def _is_gap_settled(self) -> bool:
        """Queue or skip the held entry points once the entry points before them are read; return False until then."""
        held = self._admission.held
        if held and (not self._queue or is_story_priority(self._queue.first().priority)) and not self._is_busy():
            with self._run.ledger.savepoint():
                self._admission.release(self._spider.gap_filled_by)
        return bool(self._queue) and not (held and is_story_priority(self._queue.first().priority))

    def _fill_queue(self) -> bool:
        """Fill the empty queue with URLs stored by this or earlier runs; return False if none was added.

        Nothing is added while a page is being downloaded or parsed, because it may yield requests of higher priority.
        """
        if self._sent == 0 or self._is_busy() or self._has_given_up_stories():
            return False
        return self._backlog.fill_queue(self._sent)

    def _has_given_up_stories(self) -> bool:
        engine = self._run.engine
        retry = engine.crawler.get_downloader_middleware(PatientRetry) if engine is not None else None
        return retry is not None and retry.has_given_up_stories

    def _is_busy(self) -> bool:
        engine = self._run.engine
        if engine is None:
            return False
        parsing = engine.scraper.slot is not None and not engine.scraper.slot.is_idle()
        return parsing or bool(engine.downloader.active)

    def _is_host_free(self, request: Request) -> bool:
        """Return True if the downloader has a free slot for the host of a request.

        Until there is one, the request stays in this queue, so that requests of higher priority can still be sent
        before it.
        """
        engine = self._run.engine
        if engine is None:
            return True
        in_work = len(engine.scraper.slot.active) if engine.scraper.slot is not None else 0
        return has_free_slot(engine.downloader, urlparse_cached(request).hostname or "", in_work)

    def _is_limit_reached(self) -> bool:
        return 0 < self._max_pages <= self._sent
