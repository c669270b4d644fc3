"""Patience with a host in trouble: pauses that the whole host gets, few retries, and an end to asking in vain."""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any, Self

from scrapy import Request, Spider, signals
from scrapy.core.downloader import Downloader
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.exceptions import ResponseDataLossError
from scrapy.http import Response
from scrapy.settings import BaseSettings
from scrapy.utils.asyncio import CallLaterResult, call_later
from scrapy.utils.httpobj import urlparse_cached

from crawler.clock import now
from crawler.downloader.errors import FetchError, HostBlocked, HostUnreachable, outcome_of
from crawler.downloader.response_check import judge_response
from crawler.outcomes import Outcome
from crawler.scrapy_internals import schedule_next_request, slot_of

logger = logging.getLogger(__name__)


def seconds_to_wait(retry_after: str | None, at: datetime) -> float | None:
    """The seconds that a Retry-After header asks for (a number, or a date seen from `at`); None where it asks for none.

    Negative, past and unreadable values ask for nothing.
    """
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:12])
    else:
        until = _date(text)
        seconds = (until - at).total_seconds() if until else 0.0
    return seconds if seconds > 0 else None


def _date(text: str) -> datetime | None:
    """The moment that a header's date names, or None."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _field(response: Response, name: str) -> str:
    return (response.headers.get(name) or b"").decode("latin-1")


def may_be_asked(downloader: Downloader, host: str, in_work: int = 0) -> bool:
    """Whether a request to this host would go out soon, rather than wait for a pause or for the one before it.

    Pages in work count as if they were still on their way, so that a kill takes no more with it.
    For a scheduler: what it keeps back meanwhile takes no place from other hosts, and a run that ends has not to wait
    for it.
    """
    busy = in_work + sum(downloader.get_slot_key(request) == host for request in downloader.active)
    slot = downloader.slots.get(host)
    if slot is None:
        return busy < downloader.domain_concurrency
    return busy < slot.concurrency and slot.lastseen <= monotonic()


@dataclass
class _Host:
    """What we remember of one host during a run."""

    failures: int = 0
    pauses: int = 0
    failed: set[str] = field(default_factory=set)
    given_up: FetchError | None = None


def _rest_of(settings: BaseSettings, name: str, delays: float) -> float:
    """Seconds that a setting says, or else so many delays: a mirror of one's own that needs none needs no rest."""
    if settings.get(name) is not None:
        return settings.getfloat(name)
    return delays * min(1.0, settings.getfloat("DOWNLOAD_DELAY"))


class PatientRetry(RetryMiddleware):
    """Scrapy's retries, which follow each other at once, made patient.

    After 429 and 503 the host rests for as long as Retry-After says, and at least `KHOBOR_FIRST_PAUSE_SECONDS` seconds,
    twice that the next time, and so on. After other failures it rests for `KHOBOR_FIRST_BACKOFF_SECONDS` seconds,
    doubled with each try, and once two addresses failed in a row, the next ones get one try each. Other answers of
    status 4xx, and refusals of ours, are never retried. A host is given up, and its addresses
    are refused unasked, when `KHOBOR_MAX_HOST_FAILURES` addresses failed in a row, or when it asks for more pause than
    is left of the `KHOBOR_MAX_BACKOFF_SECONDS` seconds of the run. Once all hosts are given up, the run closes with the
    reason `unreachable`, `blocked` or `deferred`.
    """

    def __init__(self, settings: BaseSettings) -> None:
        super().__init__(settings)
        self.first_pause = _rest_of(settings, "KHOBOR_FIRST_PAUSE_SECONDS", 30)
        self.first_backoff = _rest_of(settings, "KHOBOR_FIRST_BACKOFF_SECONDS", 5)
        self.patience = settings.getfloat("KHOBOR_MAX_BACKOFF_SECONDS", 900)
        self.most_failures = settings.getint("KHOBOR_MAX_HOST_FAILURES", 5)
        self._hosts: dict[str, _Host] = {}
        self._waking: CallLaterResult | None = None
        self._closing: asyncio.Future[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """The middleware, which needs to know when the spider closes."""
        middleware = super().from_crawler(crawler)
        crawler.signals.connect(middleware.spider_closed, signals.spider_closed)
        return middleware

    def spider_closed(self) -> None:
        """Forget the pause that is under way."""
        if self._waking:
            self._waking.cancel()

    def process_request(self, request: Request) -> None:
        """Refuse an address of a host that was given up."""
        if refusal := self._host(request).given_up:
            raise type(refusal)(refusal.reason)

    def process_response(
        self, request: Request, response: Response, spider: Spider | None = None
    ) -> Request | Response:
        """The answer, or the request for another try."""
        outcome, reason = judge_response(response) or (None, "")
        if outcome not in (Outcome.BLOCKED, Outcome.SOFT_ERROR) and response.status < 500:
            self._recovered(request)
            return response
        if self._failed(request, outcome, reason) or request.meta.get("dont_retry"):
            return response
        if response.status == 429 or (response.status == 503 and outcome is not Outcome.BLOCKED):
            rests = self._rest(request, self._pause_after(request, response))
            return (rests and self._retry(request, reason)) or response
        if outcome is Outcome.SOFT_ERROR:
            return self._again(request, "soft error") or response
        return (response.status in self.retry_http_codes and self._again(request, reason)) or response

    def process_exception(
        self, request: Request, exception: Exception, spider: Spider | None = None
    ) -> Request | Response | None:
        """The request for another try, or None where there is none."""
        if isinstance(exception, FetchError) or not isinstance(exception, self.exceptions_to_retry):
            return None
        # A page that is cut short says nothing about its host.
        lost = isinstance(exception, ResponseDataLossError)
        if not lost and self._failed(request, *outcome_of(exception)):
            return None
        return self._again(request, exception)

    def _again(self, request: Request, reason: str | Exception) -> Request | None:
        if request.meta.get("dont_retry") or self._host(request).failures > 2:
            return None
        again = self._retry(request, reason)
        if again and not self._rest(request, self.first_backoff * 2 ** (again.meta["retry_times"] - 1)):
            return None
        return again

    def _pause_after(self, request: Request, response: Response) -> float:
        """The seconds for which a host rests after an answer that asks for patience."""
        host = self._host(request)
        host.pauses += 1
        asked = seconds_to_wait(_field(response, "Retry-After"), _date(_field(response, "Date")) or now())
        return max(asked or 0.0, self.first_pause * 2.0 ** (host.pauses - 1))

    def _rest(self, request: Request, seconds: float) -> bool:
        """Send nothing to the request's host for so long; False where that is more than the run's patience.

        A slot sends its next request a delay after the one before, so a host rests when that lies in the future. It
        holds for what is queued already, outlives the slots' clean-up and blocks nothing else.
        """
        if seconds > self.patience:
            self._give_up(
                request, "deferred", HostBlocked(f"it asks for a pause of {seconds:.0f} s, more than is left")
            )
            return False
        _, slot = slot_of(self.crawler, request)
        self.patience -= max(0.0, min(seconds, monotonic() + seconds - slot.lastseen))
        slot.lastseen = max(slot.lastseen, monotonic() + seconds)
        slot.delay = max(slot.delay, 0.001)  # a slot without a delay does not look when it sent last
        self._stats.inc_value("khobor/pauses")
        self._stats.inc_value("khobor/pause_seconds", seconds)
        logger.info("%s rests for %.1f s", urlparse_cached(request).hostname, seconds)
        self._wake_after(slot.lastseen - monotonic())
        return True

    def _wake_after(self, seconds: float) -> None:
        """Look for something to ask when the pause is over, instead of at the engine's next heartbeat."""
        if self._waking:
            self._waking.cancel()
        self._waking = call_later(seconds + 0.01, self._wake)

    def _wake(self) -> None:
        self._waking = None
        schedule_next_request(self.crawler)

    def _failed(self, request: Request, outcome: Outcome | None, reason: str) -> bool:
        """Count a failure; True where the host is given up.

        Failures count in a row over different addresses, each once in a run: neither one bad page that is tried again
        and again, nor the last tries of a few bad pages, make a host unreachable.
        """
        host = self._host(request)
        if request.url not in host.failed:
            host.failed.add(request.url)
            host.failures += 1
        if host.given_up is None and host.failures >= self.most_failures:
            kind = HostBlocked if outcome is Outcome.BLOCKED else HostUnreachable
            name = "blocked" if outcome is Outcome.BLOCKED else "unreachable"
            self._give_up(request, name, kind(f"{host.failures} addresses failed in a row; the last: {reason}"))
        return host.given_up is not None

    def _recovered(self, request: Request) -> None:
        host = self._host(request)
        host.failures = host.pauses = 0

    def _give_up(self, request: Request, name: str, refusal: FetchError) -> None:
        self._host(request).given_up = refusal
        self._stats.inc_value(f"khobor/given_up/{name}")
        logger.warning("%s is left alone: %s", urlparse_cached(request).hostname, refusal.reason)
        if self._closing is None and all(host.given_up for host in self._hosts.values()):
            assert self.crawler.engine is not None
            self._closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason=name))

    def _host(self, request: Request) -> _Host:
        return self._hosts.setdefault(urlparse_cached(request).hostname or "", _Host())

    @property
    def _stats(self) -> Any:
        return self.crawler.stats
