"""Ranked lists and story links of a page."""

import gzip
import re
from dataclasses import replace
from datetime import UTC, datetime
from unicodedata import normalize

import pytest
from hypothesis import strategies as st

from crawler.parsing.page import Page
from crawler.parsing.ranked_lists import RankedList, RankedRow, parse_ranked_list, story_links
from crawler.spiders.kalbela import Kalbela
from crawler.urls import UrlRules
from tests.support.project import PROJECT
from tests.support.properties import examples, holds

URL_RULES = Kalbela.make_url_rules()
LATEST = Kalbela.lists[0]
WWW = "https://www.kalbela.com"


def page(html: str, url: str = f"{WWW}/") -> Page:
    return Page(html.encode(), url, datetime(2026, 8, 10, tzinfo=UTC))


def rows_of(rows: str, ranked: RankedList = LATEST) -> list[RankedRow]:
    return parse_ranked_list(page(f'<div id="latestview1">{rows}</div>'), ranked, URL_RULES)


def row(rank: str, link: str, title: str = "শিরোনাম") -> str:
    shown = f'<h4 class="title"><i></i> {title} </h4><span class="news_sl">{rank}</span>'
    return f'<div class="sub2-lead-content">{shown}{link}</div>'


def link(number: int, label: str | None = None) -> str:
    attribute = "" if label is None else f' aria-label="{label}"'
    return f'<a class="link"{attribute} href="{WWW}/national/{number}"></a>'


@pytest.mark.parametrize(
    ("title", "label", "headline"),
    [
        ("দৃশ্যমান", None, "দৃশ্যমান"),
        ("<span class=sholder>কিকার&nbsp;/</span> দৃশ্যমান", None, "দৃশ্যমান"),
        ("<span class=sholder>কিকার</span>&nbsp;/ দৃশ্যমান", None, "দৃশ্যমান"),
        ("দৃশ্য<br>মান", None, "দৃশ্য মান"),
        ("সম\u09df", None, "সম\u09af\u09bc"),
        ("<script>x</script>", None, None),
    ],
)
def test_row_has_the_printed_headline(title: str, label: str | None, headline: str | None) -> None:
    (found,) = rows_of(row("১", link(1, label), title))
    assert found.headline == headline


def test_link_text_is_the_last_headline() -> None:
    (found,) = rows_of(f'<div class="sub2-lead-content"><a href="{WWW}/national/1">লেখা</a></div>')
    assert (found.rank, found.headline) == (1, "লেখা")


@pytest.mark.parametrize(
    ("printed", "ranks"),
    [
        (("১.", "#২", " ৩ "), [1, 2, 3]),
        (("৩", "২", "১"), [3, 2, 1]),
        (("১", "", "৩"), [1, 2, 3]),
        # Invalid ranks are replaced by positions.
        (("১", "১", "১"), [1, 2, 3]),
        (("০", "১", "২"), [1, 2, 3]),
        (("১", "২", "৯৯৯৯৯৯৯৯৯৯৯৯"), [1, 2, 3]),
    ],
)
def test_rank_is_as_printed_if_valid(printed: tuple[str, ...], ranks: list[int]) -> None:
    found = rows_of("".join(row(rank, link(number)) for number, rank in enumerate(printed)))
    assert [one.rank for one in found] == ranks
    assert [one.target.url for one in found] == [f"{WWW}/national/{number}" for number in range(3)]


@pytest.mark.parametrize(
    ("links", "url", "story_id"),
    [
        (link(7), f"{WWW}/national/7", "kalbela:7"),
        ('<a href="/national/7/?utm_source=x#y"></a>', f"{WWW}/national/7", "kalbela:7"),
        (f'<a href="{WWW}/special">কিকার</a>{link(7)}', f"{WWW}/national/7", "kalbela:7"),
        (f'<a href="#"></a>{link(7)}', f"{WWW}/national/7", "kalbela:7"),
        (f'<a href="{WWW}/video-gallery/news/5681"></a>', f"{WWW}/video-gallery/news/5681", None),
        (f'<a href="{WWW}/special"></a><a href="{WWW}/video-gallery/news/5"></a>', f"{WWW}/video-gallery/news/5", None),
        ('<a href="https://archive.kalbela.com/national/7"></a>', "https://archive.kalbela.com/national/7", None),
        ('<a href="http://["></a>', "http://[", None),
    ],
)
def test_row_targets_the_linked_story(links: str, url: str, story_id: str | None) -> None:
    (found,) = rows_of(row("১", links))
    assert (found.target.url, getattr(found.target, "story_id", None)) == (url, story_id)


def test_row_without_link_keeps_its_position() -> None:
    found = rows_of(row("", link(1)) + row("", "") + row("", "<a>x</a>") + row("", link(4)))
    assert [(one.rank, one.target.url[-1]) for one in found] == [(1, "1"), (4, "4")]


def test_outer_and_nested_rows_are_separate() -> None:
    nested = row("১", link(1) + row("২", link(2)))
    html = f'{row("৯", link(9))}<div id="latestview1">{nested}</div><div id="mostview1">{row("১", link(8))}</div>'
    found = parse_ranked_list(page(html), LATEST, URL_RULES)
    assert [one.target.url[-1] for one in found] == ["1", "2"]


@pytest.mark.parametrize(
    "html",
    [
        f'<div id="latest_list_block1"><div id="latestview7">{row("১", link(1))}</div></div>',
        f'<div id="latest_list_block1">{row("১", link(1))}</div>',
        f'<div id="latest_list_block2">{row("১", link(1))}</div>',
        f'<div id="latestview1"></div><div id="latest_list_block1">{row("১", link(1))}</div>',
    ],
)
def test_list_is_found_in_any_region(html: str) -> None:
    assert [one.rank for one in parse_ranked_list(page(html), LATEST, URL_RULES)] == [1]


@pytest.mark.parametrize(
    "html", ["", "<p>x</p>", '<div id="latestview1"></div>', '<div id="latestview1"><p>x</p></div>']
)
def test_page_without_list_has_no_rows(html: str) -> None:
    assert parse_ranked_list(page(html), LATEST, URL_RULES) == []


def test_relative_link_follows_base_url() -> None:
    html = f'<base href="{WWW}/world/"><div id="latestview1">{row("১", "<a href=7></a>")}</div><a href="8">x</a>'
    at = page(html, f"{WWW}/sports/cricket/1")
    assert parse_ranked_list(at, LATEST, URL_RULES)[0].target.url == f"{WWW}/world/7"
    assert [address.url for address in story_links(at, URL_RULES)] == [f"{WWW}/world/7", f"{WWW}/world/8"]


def test_story_links_are_distinct_and_ordered() -> None:
    hrefs = ("/world/2", "/national/1?utm_source=x", f"{WWW}/national/1", "/special", "#", "http://[", "", "/world/3")
    html = "".join(f'<a href="{href}">x</a>' for href in hrefs)
    html += "<a>x</a><a href='https://archive.kalbela.com/world/9'>x</a><a href='/video-gallery/news/5'>x</a>"
    assert [story.key for story in story_links(page(html), URL_RULES)] == ["kalbela:2", "kalbela:1", "kalbela:3"]


def test_list_of_another_layout_is_parsed() -> None:
    other = RankedList(name="latest", regions=("ol",), rows="li", rank="b", title="span")
    html = "<ol><li><b>১</b><span>ক</span><a href=/world/1></a><li><b>২</b><span>খ</span><a href=/world/2></a></ol>"
    found = parse_ranked_list(page(html), other, URL_RULES)
    assert [(one.rank, one.headline) for one in found] == [(1, "ক"), (2, "খ")]
    assert parse_ranked_list(page(html), replace(other, rows="p"), URL_RULES) == []


@pytest.mark.parametrize(
    ("href", "from_world", "from_sports"),
    [
        ("/world/1", "world/1", "world/1"),
        ("asia/1", "world/asia/1", "sports/asia/1"),
        ("?id=1", "world/x", "sports/x"),
    ],
)
def test_same_markup_resolves_links_per_page(href: str, from_world: str, from_sports: str) -> None:
    markup = f'<div id="latestview1">{row("১", f"<a href={href!r}></a>")}</div>'
    for path, leads_to in (("world/x", from_world), ("sports/x", from_sports), ("world/x", from_world)):
        (read,) = parse_ranked_list(page(markup, f"{WWW}/{path}"), LATEST, URL_RULES)
        assert read.target.url.removeprefix(f"{WWW}/").partition("?")[0] == leads_to


def test_changed_list_is_parsed_again() -> None:
    first, second = (rows_of(row("১", link(1), title)) for title in ("এক", "দুই"))
    assert [first[0].headline, second[0].headline] == ["এক", "দুই"]
    assert rows_of(row("১", link(1), "এক")) == first


PROTHOM_ALO = UrlRules(
    "prothomalo", ("www.prothomalo.com",), re.compile(r"/(?P<section>[\w/-]+)/(?P<id>[a-z0-9]{10})"), frozenset()
)
NUMBERED = RankedList(
    name="latest",
    regions=(".numbered-story-headline-wrapper",),
    rows="div.numbered-story-headline:has(> .content)",
    rank=".headline-number",
    title=".headline-title",
    drop=".sub-title",
)
REAL = PROJECT.parent / "shared" / "real"


@pytest.mark.skipif(not REAL.exists(), reason="no real pages beside the project")
def test_real_list_gives_the_visible_headlines() -> None:
    body = gzip.decompress((REAL / "prothomalo-opinion-2026-08-22.html.gz").read_bytes())
    real = Page(body, "https://www.prothomalo.com/opinion", datetime(2026, 8, 22, tzinfo=UTC))
    rows = [(row.rank, row.headline) for row in parse_ranked_list(real, NUMBERED, PROTHOM_ALO)]
    headlines = [
        "আয় কমছে শ্রমিকের, সংসারে টানাটানি",
        "বাংলাদেশ–ভারত সম্পর্ক কার্যকর রাখতে পারস্পরিক স্বার্থের পরীক্ষায় উত্তীর্ণ হতে হবে",
        "বিমানবন্দরে ৩ কেজি কুশসহ ভারতের নাগরিক গ্রেপ্তার",
        "ঝামেলা যখন বেস্ট ফ্রেন্ডের গার্লফ্রেন্ডকে নিয়ে",
        "রংপুর জিলা স্কুলের সাবেক শিক্ষক, তাঁর স্ত্রী ও দুই ছেলে–মেয়ের লাশ উদ্ধার",
    ]
    assert rows == [(rank, normalize("NFC", headline)) for rank, headline in enumerate(headlines, start=1)]


def check_declared_headline(declared: str, titles: list[str], label: str, in_link: bool) -> None:
    rows = [
        f'<div class="sub2-lead-content">{"" if in_link else f"<h4 class=title>{title}</h4>"}'
        f'<a aria-label="{label}" title="{label} ২" href="{WWW}/national/{number}">{title if in_link else "লিংক"}</a>'
        "</div>"
        for number, title in enumerate(titles)
    ]
    found = [row.headline for row in rows_of("".join(rows), replace(LATEST, headline=declared))]
    by_attribute = {"@aria-label": label, "@title": f"{label} ২".strip(), "text": ""}[declared]
    assert found == [by_attribute or title for title in titles]


@examples
def test_headline_is_where_the_site_declares_it(examples: int) -> None:
    declared = st.sampled_from(["@aria-label", "@title", "text"])
    titles = st.lists(st.sampled_from(["শিরোনাম এক", "আরেক খবর", "Title link", "১"]), min_size=1, max_size=6)
    labels = st.sampled_from(["Title link", "কিকার", ""])
    holds(check_declared_headline, declared, titles, labels, st.booleans(), examples=examples)
