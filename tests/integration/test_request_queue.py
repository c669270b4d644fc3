"""The queue of requests: order, bound, and URLs that wait in the ledger."""

import sys
from itertools import pairwise
from pathlib import Path
from random import Random

from scrapy import Request

from crawler.entry_points import Sitemap
from crawler.spiders.kalbela import Kalbela
from pipelines.runtime.request_queue import RequestQueue
from tests.newspaper import Newspaper
from tests.support.builders import make_fetch
from tests.support.commands import QUICK, FinishedCrawl
from tests.support.faulty_steps import SECONDS, with_step
from tests.support.forked_commands import run_command
from tests.support.sitemap_site import SitemapSite

SEED = "https://www.kalbela.com/world/1"
SMALL_QUEUE = ("--seed", SEED, "-s", "KHOBOR_MAX_QUEUED=30")  # far less than the site's URLs


def queue_of(priorities: list[int], max_size: int) -> RequestQueue:
    queue = RequestQueue(max_size)
    for number, priority in enumerate(priorities):
        queue.push(Request(f"https://www.kalbela.com/world/{number}", priority=priority))
    return queue


def test_requests_come_by_priority_then_arrival() -> None:
    queue = queue_of([-3, -1, -2, -1], max_size=9)
    assert queue.first().url.endswith("/1")
    assert [queue.pop()[1].url[-1] for _ in range(len(queue))] == ["1", "3", "2", "0"]
    assert not queue.has_spilled


def test_full_queue_spills_worse_half() -> None:
    queue = queue_of(Random(1).sample(range(100), 100), max_size=99)
    assert queue.has_spilled
    assert [queue.pop()[0] for _ in range(len(queue))] == [*range(99, 50, -1)]


def requested(crawl: FinishedCrawl) -> list[str]:
    fetches = crawl.table("fetches")
    return sorted(fetches[fetches.attempts > 0].url)


def plain(tmp_path: Path, paper: SitemapSite | None = None) -> FinishedCrawl:
    return FinishedCrawl(Newspaper(), (paper or SitemapSite(200, per_sitemap=100)).url, tmp_path)


def test_small_queue_finds_the_same(tmp_path: Path) -> None:
    found = []
    for max_queued in (50_000, 30):
        paper = Newspaper(seed=4, stories=80)
        with paper.serve() as mirror:
            crawl = FinishedCrawl(paper, mirror, tmp_path / str(max_queued))
            assert crawl.crawl("-s", f"KHOBOR_MAX_QUEUED={max_queued}")["urls"]["complete"]
        fetches = crawl.table("fetches")
        outcomes = sorted(zip(fetches.story_id.fillna(fetches.url), fetches.outcome, strict=True))
        found.append((outcomes, sorted(crawl.table("stories").story_id)))
        assert len(set(requested(crawl))) == len(requested(crawl))
    assert found[0] == found[1]


def test_next_run_requests_urls_left_open(tmp_path: Path) -> None:
    crawl = plain(tmp_path)
    first, second = crawl.crawl(*SMALL_QUEUE, "--max-pages", "20"), crawl.crawl(*SMALL_QUEUE)
    assert first["urls"]["complete"]
    assert second["urls"]["complete"]
    assert 0 < first["stories"]["new"] < 20
    assert first["stories"]["new"] + second["stories"]["new"] == 200
    stories = [url for url in requested(crawl) if "/world/" in url]
    assert len(stories) - len(set(stories)) <= 1  # both request the seed


def test_url_left_open_keeps_its_priority() -> None:
    spider = Kalbela()
    page = make_fetch(1, url="https://www.kalbela.com/sitemap.xml", depth=1)
    targets = [spider.url_rules.identify(f"https://www.kalbela.com/world/{number}") for number in (99, 100, 200)]
    [sitemap] = spider._without_paths(Sitemap)
    requests = [request for target in targets for request in spider._follow_story(target, page, sitemap)]
    again = [spider.resume(request.meta["fetch"]) for request in requests]
    assert [request.priority for request in again if request] == [request.priority for request in requests]
    assert requests[0].priority < requests[1].priority < requests[2].priority


def test_scrapy_parse_requests_its_page_only(tmp_path: Path) -> None:
    paper = SitemapSite(200, per_sitemap=100)
    plain(tmp_path, paper).crawl(*SMALL_QUEUE, "--max-pages", "8")
    paper.asked.clear()
    settings = ("-s", f"KHOBOR_MIRROR={paper.url}", "-s", f"KHOBOR_DATA={tmp_path}", *QUICK)
    parse = [sys.executable, "-m", "scrapy", "parse", "--spider", "kalbela", *settings, SEED]
    assert run_command(parse).returncode == 0
    assert [target for _, target in paper.asked] == ["/robots.txt", "/world/1"]


def test_lost_request_does_not_repeat_forever(tmp_path: Path) -> None:
    crawl = plain(tmp_path)
    report = crawl.crawl(*SMALL_QUEUE, "-s", "SCHEDULER=tests.support.lossy_scheduler.LossyScheduler")
    assert report["urls"]["complete"]
    assert report["stories"]["new"] == 180
    fetches = crawl.table("fetches")
    assert {*fetches[fetches.outcome == "pending"].url.str[-1]} == {"7"}


def test_page_being_parsed_delays_next_request(tmp_path: Path) -> None:
    paper = SitemapSite(20, per_sitemap=10)
    plain(tmp_path, paper).crawl("--seed", SEED, "-s", with_step("delay_stories"))
    moments = [at for at, target in paper.asked if target.rpartition("/")[2].isdigit()]
    assert len(moments) == 20
    assert min(later - earlier for earlier, later in pairwise(moments)) >= 0.9 * SECONDS
