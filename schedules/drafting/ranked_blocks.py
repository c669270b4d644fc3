"""Ranked lists of a site, found by their headings and by the rows of links below them."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from selectolax.lexbor import LexborNode

from crawler.bengali.text import clean, compile_nfc, parse_integer
from crawler.parsing.page import Page, root_of, visible_text
from crawler.parsing.ranked_lists import RankedList, parse_ranked_list
from crawler.parsing.selectors import self_and_ancestors
from crawler.urls import SiteUrl, UrlRules
from schedules.drafting.selector_choice import choose_selector, common_ancestor, is_first, own_selectors

MIN_ROWS, MAX_ROWS = 3, 60
_MAX_LINKS = 2000
_MAX_HEADING = 30
_NEWS = r"(?:\s*(?:খবর|সংবাদ|নিউজ|news|stories|articles|posts))?"
#: Headings of the ranked lists.
HEADINGS = {
    "latest": compile_nfc(
        rf"(?:সর্বশেষ(?: প্রকাশিত)?|সদ্য(?:প্রাপ্ত)?|সব খবর|আজকের খবর|এইমাত্র|(?:the )?latest|recent|newest|just in){_NEWS}",
        re.IGNORECASE,
    ),
    "popular": compile_nfc(
        r"(?:জনপ্রিয়|পাঠকপ্রিয়|(?:সর্বাধিক|সবচেয়ে|সর্বোচ্চ|বেশি) (?:পঠিত|জনপ্রিয়)|পাঠকের পছন্দ"
        rf"|(?:the )?(?:most[ -](?:read|popular|viewed)|popular|top read)){_NEWS}",
        re.IGNORECASE,
    ),
}
_HEADING_TAGS = "h1, h2, h3, h4, h5, h6, a, button, span, strong, b, p, div, li"
_TITLE_TAGS = "h1, h2, h3, h4, h5, h6, [class*=title], [class*=headline], [class*=heading]"
_PANE_ATTRIBUTES = ("href", "data-target", "data-bs-target", "aria-controls", "data-tab", "data-id")
_IDENT = re.compile(r"[A-Za-z][\w-]{0,60}")


@dataclass(frozen=True)
class RankedBlock:
    """A list found on a page, as it would be declared, with its number of rows.

    :ivar heading: text by which it was found, or a description
    :ivar page_url: page on which it was found
    """

    declared: RankedList
    heading: str
    page_url: str
    rows: int


@dataclass(frozen=True, eq=False)
class _Link:
    """A link to a story, with the ids of the elements around it, including its own."""

    node: LexborNode
    story: str
    around: frozenset[int]


class ListFinder:
    """The ranked lists of one page."""

    def __init__(self, page: Page, rules: UrlRules) -> None:
        self._page, self._rules = page, rules
        targets = ((node, rules.identify(node.attributes.get("href") or "", page.base_url)) for node in _links(page))
        self._links = [
            _Link(node, target.key, _around(node))
            for node, target in targets
            if isinstance(target, SiteUrl) and target.story_id
        ][:_MAX_LINKS]
        self._headings = [*_find_headings(page)]

    def with_headings(self) -> Iterator[RankedBlock]:
        """Yield the lists that have a heading such as সর্বশেষ, at most one of each name."""
        found: set[str] = set()
        for name, heading, text in self._headings:
            region = self._region(heading, name) if name not in found else None
            if region is not None and (block := self._declare(name, region, heading, text)):
                found.add(name)
                yield block

    def longest(self, name: str) -> RankedBlock | None:
        """Return the longest list of a page that shows little else, such as the page of the latest stories."""
        path = urlsplit(self._page.url).path
        parents = {row.mem_id: row.parent for row in self._rows(root_of(self._page.tree))}
        sizes = Counter(parent.mem_id for parent in parents.values() if parent is not None)
        if not sizes or path in ("", "/") or (best := sizes.most_common(1)[0])[1] < MIN_ROWS:
            return None
        region = next(parent for parent in parents.values() if parent is not None and parent.mem_id == best[0])
        block = self._declare(name, region, None, "the longest list of this page")
        return block and replace(block, declared=replace(block.declared, page=f"^{re.escape(path)}"))

    def _region(self, heading: LexborNode, name: str) -> LexborNode | None:
        """Return the element that holds the rows below a heading, or that a tab with this heading shows."""
        for node in [*self_and_ancestors(heading)][:3]:
            for attribute in _PANE_ATTRIBUTES:
                ident = (node.attributes.get(attribute) or "").removeprefix("#")
                if _IDENT.fullmatch(ident) and (pane := self._page.tree.css_first(f"#{ident}")) is not None:
                    return pane if self._stories(pane) >= MIN_ROWS else None
        others = set[int]().union(*(_around(node) for other, node, _ in self._headings if other != name))
        for above in [*self_and_ancestors(heading)][1:]:
            if above.tag in ("body", "html") or above.mem_id in others:
                return None
            if (count := self._stories(above)) >= MIN_ROWS:
                return common_ancestor(self._rows(above)) if count <= MAX_ROWS else None
        return None

    def _rows(self, region: LexborNode) -> list[LexborNode]:
        """Return the outermost elements inside a region that contain links to one story only."""
        stories: dict[int, set[str]] = {}
        links = [link for link in self._links if region.mem_id in link.around]
        for link in links:
            for key in link.around:
                stories.setdefault(key, set()).add(link.story)
        rows: dict[int, LexborNode] = {}
        for link in links:
            row = link.node
            for above in self_and_ancestors(link.node):
                if above.mem_id == region.mem_id or len(stories[above.mem_id]) > 1:
                    break
                row = above
            rows[row.mem_id] = row
        return [*rows.values()]

    def _stories(self, region: LexborNode) -> int:
        return len({link.story for link in self._links if region.mem_id in link.around})

    def _declare(self, name: str, region: LexborNode, heading: LexborNode | None, text: str) -> RankedBlock | None:
        rows = self._rows(region)
        names = Counter(each for row in rows for each in (*own_selectors(row), str(row.tag)))
        where = self._region_selector(region, heading, text)
        for selector in sorted(names, key=lambda each: (-names[each], each.startswith("#"))) if where else ():
            if names[selector] < max(MIN_ROWS, 0.8 * len(rows)) or len(region.css(selector)) > 1.25 * len(rows):
                continue
            attribute, title = _headline_of(rows)
            declared = RankedList(name, (where,), selector, _rank_selector(rows), title, headline=attribute)
            found = parse_ranked_list(self._page, declared, self._rules)
            good = [row for row in found if isinstance(row.target, SiteUrl) and row.target.story_id and row.headline]
            if len(good) >= MIN_ROWS and len(good) >= 0.8 * len(found):
                return RankedBlock(declared, text, self._page.url, len(good))
        return None

    def _region_selector(self, region: LexborNode, heading: LexborNode | None, text: str) -> str:
        ident = f"#{region.attributes.get('id')}"
        if _IDENT.fullmatch(ident[1:]) and is_first(ident, self._page, region):
            return ident
        direct = choose_selector([(self._page, region)])
        if direct or heading is None or not re.fullmatch(r"[^\"\\\x00-\x1f]{2,30}", text):
            return direct
        having = f'{heading.tag}:lexbor-contains("{text}")'
        around = [*self_and_ancestors(heading)][1:6]
        names = [*own_selectors(region), str(region.tag)]
        forms = (
            f"{above.tag}:has({having}) {sign}{inner}" for above in around for inner in names for sign in ("", "+ ")
        )
        return next((each for each in forms if is_first(each, self._page, region)), "")


def heading_name(text: str) -> str | None:
    """Return the name of the ranked list that a text is the heading of, if any."""
    text = " ".join((clean(text) or "").strip(" :|»›>→।–—-+").split())
    return next((name for name, pattern in HEADINGS.items() if pattern.fullmatch(text)), None)


def _links(page: Page) -> list[LexborNode]:
    return page.tree.css("a[href]")[: 2 * _MAX_LINKS]


def _around(node: LexborNode) -> frozenset[int]:
    return frozenset(above.mem_id for above in self_and_ancestors(node))


def _find_headings(page: Page) -> Iterator[tuple[str, LexborNode, str]]:
    seen: set[int] = set()
    for node in reversed(page.tree.css(_HEADING_TAGS)[: 10 * _MAX_LINKS]):  # the innermost first
        text = (node.text(deep=True) or "")[: 4 * _MAX_HEADING].strip()
        if len(text) <= _MAX_HEADING and node.mem_id not in seen and (name := heading_name(text)):
            seen |= _around(node)
            yield name, node, clean(text) or ""


def _rank_selector(rows: Sequence[LexborNode]) -> str:
    """Return the selector of the element that holds only the number of the row, or ""."""
    for node in rows[0].css("*"):
        text = (visible_text(node) or "").strip()
        if len(text) <= 4 and parse_integer(text) == 1:
            for selector in (*own_selectors(node), str(node.tag)):
                numbers = [parse_integer(visible_text(row.css_first(selector) or row) or "") for row in rows]
                if numbers == [*range(1, len(rows) + 1)]:
                    return selector
    return ""


def _headline_of(rows: Sequence[LexborNode]) -> tuple[str, str]:
    """Return where the headline of a row is: the attribute or `text`, and the selector of its element."""
    links = [link for row in rows for link in ([row] if row.tag == "a" else row.css("a[href]")[:1])]
    if not any(map(visible_text, links)) and all(link.attributes.get("aria-label") for link in links):
        return "@aria-label", "a"
    titles = Counter(
        each for row in rows for node in row.css(_TITLE_TAGS) for each in {*own_selectors(node), str(node.tag)}
    )
    usable = [each for each in titles if all(_is_title(row, each) for row in rows)]
    return "text", min(usable, key=lambda each: (not each.startswith("."), len(each)), default="a")


def _is_title(row: LexborNode, selector: str) -> bool:
    found = row.css(selector)
    return len(found) == 1 and len(visible_text(found[0]) or "") >= 10
