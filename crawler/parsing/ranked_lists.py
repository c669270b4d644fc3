"""Parsing of the ranked lists (latest, most popular) on a page, and of all links to stories on it."""

import re
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from urllib.parse import urlsplit

from selectolax.lexbor import LexborNode

from crawler.bengali.text import clean, parse_integer
from crawler.outcomes import Outcome
from crawler.parsing.page import Page, visible_text
from crawler.parsing.selectors import self_and_ancestors
from crawler.urls import SiteUrl, SkippedUrl, UrlRules

#: The names of ranked lists.
LIST_NAMES = ("latest", "popular")
MAX_ROWS = 1_000


@dataclass(frozen=True)
class RankedList:
    """Selectors of a ranked list (latest or most popular stories) on the pages of a site.

    :param name: `latest` or `popular`
    :param regions: selectors of the element that holds the rows, from the most to the least specific
    :param rows: selector of one row within it
    :param rank: selector, within a row, of the rank in Bengali or ASCII digits; if empty, the rank is the row's
        position
    :param headline: `text`, or an attribute of the row's links such as `@aria-label`; the attribute has precedence over
        the text if a row has both
    :param title: selector, within a row, of the element with the text; if nothing matches, the text of the links is
        used
    :param drop: selector of an element inside the title that is not part of the headline, such as a short line above it
    :param page: pattern of URL paths; the list is only searched on pages that match it
    """

    name: str
    regions: tuple[str, ...]
    rows: str
    rank: str = ""
    title: str = "a"
    drop: str = ""
    headline: str = "text"
    page: str = ""

    def is_on(self, url: str) -> bool:
        """Return True if the list is searched on the page with this URL."""
        return not self.page or re.search(self.page, urlsplit(url).path) is not None


@dataclass(frozen=True, slots=True)
class RankedRow:
    """One row of a ranked list (latest or most popular stories), with the headline as printed in the list."""

    rank: int
    target: SiteUrl | SkippedUrl
    headline: str | None


def parse_ranked_list(page: Page, ranked: RankedList, url_rules: UrlRules) -> list[RankedRow]:
    """Return the rows of a ranked list in document order, or an empty list if the page does not contain it."""
    if not ranked.is_on(page.url):
        return []
    for selector in ranked.regions:
        for region in page.article.css(selector):
            if rows := _cached_rows(region, ranked, url_rules, page.base_url):
                return rows
    return []


# (markup, origin, rows) of the last regions parsed. Markup is compared, not hashed: hashing a long text takes longer
# than finding the first difference.
_Cached = tuple[str, str, list[RankedRow]]
_cache: defaultdict[tuple[RankedList, UrlRules], deque[_Cached]] = defaultdict(lambda: deque(maxlen=8))
_ABSOLUTE = re.compile(r"\A\s*+(?:https?://|/)", re.IGNORECASE)


def _cached_rows(region: LexborNode, ranked: RankedList, url_rules: UrlRules, base_url: str) -> list[RankedRow]:
    """Return the rows of a list region, from a cache if the same markup was parsed before.

    Most pages of a run contain the same list.
    """
    markup = region.html or ""
    origin = "/".join(base_url.split("/", 3)[:3])
    cached = _cache[ranked, url_rules]
    for known_markup, known_origin, rows in cached:
        if known_markup == markup and known_origin == origin:
            return rows
    rows = valid_ranks([*_parse_rows(region, ranked, url_rules, base_url)])
    links = (link.attributes.get("href") or "" for link in region.css("a[href]"))
    if all(map(_ABSOLUTE.match, links)):  # other links depend on the page
        cached.appendleft((markup, origin, rows))
    return rows


def _parse_rows(region: LexborNode, ranked: RankedList, url_rules: UrlRules, base_url: str) -> Iterator[RankedRow]:
    """Yield the rows that have a link; a row whose rank cannot be parsed has its position in the list as its rank."""
    nodes = region.css(ranked.rows)[:MAX_ROWS]
    # One search of the whole list is several times as fast as one in each row.
    links, ranks = (_group_by_row(region, nodes, selector) for selector in ("a[href]", ranked.rank))
    for position, node in enumerate(nodes, start=1):
        own = links.get(node.mem_id, [])
        targets = [url_rules.identify(href, base_url) for link in own if (href := link.attributes.get("href"))]
        if targets:
            rank = next((parse_integer(visible_text(rank) or "") for rank in ranks.get(node.mem_id, ())), None)
            yield RankedRow(position if rank is None else rank, _main_target(targets), _headline(node, own, ranked))


def _group_by_row(region: LexborNode, rows: list[LexborNode], selector: str) -> dict[int, list[LexborNode]]:
    row_ids = {row.mem_id for row in rows}
    groups: dict[int, list[LexborNode]] = {}
    for node in region.css(selector)[: 10 * MAX_ROWS] if selector else ():
        if row := next((above.mem_id for above in self_and_ancestors(node) if above.mem_id in row_ids), None):
            groups.setdefault(row, []).append(node)
    return groups


def _main_target(targets: list[SiteUrl | SkippedUrl]) -> SiteUrl | SkippedUrl:
    """Return the link of a row that leads to a story.

    If there is none, return the first link to another kind of page, such as a video, or else the first link. A row has
    several links if the kicker (short line above the headline) is a link too.
    """
    stories = (target for target in targets if isinstance(target, SiteUrl) and target.story_id)
    others = (target for target in targets if isinstance(target, SkippedUrl) and target.outcome is Outcome.NOT_A_STORY)
    return next(stories, None) or next(others, None) or targets[0]


def valid_ranks(rows: list[RankedRow]) -> list[RankedRow]:
    """Return the rows; replace all ranks by positions if the ranks are not distinct or are out of range."""
    ranks = {row.rank for row in rows}
    if not rows or (len(ranks) == len(rows) and min(ranks) >= 1 and max(ranks) <= MAX_ROWS):
        return rows
    return [replace(row, rank=position) for position, row in enumerate(rows, start=1)]


def _headline(node: LexborNode, links: list[LexborNode], ranked: RankedList) -> str | None:
    attribute = ranked.headline.removeprefix("@")
    labels = (clean(link.attributes.get(attribute)) for link in links) if ranked.headline.startswith("@") else ()
    titles = (clean((visible_text(title, ranked.drop) or "").lstrip("/ \xa0")) for title in node.css(ranked.title))
    texts = (clean((visible_text(link, ranked.drop) or "").lstrip("/ \xa0")) for link in links)
    return next((text for text in chain(labels, titles, texts) if text), None)


def story_links(page: Page, url_rules: UrlRules) -> list[SiteUrl]:
    """Return the URLs of the stories that a page links to, without repetitions, in document order."""
    stories: dict[str, SiteUrl] = {}
    for link in dict.fromkeys(node.attributes.get("href") or "" for node in page.tree.css("a[href]")):
        target = url_rules.identify(link, page.base_url)
        if isinstance(target, SiteUrl) and target.story_id:
            stories.setdefault(target.key, target)
    return list(stories.values())
