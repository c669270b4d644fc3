"""Retries with per-host back-off; a host that keeps failing gets no more requests in the run."""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any, Self

from scrapy import Request, Spider, signals
from scrapy.core.downloader import Downloader, Slot
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.exceptions import CloseSpider, ResponseDataLossError
from scrapy.http import Response
from scrapy.settings import BaseSettings
from scrapy.utils.asyncio import CallLaterResult, call_later
from scrapy.utils.httpobj import urlparse_cached

from crawler.clock import now
from crawler.decoding.http_dates import parse_http_date
from crawler.downloader.errors import FetchError, outcome_of
from crawler.downloader.response_check import check_response
from crawler.outcomes import Outcome
from crawler.scrapy_internals import schedule_next_request, slot_of

logger = logging.getLogger(__name__)


def retry_after_seconds(value: str | None, at: datetime) -> float | None:
    """Return the seconds to wait according to a Retry-After header, which is a number of seconds or a date.

    Return None if the value is missing or malformed, if it is not positive, or if the date is not after ``at``.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:12])
    else:
        until = parse_http_date(text)
        seconds = (until - at).total_seconds() if until else 0.0
    return seconds if seconds > 0 else None


def has_free_slot(downloader: Downloader, host: str, in_work: int = 0) -> bool:
    """Return True if a request to a host would be sent at once: the host is not paused and its download slot is free.

    The scheduler calls this before it passes a request to the downloader. Requests to a paused host therefore stay in
    the scheduler, which can send requests to other hosts meanwhile. The ``in_work`` responses, which are still being
    processed, are counted as requests in progress, so that only few are lost if the run is killed.
    """
    busy = in_work + sum(downloader.get_slot_key(request) == host for request in downloader.active)
    slot = downloader.slots.get(host)
    if slot is None:
        return busy < downloader.domain_concurrency
    return busy < slot.concurrency and slot.lastseen <= monotonic()


@dataclass
class _Failures:
    """Number of consecutive failures of a host, or of one kind of its pages."""

    count: int = 0
    given_up: FetchError | None = None


@dataclass
class _Host(_Failures):
    pauses: int = 0  # in a row
    has_page: bool = False  # a page, not only robots.txt, was received
    failed_urls: set[str] = field(default_factory=set)
    kinds: dict[str, _Failures] = field(default_factory=dict)


def page_kind(request: Request) -> str:
    """Return the kind of page that is requested: `story`, the name of an entry point (such as a feed), or `page`."""
    entry_point, fetch = request.meta.get("entry_point"), request.meta.get("fetch")
    return entry_point.name if entry_point else "story" if fetch and fetch.story_id else "page"


def _seconds(settings: BaseSettings, name: str, delays: float) -> float:
    """Return the value of a setting in seconds; its default is ``delays`` times the download delay (at most 1 s)."""
    if settings.get(name) is not None:
        return settings.getfloat(name)
    return delays * min(1.0, settings.getfloat("DOWNLOAD_DELAY"))


class PatientRetry(RetryMiddleware):
    """RetryMiddleware that pauses all requests to a host before it retries one.

    After a 429 or 503, requests to the host are paused for the time in Retry-After, but at least for
    `KHOBOR_FIRST_PAUSE_SECONDS`, doubled each time. After other failures the pause is `KHOBOR_FIRST_BACKOFF_SECONDS`,
    doubled with each retry; after two URLs have failed in a row, further ones are not retried. Other 4xx responses and
    internal errors are never retried.

    Pages of one kind (stories, or those of one entry point) are no longer requested from a host after
    `KHOBOR_MAX_HOST_FAILURES` of them failed in a row; the next run requests them. A host gets no more requests if this
    applies to all kinds, after as many failures in a row of any kind (twice as many if it sent a page before), or if a
    pause would be longer than the rest of `KHOBOR_MAX_BACKOFF_SECONDS`, the maximum sum of pauses in a run. The spider
    closes with the reason `unreachable`, `blocked` or `deferred` if all hosts get no more requests, or if only such
    kinds of pages are left and the last requests to each host failed.
    """

    def __init__(self, settings: BaseSettings) -> None:
        super().__init__(settings)
        self.first_pause = _seconds(settings, "KHOBOR_FIRST_PAUSE_SECONDS", 30)
        self.first_backoff = _seconds(settings, "KHOBOR_FIRST_BACKOFF_SECONDS", 5)
        self.seconds_left = settings.getfloat("KHOBOR_MAX_BACKOFF_SECONDS", 900)
        self.max_failures = settings.getint("KHOBOR_MAX_HOST_FAILURES", 5)
        self._hosts: dict[str, _Host] = {}
        self._wake_up: CallLaterResult | None = None
        self._closing: asyncio.Future[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        middleware = super().from_crawler(crawler)
        crawler.signals.connect(middleware.spider_idle, signals.spider_idle)
        crawler.signals.connect(middleware.spider_closed, signals.spider_closed)
        return middleware

    def spider_idle(self) -> None:
        left = [kind.given_up for host in self._hosts.values() for kind in host.kinds.values() if kind.given_up]
        if left and all(host.given_up or host.count >= self.max_failures for host in self._hosts.values()):
            raise CloseSpider(left[-1].outcome.value)

    @property
    def has_given_up_stories(self) -> bool:
        """Return True if a host failed so often that no more of its stories are requested."""
        return any("story" in host.kinds and host.kinds["story"].given_up for host in self._hosts.values())

    def spider_closed(self) -> None:
        if self._wake_up:
            self._wake_up.cancel()

    def process_request(self, request: Request) -> None:
        if error := self._host(request).given_up:
            raise FetchError(error.outcome, error.reason)
        if error := self._kind(request).given_up:
            self._stats.inc_value(f"khobor/left/{page_kind(request)}")
            raise FetchError(Outcome.PENDING, error.reason)

    def process_response(
        self, request: Request, response: Response, spider: Spider | None = None
    ) -> Request | Response:
        outcome, reason = check_response(response) or (None, "")
        if outcome not in (Outcome.BLOCKED, Outcome.SOFT_ERROR) and response.status < 500:
            host = self._host(request)
            host.count = host.pauses = self._kind(request).count = 0
            host.has_page = host.has_page or "fetch" in request.meta
            return response
        if self._count_failure(request, outcome, reason) or request.meta.get("dont_retry"):
            return response
        if response.status == 429 or (response.status == 503 and outcome is not Outcome.BLOCKED):
            has_paused = self._pause(request, self._pause_after(request, response))
            return (has_paused and self._retry(request, reason)) or response
        if outcome is Outcome.SOFT_ERROR:
            return self._back_off(request, "soft error") or response
        return (response.status in self.retry_http_codes and self._back_off(request, reason)) or response

    def process_exception(
        self, request: Request, exception: Exception, spider: Spider | None = None
    ) -> Request | Response | None:
        if isinstance(exception, FetchError) or not isinstance(exception, self.exceptions_to_retry):
            return None
        # A truncated page does not count as a failure of its host.
        if not isinstance(exception, ResponseDataLossError) and self._count_failure(request, *outcome_of(exception)):
            return None
        return self._back_off(request, exception)

    def _back_off(self, request: Request, reason: str | Exception) -> Request | None:
        if request.meta.get("dont_retry") or self._host(request).count > 2:
            return None
        retry = self._retry(request, reason)
        if retry and not self._pause(request, self.first_backoff * 2 ** (retry.meta["retry_times"] - 1)):
            return None
        return retry

    def _pause_after(self, request: Request, response: Response) -> float:
        host = self._host(request)
        host.pauses += 1
        retry_after, date = ((response.headers.get(name) or b"").decode("latin-1") for name in ("Retry-After", "Date"))
        requested = retry_after_seconds(retry_after, parse_http_date(date) or now())
        return max(requested or 0.0, self.first_pause * 2.0 ** (host.pauses - 1))

    def _pause(self, request: Request, seconds: float) -> bool:
        """Pause requests to a host, or stop them and return False if the pause exceeds the time left for pauses."""
        if seconds > self.seconds_left:
            reason = f"the host asks for a pause of {seconds:.0f} s, more than is left"
            self._give_up(request, "deferred", FetchError(Outcome.BLOCKED, reason))
            return False
        _, slot = slot_of(self.crawler, request)
        self.seconds_left -= max(0.0, min(seconds, monotonic() + seconds - slot.lastseen))
        self._stats.inc_value("khobor/pauses")
        self._stats.inc_value("khobor/pause_seconds", seconds)
        logger.info("%s pauses for %.1f s", urlparse_cached(request).hostname, seconds)
        self.hold(slot, seconds)
        return True

    def hold(self, slot: Slot, seconds: float) -> None:
        """Send no request in a download slot for some seconds.

        A slot sends a request one delay after `lastseen`. A time in the future thus pauses queued requests too.
        """
        slot.lastseen = max(slot.lastseen, monotonic() + seconds)
        slot.delay = max(slot.delay, 0.001)  # without a delay, a slot ignores `lastseen`
        if self._wake_up:
            self._wake_up.cancel()
        self._wake_up = call_later(slot.lastseen - monotonic() + 0.01, self._resume)

    def _resume(self) -> None:
        self._wake_up = None
        schedule_next_request(self.crawler)

    def _count_failure(self, request: Request, outcome: Outcome | None, reason: str) -> bool:
        """Count a failed URL; return True if its host, or its kind of page, gets no more requests.

        Each URL counts once per run, so that retries of a few bad pages do not make the whole host unreachable.
        """
        host, kind = self._host(request), self._kind(request)
        if request.url not in host.failed_urls:
            host.failed_urls.add(request.url)
            host.count += 1
            kind.count += 1
        outcome = Outcome.BLOCKED if outcome is Outcome.BLOCKED else Outcome.UNREACHABLE
        if kind.given_up is None and kind.count >= self.max_failures:
            kind.given_up = FetchError(outcome, f"{kind.count} URLs failed in a row; the last: {reason}")
            self._stats.set_value(f"khobor/failed_in_a_row/{page_kind(request)}", kind.count)
            logger.warning("%s of %s: %s", page_kind(request), request.url, kind.given_up.reason)
        limit = self.max_failures * (2 if host.has_page else 1)
        has_failed = host.count >= limit or all(each.given_up for each in host.kinds.values())
        if host.given_up is None and has_failed:
            error = FetchError(outcome, f"{host.count} URLs failed in a row; the last: {reason}")
            self._give_up(request, error.outcome.value, error)
        return (host.given_up or kind.given_up) is not None

    def _give_up(self, request: Request, name: str, error: FetchError) -> None:
        self._host(request).given_up = error
        self._stats.inc_value(f"khobor/given_up/{name}")
        logger.warning("%s is given up: %s", urlparse_cached(request).hostname, error.reason)
        if self._closing is None and all(host.given_up for host in self._hosts.values()):
            self._closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason=name))

    def _host(self, request: Request) -> _Host:
        return self._hosts.setdefault(urlparse_cached(request).hostname or "", _Host())

    def _kind(self, request: Request) -> _Failures:
        return self._host(request).kinds.setdefault(page_kind(request), _Failures())

    @property
    def _stats(self) -> Any:
        return self.crawler.stats
