"""Parsing of feeds (RSS, Atom) and sitemaps into entries."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from itertools import islice

from lxml import etree

from crawler.bengali.text import clean
from crawler.decoding.http_dates import parse_http_date

MAX_ENTRIES = 50_000
_MIN_ENTRIES_TO_COMPARE = 10
_YEAR_2100 = 4_102_444_800  # in seconds


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One entry of a feed or sitemap; ``modified`` is its date, as an unparsed string."""

    url: str
    headline: str | None = None
    modified: str | None = None


def parse_feed(xml: bytes) -> list[FeedEntry]:
    """Return the entries of a feed; XML that is not well-formed is parsed as far as possible."""
    return [
        FeedEntry(
            url,
            headline=clean(unescape(_child_text(node, "title"))),
            modified=next(
                filter(None, (_child_text(node, name) for name in ("updated", "pubDate", "published", "date"))), None
            ),
        )
        for node in _elements(xml, ("item", "entry"))
        if (url := _url_of(node))
    ]


def _url_of(item: etree._Element) -> str:
    """Return the URL of an item, from the link's text (RSS), the link's attribute (Atom) or otherwise the guid."""
    links = list(item.iterchildren("{*}link"))
    attributes = [link.get("href") for link in links if link.get("rel", "alternate") == "alternate"]
    guids = [guid.text or "" for guid in item.iterchildren("{*}guid", "{*}id") if guid.get("isPermaLink") != "false"]
    urls = [url.strip() for url in (*(link.text for link in links), *attributes) if url and url.strip()]
    return next((url.strip() for url in urls or guids if urls or url.startswith("http")), "")


def _child_text(item: etree._Element | None, name: str) -> str:
    children = item.iterchildren(f"{{*}}{name}") if item is not None else ()
    return next(("".join(map(str, child.itertext())).strip() for child in children), "")


def parse_sitemap(xml: bytes) -> tuple[list[FeedEntry], list[FeedEntry]]:
    """Return the entries of a sitemap or sitemap index as (pages, further sitemaps)."""
    entries: dict[str, list[FeedEntry]] = {"url": [], "sitemap": []}
    for node in _elements(xml, ("url", "sitemap")):
        if location := _child_text(node, "loc"):
            news = next(node.iterchildren("{*}news"), None)
            modified = _child_text(node, "lastmod") or _child_text(news, "publication_date")
            entry = FeedEntry(location, clean(_child_text(news, "title")), modified or None)
            entries[etree.QName(node).localname].append(entry)
    return entries["url"], entries["sitemap"]


def _elements(xml: bytes, names: tuple[str, ...]) -> Iterator[etree._Element]:
    # Untrusted input: entities are not resolved, nothing is fetched, and the number of elements is limited.
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True, remove_comments=True
    )
    try:
        root = etree.fromstring(xml.strip(), parser)
    except etree.XMLSyntaxError:
        return
    if root is not None:
        yield from islice(root.iter(*(f"{{*}}{name}" for name in names)), MAX_ENTRIES)


def newest_first(entries: list[FeedEntry]) -> list[FeedEntry]:
    """Return the entries sorted by date, newest first; entries without a readable date follow in their given order."""
    return sorted(entries, key=lambda entry: _timestamp(entry.modified), reverse=True)


def modification_times(entries: list[FeedEntry]) -> list[datetime | None]:
    """Return for each entry the time when its page was last changed, or None if it is absent or implausible.

    All are None if more than half of the entries have the same minute, which is then the time when the document was
    generated.
    """
    timestamps = [_timestamp(entry.modified) for entry in entries]
    minutes = Counter(at // 60 for at in timestamps if at > float("-inf"))
    if len(entries) >= _MIN_ENTRIES_TO_COMPARE and minutes and max(minutes.values()) * 2 > len(entries):
        return [None] * len(entries)
    return [datetime.fromtimestamp(at, UTC) if 0 < at < _YEAR_2100 else None for at in timestamps]


def _timestamp(date: str | None) -> float:
    """Return the timestamp of a date in ISO 8601 (sitemaps, Atom) or RFC 822 (RSS), or minus infinity if not valid."""
    text = (date or "").strip()
    try:
        moment: datetime | None = datetime.fromisoformat(text)
    except ValueError:
        moment = parse_http_date(text)
    if moment is None:
        return float("-inf")
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
