"""What waits to be asked for: in which order, how much of it in memory, and what becomes of the rest."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from random import Random

from scrapy import Request

from crawler.entry_points import Sitemap
from crawler.spiders.kalbela import Kalbela
from pipelines.runtime.request_queue import RequestQueue
from tests.newspaper import Newspaper
from tests.support.builders import a_fetch
from tests.support.commands import QUICK, Crawled
from tests.support.faulty_steps import SECONDS, with_step
from tests.support.project import PROJECT
from tests.support.sitemap_site import Plain

ROOM = 30  # far less than what these papers name


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


def asked(crawl: Crawled) -> list[str]:
    fetches = crawl.table("fetches")
    return sorted(fetches[fetches.attempts > 0].url)


def test_with_little_room_the_same_is_asked_and_the_same_comes_of_it(tmp_path: Path) -> None:
    outcomes, stories = [], []
    for most in (50_000, ROOM):
        paper = Newspaper(seed=4, stories=80)
        with paper.serve() as mirror:
            crawl = Crawled(paper, mirror, tmp_path / str(most))
            assert crawl.crawl("-s", f"KHOBOR_MAX_QUEUED={most}")["urls"]["complete"]
        fetches = crawl.table("fetches")
        outcomes.append(sorted(zip(fetches.story_id.fillna(fetches.url), fetches.outcome, strict=True)))
        stories.append(sorted(crawl.table("stories").story_id))
        assert len(set(asked(crawl))) == len(asked(crawl))
    assert stories[0] == stories[1]
    assert outcomes[0] == outcomes[1]


def plain(tmp_path: Path, paper: Plain | None = None) -> Crawled:
    return Crawled(Newspaper(), (paper or Plain(200, per_sitemap=100)).url, tmp_path)


SEED = "https://www.kalbela.com/world/1"
LITTLE_ROOM = ("--seed", SEED, "-s", f"KHOBOR_MAX_QUEUED={ROOM}")


def test_what_a_run_left_the_next_one_takes_up_bit_by_bit(tmp_path: Path) -> None:
    crawl = plain(tmp_path)
    first = crawl.crawl(*LITTLE_ROOM, "--max-pages", "20")
    assert first["urls"]["complete"]
    assert 0 < first["stories"]["new"] < 20
    second = crawl.crawl(*LITTLE_ROOM)
    assert second["urls"]["complete"]
    assert first["stories"]["new"] + second["stories"]["new"] == 200
    stories = [url for url in asked(crawl) if "/world/" in url]
    assert len(stories) - len(set(stories)) <= 1  # the seed is asked for by both


def test_what_a_run_left_has_the_place_that_it_had() -> None:
    spider = Kalbela()
    page = a_fetch(1, url="https://www.kalbela.com/sitemap.xml", depth=1)
    found = [spider.url_rules.identify(f"https://www.kalbela.com/world/{number}") for number in (99, 100, 200)]
    [sitemap] = spider._without_paths(Sitemap)
    named = [request for target in found for request in spider._follow_story(target, page, sitemap)]
    again = [spider.resume(request.meta["fetch"]) for request in named]
    assert [request.priority for request in again if request] == [request.priority for request in named]
    assert named[0].priority < named[1].priority < named[2].priority


def test_scrapy_parse_asks_for_its_page_and_for_nothing_that_a_run_left(tmp_path: Path) -> None:
    paper = Plain(200, per_sitemap=100)
    crawl = plain(tmp_path, paper)
    crawl.crawl(*LITTLE_ROOM, "--max-pages", "8")
    paper.asked.clear()
    settings = ("-s", f"KHOBOR_MIRROR={paper.url}", "-s", f"KHOBOR_DATA={tmp_path}", *QUICK)
    parse = [sys.executable, "-m", "scrapy", "parse", "--spider", "kalbela", *settings, SEED]
    subprocess.run(parse, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert [target for _, target in paper.asked] == ["/robots.txt", "/world/1"]


def test_of_what_nothing_came_is_not_asked_for_for_ever(tmp_path: Path) -> None:
    crawl = plain(tmp_path)
    report = crawl.crawl(*LITTLE_ROOM, "-s", "SCHEDULER=tests.support.lossy_scheduler.Lossy")
    assert report["urls"]["complete"]
    assert report["stories"]["new"] == 180
    fetches = crawl.table("fetches")
    assert {*fetches[fetches.outcome == "pending"].url.str[-1]} == {"7"}


def test_no_page_is_asked_for_while_as_many_are_read_as_may_be_asked_for_at_once(tmp_path: Path) -> None:
    paper = Plain(20, per_sitemap=10)
    plain(tmp_path, paper).crawl("--seed", SEED, "-s", with_step("takes_long"))
    moments = [at for at, target in paper.asked if target.rpartition("/")[2].isdigit()]
    assert len(moments) == 20
    assert min(later - earlier for earlier, later in pairwise(moments)) >= 0.9 * SECONDS
