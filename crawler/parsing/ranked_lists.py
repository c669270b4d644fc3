"""The ranked lists on a page, and the links of pages, feeds and sitemaps that name stories."""

import re
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape
from itertools import islice

from lxml import etree
from selectolax.lexbor import LexborNode

from crawler.bengali.text import clean, integer
from crawler.outcomes import Outcome
from crawler.parsing.page import Page, text_of
from crawler.urls import Address, Addresses, NoAddress

MOST_ENTRIES = 50_000
MOST_ROWS = 1_000
_FEW = 10
_LAST_SECOND = 4_102_444_800  # the year 2100


@dataclass(frozen=True)
class RankedList:
    """Where a layout keeps one of its ranked lists.

    :param name: `latest` or `popular`
    :param regions: selectors of the element that holds the rows, most exact first
    :param rows: selector of one row within it
    :param rank, title: selectors within a row; the rank is in Bengali digits
    :param drop: what in a title is not the headline (a kicker)
    """

    name: str
    regions: tuple[str, ...]
    rows: str
    rank: str
    title: str
    drop: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a list: its rank, what its link stands for, and the headline as the list printed it."""

    rank: int
    target: Address | NoAddress
    headline: str | None


def read_list(page: Page, ranked: RankedList, addresses: Addresses) -> list[Row]:
    """The rows of a list in the order of the page; empty where the page has no such list."""
    for selector in ranked.regions:
        for region in page.whole.every(selector):
            if rows := _known_rows(region, ranked, addresses, page.base):
                return rows
    return []


@dataclass(frozen=True, slots=True)
class _Known:
    """How a region was read; ``under`` is the base of its links, if they need one beyond the origin."""

    markup: str
    origin: str
    under: str | None
    rows: list[Row]


# The latest ones first. They are compared rather than looked up: to hash a long text costs more than to see it differ.
_KNOWN: dict[tuple[RankedList, Addresses], deque[_Known]] = {}
_MOST_KNOWN = 8
# A link that says whole where it leads, or where from the top of the host.
_FROM_THE_TOP = re.compile(r"\s*(?:https?://|/)", re.IGNORECASE)


def _known_rows(region: LexborNode, ranked: RankedList, addresses: Addresses, base: str) -> list[Row]:
    """The rows of a region: most pages of a run show the same list, and the same markup is read once."""
    markup = region.html or ""
    origin = "/".join(base.split("/", 3)[:3])
    every = _KNOWN.setdefault((ranked, addresses), deque(maxlen=_MOST_KNOWN))
    for known in every:
        if known.markup == markup and known.origin == origin and known.under in (None, base):
            return known.rows
    rows = list(_rows(region, ranked, addresses, base))
    links = (link.attributes.get("href") or "" for link in region.css("a[href]"))
    under = None if all(map(_FROM_THE_TOP.match, links)) else base
    every.appendleft(_Known(markup, origin, under, _ranked(rows) if rows else rows))
    return every[0].rows


def _rows(region: LexborNode, ranked: RankedList, addresses: Addresses, base: str) -> Iterator[Row]:
    """The rows that have a link; a row without a readable rank of its own has its place."""
    nodes = region.css(ranked.rows)[:MOST_ROWS]
    # One search for the whole list: a search in each row costs several times as much.
    links, ranks = (_by_row(region, nodes, selector) for selector in ("a[href]", ranked.rank))
    for place, node in enumerate(nodes, start=1):
        own = links.get(node.mem_id, [])
        targets = [addresses.identify(href, base) for link in own if (href := link.attributes.get("href"))]
        if not targets:
            continue
        printed = next((integer(text_of(rank) or "") for rank in ranks.get(node.mem_id, ())), None)
        yield Row(place if printed is None else printed, _target(targets), _headline(node, own, ranked))


def _by_row(region: LexborNode, rows: list[LexborNode], selector: str) -> dict[int, list[LexborNode]]:
    """What a selector matches, by the ``mem_id`` of the row that it is in."""
    own = {row.mem_id for row in rows}
    found: dict[int, list[LexborNode]] = {}
    for node in region.css(selector)[: 10 * MOST_ROWS]:
        above: LexborNode | None = node
        while above is not None and above.mem_id not in own:
            above = above.parent
        if above is not None:
            found.setdefault(above.mem_id, []).append(node)
    return found


def _target(targets: list[Address | NoAddress]) -> Address | NoAddress:
    """What a row is about: the first story that it links to, else the first thing at all; a kicker may have a link."""
    if len(targets) == 1:
        return targets[0]
    stories = (target for target in targets if isinstance(target, Address) and target.story_id)
    refused = (target for target in targets if isinstance(target, NoAddress) and target.outcome is Outcome.NOT_A_STORY)
    return next(stories, None) or next(refused, None) or targets[0]


def _ranked(rows: list[Row]) -> list[Row]:
    """The rows with the ranks that they print, or by their places where those cannot all be right."""
    ranks = {row.rank for row in rows}
    if len(ranks) == len(rows) and min(ranks) >= 1 and max(ranks) <= MOST_ROWS:
        return rows
    return [replace(row, rank=place) for place, row in enumerate(rows, start=1)]


def _headline(node: LexborNode, links: list[LexborNode], ranked: RankedList) -> str | None:
    """The label that the link carries for screen readers, else the visible title; the link itself has no text."""
    for link in links:
        if label := clean(link.attributes.get("aria-label")):
            return label
    for title in node.css(ranked.title):
        if shown := clean((text_of(title, ranked.drop) or "").lstrip("/ \xa0")):
            return shown
    return next((label for link in links if (label := clean(text_of(link)))), None)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a feed or sitemap."""

    link: str
    headline: str | None = None
    moment: str | None = None


def read_links(page: Page, addresses: Addresses) -> list[Address]:
    """Every story that a page links to, in the order of the page, each once."""
    found: dict[str, Address] = {}
    for node in page.tree.css("a[href]"):
        target = addresses.identify(node.attributes.get("href") or "", page.base)
        if isinstance(target, Address) and target.story_id:
            found.setdefault(target.key, target)
    return list(found.values())


def read_feed(xml: bytes) -> list[Entry]:
    """Entries of an RSS or Atom feed; a feed that is not well-formed gives what can be read of it."""
    entries = []
    for node in _elements(xml, ("item", "entry")):
        if link := _link_of(node):
            moment = next((said for name in _MOMENTS if (said := _said(node, name))), None)
            entries.append(Entry(link, clean(unescape(_said(node, "title"))), moment))
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


def read_sitemap(xml: bytes) -> tuple[list[Entry], list[Entry]]:
    """A sitemap as (pages, further sitemaps)."""
    found: dict[str, list[Entry]] = {"url": [], "sitemap": []}
    for node in _elements(xml, ("url", "sitemap")):
        if location := _said(node, "loc"):
            news = next(node.iterchildren("{*}news"), None)
            moment = _said(node, "lastmod") or (_said(news, "publication_date") if news is not None else "")
            headline = _said(news, "title") if news is not None else ""
            found[etree.QName(node).localname].append(Entry(location, clean(headline), moment or None))
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
    yield from islice(root.iter(*(f"{{*}}{name}" for name in names)), MOST_ENTRIES)


def newest_first(entries: list[Entry]) -> list[Entry]:
    """Entries by their moment, newest first; those without one that can be read follow, in their order."""
    return sorted(entries, key=lambda entry: _seconds(entry.moment or ""), reverse=True)


def moments_of(entries: list[Entry]) -> list[datetime | None]:
    """When each entry says that its page was last changed; None where it does not, or cannot be believed.

    A document that gives most of its pages one and the same minute tells when it was made itself.
    """
    seconds = [_seconds(entry.moment or "") for entry in entries]
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
