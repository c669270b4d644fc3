"""Pages with infinite scroll, which contain further stories below the one that the URL identifies."""

from collections.abc import Callable

from selectolax.lexbor import LexborNode

from crawler.parsing.page import Article, Page, root_of, visible_text
from crawler.parsing.selectors import self_and_ancestors


def first_story(page: Page, titles: tuple[str, ...], bodies: tuple[str, ...], preamble: str) -> Article:
    """Return the article of a page; if the page has several stories, only the first, in a copy of the tree.

    Stories may have a container each or be a sequence of siblings. Elements before the headline of a later story that
    match the selector ``preamble``, such as its byline, are removed with it.
    """
    article = page.article
    if _later_title(_find_titles(article.css, titles)) is None:
        return article
    tree = page.new_tree()
    while (later := _later_title(_find_titles(tree.css, titles))) is not None:
        first = {node.mem_id for node in self_and_ancestors(_find_titles(tree.css, titles)[0])}
        top = next(node for node in self_and_ancestors(later) if node.parent and node.parent.mem_id in first)
        start: LexborNode | None = _start_of_story(top, first, bodies, preamble)
        while start is not None:
            following = start.next
            start.decompose()
            start = following
    return Article(page, root_of(tree))


def _find_titles(css: Callable[[str], list[LexborNode]], selectors: tuple[str, ...]) -> list[LexborNode]:
    return next((nodes for selector in selectors if (nodes := css(selector))), [])


def _later_title(titles: list[LexborNode]) -> LexborNode | None:
    """Return the headline of the second story, or None; the headline of the first story may occur several times."""
    if len(titles) < 2:
        return None
    headline = visible_text(titles[0])
    return next((title for title in titles[1:] if visible_text(title) != headline), None)


def _start_of_story(top: LexborNode, first: set[int], bodies: tuple[str, ...], preamble: str) -> LexborNode:
    """Return the first element of a later story: ``top``, or a preceding sibling that matches ``preamble``.

    The search goes back to a body or an element of the first story.
    """
    start, previous = top, top.prev
    while previous is not None and previous.mem_id not in first and not any(map(previous.css_matches, bodies)):
        if preamble and previous.css_matches(preamble):  # itself or an element inside it
            start = previous
        previous = previous.prev
    return start
