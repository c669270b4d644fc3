"""Small cases and real pages stored beside the project, each with the value that a browser shows."""

import gzip
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unicodedata import normalize
from zoneinfo import ZoneInfo

import pytest

from crawler.bengali.dates import parse_datetime
from crawler.decoding.http_dates import parse_http_date
from crawler.downloader.response_check import check
from crawler.downloader.retry import retry_after_seconds
from crawler.downloader.robots_rules import parse_robots
from crawler.outcomes import Outcome
from crawler.parsing.feeds import parse_feed
from crawler.parsing.page import Page
from crawler.parsing.ranked_lists import RankedList, parse_ranked_list, story_links
from crawler.spiders.kalbela import LAYOUT_2023, Kalbela
from crawler.urls import SiteUrl, SkippedUrl, UrlRules
from tests.support.project import PROJECT

SHARED = PROJECT.parent / "shared"
CASES, REAL = SHARED / "cases", SHARED / "real"
NOW = datetime(2026, 8, 22, 12, tzinfo=UTC)
HTML = {"Content-Type": "text/html; charset=utf-8"}

pytestmark = pytest.mark.skipif(not SHARED.exists(), reason=f"{SHARED} is absent")


def stored(folder: Path, name: str) -> bytes:
    path = folder / name
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


@pytest.mark.parametrize(
    ("name", "allowed"), [("robots-allow.txt", False), ("robots-deny.txt", True), ("robots-version.txt", False)]
)
def test_only_groups_of_product_token_apply(name: str, allowed: bool) -> None:
    robots = parse_robots(stored(CASES / "03-robots-group-by-contact", name))
    assert robots.allows("https://www.kalbela.com/world/1") is allowed


@pytest.mark.parametrize("name", ["comment.txt", "warning.txt", "nul.txt", "zwsp.txt"])
def test_rules_after_noise_are_obeyed(name: str) -> None:
    robots = parse_robots(stored(CASES / "04-robots-after-markup", name))
    assert not robots.allows("https://www.kalbela.com/world/1")
    assert robots.allows("https://www.kalbela.com/sports/1")


def test_unreadable_pause_counts_as_none() -> None:
    pauses = []
    for block in stored(CASES / "05-retry-after-year", "headers.txt").decode().split("---\n"):
        headers = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        at = parse_http_date(headers.get("Date", "")) or NOW
        pauses.append(retry_after_seconds(headers["Retry-After"], at))
    assert pauses == [None, 2, None]


@pytest.mark.parametrize("name", ["story.html", "tail.html"])
def test_page_is_whole_by_its_transfer(name: str) -> None:
    body = stored(CASES / "06-no-end-tags", name)
    assert check(200, HTML, body, "https://www.kalbela.com/world/1") is None
    assert paragraphs(body)[:1] == ["প্রথম অনুচ্ছেদ।"]


def paragraphs(body: bytes) -> list[str]:
    url = "https://www.kalbela.com/world/1"
    rules = Kalbela.make_url_rules()
    address = rules.identify(url)
    assert isinstance(address, SiteUrl)
    return LAYOUT_2023.parse(Page(body, url, NOW), address, rules, Kalbela.zone).story.body.split("\n\n")


@pytest.mark.parametrize(
    "name", ["form.html", "aside.html", "nav.html", "figure.html", "figcaption.html", "button.html"]
)
def test_unclosed_element_keeps_all_paragraphs(name: str) -> None:
    assert paragraphs(stored(CASES / "07-unclosed-silent-element", name)) == ["এক।", "দুই।", "তিন।"]


@pytest.mark.parametrize("name", ["before.xml", "before-text.xml", "after.xml", "two-marks.xml"])
def test_feed_with_noise_has_five_entries(name: str) -> None:
    body = stored(CASES / "08-feed-with-noise", name)
    assert check(200, {"Content-Type": "text/xml"}, body, "https://www.kalbela.com/feed", is_feed=True) is None
    entries = [(entry.url, entry.headline) for entry in parse_feed(body)]
    assert entries == [(f"https://www.kalbela.com/world/asia/{n}", f"শিরোনাম {n}") for n in range(5100, 5105)]


def test_sitemap_lines_name_four_sitemaps() -> None:
    assert parse_robots(stored(CASES / "09-sitemap-relative-in-robots", "robots.txt")).sitemaps == (
        "/sitemap.xml",
        "https://www.kalbela.com/e.xml",
        "https://www.kalbela.com/c.xml",
        "https://www.kalbela.com/d.xml",
    )


def rules(site: str, host: str, story: str) -> UrlRules:
    return UrlRules(site, (host,), re.compile(story))


SAMAKAL = rules("samakal", "samakal.com", r"/(?P<section>[a-z-]+)/article/(?P<id>\d+)(?:/.*)?")
DHAKA_POST = rules("dhakapost", "www.dhakapost.com", r"/(?P<section>[a-z-]+)/(?P<id>\d+)")
NEW_AGE = rules("newage", "www.newagebd.net", r"/post/(?P<section>[a-z-]+)/(?P<id>\d+)/.*")


def page(name: str, url: str) -> Page:
    return Page(stored(REAL, name), url, NOW)


def test_samakal_list_has_all_fifteen_links() -> None:
    real = page("samakal-opinion-2026-08-22.html.gz", "https://samakal.com/opinion")
    ids = "368956 368955 368954 368953 368952 369079 368891 368809 368808 368807 368806 368805 368775 368641 368638"
    assert [link.key for link in story_links(real, SAMAKAL)] == [f"samakal:{number}" for number in ids.split()]
    assert not real.removed


def test_new_age_list_has_all_links() -> None:
    real = page("newage-opinion-en.html.gz", "https://www.newagebd.net/articlelist/9/opinion")
    keys = [link.key for link in story_links(real, NEW_AGE)]
    assert (len(keys), keys[:3], keys[-2:]) == (
        100,
        ["newage:310837", "newage:310836", "newage:310835"],
        ["newage:310726", "newage:310725"],
    )
    assert not real.removed


def test_dhaka_post_rows_are_links_themselves() -> None:
    real = page("dhakapost-opinion-2026-08-22.html.gz", "https://www.dhakapost.com/opinion")
    latest = RankedList(name="latest", regions=('div:has(> div > h4) > div[class*="last:"]',), rows="a", title="h3")
    rows = parse_ranked_list(real, latest, DHAKA_POST)
    assert [(row.rank, row.target.key, row.headline) for row in rows] == [
        (1, "dhakapost:432463", "প্রথম প্রহরে চট্টগ্রামে ভাষা শহীদদের প্রতি শ্রদ্ধা"),
        (2, "dhakapost:432462", normalize("NFC", "৫২-তে ভাষা পেলেও নাগরিক অধিকার আজও অধরা : শফিকুর রহমান")),
        (3, "dhakapost:432461", "ভাষা শহীদদের প্রতি বিজিবি মহাপরিচালকের শ্রদ্ধা নিবেদন"),
        (4, "dhakapost:432460", "মৌলভীবাজারে পিকআপ-সিএনজির সংঘর্ষে নিহত ৩"),
        (5, "dhakapost:432459", normalize("NFC", "শহীদ মিনারে জাতীয় পার্টিকে দেখে ‘ভুয়া ভুয়া’ স্লোগান")),
    ]


def test_hidden_link_for_crawlers_is_never_requested() -> None:
    real = page("dhakapost-opinion-2026-08-22.html.gz", "https://www.dhakapost.com/opinion")
    (trap,) = [node.attributes["href"] for node in real.tree.css('a[href*="/cdn-cgi/"]')]
    target = DHAKA_POST.identify(trap or "")
    assert isinstance(target, SkippedUrl)
    assert target.outcome is Outcome.NOT_A_STORY


def test_epaper_tabs_are_two_lists() -> None:
    real = page("samakal-epaper-2018.html.gz", "http://samakal.com/")
    lists = {
        name: parse_ranked_list(real, RankedList(name=name, regions=(region,), rows="li"), SAMAKAL)
        for name, region in (("latest", "#latest_news"), ("popular", "#most_viewed"))
    }
    assert {name: len(rows) for name, rows in lists.items()} == {"latest": 10, "popular": 10}
    first, last = lists["latest"][0], lists["popular"][-1]
    assert (first.rank, first.target.key) == (1, "samakal:18091253")
    assert first.headline == "পাকিস্তানের বিপক্ষে ব্যাট করছে আফগানিস্তান"
    assert (last.rank, last.target.key, last.headline) == (10, "samakal:18091232", "প্রেমের জন্য...")


def test_forenoon_and_bengali_iso_date_are_read() -> None:
    real = page("ukbdnews-23646.html.gz", "https://ukbdnews.com/2020/08/23646/")
    london, published = ZoneInfo("Europe/London"), datetime(2020, 8, 29, 9, 46, tzinfo=UTC)
    clock = real.tree.css_first("header i.fa-clock-o")
    shown = clock.parent.text() if clock and clock.parent else ""
    assert parse_datetime(shown, zone=london, now=NOW) == published
    modified = parse_datetime(real.meta_tags["datemodified"], zone=london, now=NOW)
    assert modified == published + timedelta(seconds=6)


def test_wikipedia_page_is_not_a_story() -> None:
    assert page("bnwiki-diff.html.gz", "https://bn.wikipedia.org/w/index.php?diff=1").json_ld == []
    assert LAYOUT_2023.missing(page("bnwiki-diff.html.gz", "https://www.kalbela.com/world/1"))


@pytest.mark.parametrize("name", ["challenge-bang24.html.gz", "challenge-dhakapost.html.gz"])
def test_stored_challenge_is_blocked(name: str) -> None:
    rejection = check(200, HTML, stored(REAL, name), "https://www.paper.test/world/1")
    assert rejection and rejection[0] is Outcome.BLOCKED
