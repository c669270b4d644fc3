"""The first story of a page that scrolls on into further ones: it is the one that the address stands for."""

from collections.abc import Callable

from selectolax.lexbor import LexborNode

from crawler.parsing.page import Article, Page, text_of, top_of
from crawler.parsing.selectors import climb


def first_story(page: Page, titles: tuple[str, ...], bodies: tuple[str, ...], opening: str) -> Article:
    """The whole page, or a copy of it without every story after the first.

    Stories may be rows of one container or follow each other as flat siblings, and each may begin with something
    before its headline (``opening``: a byline, say), which then stands behind the text of the story before.
    """
    whole = page.whole
    if _later(_titles(whole.every, titles)) is None:
        return whole
    tree = page.parse()
    while (later := _later(_titles(tree.css, titles))) is not None:
        first = {node.mem_id for node in climb(_titles(tree.css, titles)[0])}
        top = next(node for node in climb(later) if node.parent is not None and node.parent.mem_id in first)
        start: LexborNode | None = _beginning(top, first, bodies, opening)
        while start is not None:
            following = start.next
            start.decompose()
            start = following
    return Article(page, top_of(tree))


def _titles(every: Callable[[str], list[LexborNode]], selectors: tuple[str, ...]) -> list[LexborNode]:
    return next((found for selector in selectors if (found := every(selector))), [])


def _later(titles: list[LexborNode]) -> LexborNode | None:
    """The first headline that says something else than the page's first one; a headline may stand twice."""
    if len(titles) < 2:
        return None
    said = text_of(titles[0])
    return next((title for title in titles[1:] if text_of(title) != said), None)


def _beginning(top: LexborNode, first: set[int], bodies: tuple[str, ...], opening: str) -> LexborNode:
    """Where a later story begins, among the siblings of what holds its headline."""
    start, before = top, top.prev
    while before is not None and before.mem_id not in first and not any(before.css_matches(s) for s in bodies):
        if opening and before.css_matches(opening):  # itself or something in it
            start = before
        before = before.prev
    return start
