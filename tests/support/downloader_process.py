"""Fetch URLs with the network components of the crawler, in a child process.

A reactor cannot start twice in one process. The children are forked from a server that has imported everything.
"""

import asyncio
import multiprocessing
import os
import resource
import tempfile
import time
import warnings
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.exceptions import ScrapyDeprecationWarning
from scrapy.pqueues import DownloaderAwarePriorityQueue
from scrapy.spidermiddlewares.httperror import HttpError

import crawler.downloader.allowed_hosts  # noqa: F401 - imported before the fork
from crawler.decoding.charset import decode_text
from crawler.downloader.archive import HttpExchange
from crawler.downloader.errors import outcome_of, outcome_of_status
from crawler.downloader.retry import has_free_slot
from crawler.downloader.robots import PoliteRobots

COMPONENTS: dict[str, Any] = {
    **{f"{name}_ENABLED": False for name in ("TELNETCONSOLE", "REMOTE_CONTROL", "COOKIES", "REFERER")},
    "HTTPPROXY_ENABLED": False,
    "METAREFRESH_ENABLED": False,
    "ROBOTSTXT_OBEY": False,
    "LOG_LEVEL": "ERROR",
    "USER_AGENT": "Khobor-test/1 (+https://example.org)",
    "TWISTED_DNS_RESOLVER": "crawler.downloader.allowed_hosts.PublicOnlyResolver",
    "DOWNLOAD_HANDLERS": {
        **dict.fromkeys(("http", "https"), "crawler.downloader.handler.BoundedDownload"),
        **dict.fromkeys(("file", "data", "ftp", "s3")),
    },
    "DOWNLOADER_MIDDLEWARES": {
        "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
        "crawler.downloader.allowed_hosts.OnlyOwnHosts": 50,
        "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
        "crawler.downloader.robots.PoliteRobots": 100,
        "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": None,
        "crawler.downloader.allowed_hosts.OwnRedirects": 600,
        "scrapy.downloadermiddlewares.retry.RetryMiddleware": None,
        "crawler.downloader.retry.PatientRetry": 550,
        "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,
        "crawler.downloader.compression.StrictDecompression": 590,
        "crawler.downloader.archive.ArchiveResponses": 900,
    },
    "EXTENSIONS": {"scrapy.extensions.throttle.AutoThrottle": 0, "crawler.downloader.graceful_stop.GracefulStop": 0},
    "SCHEDULER_PRIORITY_QUEUE": "tests.support.downloader_process.PatientQueue",
    "DOWNLOAD_VERIFY_CERTIFICATES": True,
    "DOWNLOAD_MAXSIZE": 8 * 2**20,
    "DOWNLOAD_FAIL_ON_DATALOSS": False,
    "DOWNLOAD_TIMEOUT": 2,
    "DOWNLOAD_DELAY": 0,
    "REDIRECT_MAX_TIMES": 5,
    "CONCURRENT_REQUESTS": 32,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 32,
    "RETRY_TIMES": 0,
    "RETRY_HTTP_CODES": [500, 502, 503, 504, 520, 521, 522, 523, 524],
    "RETRY_GIVE_UP_LOG_LEVEL": "INFO",
    "RETRY_PRIORITY_ADJUST": -1000,
    "KHOBOR_FIRST_PAUSE_SECONDS": 0.2,
    "KHOBOR_FIRST_BACKOFF_SECONDS": 0.05,
    "KHOBOR_MAX_HOST_FAILURES": 1000,
}


class PatientQueue(DownloaderAwarePriorityQueue):
    """Queue that holds requests to hosts without a free slot."""

    def pop(self) -> Request | None:
        downloader = self.crawler.engine.downloader
        kept = {host: self.pqueues.pop(host) for host in list(self.pqueues) if not has_free_slot(downloader, host)}
        try:
            return super().pop()
        finally:
            self.pqueues |= kept


@dataclass
class Results:
    """Results of each URL (`pages`) and of the run; `told` holds other observations of the child."""

    pages: dict[str, dict[str, Any]]
    told: dict[str, Any]
    archived: list[dict[str, Any]]
    reason: str
    stats: dict[str, Any]
    seconds: float
    megabytes: int
    log: str

    def came_of(self, url: str) -> str | int:
        """Return the status of a URL, or its outcome if there was no response."""
        page = self.pages[url]
        return page.get("status") or page["outcome"]


def fetch(urls: list[str], hosts: list[str] | None = None, seconds: float = 40, **settings: Any) -> Results:
    """Fetch URLs in a child process, in order, and concurrently by default.

    The result of a page has `status`, `url`, `body` (first 300 characters), `size` and `flags`, or `outcome` and
    `reason`; `at` is in seconds since the start. Special settings: `with_robots=[…]` requests robots.txt of these URLs
    first, `with_stop=2` stops the run after two seconds.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.downloader_process"])
    ours, theirs = context.Pipe()
    job = {"urls": urls, "hosts": hosts or ["www.paper.test"], "settings": settings}
    with tempfile.NamedTemporaryFile() as log, ours:
        child = context.Process(target=_child, args=(job, log.name, theirs), daemon=True)
        child.start()
        theirs.close()  # so that the death of the child ends the poll
        try:
            answer = ours.recv() if ours.poll(seconds) else None
        except EOFError:
            answer = None
        child.kill() if answer is None else child.join(10)
        written = Path(log.name).read_text()
        assert answer is not None, f"no answer: {written}"
        return Results(**answer, log=written)


class Fetching(Spider):
    name = "fetching"

    def __init__(self, job: dict[str, Any], steering: dict[str, Any]) -> None:
        super().__init__()
        self.job, self.steering, self.hosts = job, steering, tuple(job["hosts"])
        self.began = time.monotonic()
        self.pages: dict[str, Any] = {}
        self.told: dict[str, Any] = {}
        self.archived: list[dict[str, Any]] = []

    def archive(self, exchange: HttpExchange) -> tuple[str, int, int]:
        self.archived.append(asdict(exchange))
        return "", 0, 0

    async def start(self) -> AsyncIterator[Any]:
        if stop := self.steering.get("with_stop"):
            asyncio.get_running_loop().call_later(stop, self.stop)
        for url in self.steering.get("with_robots", ()):
            robots = await self.crawler.get_downloader_middleware(PoliteRobots).robots_for(url)
            self.told[url] = {"refusal": robots.error, "delay": robots.crawl_delay, "sitemaps": robots.sitemaps}
        for number, url in enumerate(self.job["urls"]):
            yield Request(url, self.parse, errback=self.fail, cb_kwargs={"asked": url}, priority=-number)

    def stop(self) -> None:
        self.told["stopped_at"] = self.seconds
        self.ending = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason="stopped"))

    def closed(self, reason: str) -> None:
        self.told["slots"] = self.crawler.engine.downloader.per_slot_settings

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def parse(self, response: Any, asked: str) -> None:
        text = decode_text(response.body, response.headers.get("Content-Type", b"").decode("latin-1"))
        self.pages[asked] = {
            "status": response.status,
            "url": response.url,
            "body": text[:300],
            "size": len(response.body),
            "flags": response.flags,
            "at": self.seconds,
        }

    def fail(self, failure: Any) -> None:
        outcome, reason = outcome_of(failure)
        if isinstance(failure.value, HttpError):  # raised by a middleware that Khobor does not use
            outcome = outcome_of_status(failure.value.response.status)
        asked = failure.request.cb_kwargs["asked"]
        self.pages[asked] = {"outcome": outcome.value, "reason": reason, "at": self.seconds}


def _child(job: dict[str, Any], log: str, answer: Any) -> None:
    with Path(log).open("wb") as file:
        os.dup2(file.fileno(), 2)
    warnings.simplefilter("error", ScrapyDeprecationWarning)
    steering = {name: job["settings"].pop(name) for name in list(job["settings"]) if name.startswith("with_")}
    process = AsyncCrawlerProcess(settings=COMPONENTS | job["settings"])
    crawler = process.create_crawler(Fetching)
    process.crawl(crawler, job=job, steering=steering)
    process.start()
    spider, stats = crawler.spider, crawler.stats.get_stats()
    results = {
        "pages": spider.pages,
        "told": spider.told,
        "reason": stats.get("finish_reason"),
        "stats": stats,
        "archived": spider.archived,
    }
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    answer.send(results | {"seconds": spider.seconds, "megabytes": megabytes})
