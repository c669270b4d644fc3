"""Positions behind entry points survive from one run to the next."""

from datetime import date

import pytest

from crawler.entry_points import (
    CrawlPosition,
    EntryPoint,
    Feed,
    Json,
    Listing,
    Pagination,
    dump_position,
    load_position,
)
from crawler.spiders.kalbela import Kalbela

WWW = "https://www.kalbela.com"
LISTING, FEED = Listing(name="rss"), Feed(name="rss", paths=("/rss",))


@pytest.mark.parametrize("entry_point", [LISTING, FEED])
@pytest.mark.parametrize(
    "position",
    [
        CrawlPosition(),
        CrawlPosition(page=3),
        CrawlPosition(fragment=0, list_id="দেশ-7", previous_keys=("kalbela:1", "kalbela:2")),
        CrawlPosition(sitemap_depth=1),
    ],
)
def test_dumped_position_loads_again(entry_point: EntryPoint, position: CrawlPosition) -> None:
    assert load_position(dump_position(entry_point, position), (LISTING, FEED)) == (entry_point, position)
    assert load_position(dump_position(entry_point, position), ()) is None


def test_resumed_requests_keep_their_order() -> None:
    spider = Kalbela()

    def priority(link: str, via: str, saved: str | None = None) -> int:
        fetch = spider.new_fetch(spider.url_rules.identify(link, WWW), via=via, referrer=None, depth=1)
        request = spider.resume(fetch, saved)
        assert request is not None
        return request.priority

    listing = next(each for each in spider.entry_points if each.name == "category")
    ranked = [priority(f"/world/{number}", name) for number, name in enumerate(("latest", "popular"), start=1)]
    section = priority("/world", "category", dump_position(listing, CrawlPosition()))
    story = priority("/world/3", "category")
    assert min(ranked) > section > story


TODAY = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("path", "first"),
    [
        ("/latest", ["/latest"]),
        ("/archive?date={date}", ["/archive?date=2026-03-01", "/archive?date=2026-02-28"]),
        ("/{date:%d-%m-%Y}/{page}", ["/01-03-2026/1", "/28-02-2026/1"]),
        ("/api?offset={offset}&limit=20", ["/api?offset=0&limit=20"]),
    ],
)
def test_placeholders_are_filled_in(path: str, first: list[str]) -> None:
    listing = Listing(name="list", paths=(path,), pagination=Pagination(step=20))
    assert [url for url, _ in listing.first_pages(TODAY)] == first


def test_declared_pages_follow_until_the_limit() -> None:
    pages = Pagination(first=0, limit=3, step=5)
    source = Json(name="api", paths=("/{date}?p={page}&o={offset}",), days=1, pagination=pages)
    (url, position), *others = source.first_pages(TODAY)
    urls = [url]
    while following := source.next_page(position):
        url, position = following
        assert load_position(dump_position(source, position), [source]) == (source, position)
        urls.append(url)
    assert not others
    assert urls == [f"/2026-03-01?p={n}&o={5 * n}" for n in range(3)]


def test_disallowed_entry_point_has_no_pages() -> None:
    assert [*Json(name="api", paths=("/api",), disallowed="robots.txt").first_pages(TODAY)] == []
    assert Listing(name="list", paths=("/list",)).next_page(CrawlPosition()) is None
