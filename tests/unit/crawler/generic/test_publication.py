"""Dates of composed pages of many countries."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crawler.generic.generic_layout import GenericLayout
from crawler.generic.unknown_site import UnknownSiteRules
from crawler.items import Story
from crawler.parsing.page import Page
from crawler.urls import SiteUrl

NOW = datetime(2026, 9, 20, 12, tzinfo=UTC)
TITLE = "The new bridge over the river opens for carts"
TEXT = "<p>The bridge that the town has wanted for thirty years was opened by the mayor, and the band played.</p>" * 4
FOOTER = "<footer>Copyright © 2012 The Paper, 3 March 2012. <span class='date'>20 September 2026</span></footer>"


def story(
    near: str = "", head: str = "", url: str = "https://paper.example/a/bridge", lang: str = "", **more: str
) -> Story:
    zone = more.get("zone", "UTC")
    html = (
        f"<html lang='{lang}'><head><title>{TITLE}</title>{head}</head><body><header>{more.get('top', '')}</header>"
        f"<main><h1>{TITLE}</h1>{near}<div>{TEXT}{more.get('end', '')}</div></main>{more.get('side', '')}{FOOTER}"
        "</body></html>"
    )
    rules = UnknownSiteRules()
    address = rules.identify(url)
    assert isinstance(address, SiteUrl)
    return GenericLayout().parse(Page(html.encode(), url, NOW), address, rules, ZoneInfo(zone)).story


def day_of(found: Story) -> date | None:
    moment = found.published_at or found.published_after
    return moment.date() if moment else None


DAY = date(2016, 8, 5)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "August 5, 2016",
            "5 August 2016",
            "Aug. 5, 2016",
            "Friday, 5th August 2016",
            "Posted on August 5th, 2016 by Ann",
        ),
        *(
            "2016-08-05",
            "2016/08/05",
            "2016.8.5",
            "5.8.2016",
            "05.08.16",
            "Published: 5 Aug 2016 | Updated: 7 Aug 2016",
        ),
        *(
            "Freitag, 5. August 2016",
            "Veröffentlicht am 05.08.2016, aktualisiert am 09.08.2016",
            "Publié le 5 août 2016",
        ),
        *("Mis à jour le 9 août 2016, publié le 5 août 2016", "5 de agosto de 2016", "Publicado: 5 de agosto de 2016"),
        *("venerdì 5 agosto 2016", "5 augustus 2016", "5 sierpnia 2016", "5 augusti 2016", "5. elokuuta 2016"),
        *(
            "5. srpna 2016",
            "2016. augusztus 5.",
            "5 Ağustos 2016",
            "5 августа 2016",
            "5 серпня 2016",
            "5 Αυγούστου 2016",
        ),
        *("5 Agustus 2016", "৫ আগস্ট ২০১৬", "প্রকাশ : ০৫ আগস্ট ২০১৬", "2016年8月5日", "2016년 8월 5일", "5 अगस्त 2016"),
        *("آخر ٥", "5 أغسطس 2016")[1:],
    ],
)
def test_written_day_near_headline_is_read(text: str) -> None:
    found = story(f"<p class='info'>{text}</p>")
    assert (day_of(found), found.published_at) == (DAY, None)
    assert found.published_by == datetime(2016, 8, 5, 23, 59, 59, 999999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "lang", "day"),
    [
        ("8/5/2016", "en-US", DAY),
        ("05/08/2016", "en-GB", DAY),
        ("05/08/2016", "fr", DAY),
        ("05-08-2016", "pt-br", DAY),
        ("8/25/2016", "en", date(2016, 8, 25)),
        ("25/8/2016", "", date(2016, 8, 25)),
        ("05/08/2016", "en", None),
        ("05/08/2016", "", None),
    ],
)
def test_order_of_day_and_month_is_not_guessed(text: str, lang: str, day: date | None) -> None:
    assert day_of(story(f"<span class='date'>{text}</span>", lang=lang)) == day


@pytest.mark.parametrize(
    "head",
    [
        '<meta property="article:published_time" content="{}">',
        '<meta name="dc.date" content="{}">',
        '<meta name="DC.date.issued" content="{}">',
        '<meta name="sailthru.date" content="{}">',
        '<meta name="parsely-pub-date" content="{}">',
        '<meta name="pubdate" content="{}">',
        '<meta name="date" content="{}">',
        '<meta itemprop="datePublished" content="{}">',
        '<meta name="citation_publication_date" content="{}">',
        '<script type="application/ld+json">{{"@type": "NewsArticle", "datePublished": "{}"}}</script>',
    ],
)
@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2016-08-05T10:15:00+02:00", datetime(2016, 8, 5, 8, 15, tzinfo=UTC)),
        ("2016-08-05T10:15:30.123Z", datetime(2016, 8, 5, 10, 15, 30, tzinfo=UTC)),
        ("2016-08-05 10:15", datetime(2016, 8, 5, 4, 15, tzinfo=UTC)),
        ("20160805T101500Z", datetime(2016, 8, 5, 10, 15, tzinfo=UTC)),
        ("Fri, 05 Aug 2016 10:15:00 GMT", datetime(2016, 8, 5, 10, 15, tzinfo=UTC)),
        ("2016-08-05", None),
        ("August 5, 2016", None),
        ("20160805", None),
    ],
)
def test_declared_date_is_read(head: str, value: str, moment: datetime | None) -> None:
    found = story("<p>Updated 7 May 2020</p>", head.format(value), zone="Asia/Dhaka")
    assert found.published_at == moment
    if moment is None:
        assert found.published_after == datetime(2016, 8, 5, tzinfo=ZoneInfo("Asia/Dhaka"))
    assert found.published_from


@pytest.mark.parametrize(
    "near",
    [
        "<time datetime='2016-08-05'>last Friday</time>",
        "<time class='published' datetime='2016-08-05'></time><time class='updated' datetime='2020-01-01'></time>",
        "<span itemprop='datePublished' content='2016-08-05'>05/08</span>",
        "<abbr class='published' title='2016-08-05'>Friday</abbr>",
        "<div data-published='2016-08-05'></div>",
        "<span data-timestamp='1470398400'>long ago</span>",
    ],
)
def test_date_in_attribute_is_read(near: str) -> None:
    assert day_of(story(near)) == DAY


@pytest.mark.parametrize(
    "path",
    ["/2016/08/05/bridge", "/news/2016/8/5/bridge", "/20160805/bridge", "/a/2016-08-05-bridge", "/2016/aug/05/bridge"],
)
def test_url_is_the_last_resort(path: str) -> None:
    url = f"https://paper.example{path}"
    assert (day_of(story(url=url)), story(url=url).published_from) == (DAY, "URL")
    assert story("<time datetime='2016-08-05T10:00:00Z'></time>", url=url).published_from == "time element"
    assert day_of(story("<p class='date'>1 May 2010</p>", url=url)) == DAY


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"top": "<span class='today'>Sunday, 20 September 2026</span>"},
        {"end": "<p>The last bridge was opened on 5 August 2016, as old people in the market remember well.</p>"},
        {"side": "<aside class='related'><time datetime='2016-08-05'></time></aside>"},
        {"end": "<div class='comments'><span class='date'>5 August 2016</span> I like it.</div>"},
        {"near": "<p>Last updated: 5 August 2016</p>"},
        {"near": "<p>5 August 2036</p>"},
        {"near": "<p>31 February 2016</p>"},
        {"url": "https://paper.example/20161805/bridge"},
        {"head": "<meta name='date' content='0000-00-00'>"},
    ],
)
def test_other_date_is_not_that_of_publication(more: dict[str, Any]) -> None:
    found = story(**more)
    assert (found.published_at, found.published_after, found.published_by, found.published_from) == (None,) * 4


def test_update_is_kept_apart() -> None:
    head = '<meta property="article:modified_time" content="2016-08-09T10:00:00Z">'
    found = story("<p class='meta'>Published 5 August 2016, 9:30 am</p>", head)
    assert found.published_at == datetime(2016, 8, 5, 9, 30, tzinfo=UTC)
    assert found.updated_at == datetime(2016, 8, 9, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("৫ আগস্ট ২০১৬, ০৮:২২ পিএম", 20 + 22 / 60),
        ("5 August 2016 8.22 pm", 20 + 22 / 60),
        ("5 August 2016, 20:22", 20 + 22 / 60),
        ("5. August 2016, 08:22 Uhr", 8 + 22 / 60),
    ],
)
def test_time_is_in_the_zone_of_the_site(text: str, hours: float) -> None:
    expected = datetime(2016, 8, 5, tzinfo=ZoneInfo("Asia/Dhaka")) + timedelta(hours=hours)
    assert story(f"<p>{text}</p>", zone="Asia/Dhaka").published_at == expected


def test_name_around_headline_is_not_of_other_story() -> None:
    html = (
        f"<html><head><title>{TITLE}</title></head><body><div class='has-sidebar archive-wide'><h1>{TITLE}</h1>"
        f"<span itemprop='datePublished' content='2016-08-05'></span><div>{TEXT}</div></div></body></html>"
    )
    rules = UnknownSiteRules()
    address = rules.identify("https://paper.example/a/bridge")
    assert isinstance(address, SiteUrl)
    page = Page(html.encode(), address.url, NOW)
    assert day_of(GenericLayout().parse(page, address, rules, ZoneInfo("UTC")).story) == DAY
