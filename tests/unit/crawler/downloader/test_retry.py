"""Failures counted per kind of page."""

import asyncio
from types import SimpleNamespace

import pytest
from scrapy import Request
from scrapy.exceptions import CloseSpider
from scrapy.http import Response
from scrapy.settings import Settings
from scrapy.statscollectors import MemoryStatsCollector

from crawler.downloader.errors import FetchError
from crawler.downloader.retry import PatientRetry
from crawler.entry_points import EntryPoint, Feed, Listing
from crawler.outcomes import Outcome
from crawler.spiders.kalbela import Kalbela
from crawler.urls import SiteUrl

WWW = "https://www.kalbela.com"
SECTION, FEED = Listing(name="category"), Feed(name="rss")


class Host:
    """A host whose pages fail or succeed by kind."""

    def __init__(self) -> None:
        self.closed: list[str] = []
        self.spider = Kalbela()
        self.retry = PatientRetry(Settings({"KHOBOR_MAX_HOST_FAILURES": 5}))
        crawler = SimpleNamespace(engine=SimpleNamespace(close_spider_async=self._close), settings=Settings())
        crawler.stats = MemoryStatsCollector(crawler)  # type: ignore[arg-type]
        self.retry.crawler = crawler  # type: ignore[assignment]
        self._n = 0

    async def _close(self, reason: str) -> None:
        self.closed.append(reason)

    def get(self, kind: EntryPoint | None, status: int) -> Outcome | None:
        """Request the next page of a kind; return the outcome with which it is not requested."""
        self._n += 1
        target = self.spider.url_rules.identify(f"{WWW}/world/{self._n}" if kind is None else f"{WWW}/s-{self._n}")
        assert isinstance(target, SiteUrl)
        fetch = self.spider.new_fetch(target, via="x", referrer=None, depth=0)
        request = Request(target.url, meta={"fetch": fetch, "entry_point": kind, "dont_retry": True})
        try:
            self.retry.process_request(request)
        except FetchError as error:
            return error.outcome
        self.retry.process_response(request, Response(target.url, status=status))
        return None


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.mark.parametrize(("failing", "other"), [(SECTION, None), (None, SECTION), (FEED, None), (FEED, SECTION)])
def test_failing_kind_leaves_others_requested(host: Host, failing: EntryPoint | None, other: EntryPoint | None) -> None:
    host.get(other, 200)
    assert [host.get(failing, 500) for _ in range(7)] == [None] * 5 + [Outcome.PENDING] * 2
    assert [host.get(other, 200) for _ in range(20)] == [None] * 20
    host.retry.spider_idle()
    stats = host.retry.crawler.stats
    assert stats is not None
    kind = failing.name if failing else "story"
    assert (stats.get_value(f"khobor/failed_in_a_row/{kind}"), stats.get_value(f"khobor/left/{kind}")) == (5, 2)
    assert host.closed == []


def test_dead_host_is_given_up(host: Host) -> None:
    async def crawl() -> None:
        assert [host.get(kind, 200) for kind in (SECTION, FEED, None)] == [None] * 3
        failures = [host.get(kind, 500) for _ in range(5) for kind in (SECTION, None)]
        assert failures == [None] * 10
        assert host.get(FEED, 200) is Outcome.UNREACHABLE
        await asyncio.sleep(0)

    asyncio.run(crawl())
    assert host.closed == ["unreachable"]


def test_run_ends_when_only_failing_pages_are_left(host: Host) -> None:
    host.get(SECTION, 200)
    for _ in range(6):
        host.get(None, 500)
    with pytest.raises(CloseSpider) as closing:
        host.retry.spider_idle()
    assert closing.value.reason == "unreachable"
    assert host.retry.has_given_up_stories
