"""Scrapy crawl of a trial: the project's downloader with its limits, and nothing that writes a file."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import fields
from typing import Any

from scrapy import Spider
from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.settings import Settings

from crawler.downloader.graceful_stop import run_must_end
from crawler.generic.unknown_site import unknown_site_parser
from crawler.registry import project_settings
from crawler.scrapy_internals import engine_of
from crawler.spider import NewspaperSpider
from schedules.exit_codes import CLOSE_REASONS
from schedules.signals import handle_signals
from schedules.trial.explain import ExplainingParser
from schedules.trial.visits import MAX_REQUESTS, Report, RequestBudget, Visits
from schedules.trial.without_storage import WITHOUT_STORAGE

#: Seconds after which a trial ends with what it has found. An operator waits for it.
MAX_SECONDS = 600
_RETRY_SECONDS = 0.1
Flow = Callable[[Visits], Awaitable[None]]


class TrialSpider(Spider):
    """Spider that visits pages in the order in which a function asks for them."""

    name = "trial"

    def __init__(self, visits: Visits, flow: Flow, hosts: tuple[str, ...]) -> None:
        super().__init__()
        self.hosts = hosts
        self.allowed_domains = list(hosts)
        self.visits, self._flow = visits, flow
        #: Error of the flow, other than those of a request.
        self.error: Exception | None = None

    async def start(self) -> AsyncIterator[Any]:
        self.visits.crawler = self.crawler
        try:
            await self._flow(self.visits)
        except Exception as error:  # noqa: BLE001 - raised again when the crawl has ended
            self.error = error
        return
        yield  # makes this a generator, as Scrapy expects


def new_visits(site: type[NewspaperSpider] | None, report: Report) -> Visits:
    """Return visits to a site, or to the host of a URL without a site file."""
    if site is None:
        return Visits(unknown_site_parser(), (), report)
    parser = site().page_parser
    explaining = ExplainingParser(**{each.name: getattr(parser, each.name) for each in fields(parser)})
    return Visits(explaining, site.entry_points, report)


def run_trial(visits: Visits, flow: Flow, hosts: tuple[str, ...], given: Mapping[str, str]) -> int | None:
    """Crawl as a function asks for pages, and return the number of the signal that stopped it, if any.

    What was found before the signal is kept in ``visits``.

    :param hosts: the only hosts to which requests are sent
    :param given: Scrapy settings, checked for politeness
    """
    process = AsyncCrawlerProcess(settings_without_storage(given))
    crawler = process.create_crawler(TrialSpider)
    stopped_by: list[int] = []

    def stop(number: int, _: object) -> None:
        from twisted.internet import reactor

        stopped_by.append(number)
        reactor.callFromThread(_close, crawler, number)

    with handle_signals(stop):
        try:
            crawl = process.crawl(crawler, visits=visits, flow=flow, hosts=hosts)
            process.start(install_signal_handlers=False)
        finally:
            visits.close()
    error = crawl.exception() if crawl.done() and not crawl.cancelled() else None
    if error := error or getattr(crawler.spider, "error", None):
        raise error
    return stopped_by[0] if stopped_by else None


def _close(crawler: Crawler, number: int) -> None:
    engine = engine_of(crawler)
    if engine is None or not engine.running:
        asyncio.get_running_loop().call_later(_RETRY_SECONDS, _close, crawler, number)
        return
    crawler.signals.send_catch_log(run_must_end)
    closing = asyncio.ensure_future(engine.close_spider_async(reason=CLOSE_REASONS[signal.Signals(number)]))
    closing.add_done_callback(lambda _: None)


def settings_without_storage(given: Mapping[str, str]) -> Settings:
    """Return the settings of a crawl of at most `MAX_REQUESTS` requests that stores nothing."""
    settings = project_settings()
    defaults = {
        "KHOBOR_MAX_HOST_FAILURES": 2,
        "KHOBOR_MAX_BACKOFF_SECONDS": 30,
        "RETRY_TIMES": 1,
        "CLOSESPIDER_TIMEOUT": MAX_SECONDS,
        "LOG_LEVEL": "CRITICAL",  # what concerns the site is part of the result
    }
    own = {
        **WITHOUT_STORAGE,
        "DOWNLOADER_MIDDLEWARES": {RequestBudget: 900},
        "KHOBOR_MAX_PAGES": MAX_REQUESTS,
    }
    settings.setdict({**defaults, **given, **own}, priority="cmdline")
    return settings
