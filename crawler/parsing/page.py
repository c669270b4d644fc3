"""Where a layout keeps a field: small readers that a newspaper's file combines.

A source takes an article and gives what it finds there, best first, as text. Each fails alone: what a source cannot
read is nothing to the next one, never an error of the page.
"""

import json
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urljoin

from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser, LexborNode

from crawler.decoding.charset import decoded
from crawler.parsing.html_limits import untangled
from crawler.parsing.selectors import landmarks, search
from crawler.parsing.text_blocks import blocks

_ARTICLE_TYPES = frozenset(("NewsArticle", "Article", "ReportageNewsArticle", "BlogPosting", "OpinionNewsArticle"))
# The parser otherwise keeps <selectedcontent> up to date, at the price of the square of the number of options.
_AS_WRITTEN = LexborDocumentOptions.WO_EVENTS


@dataclass(eq=False)
class Page:
    """One response to read: its HTML, its address and the moment it was fetched."""

    html: bytes | str
    url: str
    fetched_at: datetime
    charset: str | None = None

    @cached_property
    def tree(self) -> LexborHTMLParser:
        """The parsed page."""
        return self.parse()

    def parse(self) -> LexborHTMLParser:
        """The page parsed anew, for who means to take it apart."""
        markup = untangled(self.text)
        # The parser reads UTF-8: what came as that need not be written anew.
        as_it_came = markup is self.text and self._decoded[1]
        return LexborHTMLParser(self.html if as_it_came else markup, options=_AS_WRITTEN)

    @property
    def text(self) -> str:
        """The page's markup."""
        return self._decoded[0]

    @cached_property
    def _decoded(self) -> tuple[str, bool]:
        return (self.html, False) if isinstance(self.html, str) else decoded(self.html, self.charset)

    @property
    def whole(self) -> "Article":
        """All of the page."""
        return Article(self, top_of(self.tree), found=self._found)

    @cached_property
    def _found(self) -> dict[str, list[LexborNode]]:
        return {}

    def look_for(self, sought: Collection[str]) -> None:
        """Find the classes and ids together that searches of this page will begin with."""
        if further := [name for name in sought if name not in self._found]:
            self._found.update(landmarks(top_of(self.tree), further))

    @cached_property
    def base(self) -> str:
        """What the page's links are relative to."""
        node = self.tree.head.css_first("base[href]") if self.tree.head else None
        try:
            return urljoin(self.url, (node.attributes.get("href") or "").strip()) if node else self.url
        except ValueError:
            return self.url

    @cached_property
    def metas(self) -> dict[str, str]:
        """The page's meta elements, by property or name; the first of each."""
        found: dict[str, str] = {}
        for node in self.tree.css("meta[content]"):
            attributes = node.attributes
            name = attributes.get("property") or attributes.get("name") or attributes.get("itemprop")
            content = attributes.get("content")
            if name and content:
                found.setdefault(name.strip().lower(), content)
        return found

    @cached_property
    def linked_data(self) -> list[dict[str, Any]]:
        """The JSON-LD objects that describe an article; a block that is not JSON is passed over."""
        objects: list[dict[str, Any]] = []
        for node in self.tree.css('script[type^="application/ld+json" i]'):
            try:
                parsed = json.loads(node.text() or "", strict=False)
            except (ValueError, RecursionError):
                continue
            objects.extend(_articles(parsed))
        return objects


def top_of(tree: LexborHTMLParser) -> LexborNode:
    """The topmost element."""
    assert tree.root is not None  # the parser supplies <html> to anything
    return tree.root


def _articles(parsed: Any) -> Iterator[dict[str, Any]]:
    waiting = deque([parsed])
    while waiting:
        value = waiting.popleft()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            kinds = value.get("@type")
            if any(
                kind in _ARTICLE_TYPES for kind in (kinds if isinstance(kinds, list) else [kinds]) if _is_text(kind)
            ):
                yield value
            elif isinstance(graph := value.get("@graph"), list):
                waiting.extend(graph)


@dataclass(eq=False)
class Article:
    """The part of a page that holds the story, and a note of which source gave which field."""

    page: Page
    root: LexborNode
    extracted_by: dict[str, str] = field(default_factory=dict)
    found: dict[str, list[LexborNode]] = field(default_factory=dict, repr=False)

    def every(self, selector: str) -> list[LexborNode]:
        """What a selector matches, in the order of the page, which is searched for it once."""
        if (found := self.found.get(selector)) is None:
            found = self.found[selector] = search(self.root, selector, self.every)
        return found


def text_of(node: LexborNode, without: str = "") -> str | None:
    """The text below a node that a reader sees, on one line; None where there is none.

    A block that stands twice counts once, and what the selector ``without`` matches is not read.
    """
    only = node.first_child
    if only is not None and only.next is None and only.tag == "-text" and "[" not in (text := only.text_content or ""):
        return " ".join(text.split()) or None
    dropped = {inner.mem_id for inner in node.css(without)} if without else frozenset()
    return " ".join(dict.fromkeys(block.text for block in blocks(node, dropped))) or None


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
