"""The generic layout on composed pages of several kinds."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from crawler.generic.generic_layout import GenericLayout
from crawler.generic.unknown_site import UnknownSiteRules
from crawler.items import ParsedStory
from crawler.parsing.extractors import css
from crawler.parsing.layout import Layout
from crawler.parsing.page import Page
from crawler.parsing.parser import PageParser, PageResponse
from crawler.urls import SiteUrl

URL = "https://www.example.org/news/river-bridge-opens"
NOW = datetime(2026, 9, 20, 12, tzinfo=UTC)
TITLE = "The new bridge over the river opens for carts"
TEXT = (
    "The bridge that the town has wanted for thirty years was opened on Monday morning by the mayor.",
    "It joins the market on the left bank with the mills on the right bank, and it bears four carts at a time.",
    "Farmers, who had to take the ferry until now, say that they save an hour on each market day.",
    "The ferry will go on for the carts of hay, which are too wide for the bridge, until the end of the year.",
)
BODY = "".join(f"<p>{text}</p>" for text in TEXT)
MENU = "".join(f'<li><a href="/s{n}">Section number {n}</a></li>' for n in range(30))


def read(inner: str, head: str = "", url: str = URL, zone: str = "UTC") -> ParsedStory:
    html = f"<html><head><title>{TITLE} - Example News</title>{head}</head><body>{inner}</body></html>"
    rules = UnknownSiteRules()
    address = rules.identify(url)
    assert isinstance(address, SiteUrl)
    return GenericLayout().parse(Page(html.encode(), url, NOW), address, rules, ZoneInfo(zone))


def article(*, before: str = "", after: str = "", inside: str = "") -> str:
    return (
        f"<ul class='menu'>{MENU}</ul><main>{before}<h1>{TITLE}</h1>"
        f"<div class='text'>{BODY}{inside}</div>{after}</main>"
        "<footer><p>© 2026 Example News. All rights reserved. Contact the editors by letter only, please.</p></footer>"
    )


@pytest.mark.parametrize(
    "inner",
    [
        article(),
        article(before="<p>Subscribe to our newsletter</p><span>Share</span>"),
        article(after=f"<div class='related'>{BODY.replace('bridge', 'tunnel')}</div>"),
        article(inside="<p>Read more: <a href='/other-story'>Another story of the day</a></p>"),
        article(inside="<p>Advertisement</p><p>Share this article</p><p>Follow us on Twitter</p>"),
        f"<form action='/all'><div>{article()}</div></form>",
        f"<div><h1>{TITLE}</h1><div><div>{BODY}</div></div></div><div class='comments'>{BODY * 3}</div>",
        f"<h1>{TITLE}</h1><div><div style='display: none'>{BODY * 2}</div><div>{BODY}</div></div>",
    ],
    ids=["plain", "labels", "related", "read-more", "buttons", "page-form", "comments", "hidden"],
)
def test_text_is_the_storys_own(inner: str) -> None:
    parsed = read(inner)
    assert parsed.story.headline == TITLE
    assert parsed.story.body.split("\n\n") == list(TEXT)
    assert (parsed.story.layout, parsed.missing) == ("generic", ())


@pytest.mark.parametrize(
    "inner",
    [
        f"<ul>{MENU}</ul>",
        "<h1>Photo gallery</h1><p>Three pictures.</p>",
        "".join(
            f"<div><h3><a href='/s{n}'>Story number {n} of the week</a></h3><p>{TEXT[n % 4]}</p></div>"
            for n in range(8)
        ),
        "".join(f"<div><h4>Story {n}</h4><p>{TEXT[n % 4]}</p><p>{n + 1} September 2026</p></div>" for n in range(8)),
        "",
    ],
    ids=["menu", "gallery", "teasers", "dated-teasers", "empty"],
)
def test_page_without_article_has_no_story(inner: str) -> None:
    parsed = read(inner)
    assert parsed.story.layout is None
    assert not parsed.story.body
    assert "body" in parsed.missing


def json_ld(**values: str) -> str:
    import json

    value = {"@context": "https://schema.org", "@type": "NewsArticle", **values}
    return f'<script type="application/ld+json">{json.dumps(value)}</script>'


def test_declared_fields_are_read() -> None:
    head = (
        '<meta property="article:section" content="Local"><meta name="author" content="By Asha Roy">'
        '<meta property="article:tag" content="bridges"><meta property="article:tag" content="markets">'
        '<meta property="og:image" content="/pictures/bridge.jpg">'
        '<meta property="article:published_time" content="2026-09-14T09:30:00+06:00">'
        '<meta property="article:modified_time" content="2026-09-14T11:00:00+06:00">'
    )
    figure = (
        '<figure><img src="/pictures/bridge.jpg"><figcaption>The bridge at noon. Photo: A. Roy</figcaption></figure>'
    )
    story = read(article(before=figure), f'<meta charset="utf-8">{head}').story
    dhaka = timezone(timedelta(hours=6))
    assert (story.section, story.authors, story.byline) == ("Local", ["Asha Roy"], "Asha Roy")
    assert (story.tags, story.image_url) == (["bridges", "markets"], "https://www.example.org/pictures/bridge.jpg")
    assert (story.image_caption, story.image_credit) == ("The bridge at noon.", "A. Roy")
    assert story.published_at == datetime(2026, 9, 14, 9, 30, tzinfo=dhaka)
    assert story.updated_at == datetime(2026, 9, 14, 11, tzinfo=dhaka)
    assert story.published_from == "meta article:published_time"


def test_structured_data_of_other_story_loses() -> None:
    lying = json_ld(
        headline="A completely different report about football", datePublished="2019-01-01T10:00:00Z", author="Nobody"
    )
    story = read(article(), lying).story
    assert (story.headline, story.published_at, story.byline) == (TITLE, None, None)


def test_structured_date_in_future_loses() -> None:
    head = json_ld(headline=TITLE, datePublished="2031-01-01T10:00:00Z")
    story = read(article(before="<p class='date'>14 September 2026</p>"), head).story
    assert story.published_after == datetime(2026, 9, 14, tzinfo=UTC)


def test_structured_text_corrects_the_choice() -> None:
    other = "".join(
        f"<p>Comment {n}: we have seen better bridges than this one in our time, haven't we?</p>" for n in range(20)
    )
    inner = f"<div>{other}</div><ul>{MENU}</ul><div>{BODY}</div>"
    story = read(inner, json_ld(headline=TITLE, articleBody=" ".join(TEXT))).story
    assert story.body.split("\n\n") == list(TEXT)


def test_structured_text_replaces_missing_text() -> None:
    head = json_ld(headline=TITLE, articleBody="\n".join((*TEXT, *TEXT)))
    parsed = read(f"<h1>{TITLE}</h1><div id='app'></div>", head)
    assert parsed.story.body.split("\n\n")[:4] == list(TEXT)
    assert parsed.extracted_by["body"] == "JSON-LD articleBody"


def parse(inner: str, *layouts: Layout, head: str = "") -> ParsedStory:
    rules = UnknownSiteRules()
    parser = PageParser(rules, layouts, (), ZoneInfo("UTC"), GenericLayout())
    html = f"<html><head><title>{TITLE}</title>{head}</head><body>{inner}</body></html>"
    story = parser.parse(PageResponse(url=URL, body=html.encode(), fetched_at=NOW, is_story=True)).story
    assert story is not None
    return story


SITE = Layout(name="site", title=("h1",), headline=(css("h1"),), body=(".text-of-2020",))


def test_generic_layout_is_the_last() -> None:
    fitting = parse(f"<h1>Own headline</h1><div class='text-of-2020'>{BODY}</div>", SITE)
    assert (fitting.story.layout, fitting.missing) == ("site", ())
    changed = parse(article(), SITE)
    assert (changed.story.layout, changed.missing) == ("generic", ("body",))
    none = parse("<p>menu</p>", SITE)
    assert (none.story.layout, none.missing) == (None, ("body", "headline"))


@pytest.mark.parametrize("layouts", [(), (SITE,)])
def test_teaser_is_stored_as_partial(layouts: tuple[Layout, ...]) -> None:
    inner = f"<h1>{TITLE}</h1><div class='text-of-2020'>{BODY}</div>"
    head = json_ld(headline=TITLE, isAccessibleForFree="False")
    assert parse(inner, *layouts, head=head).story.access == "partial"
    assert parse(inner, *layouts).story.access == "full"
