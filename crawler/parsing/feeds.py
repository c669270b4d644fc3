"""Parsing of feeds (RSS, Atom, JSON Feed) and sitemaps into entries."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from itertools import islice
from urllib.parse import urljoin

from lxml import etree

from crawler.bengali.text import clean
from crawler.decoding.feed_documents import (
    MAX_ENTRIES,
    ROOT,
    FeedDocument,
    any_case,
    document_text,
    parse_document,
    whole_text,
)
from crawler.decoding.http_dates import parse_http_date

_MIN_ENTRIES_TO_COMPARE = 10
_INLINE_TAG = re.compile(r"</?(?:b|i|u|a|em|strong|span|font|small|sup|sub|p|br)(?=[\s/>])[^<>]*+>", re.IGNORECASE)
_PERMALINK = re.compile(r"https?://|/(?!/)", re.IGNORECASE)
_URL_LINE = re.compile(r"https?://[^\s<>\"]++", re.IGNORECASE)
_FEED_TYPES = frozenset(
    ("application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json", "text/rss")
    + ("text/rss+xml", "text/atom+xml", "application/rss", "application/atom", "application/x-rss+xml")
    + ("application/x.atom+xml", "application/x-atom+xml")
)
_YEAR_2100 = 4_102_444_800  # in seconds


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One entry of a feed or sitemap.

    :ivar modified: date of the entry, as an unparsed string
    """

    url: str
    headline: str | None = None
    modified: str | None = None


def parse_feed(body: bytes) -> list[FeedEntry]:
    """Return the entries of a feed (RSS, Atom or JSON Feed).

    A sitemap is parsed too, because some sites declare one as their feed.
    """
    root = parse_document(body)
    return list(_feed_entries(root)) or _sitemap_entries(root)[0] or list(_json_entries(document_text(body)))


def _feed_entries(root: FeedDocument) -> Iterator[FeedEntry]:
    for node in root.elements(("item", "entry")):
        if url := _url_of(node):
            names = ("updated", "modified", "pubDate", "published", "issued", "date")
            dates = (_child_text(node, name) for name in names)
            yield FeedEntry(url, headline_of(_child_text(node, "title")), next(filter(None, dates), None))


def _json_entries(text: str) -> Iterator[FeedEntry]:
    """Yield the entries of a JSON Feed (https://www.jsonfeed.org)."""
    try:
        feed = json.loads(text.strip("\ufeff \t\r\n"), strict=False)
    except (ValueError, RecursionError):
        return
    items = feed.get("items") if isinstance(feed, dict) else None
    for item in islice(items, MAX_ENTRIES) if isinstance(items, list) else ():
        fields = {key: value for key, value in item.items() if isinstance(value, str)} if isinstance(item, dict) else {}
        if url := fields.get("url") or (fields.get("id", "") if _PERMALINK.match(fields.get("id", "")) else ""):
            modified = fields.get("date_modified") or fields.get("date_published")
            yield FeedEntry(whole_text(url.strip()), headline_of(whole_text(fields.get("title", ""))), modified)


def headline_of(title: str) -> str | None:
    return clean(_INLINE_TAG.sub("", unescape(title)))


def _url_of(item: etree._Element) -> str:
    """Return the URL of a feed item: the text of its link (RSS), the link's attribute (Atom), or else its guid."""
    if original := _child_text(item, "origLink"):  # of Feedburner, whose links lead to another host
        return original
    links = _children(item, "link")
    pages = [link for link in links if _is_alternate(link.get("rel") or "alternate")]
    guids = [guid for guid in _children(item, "guid", "id") if (guid.get("isPermaLink") or "").lower() != "false"]
    urls: list[tuple[etree._Element, str | None]] = [(link, link.text) for link in links]
    urls += [(link, link.get("href")) for link in pages]
    urls += [(guid, guid.text) for guid in guids if _PERMALINK.match((guid.text or "").strip())]
    urls += [(item, item.get(name)) for name in item.attrib if etree.QName(name).localname == "about"]  # RSS 1.0
    return next((_absolute(node, url.strip()) for node, url in urls if url and url.strip()), "")


def _is_alternate(relation: str) -> bool:
    return relation.strip().lower().removeprefix("http://www.iana.org/assignments/relation/") == "alternate"


def _absolute(node: etree._Element, url: str) -> str:
    """Resolve a URL against the `xml:base` of its element.

    Without an `xml:base`, the URL is returned unchanged, and the caller resolves it against the URL of the feed.
    """
    try:
        return urljoin(node.base, url) if node.base else url
    except ValueError:
        return url


def _children(item: etree._Element | None, *names: str) -> list[etree._Element]:
    """Return the children of an item with one of the names, in any case; those in the item's own namespace come first.

    The namespace matters because `media:title`, for example, is the title of a picture and not of the story.
    """
    if item is None:
        return []
    found = list(item.iterchildren(*(f"{{*}}{form}" for name in names for form in any_case(name))))
    namespace = etree.QName(item).namespace
    return sorted(found, key=lambda child: etree.QName(child).namespace != namespace)


def _child_text(item: etree._Element | None, name: str) -> str:
    return next(("".join(map(str, child.itertext())).strip() for child in _children(item, name)), "")


def parse_sitemap(body: bytes) -> tuple[list[FeedEntry], list[FeedEntry]]:
    """Return the entries of a sitemap as (pages, further sitemaps).

    Besides the XML format, a feed and a text file with one URL per line are accepted as a sitemap.
    """
    root = parse_document(body)
    pages, sitemaps = _sitemap_entries(root)
    if not pages and not sitemaps:
        pages = list(_feed_entries(root))
        for url in islice(_lines(body), MAX_ENTRIES) if not pages else ():
            (sitemaps if _is_sitemap(url) else pages).append(FeedEntry(url))
    return pages, sitemaps


def _sitemap_entries(root: FeedDocument) -> tuple[list[FeedEntry], list[FeedEntry]]:
    entries: dict[bool, list[FeedEntry]] = {True: [], False: []}
    for node in root.elements(("url", "sitemap")):
        if location := _child_text(node, "loc"):
            news = next(iter(_children(node, "news")), None)
            modified = _child_text(node, "lastmod") or _child_text(news, "publication_date")
            entry = FeedEntry(location, clean(_child_text(news, "title")), modified or None)
            is_page = etree.QName(node).localname.lower() == "url" and not _is_sitemap(location)
            entries[is_page].append(entry)
    return entries[True], entries[False]


def _is_sitemap(url: str) -> bool:
    """Return True if the URL of an entry in a sitemap has the name of a sitemap.

    Some sites list further sitemaps as if they were pages (in a ``urlset`` instead of a ``sitemapindex``).
    """
    path, _, query = url.partition("#")[0].partition("?")
    name = path.rpartition("/")[2].lower()
    is_named = "sitemap" in name and (bool(query) or name.endswith((".txt", ".php", ".asp", ".aspx", ".gz")))
    return is_named or name.endswith((".xml", ".xml.gz"))


def is_feed_link(link: Mapping[str, str | None]) -> bool:
    """Return True if the attributes of a ``link`` element in the head of a page declare a feed."""
    content_type = (link.get("type") or "").partition(";")[0].strip().lower()
    is_alternate = "alternate" in (link.get("rel") or "").lower().split()
    return content_type in _FEED_TYPES or (is_alternate and content_type in ("text/xml", "application/xml"))


def has_entries(body: bytes) -> bool:
    """Return True if a body looks like a feed or sitemap; text before its first tag is ignored."""
    text = document_text(body)
    is_json = "jsonfeed.org/version" in text[:1000]
    return is_json or ROOT.search(text) is not None or next(_lines(body), None) is not None


def _lines(body: bytes) -> Iterator[str]:
    """Yield the URLs of a sitemap in text format, which has one URL per line."""
    lines = (line.strip("\ufeff \t") for line in document_text(body).splitlines())
    return (line for line in lines if _URL_LINE.fullmatch(line))


def newest_first(entries: list[FeedEntry]) -> list[FeedEntry]:
    """Return the entries sorted by date, newest first.

    Entries without a readable date come last, in their given order.
    """
    return sorted(entries, key=lambda entry: _timestamp(entry.modified), reverse=True)


def modification_times(entries: list[FeedEntry]) -> list[datetime | None]:
    """Return for each entry the time of the last change of its page, or None if it is absent or implausible.

    If more than half of the entries have the same minute, all times are None, because this is then the time when the
    feed or sitemap was generated.
    """
    timestamps = [_timestamp(entry.modified) for entry in entries]
    minutes = Counter(at // 60 for at in timestamps if at > float("-inf"))
    if len(entries) >= _MIN_ENTRIES_TO_COMPARE and minutes and max(minutes.values()) * 2 > len(entries):
        return [None] * len(entries)
    return [datetime.fromtimestamp(at, UTC) if 0 < at < _YEAR_2100 else None for at in timestamps]


def _timestamp(date: str | None) -> float:
    """Return the Unix timestamp of a date in ISO 8601 (sitemaps, Atom) or RFC 822 (RSS).

    Return minus infinity if the date is not valid.
    """
    text = (date or "").strip()
    try:
        moment: datetime | None = datetime.fromisoformat(text)
    except ValueError:
        moment = parse_http_date(text)
    if moment is None:
        return float("-inf")
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
