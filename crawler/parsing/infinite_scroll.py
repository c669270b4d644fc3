"""Pages with infinite scroll, which contain further stories below the story that the URL identifies."""

from collections.abc import Callable

from selectolax.lexbor import LexborNode

from crawler.parsing.page import Article, Page, root_of, visible_text
from crawler.parsing.selectors import self_and_ancestors


def first_story(page: Page, titles: tuple[str, ...], bodies: tuple[str, ...], preamble: str) -> Article:
    """Return the article of a page with only its first story; any further stories are removed from a copy of the tree.

    Each story may have its own container, or all may be siblings in one container.

    :param titles: selectors of the headline element
    :param bodies: selectors of the element that holds the text
    :param preamble: selector of elements before the headline of a later story, such as its byline, which are removed
        too
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
    """Return the headline element of the second story, or None if there is only one story.

    The headline of the first story may occur several times, so the text must differ.
    """
    if len(titles) < 2:
        return None
    headline = visible_text(titles[0])
    return next((title for title in titles[1:] if visible_text(title) != headline), None)


def _start_of_story(top: LexborNode, first: set[int], bodies: tuple[str, ...], preamble: str) -> LexborNode:
    """Return the first element of a later story: ``top``, or an earlier sibling of it that matches ``preamble``.

    The search ends at a sibling that belongs to the first story or matches one of ``bodies``.
    """
    start, previous = top, top.prev
    while previous is not None and previous.mem_id not in first and not any(map(previous.css_matches, bodies)):
        if preamble and previous.css_matches(preamble):  # itself or an element inside it
            start = previous
        previous = previous.prev
    return start
