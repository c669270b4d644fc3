"""Pages of entry points that link to no story, and feeds without a readable entry."""

import asyncio
from datetime import date

import pytest
from scrapy.http import HtmlResponse, TextResponse

from crawler.entry_points import CrawlPosition, EntryPoint, Listing, Sitemap
from crawler.items import Fetch
from crawler.spiders.kalbela import Kalbela

WWW = "https://www.kalbela.com"
STORY = '<a href="/world/north-korea/154313">খবর</a>'
MOVED = '<a href="/bn/n154313-slug">খবর</a><a href="/about">আমরা</a>'


def read(path: str, body: str, entry_point: EntryPoint | None = None, position: CrawlPosition | None = None) -> Fetch:
    """Return the fetch of a page that the spider has read."""
    spider = Kalbela()
    via = entry_point.name if entry_point else "seed"
    fetch = spider.new_fetch(spider.url_rules.identify(WWW + path), via=via, referrer=None, depth=0)
    meta = {"fetch": fetch, "entry_point": entry_point, "position": position or CrawlPosition()}
    kind = TextResponse if path.endswith(".xml") else HtmlResponse
    headers = {"Content-Type": "text/xml" if path.endswith(".xml") else "text/html"}
    request = spider.request(fetch, 0, entry_point, position)
    response = kind(WWW + path, body=body.encode(), headers=headers, request=request.replace(meta=meta))
    spider._entry_points_requested = True

    async def outputs() -> None:
        [_ async for _ in spider.parse(response)]

    asyncio.run(outputs())
    return fetch


def entry_point(name: str) -> EntryPoint:
    return next(each for each in Kalbela.entry_points if each.name == name)


@pytest.mark.parametrize(
    ("path", "name", "body", "outcome", "links"),
    [
        ("/", None, f"<p>{MOVED}</p>", "empty", 2),
        ("/", None, f"<p>{MOVED}{STORY}</p>", "list", 0),
        ("/", None, "<p>nothing</p>", "list", 0),
        ("/world", "category", f"<p>{MOVED}</p>", "empty", 2),
        ("/world", "category", f"<p>{STORY}</p>", "list", 0),
        ("/rss/latest-rss.xml", "rss", "<rss><channel></channel></rss>", "empty", 0),
        ("/rss/latest-rss.xml", "rss", f"<rss><item><link>{WWW}/about</link></item></rss>", "list", 0),
        ("/sitemap.xml", "sitemap", "<urlset></urlset>", "empty", 0),
    ],
)
def test_entry_point_without_story_is_empty(path: str, name: str | None, body: str, outcome: str, links: int) -> None:
    fetch = read(path, body, entry_point(name) if name else None)
    assert (fetch.outcome, fetch.links) == (outcome, links)
    assert fetch.is_html is not path.endswith(".xml")


def test_later_page_may_link_to_nothing() -> None:
    assert read("/world?page=9", f"<p>{MOVED}</p>", entry_point("category"), CrawlPosition(page=9)).outcome == "list"


@pytest.mark.parametrize(("day", "outcome"), [("2026-03-01", "list"), ("2026-02-28", "empty")])
@pytest.mark.parametrize("body", [f"<p>{MOVED}</p>", "<urlset></urlset>"])
def test_page_of_current_day_may_be_empty(body: str, day: str, outcome: str) -> None:
    path = "/sitemap-{date}.xml" if "urlset" in body else "/archive/{date}"
    dated = (Sitemap if "urlset" in body else Listing)(name="dated", paths=(path,))
    ((url, position),) = [each for each in dated.first_pages(date(2026, 3, 1)) if day in each[0]]
    assert read(url, body, dated, position).outcome == outcome


def test_front_page_changes_with_its_stories() -> None:
    one, two, again = (read("/", f"<p>{links}</p>").front_page for links in (STORY, STORY.replace("13", "14"), STORY))
    assert one == again != two
    assert read("/world", f"<p>{STORY}</p>", entry_point("category")).front_page is None
