"""A downloaded page as a tree of elements, and the article on it."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser, LexborNode

from crawler.decoding.charset import decode_text, decoded
from crawler.decoding.json_ld import articles_in, breadcrumbs_in, of_this_page, parse_json_ld
from crawler.decoding.unclosed_elements import close_elements
from crawler.parsing.html_limits import limit_markup
from crawler.parsing.selectors import find_anchors, select, self_and_ancestors
from crawler.parsing.text_blocks import text_blocks
from crawler.urls.standard import UrlError, join

# With events, the parser updates <selectedcontent> in time quadratic in the number of options.
PARSER_OPTIONS = LexborDocumentOptions.WO_EVENTS


@dataclass(eq=False)
class Page:
    """A page to parse: the body, URL and download time of a response, and its Content-Type header for the charset.

    :ivar removed: number of attributes or elements removed by the limits on markup, by kind
    """

    body: bytes
    url: str
    fetched_at: datetime
    content_type: str | None = None
    removed: Counter[str] = field(default_factory=Counter, init=False, repr=False)
    _matches: dict[str, list[LexborNode]] = field(default_factory=dict, init=False, repr=False)

    def new_tree(self) -> LexborHTMLParser:
        """Parse the page again and return a new tree, which the caller may modify."""
        text, is_utf8 = decoded(self.body, self.content_type)
        self.removed = Counter()
        markup = limit_markup(text, self.removed)
        # The parser reads UTF-8, so a body that is already in UTF-8 is passed as it is.
        return LexborHTMLParser(self.body if is_utf8 and markup is text else markup, options=PARSER_OPTIONS)

    tree = cached_property(new_tree)

    def with_closed_elements(self) -> "Page":
        """Return a copy of the page without the start tags of unclosed elements that hide text from extraction.

        The content of a skipped element such as ``aside`` would otherwise be lost up to the end of its parent.
        """
        text = decode_text(self.body, self.content_type)
        return self if (closed := close_elements(text)) == text else Page(closed.encode(), self.url, self.fetched_at)

    @property
    def article(self) -> "Article":
        return Article(self, root_of(self.tree), matches=self._matches)

    def preload(self, anchors: Collection[str]) -> None:
        """Search for several classes and ids at once, and cache the matches for selectors that begin with one of them.

        :param anchors: classes (`.name`) and ids (`#name`)
        """
        if missing := [name for name in anchors if name not in self._matches]:
            self._matches.update(find_anchors(root_of(self.tree), missing))

    @cached_property
    def base_url(self) -> str:
        """Base URL against which the links of the page are resolved."""
        node = self.tree.head.css_first("base[href]") if self.tree.head else None
        try:
            return join(self.url, node.attributes.get("href") or "") if node else self.url
        except UrlError:
            return self.url

    @cached_property
    def meta_tags(self) -> dict[str, str]:
        """Content of the meta elements by property, name or itemprop; of several with one name, the first counts."""
        tags: dict[str, str] = {}
        for node in self.tree.css("meta[content]"):
            attributes = node.attributes
            name = attributes.get("property") or attributes.get("name") or attributes.get("itemprop")
            if name and (content := attributes.get("content")):
                tags.setdefault(name.strip().lower(), content)
        return tags

    @property
    def canonical_link(self) -> str:
        """URL that the page declares as its canonical URL, or ""."""
        node = self.tree.css_first('link[rel~="canonical" i][href]')
        return (node.attributes.get("href") or "") if node else ""

    @cached_property
    def own_links(self) -> tuple[str, str]:
        """URLs that the page declares as its own, in the canonical link and in og:url; each is "" if it is absent."""
        return self.canonical_link, self.meta_tags.get("og:url", "")

    @cached_property
    def _json_ld_values(self) -> list[Any]:
        blocks = self.tree.css('script[type*="ld+json" i]')
        return [value for node in blocks for value in parse_json_ld(node.text() or "")]

    @cached_property
    def breadcrumbs(self) -> list[list[tuple[str, str]]]:
        """JSON-LD breadcrumbs, each as a list of (name, URL) with the home page first."""
        return [found for value in self._json_ld_values for found in breadcrumbs_in(value) if found]

    @cached_property
    def json_ld(self) -> list[dict[str, Any]]:
        """JSON-LD objects that describe the article of the page; unreadable blocks are ignored."""
        articles = [found for value in self._json_ld_values for found in articles_in(value)]
        return of_this_page(articles, (self.url, *self.own_links))


def root_of(tree: LexborHTMLParser) -> LexborNode:
    assert tree.root is not None  # the parser adds <html> to any input
    return tree.root


@dataclass(eq=False)
class Article:
    """The part of a page that contains the story.

    :ivar extracted_by: name of the extractor that found each field
    """

    page: Page
    root: LexborNode
    extracted_by: dict[str, str] = field(default_factory=dict)
    matches: dict[str, list[LexborNode]] = field(default_factory=dict, repr=False)
    hidden: frozenset[int] = frozenset()  # `mem_id` of elements in which nothing is found
    _texts: dict[tuple[int, str], str | None] = field(default_factory=dict, init=False, repr=False)

    def css(self, selector: str) -> list[LexborNode]:
        """Return the matches of a selector in document order; they are cached."""
        if (nodes := self.matches.get(selector)) is None:
            nodes = self.matches[selector] = select(self.root, selector, self.css)
        if self.hidden:
            return [
                node for node in nodes if not any(above.mem_id in self.hidden for above in self_and_ancestors(node))
            ]
        return nodes

    def visible_text(self, node: LexborNode, exclude: str = "") -> str | None:
        """Return the result of :func:`visible_text` from a cache, because the selectors of several fields overlap."""
        key = node.mem_id, exclude
        if key not in self._texts:
            self._texts[key] = visible_text(node, exclude)
        return self._texts[key]


def visible_text(node: LexborNode, exclude: str = "") -> str | None:
    """Return the visible text of an element on one line, or None if there is none.

    A block of text that occurs twice is included once. Elements that match the selector ``exclude`` are skipped.
    """
    only = node.first_child
    if only is not None and only.next is None and only.tag == "-text" and "[" not in (text := only.text_content or ""):
        return " ".join(text.split()) or None
    excluded = {inner.mem_id for inner in node.css(exclude)} if exclude else frozenset()
    return " ".join(dict.fromkeys(block.text for block in text_blocks(node, excluded))) or None
