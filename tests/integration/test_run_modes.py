"""Full and incremental runs: requests spent, and what each must find."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from crawler.spiders.kalbela import Kalbela
from tests.newspaper import Fault, Newspaper
from tests.newspaper.sections import SECTIONS
from tests.newspaper.site_state import feed_names
from tests.support.commands import FinishedCrawl
from tests.support.fault_server import BEHAVIOURS
from tests.support.fault_site import FaultSite

INCREMENTAL = ("--mode", "incremental")

CARD, RELATED = "/world/asia/4321", "/world/asia/4322"
BEHAVIOURS["with_card"] = lambda visit: visit.reply(
    visit.page.replace(b"</body>", f'<a href="{CARD if visit.target == "/" else RELATED}">খবর</a></body>'.encode())
)


def new_paper() -> Newspaper:
    return Newspaper(stories=120, per_day=300, decoys=False)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> FinishedCrawl:
    """A first crawl, from which every test continues."""
    paper = new_paper()
    with paper.serve() as mirror:
        crawled = FinishedCrawl(paper, mirror, tmp_path_factory.mktemp("first"))
        crawled.report = crawled.crawl()
    return crawled


@pytest.fixture
def crawl(first: FinishedCrawl, tmp_path: Path) -> Iterator[FinishedCrawl]:
    data = shutil.copytree(first.data, tmp_path / "data")
    paper = new_paper()
    with paper.serve() as mirror:
        paper.log += first.paper.log
        yield FinishedCrawl(paper, mirror, data, first.report)


def missing(crawl: FinishedCrawl) -> set[str]:
    """Stories that an entry point names now, but the table has under no id."""
    kept = set(crawl.table("stories")["story_id"])
    copies = crawl.paper.copies()
    return {i for i in crawl.paper.truth() if i not in kept and not copies.get(i, frozenset()) & kept}


def test_incremental_run_fetches_new_stories_only(crawl: FinishedCrawl) -> None:
    crawl.paper.advance(timedelta(minutes=40))
    crawl.paper.log.clear()
    report = crawl.crawl(*INCREMENTAL)
    assert not missing(crawl)
    assert 0 < report["stories"]["new"] < 20
    assert len(crawl.paper.log) <= 8 + report["stories"]["new"] + report["stories"]["exact_duplicates"]


def test_story_beyond_revisit_budget_gets_its_outcome(crawl: FinishedCrawl) -> None:
    with closing(sqlite3.connect(crawl.data / "state" / "kalbela.sqlite")) as ledger, ledger:
        ledger.execute("UPDATE urls SET due_at = fetched_at WHERE story_id IS NOT NULL")
    report = crawl.crawl(*INCREMENTAL)
    fetches = crawl.table("fetches")
    outcomes = fetches[fetches["run_id"] == report["run_id"]].set_index("url")["outcome"]
    assert outcomes.index.is_unique
    assert len(outcomes) == report["urls"]["discovered"]
    rules = Kalbela.make_url_rules()
    listed = {rules.identify(row.url).key for rows in crawl.paper.lists().values() for row in rows}
    outcomes.index = [rules.identify(url).key for url in outcomes.index]
    assert listed <= set(outcomes.index)
    assert "skipped_fresh" in set(outcomes[list(listed)])


def sections_requested(paper: Newspaper) -> set[str]:
    return {request.target.removeprefix("/") for request in paper.log} & SECTIONS.keys()


def test_long_list_with_known_stories_fills_gap(crawl: FinishedCrawl) -> None:
    crawl.paper.advance(timedelta(hours=6))
    crawl.paper.log.clear()
    report = crawl.crawl(*INCREMENTAL)
    assert report["lists"]["latest/missed"] > 0 < report["lists"]["latest/filled"]
    assert report["stories"]["new"] > 40
    assert not missing(crawl)
    assert not sections_requested(crawl.paper)
    fetches = crawl.table("fetches").query(f"run_id == '{report['run_id']}'")
    skipped = fetches[fetches["reason"].str.contains("reached back", na=False)]
    assert set(skipped["outcome"]) == {"skipped_fresh"}
    assert {url.partition(".com/")[2] for url in skipped["url"]} >= {"all-news", "popular-news", "world", "sports"}
    assert report["urls"]["complete"]


@pytest.mark.parametrize("fault", ["missing", "old copy"])
def test_gap_without_known_stories_opens_all_entry_points(crawl: FinishedCrawl, fault: str) -> None:
    for path in ("/latest-news", "/rss/latest-rss.xml"):
        old, _ = crawl.paper.answer("www.kalbela.com", path, {})
        assert old is not None
        missing_page, old_copy = Fault(status=404, body=b""), Fault(body=old.body, headers=old.headers)
        crawl.paper.faults[path] = missing_page if fault == "missing" else old_copy
    crawl.paper.advance(timedelta(hours=6))
    crawl.crawl(*INCREMENTAL, "--max-pages", "10")  # ends before the other entry points
    crawl.crawl(*INCREMENTAL)
    assert sections_requested(crawl.paper)
    assert not missing(crawl)


def leave_only_the_long_list(paper: Newspaper) -> None:
    others = ("/sitemap.xml", "/news-sitemap.xml", "/all-news", "/popular-news", *(f"/{path}" for path in SECTIONS))
    feeds = (f"/rss/{name}-rss.xml" for name in feed_names())
    paper.faults.update({path: Fault(status=404, body=b"") for path in (*others, *feeds)})


def test_gap_is_filled_from_long_list(crawl: FinishedCrawl) -> None:
    leave_only_the_long_list(crawl.paper)
    crawl.paper.advance(timedelta(hours=12))
    crawl.paper.log.clear()
    report = crawl.crawl(*INCREMENTAL)
    pages = [request.target for request in crawl.paper.log if request.target.startswith("/latest-news?page=")]
    assert report["lists"]["latest/missed"] > 0
    assert pages == [f"/latest-news?page={number}" for number in range(2, len(pages) + 2)]
    assert 1 <= len(pages) <= 4
    assert report["stories"]["new"] > 50
    assert not missing(crawl)


# Around 26 requests the first run ends between two pages of the long list.
@pytest.mark.parametrize("max_pages", [1, 10, 26, 27, 40])
def test_next_run_fills_gap_of_interrupted_run(crawl: FinishedCrawl, max_pages: int) -> None:
    leave_only_the_long_list(crawl.paper)
    crawl.paper.advance(timedelta(hours=12))
    crawl.crawl(*INCREMENTAL, "--max-pages", str(max_pages))
    crawl.crawl(*INCREMENTAL)
    assert not missing(crawl)


def test_incremental_run_skips_forbidden_entry_points(crawl: FinishedCrawl) -> None:
    crawl.paper.faults["/robots.txt"] = Fault(body=b"User-agent: *\nDisallow: /all-news\n")
    with closing(sqlite3.connect(crawl.data / "state" / "kalbela.sqlite")) as ledger, ledger:
        ledger.execute("UPDATE urls SET due_at = fetched_at WHERE story_id IS NULL")
    full, incremental = crawl.crawl(), crawl.crawl(*INCREMENTAL)
    forbidden = crawl.table("fetches").query("outcome == 'robots'")
    assert set(forbidden["run_id"]) == {full["run_id"]} != {incremental["run_id"]}


@pytest.mark.parametrize(
    ("mode", "linked"),
    [("full", {CARD: "front_page", RELATED: "related"}), ("incremental", {CARD: "front_page"})],
)
def test_stories_linked_only_from_pages_are_stored(tmp_path: Path, mode: str, linked: dict[str, str]) -> None:
    with FaultSite(["ok"], places={"/": "with_card", CARD: "with_card"}) as paper:
        ended = paper.crawl(tmp_path, "--mode", mode)
    stories = ended.table("stories")
    found = {url.removeprefix("https://www.kalbela.com"): via for url, via in stories[["url", "discovered_via"]].values}
    assert {path: via for path, via in found.items() if path in (CARD, RELATED)} == linked
    assert ended.report["linked"] == {"requested": len(linked)}
