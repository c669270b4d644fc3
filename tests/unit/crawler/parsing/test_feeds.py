"""Entries of feeds and sitemaps."""

from itertools import pairwise

import pytest

from crawler.parsing.feeds import MAX_ENTRIES, FeedEntry, newest_first, parse_feed, parse_sitemap

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
        (item("<title>ক&nbsp;খ & গ</title><link>/1</link>"), [("/1", "ক খ গ")]),
        (RSS.format(f"{ITEM}<item><link>/2</li")[:-17], [("/1",), ("/2",)]),
        (item("<link>/1</link><title>a\x08b</title>"), [("/1", "ab")]),
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


def test_entries_without_date_keep_their_order() -> None:
    dates = {"a": None, "b": "nonsense", "c": "2026-01-01", "d": ""}
    entries = [FeedEntry(url, None, date) for url, date in dates.items()]
    assert [entry.url for entry in newest_first(entries)] == ["c", "a", "b", "d"]
