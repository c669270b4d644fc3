"""Entry points beside feeds: JSON documents, JSON in a page, numbered pages, and paths that do not fit."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from scrapy.http import Request, TextResponse

from crawler.entry_points import CrawlPosition, EntryPoint, Json, JsonPath, Listing, Pagination
from crawler.parsing.parser import PageParser, PageResponse, ParsedPage
from crawler.spider import NewspaperSpider

WWW = "https://paper.test"
LISTING = Listing(name="section", paths=("/section",), script="#data", entries=JsonPath(items="stories"))
POPULAR = Json(name="popular-api", paths=("/top",), entries=JsonPath(items="rows", rank="n"), ranked="popular")
WIDGET = Json(name="widget", paths=("/widget?from={offset}",), html="html", pagination=Pagination(step=2, limit=3))


class Paper(NewspaperSpider):
    name = "paper"
    title = "Paper"
    hosts = ("paper.test",)
    zone = ZoneInfo("Asia/Dhaka")
    story_path = re.compile(r"/(?P<section>news)/(?P<id>[0-9]+)")
    layouts = ()
    entry_points: tuple[EntryPoint, ...] = (LISTING, POPULAR, WIDGET)


def parse(entry_point: EntryPoint, body: str) -> ParsedPage:
    response = PageResponse(
        url=f"{WWW}/x", body=body.encode(), fetched_at=datetime(2026, 3, 1, tzinfo=UTC), entry_point=entry_point
    )
    return PageParser(Paper.make_url_rules(), (), (), Paper.zone).parse(response)


def keys(parsed: ParsedPage) -> list[str]:
    return [story.key for story in parsed.links]


def test_script_adds_links_to_those_of_the_page() -> None:
    data = json.dumps(
        {"stories": [{"url": "/news/2"}, {"url": "/news/1"}, {"url": "/video"}, {"url": "https://other.test/news/9"}]}
    )
    parsed = parse(LISTING, f'<a href="/news/1">x</a><script type="application/json" id="data">{data}</script>')
    assert (keys(parsed), parsed.unfit) == (["paper:1", "paper:2"], None)


@pytest.mark.parametrize("script", ["", '<script id="data">{"other": []}</script>', '<script id="data">{</script>'])
def test_script_that_does_not_fit_keeps_page_links(script: str) -> None:
    parsed = parse(LISTING, f'<a href="/news/1">x</a>{script}')
    assert keys(parsed) == ["paper:1"]
    assert parsed.unfit


@pytest.mark.parametrize(
    ("rows", "ranks"),
    [
        ([{"url": "/news/7", "title": "সাত"}, {"url": "/news/8"}], [1, 2]),
        ([{"url": "/news/7", "title": "<b>সাত</b>", "n": "২"}, {"url": "/news/8", "n": 1}], [2, 1]),
        ([{"url": "/news/7", "title": "সাত", "n": 5}, {"url": "/news/8", "n": 5}], [1, 2]),
    ],
)
def test_document_is_a_ranked_list(rows: list[dict[str, Any]], ranks: list[int]) -> None:
    found = parse(POPULAR, json.dumps({"rows": rows})).lists["popular"]
    assert [row.rank for row in found] == ranks
    assert [(row.target.key, row.headline) for row in found] == [("paper:7", "সাত"), ("paper:8", None)]


@pytest.mark.parametrize("body", ["", "[]", '{"rows": {}}', '{"items": [{"url": "/news/7"}]}', "<html></html>"])
def test_document_that_does_not_fit_has_no_rows(body: str) -> None:
    parsed = parse(POPULAR, body)
    assert (parsed.lists, parsed.entries) == ({}, [])
    assert parsed.unfit


def test_html_in_a_document_gives_its_links() -> None:
    parsed = parse(WIDGET, json.dumps({"html": '<a href="/news/3"></a><a href="/news/4">x</a>'}))
    assert [entry.url for entry in parsed.entries] == [f"{WWW}/news/3", f"{WWW}/news/4"]


def outputs(spider: Paper, link: str, position: CrawlPosition, body: str) -> list[Any]:
    fetch = spider.new_fetch(spider.url_rules.identify(link, WWW), via="widget", referrer=None, depth=0)
    request = spider.request(fetch, 0, WIDGET, position)
    response = TextResponse(request.url, body=body.encode(), request=request)
    return [*spider._outputs(parse(WIDGET, body), response, fetch)]


def pages(found: list[Any]) -> Iterator[tuple[str, CrawlPosition]]:
    for output in found:
        if isinstance(output, Request) and output.meta["entry_point"] is WIDGET:
            yield output.url.removeprefix(WWW), output.meta["position"]


def test_numbered_pages_follow_while_they_bring_stories() -> None:
    spider = Paper()
    ((link, position),) = WIDGET.first_pages(date(2026, 3, 1))
    requested = [link]
    for number in range(9):
        stories = f'<a href="/news/{number}"></a>' if number < 2 else '<a href="/news/0"></a>'
        following = [*pages(outputs(spider, link, position, json.dumps({"html": stories})))]
        if not following:
            break
        ((link, position),) = following
        requested.append(link)
    assert requested == ["/widget?from=0", "/widget?from=2", "/widget?from=4"]


def test_unfit_path_is_reported_with_its_place() -> None:
    ((link, position),) = WIDGET.first_pages(date(2026, 3, 1))
    *_, fetch = outputs(Paper(), link, position, '{"data": 1}')
    assert fetch.outcome == "empty"
    assert re.search(rf"data.*{re.escape(__file__)}:[0-9]+\)", fetch.reason)
