"""robots.txt according to RFC 9309; no page is requested from a host whose robots.txt cannot be read.

Scrapy's middleware is extended because it allows everything after an error and ignores Crawl-delay.
"""

import asyncio
import logging
import math
from dataclasses import dataclass

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import StopDownload
from scrapy.extensions.throttle import AutoThrottle
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK
from scrapy.utils.httpobj import urlparse_cached

from crawler.downloader.errors import RobotsForbidden, outcome_of
from crawler.downloader.robots_rules import MAX_ROBOTS_BYTES, RobotsRules, parse_robots
from crawler.safe_text import one_line
from crawler.scrapy_internals import slot_of

MAX_CRAWL_DELAY = 30.0
MAX_SITEMAPS = 50
FORBIDDING_STATUSES = (401, 403, 429)
NO_RULES = RobotsRules()

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Robots:
    """The parsed robots.txt of one host.

    :ivar error: reason why the host gets no requests in this run, or None
    :ivar crawl_delay: Crawl-delay in seconds, at most 30
    """

    rules: RobotsRules = NO_RULES
    error: str | None = None
    crawl_delay: float | None = None
    sitemaps: tuple[str, ...] = ()


class PoliteRobots(RobotsTxtMiddleware):
    """RobotsTxtMiddleware that forbids all requests to a host whose robots.txt cannot be read.

    With status 2xx, the rules in the first 512 KiB apply. After 401, 403, 429, 5xx, too many redirects or no response,
    all requests are forbidden; after any other 4xx, all are allowed. A Crawl-delay is obeyed up to 30 s.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._requests: dict[str, asyncio.Future[Robots]] = {}
        crawler.signals.connect(self._cut_off, signal=signals.bytes_received)

    async def robots_for(self, url: str) -> Robots:
        """Return the parsed robots.txt of a URL's host, which is requested once per run.

        A spider may await this method in `start`.
        """
        return await self._robots(Request(url))

    async def process_request(self, request: Request, spider: Spider | None = None) -> None:
        if request.meta.get("dont_obey_robotstxt"):
            return
        robots = await self._robots(request)
        if robots.error is not None:
            raise RobotsForbidden(robots.error)
        if not robots.rules.allows(request.url):
            self._stats.inc_value("robotstxt/forbidden")
            raise RobotsForbidden("robots.txt forbids it")

    async def _robots(self, request: Request) -> Robots:
        netloc = urlparse_cached(request).netloc
        if netloc not in self._requests:
            self._requests[netloc] = asyncio.ensure_future(self._fetch(request))
        # Several callers may await the same response, so cancelling one of them must not cancel the request.
        return await asyncio.shield(self._requests[netloc])

    async def _fetch(self, request: Request) -> Robots:
        self._stats.inc_value("robotstxt/request_count")
        parts = urlparse_cached(request)
        robots_request = Request(
            f"{parts.scheme}://{parts.netloc}/robots.txt",
            # Uncompressed, so that a long file can be cut off.
            headers={"Accept-Encoding": "identity"},
            priority=self.DOWNLOAD_PRIORITY,
            meta={"dont_obey_robotstxt": True, "robots": 0, "download_maxsize": 0},
            callback=NO_CALLBACK,
        )
        try:
            response = await self.crawler.engine.download_async(robots_request)
        except Exception as error:  # noqa: BLE001 - any error forbids the host, with its reason
            reason: str | None = outcome_of(error)[1]
        else:
            self._stats.inc_value("robotstxt/response_count")
            self._stats.inc_value(f"robotstxt/response_status_count/{response.status}")
            reason = _error_of(response)
        if reason is None:
            return self._parse(response, request)
        self._stats.inc_value("khobor/robots_unreadable")
        logger.warning("robots.txt of %s could not be read: %s", one_line(parts.netloc), reason)
        return Robots(error=f"robots.txt could not be read: {reason}")

    def _parse(self, response: Response, request: Request) -> Robots:
        rules = parse_robots(response.body) if 200 <= response.status < 300 else NO_RULES
        if delay := bounded_delay(rules.crawl_delay):
            self.slow_down(request, delay)
        for limit, ignored in (
            (f"{MAX_ROBOTS_BYTES // 1024} KiB", max(0, len(response.body) - MAX_ROBOTS_BYTES)),
            (f"{MAX_SITEMAPS} sitemaps", len(rules.sitemaps[MAX_SITEMAPS:])),
        ):
            if ignored:
                self._stats.inc_value("khobor/robots_cut")
                host = one_line(urlparse_cached(request).netloc)
                logger.warning("robots.txt of %s exceeds %s; the rest is ignored", host, limit)
        return Robots(rules, crawl_delay=delay, sitemaps=rules.sitemaps[:MAX_SITEMAPS])

    def slow_down(self, request: Request, delay: float) -> None:
        """Apply a Crawl-delay to AutoThrottle and to the host's download slot.

        It also applies to the slot that Scrapy creates for the host after it has removed an idle one.
        """
        downloader = self.crawler.engine.downloader
        key, slot = slot_of(self.crawler, request)
        configured = downloader.per_slot_settings.get(key, {}).get("delay", downloader.settings["DOWNLOAD_DELAY"])
        delay = max(delay, float(configured))
        slot.delay = max(slot.delay, delay)
        slot.concurrency, slot.jitter = 1, 0
        downloader.per_slot_settings[key] = {"delay": delay, "concurrency": 1, "jitter": 0}
        if throttle := self.crawler.get_extension(AutoThrottle):
            throttle.mindelay, throttle.maxdelay = max(throttle.mindelay, delay), max(throttle.maxdelay, delay)

    def _cut_off(self, data: bytes, request: Request, spider: Spider) -> None:
        if "robots" in request.meta:
            request.meta["robots"] += len(data)
            if request.meta["robots"] > MAX_ROBOTS_BYTES:
                raise StopDownload(fail=False)


def bounded_delay(seconds: float | None) -> float | None:
    """Return a Crawl-delay in seconds, limited to 30 s, or None if it is not a positive number."""
    if seconds is None or not math.isfinite(seconds) or seconds <= 0:
        return None
    return min(seconds, MAX_CRAWL_DELAY)


def _error_of(response: Response) -> str | None:
    """Return the reason why the response to a robots.txt request forbids all requests to the host, otherwise None."""
    if response.headers.get("cf-mitigated"):
        return "a challenge instead"
    if response.status in FORBIDDING_STATUSES or not (200 <= response.status < 300 or 400 <= response.status < 500):
        return f"status {response.status}"
    return None
