"""Entries of feeds and sitemaps."""

import gzip
from datetime import UTC, datetime, timedelta, timezone
from html import escape
from itertools import pairwise
from xml.etree import ElementTree

import feedparser
import pytest
from hypothesis import strategies as st

from crawler.decoding.feed_documents import MAX_ENTRIES
from crawler.parsing.feeds import (
    FeedEntry,
    has_entries,
    is_feed_link,
    modification_times,
    newest_first,
    parse_feed,
    parse_sitemap,
)
from tests.support.project import PROJECT
from tests.support.properties import examples, holds

RSS = '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>কালবেলা</title>{}</channel></rss>'
ATOM = '<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title>{}</feed>'
STAMP = "Sun, 21 Dec 2025 20:15:34 +0600"


ITEM = "<item><link>/1</link></item>"


def entry(*children: str) -> str:
    return ATOM.format(f"<entry>{''.join(children)}</entry>")


def item(*children: str) -> str:
    return RSS.format(f"<item>{''.join(children)}</item>")


@pytest.mark.parametrize(
    ("xml", "entries"),
    [
        (item("<title>ক</title><link>/1</link><guid>x</guid>", f"<pubDate>{STAMP}</pubDate>"), [("/1", "ক", STAMP)]),
        (item("<link>\n /1 \n</link>"), [("/1",)]),
        (item("<link><![CDATA[/1]]></link><title><![CDATA[ক & খ]]></title>"), [("/1", "ক & খ")]),
        (item("<link>/a?x=1&amp;y=2</link><title>ক &amp;amp; খ&amp;#8217;</title>"), [("/a?x=1&y=2", "ক & খ’")]),
        (RSS.format(ITEM * 2), [("/1",), ("/1",)]),
        # An Atom link inside RSS is ignored.
        (item('<link>/1</link><a:link xmlns:a="http://www.w3.org/2005/Atom" rel="self" href="/x"/>'), [("/1",)]),
        (item("<guid>https://a/1</guid>"), [("https://a/1",)]),
        (item('<guid isPermaLink="false">https://a/1</guid>'), []),
        (item("<guid>317255</guid><title>x</title>"), []),
        (
            entry('<link href="/1"/><title>ক</title>', "<updated>2026-08-10T01:02:03Z</updated>"),
            [("/1", "ক", "2026-08-10T01:02:03Z")],
        ),
        (entry('<link rel="edit" href="/e"/><link rel="alternate" href="/1"/><link rel="self" href="/s"/>'), [("/1",)]),
        (
            entry('<link href="/1"/><title type="xhtml"><div xmlns="xhtml">ক <b>খ</b></div></title>'),
            [("/1", "ক খ")],
        ),
        (
            '<rdf:RDF xmlns:rdf="r" xmlns="http://purl.org/rss/1.0/" xmlns:dc="d">'
            "<item><link>/1</link><dc:date>2026-08-10</dc:date></item></rdf:RDF>",
            [("/1", None, "2026-08-10")],
        ),
        # Not well-formed.
        ("\n\n " + RSS.format(ITEM), [("/1",)]),
        ("\ufeff" + RSS.format(ITEM), [("/1",)]),
        (item("<title>ক&nbsp;খ & গ</title><link>/1</link>"), [("/1", "ক খ & গ")]),
        (RSS.format(f"{ITEM}<item><link>/2</li")[:-17], [("/1",), ("/2",)]),
        (item("<link>/1</link><title>a\x08b</title>"), [("/1", "ab")]),
        (f"<RSS><CHANNEL>{'<ITEM><TITLE>ক</TITLE><LINK>/1</LINK></ITEM>'}</CHANNEL></RSS>", [("/1", "ক")]),
        # Children of other namespaces describe pictures or other files.
        (
            '<rss xmlns:m="m"><item><m:link>/p</m:link><m:title/><link>/1</link><title>ক</title></item></rss>',
            [("/1", "ক")],
        ),
        (item("<m:title>ছবি</m:title><title>ক</title><link>/1</link>"), [("/1", "ক")]),
        (item("<guid>/news/1</guid>"), [("/news/1",)]),
        (item("<guid isPermaLink='False'>/news/1</guid>"), []),
        (
            '<rdf:RDF xmlns:rdf="r"><item rdf:about="https://a/1"><title>ক</title></item></rdf:RDF>',
            [("https://a/1", "ক")],
        ),
        (
            item("<link>https://feeds.test/~r/1</link><f:origLink xmlns:f='f'>https://a/1</f:origLink>"),
            [("https://a/1",)],
        ),
        (entry('<link rel=" Alternate" href="/1"/>'), [("/1",)]),
        (entry('<link rel="http://www.iana.org/assignments/relation/alternate" href="/1"/>'), [("/1",)]),
        (entry('<source><link href="/s"/><title>x</title></source><link href="/1"/><title>ক</title>'), [("/1", "ক")]),
        (
            ATOM.replace("<feed", '<feed xml:base="https://a/x/"').format('<entry><link href="1"/></entry>'),
            [("https://a/x/1",)],
        ),
        (entry("<link href='1'/>").replace("<entry", "<entry xml:base='https://a/y/'"), [("https://a/y/1",)]),
        (
            entry("<link href='/1'/><issued>2003-01-01</issued><modified>2004-01-01</modified>"),
            [("/1", None, "2004-01-01")],
        ),
        (item("<title>&lt;b&gt;ক&lt;/b&gt; &amp;lt;খ&gt;</title><link>/1</link>"), [("/1", "ক <খ>")]),
        (item("<title>ক < খ <3</title><link>/1</link>"), [("/1", "ক < খ <3")]),
        # HTML that is not escaped, comments and CDATA with entries in them.
        (item("<title>ক<br>খ</title><description><p>x<img src=y></description><link>/1</link>"), [("/1", "ক খ")]),
        (RSS.format(f"<!-- <item><link>/2</link></item> -->{ITEM}<b>"), [("/1",)]),
        (item("<description><![CDATA[<item><link>/2</link></item>]]></description><link>/1</link><b>"), [("/1",)]),
        (item("<title><![CDATA[ক</title><link>/1</link>"), [("/1", "ক")]),
        (item("<title><![CDATA[ক <![CDATA[খ]]> গ]]></title><link>/1</link>"), [("/1", "ক খ গ")]),
        # Without the URL at which the document is cut off.
        (RSS.format(f"{ITEM}<item><link>https://a/12")[:-16], [("/1",)]),
        (
            '{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "url": "/1", "title": "ক\\ud83d",'
            ' "date_published": "2026-08-10T01:02:03Z"}, {"id": "https://a/2"}, {"id": "3"}, 4]}',
            [("/1", "ক\ufffd", "2026-08-10T01:02:03Z"), ("https://a/2",)],
        ),
        ("", []),
        ("not xml at all", []),
        ("<html><body><p>Too many connections", []),
    ],
)
def test_feed_is_parsed_as_far_as_possible(xml: str, entries: list[tuple[str, ...]]) -> None:
    assert parse_feed(xml.encode()) == [FeedEntry(*values) for values in entries]


@pytest.mark.parametrize(
    "declaration",
    [
        '<!ENTITY x SYSTEM "file:///etc/passwd">',
        '<!ENTITY x SYSTEM "http://127.0.0.1:9/">',
        '<!ENTITY % p SYSTEM "file:///etc/passwd"> %p; <!ENTITY x "y">',
        '<!ENTITY a "aaaaaaaaaa">'
        + "".join(f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in pairwise("abcdefghijx")),
        f'<!ENTITY x "{"a" * 100_000}">',
    ],
    ids=["file", "network", "parameter", "laughs", "blow-up"],
)
def test_entity_is_never_expanded(declaration: str) -> None:
    xml = f"<!DOCTYPE rss [{declaration}]><rss><item><title>t{'&x;' * 1000}</title><link>/1</link></item></rss>"
    for entry in parse_feed(xml.encode()):
        assert entry.url == "/1"
        assert len(entry.headline or "") < 10_000
        assert "root:" not in (entry.headline or "")


@pytest.mark.parametrize(
    ("xml", "pages", "sitemaps"),
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
def test_sitemap_gives_pages_and_sitemaps(xml: str, pages: list[FeedEntry], sitemaps: list[FeedEntry]) -> None:
    assert parse_sitemap(xml.encode()) == (pages, sitemaps)


def test_number_of_entries_is_limited() -> None:
    xml = "<urlset>" + "<url><loc>/1</loc></url>" * (MAX_ENTRIES + 10) + "</urlset>"
    assert len(parse_sitemap(xml.encode())[0]) == MAX_ENTRIES


def test_newest_entry_is_first_in_any_format() -> None:
    dates = [
        "Wed, 24 Dec 2025 09:00:00 +0600",
        "2025-12-24T03:30:00Z",
        "2025-12-24T10:00:00+06:00",
        "2025-12-25",
        "Sun, 21 Dec 2025 20:15:34 +0600",
        "Thu, 25 Dec 2025 07:00:00 GMT",
        "2025-12-20T00:00:00.123+06:00",
    ]
    entries = [FeedEntry(str(place), None, date) for place, date in enumerate(dates)]
    assert "".join(entry.url for entry in newest_first(entries)) == "5321046"


@pytest.mark.parametrize(
    ("date", "hour"),
    [
        *(
            (f"Tue, 11 Aug 2026 19:02:00{offset}", 13)
            for offset in (" +06:00", " +06", " +6", "+06:00", " +0600 (BDT)")
        ),
        *((f"2026-08-11 19:02:00{offset}", 13) for offset in ("+06", "+06:00", " +0600")),
        *((f"Tue, 11 Aug 2026 19:02:00{zone}", 19) for zone in ("", " GMT", " Z", " -0000", " +00")),
        *((f"Tue, 11 Aug 2026 07:02:00{zone}", None) for zone in (" PM", " PM +0600", " BDT", " XYZ", " GMT+6")),
    ],
)
def test_time_of_entry_has_its_offset(date: str, hour: int | None) -> None:
    moment = None if hour is None else datetime(2026, 8, 11, hour, 2, tzinfo=UTC)
    assert modification_times([FeedEntry("/1", None, date)]) == [moment]


def test_entries_without_date_keep_their_order() -> None:
    dates = {"a": None, "b": "nonsense", "c": "2026-01-01", "d": ""}
    entries = [FeedEntry(url, None, date) for url, date in dates.items()]
    assert [entry.url for entry in newest_first(entries)] == ["c", "a", "b", "d"]


FIVE = RSS.format("".join(f"<item><title>ক {n}</title><link>/asia/{n}</link></item>" for n in range(5)))
WARNING = "<br />\n<b>Warning</b>: x in <b>/a.php</b> on line <b>3</b><br />\n"
FIVE_URLS = [f"/asia/{n}" for n in range(5)]


@pytest.mark.parametrize(
    "body",
    [
        FIVE.encode(),
        (WARNING + FIVE).encode(),
        ("\nDeprecated: x & y in /a.php on line 3\n" + FIVE).encode(),
        ("\ufeff\ufeff" + FIVE).encode(),
        (FIVE + "\n" + WARNING).encode(),
        FIVE.replace("UTF-8", "utf-16").encode(),
        FIVE.replace("UTF-8", "utf-16").encode("utf-16-le"),
        FIVE.replace("UTF-8", "no-such").encode(),
        FIVE.replace("UTF-8", "iso-8859-1").encode(),
        FIVE.encode("utf-16"),
        FIVE[FIVE.index("<rss") :].encode("utf-16-le"),
        FIVE[FIVE.index("<rss") :].encode("utf-16-be"),
        FIVE.replace("UTF-8", "utf-32").encode("utf-32"),
        FIVE.replace("<title>ক 0", "<title>&#55357; a & b &nbsp; &no; &#0; &#x1F; &").encode(),
        FIVE.replace("<rss ", "<!-- & --><rss ").encode(),
        FIVE.replace("ক 0", '<media:x url="a?b=1&c=2"/>').encode(),
        FIVE[: FIVE.rindex("</item>")].encode(),
    ],
)
def test_noise_costs_no_entry(body: bytes) -> None:
    assert has_entries(body)
    assert [entry.url for entry in parse_feed(body)] == FIVE_URLS
    # A sitemap may be a feed.
    assert [entry.url for entry in parse_sitemap(body)[0]] == FIVE_URLS


@pytest.mark.parametrize(
    ("text", "headline"),
    [
        ("a &#55357;&#56832; b", "a \U0001f600 b"),
        ("a &#55357; b", "a \ufffd b"),
        ("AT&T &amp; x", "AT&T & x"),
        ("caf&eacute; &LT;3", "café <3"),
        ("<![CDATA[a & b]]>", "a & b"),
    ],
)
def test_reference_is_read_as_in_html(text: str, headline: str) -> None:
    assert parse_feed(item(f"<title>{text}</title><link>/1</link>").encode()) == [FeedEntry("/1", headline)]


@pytest.mark.parametrize(
    ("body", "pages", "sitemaps"),
    [
        ("https://a.test/1\r\nhttps://a.test/2\n\nno url\n", ["https://a.test/1", "https://a.test/2"], []),
        ("\ufeffhttps://a.test/1", ["https://a.test/1"], []),
        ("<urlset><url><loc>/map-1.xml</loc></url><url><loc>/m.xml.gz?x</loc></url></urlset>", [], 2),
        ("<urlset><url><loc>/1</loc></url><sitemap><loc>/map-1.xml</loc></sitemap></urlset>", ["/1"], 1),
        ("<sm:urlset xmlns:sm='x'><sm:url><sm:loc>/1</sm:loc></sm:url></sm:urlset>", ["/1"], []),
        (ATOM.format('<entry><link href="/1"/></entry>'), ["/1"], []),
        ("<html><body>https://a.test/1</body></html>", [], []),
        ("<URLSET><URL><LOC>/1</LOC></URL></URLSET>", ["/1"], []),
        ("<sm:urlset><sm:url><sm:loc>/1</sm:loc></sm:url></sm:urlset>", ["/1"], []),
        ("<urlset><url><loc><![CDATA[/1?a=1&b=2]]></loc></url></urlset>", ["/1?a=1&b=2"], []),
        ("<urlset><url><loc>/sitemap.php?page=2</loc></url><url><loc>/sitemap</loc></url></urlset>", ["/sitemap"], 1),
        ("https://a.test/map-1.xml\nhttps://a.test/1", ["https://a.test/1"], 1),
    ],
)
def test_sitemap_has_any_form(body: str, pages: list[str], sitemaps: int | list[str]) -> None:
    found, further = parse_sitemap(body.encode())
    assert [entry.url for entry in found] == pages
    assert len(further) == (sitemaps or 0)


def check_one_bad_entry(bad: str, position: int) -> None:
    entries = [f"<item><title>ক</title><link>/{n}</link></item>" for n in range(6)]
    entries.insert(position, bad)
    urls = {entry.url for entry in parse_feed(RSS.format("".join(entries)).encode())}
    assert {f"/{n}" for n in range(6)} <= urls


_BAD = st.lists(
    st.sampled_from(["<title>", "</title>", "<b", "&", "&#55357;", "<![CDATA[", "]]>", "</x>", "'", '"', "\x00", "ক"])
).map(lambda parts: f"<item>{''.join(parts)}]]></item>")


@examples
def test_bad_entry_costs_one_entry(examples: int) -> None:
    holds(check_one_bad_entry, _BAD, st.integers(0, 6), examples=examples)


def check_any_document(pieces: list[bytes], charset: str) -> None:
    body = b"".join(pieces)
    for document in (body, body.decode("utf-8", "replace").encode(charset)):
        has_entries(document)
        entries = [*parse_feed(document), *(entry for found in parse_sitemap(document) for entry in found)]
        newest_first(entries)
        modification_times(entries)
        for entry in entries:
            f"{entry.url}{entry.headline}".encode()


_PIECES = [
    *("<?xml version='1.0' encoding='utf-16'?>", "<rss>", "<feed xml:base='http://['>", "<x:urlset>"),
    *("<rdf:RDF>", "</rss>", "</feed>", "<item>", "<entry>", "<url>", "<sitemap>", "</item>", "</url>"),
    *("<loc>", "</loc>", "<link>", "</link>", "<link href='/1'/>", "<link rel=''>", "<title>", "</title>"),
    *("<guid>", "<![CDATA[", "]]>", "<!--", "-->", "&#55357;", "&#x110000;", "&", "&amp;", "&nbsp;", "<br>"),
    *("<x:link>/2", "<!DOCTYPE a [", "<!ENTITY b 'c'>", "]>", "&b;", "/1", "https://a.test/1\n", "ক"),
    *('{"items": [', '{"url": "/1"}', "]}", "<pubDate>Tue, 11 Aug 2026 19:02:00 +9999</pubDate>"),
    "<lastmod>9999-12-31T23:59:59-23:00</lastmod>",
]


@examples
def test_no_document_raises(examples: int) -> None:
    pieces = st.one_of(st.sampled_from(_PIECES).map(str.encode), st.binary(max_size=6))
    charsets = st.sampled_from(["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
    holds(check_any_document, st.lists(pieces, max_size=20), charsets, examples=examples)


def test_title_in_another_charset_than_declared() -> None:
    assert parse_feed(item("<title>caf\xe9</title><link>/1</link>").replace("কালবেলা", "").encode("latin-1")) == [
        FeedEntry("/1", "café")
    ]


ITEMS = {
    "rss": (RSS, "<item><title>{}</title><link>{}</link><pubDate>{:%a, %d %b %Y %H:%M:%S %z}</pubDate></item>"),
    "atom": (ATOM, '<entry><title>{}</title><link href="{}"/><updated>{:%Y-%m-%dT%H:%M:%S%z}</updated></entry>'),
    "rdf": (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/">{}</rdf:RDF>',
        "<item><title>{}</title><link>{}</link><dc:date>{:%Y-%m-%dT%H:%M:%S%z}</dc:date></item>",
    ),
}


def check_against_feedparser(entries: list[tuple[str, str, datetime]], form: str, in_cdata: bool) -> None:
    """Compare with feedparser.

    Known disagreements, in which each is right for its purpose: feedparser keeps markup in titles, takes any guid for a
    link, and reads no document behind an error message or from the text of a JSON Feed.
    """
    document, one = ITEMS[form]
    titles = (f"<![CDATA[{title}]]>" if in_cdata else escape(title) for _, title, _ in entries)
    links = (escape(f"https://www.paper.test/{path}?a=1&b=2") for path, _, _ in entries)
    parts = [one.format(*fields) for fields in zip(titles, links, (date for *_, date in entries), strict=True)]
    body = document.format("".join(parts)).encode()
    expected = feedparser.parse(body, sanitize_html=False)["entries"]
    found = parse_feed(body)
    assert [entry.url for entry in found] == [entry["link"] for entry in expected]
    assert [entry.headline or "" for entry in found] == [" ".join(entry.get("title", "").split()) for entry in expected]
    theirs = [dict.get(entry, "updated_parsed") or dict.get(entry, "published_parsed") for entry in expected]
    assert [moment and moment.timetuple()[:6] for moment in modification_times(found)] == [one[:6] for one in theirs]


@examples
def test_entries_equal_those_of_feedparser(examples: int) -> None:
    zones = [timezone(timedelta(hours=hours)) for hours in (0, 6, -5)]
    dates = st.builds(datetime.fromtimestamp, st.integers(1, 3 * 10**9), st.sampled_from(zones))
    entries = st.tuples(st.text("abc-123/", max_size=8), st.text("কখ যx1 .,!&<>'", max_size=9), dates)
    forms = st.sampled_from([*ITEMS])
    holds(check_against_feedparser, st.lists(entries, max_size=4), forms, st.booleans(), examples=examples)


def check_against_standard_library(titles: list[str]) -> None:
    rss = "".join(f"<item><title>{escape(title)}</title><link>/{escape(title)}</link></item>" for title in titles)
    body = RSS.format(rss).encode()
    expected = [(i.findtext("link") or "").strip() for i in ElementTree.fromstring(body).iter("item")]
    assert [entry.url for entry in parse_feed(body)] == expected


@examples
def test_well_formed_feed_equals_standard_library(examples: int) -> None:
    letters = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"])
    holds(check_against_standard_library, st.lists(st.text(letters, min_size=1), max_size=5), examples=examples)


def test_stored_feed_with_wrong_charset_is_read() -> None:
    path = PROJECT.parent / "shared" / "real" / "feed-declares-utf16-9e0834333e854116.xml.gz"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    assert len(parse_feed(gzip.decompress(path.read_bytes()))) == 59


@pytest.mark.parametrize(
    ("attributes", "is_feed"),
    [
        ({"type": "application/rss+xml"}, True),
        ({"type": "Application/Atom+XML; charset=utf-8", "rel": None}, True),
        ({"type": "application/rdf+xml"}, True),
        ({"type": "application/feed+json", "rel": "alternate"}, True),
        ({"type": "text/xml", "rel": "Alternate feed"}, True),
        ({"type": "text/xml", "rel": "search"}, False),
        ({"type": "application/json", "rel": "alternate"}, False),
        ({"type": "text/css"}, False),
        ({"type": None}, False),
    ],
)
def test_feed_link_is_recognised(attributes: dict[str, str | None], is_feed: bool) -> None:
    assert is_feed_link(attributes) is is_feed
