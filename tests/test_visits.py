"""Visits that pay: a pulse asks little and misses nothing, a sweep asks again only where something may have changed."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.crawling import Crawled
from tests.newspaper import Fault, Newspaper

PULSE = ("-s", "KHOBOR_KIND=pulse")


@pytest.fixture
def crawl(tmp_path: Path) -> Iterator[Crawled]:
    paper = Newspaper(stories=120, per_day=300, traps=False)
    with paper.serve() as mirror:
        crawled = Crawled(paper, mirror, tmp_path)
        crawled.report = crawled.crawl()
        yield crawled


def missing(crawl: Crawled) -> set[str]:
    """Stories that a door names now and that are kept under no id."""
    kept = set(crawl.table("stories")["story_id"])
    copies = crawl.paper.copies()
    return {i for i in crawl.paper.truth() if i not in kept and not copies.get(i, frozenset()) & kept}


def test_a_pulse_that_finds_nothing_new_asks_for_a_handful_of_pages(crawl: Crawled) -> None:
    crawl.paper.log.clear()
    report = crawl.crawl(*PULSE)
    assert report["exit_code"] == 0
    assert report["stories"]["new"] == 0
    assert len(crawl.paper.log) <= 8


def test_a_pulse_brings_what_is_new_and_little_else(crawl: Crawled) -> None:
    crawl.paper.advance(timedelta(minutes=40))
    crawl.paper.log.clear()
    report = crawl.crawl(*PULSE)
    assert not missing(crawl)
    assert 0 < report["stories"]["new"] < 20
    assert len(crawl.paper.log) <= 8 + report["stories"]["new"] + report["stories"]["copies"]


def test_two_visits_that_do_not_overlap_open_every_door(crawl: Crawled) -> None:
    crawl.paper.advance(timedelta(hours=6))
    report = crawl.crawl(*PULSE)
    assert report["stories"]["new"] > 40
    assert report["lists"]["latest/missed"] > 0
    assert not missing(crawl)


def test_a_second_sweep_right_after_the_first_asks_for_next_to_nothing(crawl: Crawled) -> None:
    first = len(crawl.paper.log)
    crawl.paper.log.clear()
    report = crawl.crawl()
    assert report["exit_code"] == 0
    assert len(crawl.paper.log) <= max(8, 0.05 * first)


def test_a_sweep_finds_what_was_taken_down_and_keeps_its_row(crawl: Crawled) -> None:
    stories = crawl.table("stories")
    story_id = str(stories.sort_values("published_at")["story_id"].iloc[-3])
    address = str(stories.set_index("story_id").loc[story_id, "url"])
    crawl.paper.faults[address.removeprefix("https://www.kalbela.com")] = Fault(status=410, body=b"gone")
    report = crawl.crawl("--seed", address)
    assert report["stories"]["gone"] == 1
    row = crawl.table("stories").set_index("story_id").loc[story_id]
    assert row["gone_at"] >= row["fetched_at"]
    assert len(crawl.table("stories")) == len(stories)
