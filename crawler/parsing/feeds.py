"""Entries of feeds and sitemaps."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape
from itertools import islice

from lxml import etree

from crawler.bengali.text import clean

MAX_ENTRIES = 50_000
_FEW = 10
_LAST_SECOND = 4_102_444_800  # the year 2100


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One entry of a feed or sitemap."""

    url: str
    headline: str | None = None
    modified: str | None = None


def parse_feed(xml: bytes) -> list[FeedEntry]:
    """Entries of an RSS or Atom feed; a feed that is not well-formed gives what can be read of it."""
    entries = []
    for node in _elements(xml, ("item", "entry")):
        if link := _link_of(node):
            moment = next((said for name in _MOMENTS if (said := _said(node, name))), None)
            entries.append(FeedEntry(link, clean(unescape(_said(node, "title"))), moment))
    return entries


_MOMENTS = ("updated", "pubDate", "published", "date")


def _link_of(item: etree._Element) -> str:
    """Where an item leads: RSS says it in the link's text, Atom in an attribute, some only in a guid."""
    links = list(item.iterchildren("{*}link"))
    alternate = [link.get("href") for link in links if link.get("rel", "alternate") == "alternate"]
    guids = [guid.text for guid in item.iterchildren("{*}guid", "{*}id") if guid.get("isPermaLink") != "false"]
    said = [text.strip() for text in (*(link.text for link in links), *alternate) if text and text.strip()]
    return next((text for text in (*said, *guids) if text and (said or text.startswith("http"))), "").strip()


def _said(item: etree._Element, name: str) -> str:
    return next(("".join(map(str, child.itertext())).strip() for child in item.iterchildren(f"{{*}}{name}")), "")


def parse_sitemap(xml: bytes) -> tuple[list[FeedEntry], list[FeedEntry]]:
    """A sitemap as (pages, further sitemaps)."""
    found: dict[str, list[FeedEntry]] = {"url": [], "sitemap": []}
    for node in _elements(xml, ("url", "sitemap")):
        if location := _said(node, "loc"):
            news = next(node.iterchildren("{*}news"), None)
            moment = _said(node, "lastmod") or (_said(news, "publication_date") if news is not None else "")
            headline = _said(news, "title") if news is not None else ""
            found[etree.QName(node).localname].append(FeedEntry(location, clean(headline), moment or None))
    return found["url"], found["sitemap"]


def _elements(xml: bytes, names: tuple[str, ...]) -> Iterator[etree._Element]:
    # Nothing is expanded, fetched or loaded for a document from outside, and no document is read for ever.
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True, remove_comments=True
    )
    try:
        root = etree.fromstring(xml.strip(), parser)
    except etree.XMLSyntaxError:
        return
    if root is None:
        return
    yield from islice(root.iter(*(f"{{*}}{name}" for name in names)), MAX_ENTRIES)


def newest_first(entries: list[FeedEntry]) -> list[FeedEntry]:
    """Entries by their moment, newest first; those without one that can be read follow, in their order."""
    return sorted(entries, key=lambda entry: _seconds(entry.modified or ""), reverse=True)


def modification_times(entries: list[FeedEntry]) -> list[datetime | None]:
    """When each entry says that its page was last changed; None where it does not, or cannot be believed.

    A document that gives most of its pages one and the same minute tells when it was made itself.
    """
    seconds = [_seconds(entry.modified or "") for entry in entries]
    minutes = Counter(at // 60 for at in seconds if at > float("-inf"))
    if len(entries) >= _FEW and minutes and max(minutes.values()) * 2 > len(entries):
        return [None] * len(entries)
    return [datetime.fromtimestamp(at, UTC) if 0 < at < _LAST_SECOND else None for at in seconds]


def _seconds(moment: str) -> float:
    """A moment as ISO 8601 (sitemaps, Atom) or RFC 822 (RSS) writes it, as seconds; where no zone is said, UTC."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(moment.strip())
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            continue
    return float("-inf")
