"""Inputs of public bug reports about other programs, composed again; each is named by its repository and number."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from crawler.bengali.dates import parse_datetime
from crawler.decoding.json_ld import articles_in, parse_json_ld
from crawler.downloader.retry import retry_after_seconds
from crawler.downloader.robots_rules import parse_robots
from crawler.parsing.feeds import parse_feed, parse_sitemap
from crawler.parsing.page import Page, visible_text

NOW = datetime(2026, 8, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>ক</p><div class='self-enclosed'/><div class='also'/><p>খ</p>", "ক খ"),
        ("<div><system-region name='blog'/></div><p>খ</p>", "খ"),
        ("<p>ক</p><aside><p>গ</p></aside></aside><p>খ</p>", "ক খ"),
    ],
    ids=["nolanw/HTMLReader#34", "whatwg/html#721", "mdn/sprints#1737"],
)
def test_text_after_markup_is_kept(markup: str, text: str) -> None:
    body = Page(f"<body>{markup}</body>".encode(), "https://a.test/", NOW).tree.body
    assert body is not None
    assert visible_text(body) == text


@pytest.mark.parametrize(
    ("xml", "urls"),
    [
        ("<feed><entry xml:base='When/2013/08/14/'><link href='FC2'/></entry></feed>", ["When/2013/08/14/FC2"]),
        ("<rss xml:base='https://a.test/blog/'><item><link>post/1</link></item></rss>", ["https://a.test/blog/post/1"]),
        ("<feed xml:base='https://b.test/'><entry><link href='/a'/></entry></feed>", ["https://b.test/a"]),
        ("<rss><item><description>Clown&rsquo;s</description><guid isPermaLink='true'>/1</guid></item></rss>", ["/1"]),
        ("<rss><item><title>proc filters & fc-rDNS</title><link>/1</link></item></rss>", ["/1"]),
        ("<rss><item><title>a&shy;b</title><link>/1</link></item></rss>", ["/1"]),
        ("<rss><item><itunes:author>x</itunes:author><link>/1</link></item></rss>", ["/1"]),
    ],
    ids=["feedbin/support#338", "mmcdole/gofeed#290", "NetNewsWire#3662", "brief-rss#184", "miniflux#122"]
    + ["rssguard#1770", "alexdebril/feed-io#408"],
)
def test_feed_entry_has_its_url(xml: str, urls: list[str]) -> None:
    assert [entry.url for entry in parse_feed(xml.encode())] == urls


@pytest.mark.parametrize(
    "xml",
    [
        "<urlset><url>\n<loc>\n<![CDATA[ https://a.test/1 ]]>\n</loc><i:image><i:loc>x</i:loc></i:image>",
        "\n <urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'\n xmlns:n='x'>\n<url><loc>https://a.test/1</loc>",
    ],
    ids=["khromov/sitemap-cache-warmer#18", "commoncrawl/news-crawl#23"],
)
def test_sitemap_has_its_page(xml: str) -> None:
    assert [entry.url for entry in parse_sitemap(f"{xml}</url></urlset>".encode())[0]] == ["https://a.test/1"]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffUser-agent: *\nDisallow: /",
        "User-agent: my_crawler\nCrawl-delay: 1\n\nUser-agent: * # all bots\nRequest-rate: 1/5 # x\nDisallow: /a # y",
        "User-agent: Mediapartners\nAllow: /\n\nUser-agent: *\nAllow: /core/*.css$\nDisallow: /",
    ],
    ids=["LAW-Unimi/BUbiNG#17", "Norconex/crawler#457", "siteone-crawler#39"],
)
def test_robots_txt_forbids_the_page(text: str) -> None:
    assert not parse_robots(text.encode()).allows("https://a.test/a?os_destination=%2F")


@pytest.mark.parametrize(
    "block",
    [
        '//<![CDATA[\n{"@type": "NewsArticle", "headline": "x"};\n//]]>',
        '{"@type": "NewsArticle",\n "headline": "x", "description": "a\x01\tb\nc"}',
        '{"@type": "NewsArticle", // note\n "headline": "x"}',
        '<!--{"@type": "NewsArticle", "headline": "x"}-->',
    ],
    ids=["web-auto-extractor#19", "extruct#84", "json-ld.org#345", "json-ld-syntax#97"],
)
def test_structured_data_is_read(block: str) -> None:
    assert [article["headline"] for article in articles_in(parse_json_ld(block))] == ["x"]


@pytest.mark.parametrize(
    ("text", "zone", "moment"),
    [
        ("16 Feb 2018 09:59 AM BdST", "Asia/Dhaka", (2018, 2, 16, 3, 59)),
        ("February 03, 2018 07:18 IST", "Asia/Kolkata", (2018, 2, 3, 1, 48)),
        ("2018-02-17 16:15:36.519 IST", "Asia/Kolkata", (2018, 2, 17, 10, 45, 36)),
        ("Sun May  8 03:10:20 IST 2016", "Asia/Kolkata", (2016, 5, 7, 21, 40, 20)),
        ("Tue, 22 May 2018 16:37:09 +01:00 (BST)", "Asia/Dhaka", (2018, 5, 22, 15, 37, 9)),
    ],
    ids=["dateparser#580", "dateparser#580 IST", "dateparser#636", "dateutil#273", "maya#187"],
)
def test_zone_of_date_is_that_of_site(text: str, zone: str, moment: tuple[int, ...]) -> None:
    assert parse_datetime(text, zone=ZoneInfo(zone), now=NOW) == datetime(*moment, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        *((value, None) for value in ("-3", "+3", "1.5", "-1", "Sat, 31 Feb 2026 12:00:00 GMT", "soon")),
        *((value, None) for value in ("Sat, 22 Aug 2026 12:01:00 XYZ", "Sat Aug 22 18:01:00 BDT 2026")),
        *((value, 60) for value in ("Saturday, 22-Aug-26 12:01:00 GMT", "Sat Aug 22 12:01:00 2026", "60")),
    ],
)
def test_pause_is_readable_or_absent(value: str, seconds: float | None) -> None:
    """Reports mastra-ai/mastra#23778, rpush#737 and openclaw#102987."""
    assert retry_after_seconds(value, NOW) == seconds
