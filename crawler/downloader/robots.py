"""What a host's robots.txt allows, strictly by RFC 9309: where it cannot be read, nothing is asked."""

import asyncio
import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest, StopDownload
from scrapy.extensions.throttle import AutoThrottle
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK
from scrapy.robotstxt import RobotParser
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.misc import build_from_crawler

from crawler.downloader.allowed_hosts import own_hosts, url_error
from crawler.downloader.errors import RobotsForbidden, outcome_of
from crawler.safe_text import one_line
from crawler.scrapy_internals import slot_of

LARGEST_ROBOTS = 512 * 1024
LONGEST_CRAWL_DELAY = 30.0
MOST_SITEMAPS = 50
REFUSING = (401, 403, 429)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Robots:
    """What one host's robots.txt says; `refusal` is set where the whole host is refused for this run."""

    rules: RobotParser | None = None
    refusal: str | None = None
    crawl_delay: float | None = None
    sitemaps: list[str] = field(default_factory=list)


class PoliteRobots(RobotsTxtMiddleware):
    """Scrapy's middleware, which takes every failure to read robots.txt for a yes, made to take it for a no.

    2xx: its rules, of which the first 512 KiB count; a page of HTML has none. Other 4xx: allowed. 401, 403, 429, 5xx,
    no answer, or redirects that go on or lead away: the whole host is refused. A Crawl-delay of up to 30 s is obeyed.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._readings: dict[str, asyncio.Future[Robots]] = {}
        crawler.signals.connect(self._cut_long_robots, signal=signals.bytes_received)

    async def robots_for(self, url: str) -> Robots:
        """The robots.txt of the address's host, fetched once per run however many ask for it at a time.

        A spider may await it in its `start` to learn the sitemaps before it chooses its doors.
        """
        return await self._robots(Request(url))

    async def robot_parser(self, request: Request) -> RobotParser | None:
        """The rules for a request's host; raises `RobotsForbidden` where the whole host is refused."""
        robots = await self._robots(request)
        if robots.refusal is not None:
            raise RobotsForbidden(robots.refusal)
        return robots.rules

    def process_request_2(self, rp: RobotParser | None, request: Request) -> None:
        """Raise `RobotsForbidden` where the rules forbid the address."""
        try:
            super().process_request_2(rp, request)
        except IgnoreRequest as error:
            raise RobotsForbidden("robots.txt forbids it") from error

    async def _robots(self, request: Request) -> Robots:
        netloc = urlparse_cached(request).netloc
        if netloc not in self._readings:
            self._readings[netloc] = asyncio.ensure_future(self._read(request))
        # Shielded: the one who asked first may be cancelled while others wait for the same answer.
        return await asyncio.shield(self._readings[netloc])

    async def _read(self, request: Request) -> Robots:
        self._stats.inc_value("robotstxt/request_count")
        parts = urlparse_cached(request)
        asked = Request(
            f"{parts.scheme}://{parts.netloc}/robots.txt",
            # Uncompressed, so that a long file can be cut.
            headers={"Accept-Encoding": "identity"},
            priority=self.DOWNLOAD_PRIORITY,
            meta={"dont_obey_robotstxt": True, "robots": 0, "download_maxsize": 0},
            callback=NO_CALLBACK,
        )
        try:
            response = await self.crawler.engine.download_async(asked)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the answer is no, with the reason kept
            return self._refused(parts.netloc, outcome_of(error)[1])
        self._stats.inc_value("robotstxt/response_count")
        self._stats.inc_value(f"robotstxt/response_status_count/{response.status}")
        if refusal := _refusal_for(response):
            return self._refused(parts.netloc, refusal)
        return await self._obey(response, request)

    def _refused(self, netloc: str, why: str) -> Robots:
        self._stats.inc_value("khobor/robots_unreadable")
        logger.warning("robots.txt of %s could not be read: %s", one_line(netloc), why)
        return Robots(refusal=f"robots.txt could not be read: {why}")

    async def _obey(self, response: Response, request: Request) -> Robots:
        body = rules_in(response.body) if 200 <= response.status < 300 else b""
        rules: RobotParser = build_from_crawler(self._parserimpl, self.crawler, body)
        await self.crawler.signals.send_catch_log_async(signals.robots_parsed, robotparser=rules, request=request)
        delay = bounded_delay(rules.crawl_delay(self._robotstxt_useragent or self._default_useragent))
        if delay:
            self._slow_down(request, delay)
        return Robots(rules=rules, crawl_delay=delay, sitemaps=self._own_sitemaps(rules))

    def _own_sitemaps(self, rules: RobotParser) -> list[str]:
        """The sitemaps that the file names on the site's own hosts (only Protego, Scrapy's default parser, tells)."""
        named: Iterable[Any] = getattr(getattr(rules, "rp", None), "sitemaps", None) or ()
        own = [str(url) for url in named if url_error(str(url), own_hosts(self.crawler)) is None]
        return own[:MOST_SITEMAPS]

    def _slow_down(self, request: Request, delay: float) -> None:
        """Ask the host no faster than its Crawl-delay, one request at a time, for the rest of the run.

        Set for the slot that is there now and for any that takes its place after a long silence.
        """
        downloader = self.crawler.engine.downloader
        key, slot = slot_of(self.crawler, request)
        configured = downloader.per_slot_settings.get(key, {}).get("delay", downloader.settings["DOWNLOAD_DELAY"])
        floor = max(delay, float(configured))
        slot.delay = max(slot.delay, floor)
        slot.concurrency, slot.jitter = 1, 0
        downloader.per_slot_settings[key] = {"delay": floor, "concurrency": 1, "jitter": 0}
        if throttle := self.crawler.get_extension(AutoThrottle):
            throttle.mindelay, throttle.maxdelay = max(throttle.mindelay, floor), max(throttle.maxdelay, floor)

    def _cut_long_robots(self, data: bytes, request: Request, spider: Spider) -> None:
        if "robots" not in request.meta:
            return
        request.meta["robots"] += len(data)
        if request.meta["robots"] > LARGEST_ROBOTS:
            raise StopDownload(fail=False)


def rules_in(body: bytes) -> bytes:
    """The part of a robots.txt that counts: whole lines of its first 512 KiB, and nothing of a page of HTML."""
    if len(body) > LARGEST_ROBOTS:
        body = body[:LARGEST_ROBOTS].rpartition(b"\n")[0]
    text = body.removeprefix(b"\xef\xbb\xbf").lstrip()
    return b"" if text.startswith(b"<") else text


def bounded_delay(seconds: float | None) -> float | None:
    """A Crawl-delay that we obey: a positive number of seconds, of which we take at most 30."""
    if seconds is None or not math.isfinite(seconds) or seconds <= 0:
        return None
    return min(seconds, LONGEST_CRAWL_DELAY)


def _refusal_for(response: Response) -> str | None:
    """Why an answer for robots.txt refuses the whole host, or None."""
    if response.headers.get("cf-mitigated"):
        return "a challenge came in its place"
    if response.status in REFUSING or not (200 <= response.status < 300 or 400 <= response.status < 500):
        return f"status {response.status}"
    return None
