"""The first story of a page that scrolls on into further ones: it is the one that the address stands for."""

from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from crawler.sources import Page, text_of


def first_story(page: Page, titles: tuple[str, ...], bodies: tuple[str, ...], opening: str) -> LexborNode:
    """The root of the page, or of a copy of it without every story after the first.

    Stories may be rows of one container or follow each other as flat siblings, and each may begin with something
    before its headline (``opening``: a byline, say), which then stands behind the text of the story before.
    """
    if _later_title(page.tree, titles) is None:
        return root_of(page.tree)
    tree = page.parse()
    while (later := _later_title(tree, titles)) is not None:
        first = set(_upward(_titles(tree, titles)[0]))
        top = next(node for node in _climb(later) if node.parent is not None and node.parent.mem_id in first)
        start: LexborNode | None = _beginning(top, first, bodies, opening)
        while start is not None:
            following = start.next
            start.decompose()
            start = following
    return root_of(tree)


def root_of(tree: LexborHTMLParser) -> LexborNode:
    """The topmost element."""
    assert tree.root is not None  # the parser supplies <html> to anything
    return tree.root


def _titles(tree: LexborHTMLParser, selectors: tuple[str, ...]) -> list[LexborNode]:
    return next((found for selector in selectors if (found := tree.css(selector))), [])


def _later_title(tree: LexborHTMLParser, selectors: tuple[str, ...]) -> LexborNode | None:
    """The first headline that says something else than the page's first one; a headline may stand twice."""
    titles = _titles(tree, selectors)
    if len(titles) < 2:
        return None
    said = text_of(titles[0])
    return next((title for title in titles[1:] if text_of(title) != said), None)


def _climb(node: LexborNode) -> Iterator[LexborNode]:
    climbing: LexborNode | None = node
    while climbing is not None:
        yield climbing
        climbing = climbing.parent


def _upward(node: LexborNode) -> Iterator[int]:
    return (ancestor.mem_id for ancestor in _climb(node))


def _beginning(top: LexborNode, first: set[int], bodies: tuple[str, ...], opening: str) -> LexborNode:
    """Where a later story begins, among the siblings of what holds its headline."""
    start, before = top, top.prev
    while before is not None and before.mem_id not in first and not any(before.css_matches(s) for s in bodies):
        if opening and before.css_matches(opening):  # itself or something in it
            start = before
        before = before.prev
    return start
