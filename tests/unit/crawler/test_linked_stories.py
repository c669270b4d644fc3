"""Stories to which only the front page or another story links."""

import asyncio

import pytest
from scrapy import Request
from scrapy.http import HtmlResponse

from crawler.spiders.kalbela import Kalbela

WWW = "https://www.kalbela.com"
LINKS = '<a href="/world/154313">খবর</a><a href="/about">আমরা</a><a href="/sports/154299">খেলা</a>'


@pytest.mark.parametrize(
    ("path", "incremental", "via"),
    [
        ("/", False, "front_page"),
        ("/", True, "front_page"),
        ("/national/154400", False, "related"),
        ("/national/154400", True, None),
    ],
)
def test_linked_stories_are_followed(path: str, incremental: bool, via: str | None) -> None:
    spider = Kalbela()
    spider.is_incremental = incremental
    fetch = spider.new_fetch(spider.url_rules.identify(WWW + path), via="seed", referrer=None, depth=0)
    response = HtmlResponse(
        WWW + path,
        body=f"<body>{LINKS}{LINKS}</body>".encode(),
        headers={"Content-Type": "text/html"},
        request=spider.request(fetch, 0),
    )
    spider._entry_points_requested = True

    async def outputs() -> list[object]:
        return [output async for output in spider.parse(response)]

    requests = [output for output in asyncio.run(outputs()) if isinstance(output, Request)]
    stories = ["/world/154313", "/sports/154299"] if via else []
    assert [request.url.removeprefix(WWW) for request in requests] == stories
    assert {request.meta["fetch"].via for request in requests} == ({via} if via else set())
    lowest = spider.request(fetch, 0).priority
    assert all(request.priority < lowest for request in requests)
