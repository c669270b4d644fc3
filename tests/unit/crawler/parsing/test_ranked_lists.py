"""Lists: ranked rows of a page, links of a page, entries of feeds and sitemaps."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from crawler.parsing.feeds import MAX_ENTRIES, FeedEntry, newest_first, parse_feed, parse_sitemap
from crawler.parsing.page import Page
from crawler.parsing.ranked_lists import RankedList, RankedRow, parse_ranked_list, story_links
from crawler.spiders.kalbela import Kalbela

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
    said = "" if label is None else f' aria-label="{label}"'
    return f'<a class="link"{said} href="{WWW}/national/{number}"></a>'


@pytest.mark.parametrize(
    ("title", "label", "headline"),
    [
        ("দৃশ্যমান", "নাম", "নাম"),
        ("দৃশ্যমান", " নাম\n ", "নাম"),
        ("দৃশ্যমান", None, "দৃশ্যমান"),
        ("দৃশ্যমান", "", "দৃশ্যমান"),
        ("<span class=sholder>কিকার&nbsp;/</span> দৃশ্যমান", None, "দৃশ্যমান"),
        ("<span class=sholder>কিকার</span>&nbsp;/ দৃশ্যমান", None, "দৃশ্যমান"),
        ("<span class=sholder>কিকার&nbsp;/</span> দৃশ্যমান", "নাম", "নাম"),
        ("দৃশ্য<br>মান", None, "দৃশ্য মান"),
        ("সম\u09df", None, "সম\u09af\u09bc"),
        ("<script>x</script>", None, None),
    ],
)
def test_a_row_has_the_headline_that_the_list_prints(title: str, label: str | None, headline: str | None) -> None:
    (found,) = rows_of(row("১", link(1, label), title))
    assert found.headline == headline


def test_the_text_of_a_link_is_a_headline_where_nothing_else_is() -> None:
    (found,) = rows_of(f'<div class="sub2-lead-content"><a href="{WWW}/national/1">লেখা</a></div>')
    assert (found.rank, found.headline) == (1, "লেখা")


@pytest.mark.parametrize(
    ("printed", "ranks"),
    [
        (("১", "২", "৩"), [1, 2, 3]),
        (("1", "2", "3"), [1, 2, 3]),
        (("১.", "#২", " ৩ "), [1, 2, 3]),
        (("২", "৩", "৪"), [2, 3, 4]),
        (("৩", "২", "১"), [3, 2, 1]),
        (("", "", ""), [1, 2, 3]),
        (("১", "", "৩"), [1, 2, 3]),
        (("১", "ক", "৩"), [1, 2, 3]),
        # Ranks that cannot all be right give way to the places.
        (("১", "১", "১"), [1, 2, 3]),
        (("০", "১", "২"), [1, 2, 3]),
        (("১", "২", "৯৯৯৯৯৯৯৯৯৯৯৯"), [1, 2, 3]),
    ],
)
def test_a_rank_is_as_printed_if_that_can_be(printed: tuple[str, ...], ranks: list[int]) -> None:
    found = rows_of("".join(row(rank, link(number)) for number, rank in enumerate(printed)))
    assert [one.rank for one in found] == ranks
    assert [one.target.url for one in found] == [f"{WWW}/national/{number}" for number in range(3)]


@pytest.mark.parametrize(
    ("links", "url", "story_id"),
    [
        (link(7), f"{WWW}/national/7", "kalbela:7"),
        (link(7) + link(7), f"{WWW}/national/7", "kalbela:7"),
        ('<a href="/national/7/?utm_source=x#y"></a>', f"{WWW}/national/7", "kalbela:7"),
        (f'<a href="{WWW}/special">কিকার</a>{link(7)}', f"{WWW}/national/7", "kalbela:7"),
        (f'<a href="#"></a>{link(7)}', f"{WWW}/national/7", "kalbela:7"),
        (f'<a href="javascript:void(0)"></a>{link(7)}', f"{WWW}/national/7", "kalbela:7"),
        (f'<a href="http://["></a>{link(7)}', f"{WWW}/national/7", "kalbela:7"),
        (f'<a href="">x</a>{link(7)}', f"{WWW}/national/7", "kalbela:7"),
        (f'<a href="{WWW}/video-gallery/news/5681"></a>', f"{WWW}/video-gallery/news/5681", None),
        (f'<a href="{WWW}/special"></a><a href="{WWW}/video-gallery/news/5"></a>', f"{WWW}/video-gallery/news/5", None),
        ('<a href="https://archive.kalbela.com/national/7"></a>', "https://archive.kalbela.com/national/7", None),
        ('<a href="http://["></a>', "http://[", None),
    ],
)
def test_a_row_is_about_the_story_that_it_links_to(links: str, url: str, story_id: str | None) -> None:
    (found,) = rows_of(row("১", links))
    assert (found.target.url, getattr(found.target, "story_id", None)) == (url, story_id)


def test_a_row_without_a_link_is_no_row_and_keeps_its_place() -> None:
    found = rows_of(row("", link(1)) + row("", "") + row("", "<a>x</a>") + row("", link(4)))
    assert [(one.rank, one.target.url[-1]) for one in found] == [(1, "1"), (4, "4")]


def test_rows_outside_the_list_and_inside_other_rows_are_not_mixed_up() -> None:
    nested = row("১", link(1) + row("২", link(2)))
    html = f'{row("৯", link(9))}<div id="latestview1">{nested}</div><div id="mostview1">{row("১", link(8))}</div>'
    found = parse_ranked_list(page(html), LATEST, URL_RULES)
    assert [one.target.url[-1] for one in found] == ["1", "2"]


@pytest.mark.parametrize(
    "html",
    [
        f'<div id="latest_list_block1"><div id="latestview1">{row("১", link(1))}</div></div>',
        f'<div id="latest_list_block1"><div id="latestview7">{row("১", link(1))}</div></div>',
        f'<div id="latest_list_block1">{row("১", link(1))}</div>',
        f'<div id="latest_list_block2">{row("১", link(1))}</div>',
        f'<div id="latestview1"></div><div id="latest_list_block1">{row("১", link(1))}</div>',
    ],
)
def test_a_list_is_found_by_any_of_its_regions(html: str) -> None:
    assert [one.rank for one in parse_ranked_list(page(html), LATEST, URL_RULES)] == [1]


@pytest.mark.parametrize(
    "html", ["", "<p>x</p>", '<div id="latestview1"></div>', '<div id="latestview1"><p>x</p></div>']
)
def test_a_page_without_the_list_gives_no_rows(html: str) -> None:
    assert parse_ranked_list(page(html), LATEST, URL_RULES) == []


def test_relative_links_follow_the_base_of_the_page() -> None:
    html = f'<base href="{WWW}/world/"><div id="latestview1">{row("১", "<a href=7></a>")}</div><a href="8">x</a>'
    at = page(html, f"{WWW}/sports/cricket/1")
    assert parse_ranked_list(at, LATEST, URL_RULES)[0].target.url == f"{WWW}/world/7"
    assert [address.url for address in story_links(at, URL_RULES)] == [f"{WWW}/world/7", f"{WWW}/world/8"]


def test_the_stories_that_a_page_links_to_come_in_order_and_once() -> None:
    html = "".join(
        f'<a href="{href}">x</a>'
        for href in (
            "/world/2",
            "/national/1?utm_source=x",
            f"{WWW}/national/1",
            "/special",
            "#",
            "http://[",
            "",
            "/world/3",
        )
    )
    html += "<a>x</a><a href='https://archive.kalbela.com/world/9'>x</a><a href='/video-gallery/news/5'>x</a>"
    assert [address.story_id for address in story_links(page(html), URL_RULES)] == [
        "kalbela:2",
        "kalbela:1",
        "kalbela:3",
    ]


RSS = '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>কালবেলা</title>{}</channel></rss>'
ATOM = '<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title>{}</feed>'
STAMP = "Sun, 21 Dec 2025 20:15:34 +0600"


@pytest.mark.parametrize(
    ("xml", "entries"),
    [
        (
            RSS.format(
                f"<item><title>ক</title><link>{WWW}/world/1</link><pubDate>{STAMP}</pubDate><guid>x</guid></item>"
            ),
            [FeedEntry(f"{WWW}/world/1", "ক", STAMP)],
        ),
        (RSS.format(f"<item><link>\n {WWW}/world/1 \n</link></item>"), [FeedEntry(f"{WWW}/world/1")]),
        (
            RSS.format("<item><link><![CDATA[/world/1]]></link><title><![CDATA[ক & খ]]></title></item>"),
            [FeedEntry("/world/1", "ক & খ")],
        ),
        (
            RSS.format("<item><link>/a?x=1&amp;y=2</link><title>ক &amp;amp; খ&amp;#8217;</title></item>"),
            [FeedEntry("/a?x=1&y=2", "ক & খ’")],
        ),
        (RSS.format("<item><link>/1</link><title>কিকার  /  শিরোনাম</title></item>"), [FeedEntry("/1", "কিকার / শিরোনাম")]),
        (RSS.format("<item><link>/1</link></item><item><link>/2</link></item>"), [FeedEntry("/1"), FeedEntry("/2")]),
        # What the namespace Atom adds to RSS does not get in the way.
        (
            RSS.format(
                '<item xmlns:atom="http://www.w3.org/2005/Atom"><link>/1</link><atom:link rel="self" href="/x"/></item>'
            ),
            [FeedEntry("/1")],
        ),
        (RSS.format("<item><guid>https://a/1</guid></item>"), [FeedEntry("https://a/1")]),
        (RSS.format('<item><guid isPermaLink="false">https://a/1</guid></item>'), []),
        (RSS.format("<item><guid>317255</guid></item><item><title>x</title></item>"), []),
        (
            ATOM.format('<entry><link href="/1"/><title>ক</title><updated>2026-08-10T01:02:03Z</updated></entry>'),
            [FeedEntry("/1", "ক", "2026-08-10T01:02:03Z")],
        ),
        (
            ATOM.format(
                '<entry><link rel="edit" href="/e"/><link rel="alternate" href="/1"/>'
                '<link rel="self" href="/s"/></entry>'
            ),
            [FeedEntry("/1")],
        ),
        (
            ATOM.format(
                '<entry><link href="/1"/><title type="xhtml">'
                '<div xmlns="http://www.w3.org/1999/xhtml">ক <b>খ</b></div></title></entry>'
            ),
            [FeedEntry("/1", "ক খ")],
        ),
        (
            '<rdf:RDF xmlns:rdf="r" xmlns="http://purl.org/rss/1.0/" xmlns:dc="d">'
            "<item><link>/1</link><dc:date>2026-08-10</dc:date></item></rdf:RDF>",
            [FeedEntry("/1", None, "2026-08-10")],
        ),
        # Not quite XML.
        ("\n\n " + RSS.format("<item><link>/1</link></item>"), [FeedEntry("/1")]),
        ("\ufeff" + RSS.format("<item><link>/1</link></item>"), [FeedEntry("/1")]),
        (RSS.format("<item><title>ক&nbsp;খ & গ</title><link>/1</link></item>"), [FeedEntry("/1", "ক খ গ")]),
        (RSS.format("<item><link>/1</link></item><item><link>/2</li")[:-17], [FeedEntry("/1"), FeedEntry("/2")]),
        (RSS.format("<item><link>/1</link><title>a\x08b</title></item>"), [FeedEntry("/1", "ab")]),
        ("", []),
        ("   ", []),
        ("not xml at all", []),
        ("<html><body><p>Too many connections", []),
        ("{}", []),
    ],
)
def test_a_feed_gives_what_can_be_read_of_it(xml: str, entries: list[FeedEntry]) -> None:
    assert parse_feed(xml.encode()) == entries


@pytest.mark.parametrize(
    "declaration",
    [
        '<!ENTITY x SYSTEM "file:///etc/passwd">',
        '<!ENTITY x SYSTEM "http://127.0.0.1:9/">',
        '<!ENTITY % p SYSTEM "file:///etc/passwd"> %p; <!ENTITY x "y">',
        "".join(f'<!ENTITY {chr(98 + step)} "{f"&{chr(97 + step)};" * 10}">' for step in range(9)).replace(
            "<!ENTITY b", '<!ENTITY a "aaaaaaaaaa"><!ENTITY b', 1
        )
        + '<!ENTITY x "&j;&j;&j;">',
        f'<!ENTITY x "{"a" * 100_000}">',
    ],
    ids=["file", "network", "parameter", "laughs", "blow-up"],
)
def test_an_entity_of_a_feed_is_never_expanded(declaration: str) -> None:
    xml = f"<!DOCTYPE rss [{declaration}]><rss><item><title>t{'&x;' * 1000}</title><link>/1</link></item></rss>"
    for entry in parse_feed(xml.encode()):
        assert entry.url == "/1"
        assert len(entry.headline or "") < 10_000
        assert "root:" not in (entry.headline or "")


@pytest.mark.parametrize(
    ("xml", "pages", "further"),
    [
        (
            '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
            "<url><loc> /1 </loc><lastmod>2026-08-10</lastmod></url></urlset>",
            [FeedEntry("/1", None, "2026-08-10")],
            [],
        ),
        ("<sitemapindex><sitemap><loc>/a.xml</loc></sitemap></sitemapindex>", [], [FeedEntry("/a.xml")]),
        (
            '<urlset xmlns:n="news" xmlns:i="image"><url><i:image><i:loc>/picture</i:loc></i:image>'
            "<loc>/1</loc><n:news><n:title>ক</n:title>"
            "<n:publication_date>2026-08-10T10:00:00+06:00</n:publication_date></n:news></url></urlset>",
            [FeedEntry("/1", "ক", "2026-08-10T10:00:00+06:00")],
            [],
        ),
        ("<urlset><url><loc></loc></url><url><lastmod>x</lastmod></url></urlset>", [], []),
        ("<urlset><url><loc>/1</loc></url><url><loc>/2</lo", [FeedEntry("/1"), FeedEntry("/2")], []),
        ("", [], []),
    ],
)
def test_a_sitemap_gives_pages_and_further_sitemaps(xml: str, pages: list[FeedEntry], further: list[FeedEntry]) -> None:
    assert parse_sitemap(xml.encode()) == (pages, further)


def test_no_feed_is_read_for_ever() -> None:
    xml = "<urlset>" + "<url><loc>/1</loc></url>" * (MAX_ENTRIES + 10) + "</urlset>"
    assert len(parse_sitemap(xml.encode())[0]) == MAX_ENTRIES


def test_the_newest_come_first_whatever_way_their_moments_are_written() -> None:
    moments = [
        "Wed, 24 Dec 2025 09:00:00 +0600",
        "2025-12-24T03:30:00Z",
        "2025-12-24T10:00:00+06:00",
        "2025-12-25",
        "Sun, 21 Dec 2025 20:15:34 +0600",
        "Thu, 25 Dec 2025 07:00:00 GMT",
        "2025-12-20T00:00:00.123+06:00",
    ]
    entries = [FeedEntry(str(place), None, moment) for place, moment in enumerate(moments)]
    assert "".join(entry.url for entry in newest_first(entries)) == "5321046"


def test_entries_without_a_moment_follow_in_their_order() -> None:
    entries = [
        FeedEntry("a"),
        FeedEntry("b", None, "nonsense"),
        FeedEntry("c", None, "2026-01-01"),
        FeedEntry("d", None, ""),
    ]
    assert [entry.url for entry in newest_first(entries)] == ["c", "a", "b", "d"]


def test_a_list_of_another_layout_needs_declarations_only() -> None:
    other = RankedList(name="latest", regions=("ol",), rows="li", rank="b", title="span")
    html = "<ol><li><b>১</b><span>ক</span><a href=/world/1></a><li><b>২</b><span>খ</span><a href=/world/2></a></ol>"
    found = parse_ranked_list(page(html), other, URL_RULES)
    assert [(one.rank, one.headline) for one in found] == [(1, "ক"), (2, "খ")]
    assert parse_ranked_list(page(html), replace(other, rows="p"), URL_RULES) == []


@pytest.mark.parametrize(
    ("href", "from_world", "from_sports"),
    [
        (f"{WWW}/world/1", "world/1", "world/1"),
        ("/world/1", "world/1", "world/1"),
        ("asia/1", "world/asia/1", "sports/asia/1"),
        ("?id=1", "world/x", "sports/x"),
    ],
)
def test_the_same_markup_on_another_page_leads_where_that_page_says(
    href: str, from_world: str, from_sports: str
) -> None:
    markup = f'<div id="latestview1">{row("১", f"<a href={href!r}></a>")}</div>'
    for path, leads_to in (("world/x", from_world), ("sports/x", from_sports), ("world/x", from_world)):
        (read,) = parse_ranked_list(page(markup, f"{WWW}/{path}"), LATEST, URL_RULES)
        assert read.target.url.removeprefix(f"{WWW}/").partition("?")[0] == leads_to


def test_a_list_that_was_read_before_is_read_anew_where_a_letter_of_it_is_another() -> None:
    first, second = (rows_of(row("১", link(1), title)) for title in ("এক", "দুই"))
    assert [first[0].headline, second[0].headline] == ["এক", "দুই"]
    assert rows_of(row("১", link(1), "এক")) == first
