"""The headline and the text on a page of a story of an unknown site, found by the density of prose."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborNode

from crawler.generic.container import PageBlocks
from crawler.generic.titles import declared_titles, find_headline
from crawler.parsing.page import Page
from crawler.parsing.selectors import self_and_ancestors
from schedules.drafting.selector_choice import common_ancestor

_MAX_NODES = 5000
_NEAR_LEVELS = 4
_MIN_SHARE = 0.1  # of the characters of prose, for an element to be a part of the text


@dataclass(frozen=True, eq=False)
class StoryPage:
    """A page of a story.

    :ivar heading: element of the headline
    :ivar body: innermost element around all of the text
    :ivar parts: elements that directly contain paragraphs of the text
    :ivar prose: the paragraphs
    """

    page: Page
    heading: LexborNode
    body: LexborNode
    parts: list[LexborNode]
    prose: list[LexborNode]

    @property
    def has_headline_in_body(self) -> bool:
        return _is_inside(self.heading, {self.body.mem_id})

    def outside(self, selector: str) -> list[LexborNode]:
        """Return the elements that match a selector, without those in the text."""
        parts = {part.mem_id for part in (self.parts if self.has_headline_in_body else [self.body])}
        return [node for node in self.page.tree.css(selector)[:_MAX_NODES] if not _is_inside(node, parts)]

    def near(self, selector: str) -> list[LexborNode]:
        """Return the elements outside the text that are in an element at most four levels above the headline."""
        above = [each for each in self_and_ancestors(self.heading) if each.tag not in ("body", "html", "main")]
        region = {above[: _NEAR_LEVELS + 1][-1].mem_id}
        return [node for node in self.outside(selector) if _is_inside(node, region)]

    def is_covered_by(self, selector: str) -> bool:
        """Return True if the elements that match a selector contain nearly all paragraphs, but not the headline."""
        inside = {node.mem_id for node in self.page.tree.css(selector)}
        covered = sum(_is_inside(node, inside) for node in self.prose)
        return covered >= 0.9 * len(self.prose) and not _is_inside(self.heading, inside)


def read_story_page(page: Page) -> StoryPage | None:
    """Find the headline and the text of a page; return None if there is no story on it."""
    blocks = PageBlocks(page.tree)
    shown = find_headline(blocks, declared_titles(page))
    if shown is None or shown.block.element is None:
        return None
    prose = [
        (node, part, each.prose)
        for each in blocks.around(shown)
        if each.prose and each is not shown
        if (node := each.block.element) is not None and (part := _part_of(node)) is not None
    ]
    sizes = Counter[int]()
    for _, part, length in prose:
        sizes[part.mem_id] += length
    kept = [(node, part) for node, part, _ in prose if sizes[part.mem_id] >= _MIN_SHARE * sizes.total()]
    parts = {part.mem_id: part for _, part in kept}
    body = common_ancestor([*parts.values()]) if len(parts) > 1 else next(iter(parts.values()), None)
    around = [*self_and_ancestors(shown.block.element)][:4]
    heading = next((node for node in around if node.tag in ("h1", "h2", "h3", "h4")), around[0])
    return StoryPage(page, heading, body, [*parts.values()], [node for node, _ in kept]) if body is not None else None


def _part_of(node: LexborNode) -> LexborNode | None:
    return node.parent if node.tag in ("p", "span", "blockquote", "li", "strong", "b") else node


def next_element(node: LexborNode) -> LexborNode | None:
    return next(_siblings(node, "next"), None)


def previous_element(node: LexborNode) -> LexborNode | None:
    return next(_siblings(node, "prev"), None)


def _siblings(node: LexborNode, direction: str) -> Iterator[LexborNode]:
    sibling = getattr(node, direction)
    while sibling is not None:
        if not (sibling.tag or "-").startswith("-"):  # text and comments
            yield sibling
        sibling = getattr(sibling, direction)


def _is_inside(node: LexborNode, outer: set[int]) -> bool:
    return any(above.mem_id in outer for above in self_and_ancestors(node))
