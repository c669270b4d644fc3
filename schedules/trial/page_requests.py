"""A few requests to one site with the downloader of a run: robots.txt, delays, hosts, sizes and private addresses."""

import asyncio
import resource
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Response

from crawler.clock import now
from crawler.downloader.allowed_hosts import url_error
from crawler.downloader.errors import outcome_of
from crawler.downloader.response_check import check_response
from crawler.downloader.robots import PoliteRobots, Robots
from crawler.entry_points import EntryPoint
from crawler.outcomes import Outcome
from crawler.safe_text import one_line
from crawler.urls.standard import Url, UrlError
from crawler.worker.process import lower_limit
from schedules.exit_codes import WrongUsage
from schedules.trial.trial_crawl import MAX_SECONDS, settings_without_storage
from schedules.trial.visits import RequestBudget

_ADDRESS_SPACE = 4 * 2**30
T = TypeVar("T")


@dataclass(frozen=True)
class FetchedPage:
    """The response to one request, or the reason why there is none.

    :ivar problem: final state of the URL and its reason; None if the response can be read
    """

    url: str
    fetched_at: datetime
    body: bytes = b""
    content_type: str | None = None
    problem: tuple[Outcome, str] | None = None


@dataclass
class SiteRequests:
    """Requests to the hosts of one site, one after the other and at most as many as in a trial.

    :ivar log: every URL that was asked for, with the reason if there was no readable response
    """

    _spider: Spider
    _note: Callable[[str, str], None]
    log: dict[str, str] = field(default_factory=dict)

    @property
    def sent(self) -> int:
        budget = self._spider.crawler.get_downloader_middleware(RequestBudget)
        return budget.sent if budget else 0

    async def robots(self, url: str) -> Robots:
        robots = self._spider.crawler.get_downloader_middleware(PoliteRobots)
        assert robots is not None
        return await robots.robots_for(url)

    async def get(self, url: str, entry_point: EntryPoint | None = None) -> FetchedPage:
        """Request a URL.

        :param entry_point: feed or sitemap to which the URL belongs, which decides on the content type that is accepted
        """
        meta = {"verbatim_url": True, "entry_point": entry_point}
        engine: Any = self._spider.crawler.engine
        try:
            response: Response = await engine.download_async(Request(url, meta=meta, dont_filter=True))
        except Exception as error:  # noqa: BLE001 - any error is the reason of this URL
            return self._failed(url, *outcome_of(error))
        if problem := check_response(response):
            return self._failed(url, *problem)
        self._record(url, "")
        content_type = response.headers.get("Content-Type")
        return FetchedPage(response.url, now(), response.body, content_type.decode("latin-1") if content_type else None)

    def _failed(self, url: str, outcome: Outcome, reason: str) -> FetchedPage:
        self._record(url, reason)
        return FetchedPage(url, now(), problem=(outcome, reason))

    def _record(self, url: str, problem: str) -> None:
        self.log[url] = problem
        self._note(url, problem)


def request_pages(
    hosts: tuple[str, ...],
    settings: Mapping[str, str],
    plan: Callable[[SiteRequests], Awaitable[T]],
    note: Callable[[str, str], None],
) -> T:
    """Run ``plan``, which makes requests and returns a result, and return that result. Can be called once per process.

    :param hosts: host names that may be contacted
    :param settings: checked Scrapy settings of the run
    :param note: called after each request with its URL, and the reason if there was no readable response
    """
    lower_limit(resource.RLIMIT_AS, _ADDRESS_SPACE)
    results: list[T] = []
    errors: list[BaseException] = []

    class Requests(Spider):
        name = "requests"

        async def start(self) -> AsyncIterator[Any]:
            try:
                async with asyncio.timeout(MAX_SECONDS):
                    results.append(await plan(SiteRequests(self, note)))
            except Exception as error:  # noqa: BLE001 - raised again outside the reactor
                errors.append(error)
            return
            yield

    Requests.hosts = hosts  # type: ignore[attr-defined]
    process = AsyncCrawlerProcess(settings_without_storage(settings))
    crawl = process.crawl(Requests)
    process.start(install_signal_handlers=False)
    if crawl.done() and not crawl.cancelled() and (error := crawl.exception()):
        errors.append(error)
    if errors:
        raise errors[0]
    return results[0]


def site_hosts(url: str) -> tuple[str, tuple[str, ...]]:
    """Return the URL of a page as it is requested, and the hosts of its site: that of the URL, with and without `www.`.

    :raises WrongUsage: it is not the URL of a page on a public web server
    """
    example = "give one such as https://www.example.com/"
    text = url if "://" in url else f"https://{url}"
    try:
        requested = str(Url.parse(text))
        host = urlsplit(requested).hostname or ""
    except (UrlError, ValueError) as error:
        raise WrongUsage(f"{one_line(url)!r} is not a URL ({one_line(str(error))}): {example}") from error
    if (problem := url_error(requested, (host,))) or "." not in host:
        has_port = problem is not None and problem.reason.startswith("port")
        reason = problem.reason if problem and has_port else "its host is not the name of a public web server"
        raise WrongUsage(f"{one_line(url)!r} cannot be requested ({reason}): {example}")
    twin = host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"
    return requested, (host, twin)
