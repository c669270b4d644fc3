"""The ranked lists on a page, and the links of pages, feeds and sitemaps that name stories."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from selectolax.lexbor import LexborNode

from crawler.bengali.text import clean, parse_integer
from crawler.outcomes import Outcome
from crawler.parsing.page import Page, text_of
from crawler.urls import SiteUrl, SkippedUrl, UrlRules

MAX_ROWS = 1_000


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
class RankedRow:
    """One row of a list: its rank, what its link stands for, and the headline as the list printed it."""

    rank: int
    target: SiteUrl | SkippedUrl
    headline: str | None


def parse_ranked_list(page: Page, ranked: RankedList, url_rules: UrlRules) -> list[RankedRow]:
    """The rows of a list in the order of the page; empty where the page has no such list."""
    for selector in ranked.regions:
        for region in page.whole.every(selector):
            if rows := _known_rows(region, ranked, url_rules, page.base):
                return rows
    return []


@dataclass(frozen=True, slots=True)
class _Known:
    """How a region was read; ``under`` is the base of its links, if they need one beyond the origin."""

    markup: str
    origin: str
    under: str | None
    rows: list[RankedRow]


# The latest ones first. They are compared rather than looked up: to hash a long text costs more than to see it differ.
_KNOWN: dict[tuple[RankedList, UrlRules], deque[_Known]] = {}
_MOST_KNOWN = 8
# A link that says whole where it leads, or where from the top of the host.
_FROM_THE_TOP = re.compile(r"\s*(?:https?://|/)", re.IGNORECASE)


def _known_rows(region: LexborNode, ranked: RankedList, url_rules: UrlRules, base: str) -> list[RankedRow]:
    """The rows of a region: most pages of a run show the same list, and the same markup is read once."""
    markup = region.html or ""
    origin = "/".join(base.split("/", 3)[:3])
    every = _KNOWN.setdefault((ranked, url_rules), deque(maxlen=_MOST_KNOWN))
    for known in every:
        if known.markup == markup and known.origin == origin and known.under in (None, base):
            return known.rows
    rows = list(_rows(region, ranked, url_rules, base))
    links = (link.attributes.get("href") or "" for link in region.css("a[href]"))
    under = None if all(map(_FROM_THE_TOP.match, links)) else base
    every.appendleft(_Known(markup, origin, under, _ranked(rows) if rows else rows))
    return every[0].rows


def _rows(region: LexborNode, ranked: RankedList, url_rules: UrlRules, base: str) -> Iterator[RankedRow]:
    """The rows that have a link; a row without a readable rank of its own has its place."""
    nodes = region.css(ranked.rows)[:MAX_ROWS]
    # One search for the whole list: a search in each row costs several times as much.
    links, ranks = (_by_row(region, nodes, selector) for selector in ("a[href]", ranked.rank))
    for place, node in enumerate(nodes, start=1):
        own = links.get(node.mem_id, [])
        targets = [url_rules.identify(href, base) for link in own if (href := link.attributes.get("href"))]
        if not targets:
            continue
        printed = next((parse_integer(text_of(rank) or "") for rank in ranks.get(node.mem_id, ())), None)
        yield RankedRow(place if printed is None else printed, _target(targets), _headline(node, own, ranked))


def _by_row(region: LexborNode, rows: list[LexborNode], selector: str) -> dict[int, list[LexborNode]]:
    """What a selector matches, by the ``mem_id`` of the row that it is in."""
    own = {row.mem_id for row in rows}
    found: dict[int, list[LexborNode]] = {}
    for node in region.css(selector)[: 10 * MAX_ROWS]:
        above: LexborNode | None = node
        while above is not None and above.mem_id not in own:
            above = above.parent
        if above is not None:
            found.setdefault(above.mem_id, []).append(node)
    return found


def _target(targets: list[SiteUrl | SkippedUrl]) -> SiteUrl | SkippedUrl:
    """What a row is about: the first story that it links to, else the first thing at all; a kicker may have a link."""
    if len(targets) == 1:
        return targets[0]
    stories = (target for target in targets if isinstance(target, SiteUrl) and target.story_id)
    refused = (target for target in targets if isinstance(target, SkippedUrl) and target.outcome is Outcome.NOT_A_STORY)
    return next(stories, None) or next(refused, None) or targets[0]


def _ranked(rows: list[RankedRow]) -> list[RankedRow]:
    """The rows with the ranks that they print, or by their places where those cannot all be right."""
    ranks = {row.rank for row in rows}
    if len(ranks) == len(rows) and min(ranks) >= 1 and max(ranks) <= MAX_ROWS:
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


def story_links(page: Page, url_rules: UrlRules) -> list[SiteUrl]:
    """Every story that a page links to, in the order of the page, each once."""
    found: dict[str, SiteUrl] = {}
    for node in page.tree.css("a[href]"):
        target = url_rules.identify(node.attributes.get("href") or "", page.base)
        if isinstance(target, SiteUrl) and target.story_id:
            found.setdefault(target.key, target)
    return list(found.values())
