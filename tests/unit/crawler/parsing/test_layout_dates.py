"""Dates of a story: each column from the first extractor that gives it, and unreadable ones counted."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from crawler.items import ParsedStory
from crawler.parsing.extractors import css, json_ld, meta
from crawler.parsing.layout import Layout
from crawler.parsing.page import Page
from crawler.spiders.kalbela import Kalbela
from crawler.urls import SiteUrl

URL = "https://www.kalbela.com/world/north-korea/154313"
LAYOUT = Layout(
    name="dates",
    title=("h1",),
    headline=(css("h1"),),
    body=(".body",),
    dates=(css(".date"), css(".other")),
    published=(meta("article:published_time"), json_ld("datePublished")),
    updated=(meta("article:modified_time"), json_ld("dateModified")),
)


def parse(html: str) -> ParsedStory:
    rules = Kalbela.make_url_rules()
    address = rules.identify(URL)
    assert isinstance(address, SiteUrl)
    page = Page(
        f"<h1>শিরোনাম</h1><div class=body><p>কথা</p></div>{html}".encode(), URL, datetime(2026, 1, 12, tzinfo=UTC)
    )
    return LAYOUT.parse(page, address, rules, ZoneInfo("Asia/Dhaka"))


def at(hour: int) -> datetime:
    return datetime(2026, 1, 11, hour, tzinfo=UTC)


VISIBLE = "<p class=date>প্রকাশ : ১১ জানুয়ারি ২০২৬, ০৬:০০ পিএম</p>"


def named(name: str, content: str) -> str:
    return f'<meta property="article:{name}_time" content="{content}">'


@pytest.mark.parametrize(
    "markup",
    [
        named("modified", "2026-01-11T15:00:00Z"),
        '<script type="application/ld+json">{"@type": "Article", "dateModified": "2026-01-11T15:00:00Z"}</script>',
        "<p class=other>আপডেট : ১১ জানুয়ারি ২০২৬, ০৯:০০ পিএম</p>",
    ],
)
def test_updated_is_found_beside_visible_published(markup: str) -> None:
    parsed = parse(VISIBLE + markup)
    assert (parsed.story.published_at, parsed.story.updated_at) == (at(12), at(15))
    assert parsed.unreadable_dates == ()


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00", "2026-01-13T00:00:01Z", "2026-01-11 10:00 QQT", "soon"])
def test_date_that_cannot_be_trusted_is_counted(text: str) -> None:
    parsed = parse(named("published", text) + named("modified", "2026-01-11T15:00:00Z"))
    assert (parsed.story.published_at, parsed.story.updated_at) == (None, at(15))
    assert parsed.unreadable_dates == (text,)
