"""Where a layout keeps a field: small readers that a newspaper's file combines.

A source takes an article and gives what it finds there, best first, as text. Each fails alone: what a source cannot
read is nothing to the next one, never an error of the page.
"""

import json
import re
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from html import unescape
from typing import Any, TypeVar
from unicodedata import normalize
from urllib.parse import urljoin

from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser, LexborNode

from crawler.bengali.text import clean
from crawler.decoding.charset import decoded
from crawler.parsing.html_limits import untangled
from crawler.parsing.selectors import landmarks, search
from crawler.parsing.text_blocks import blocks

_ARTICLE_TYPES = frozenset(("NewsArticle", "Article", "ReportageNewsArticle", "BlogPosting", "OpinionNewsArticle"))
# The parser otherwise keeps <selectedcontent> up to date, at the price of the square of the number of options.
_AS_WRITTEN = LexborDocumentOptions.WO_EVENTS
_LONGEST_CAPTION = 2**16  # of an attribute that holds markup
Value = TypeVar("Value")


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
    given_by: dict[str, str] = field(default_factory=dict)
    found: dict[str, list[LexborNode]] = field(default_factory=dict, repr=False)

    def every(self, selector: str) -> list[LexborNode]:
        """What a selector matches, in the order of the page, which is searched for it once."""
        if (found := self.found.get(selector)) is None:
            found = self.found[selector] = search(self.root, selector, self.every)
        return found


@dataclass(frozen=True)
class Source:
    """One way to read a field: ``name`` is what an alarm calls it; ``read`` gives texts that are not empty.

    ``selector`` is what it searches the page for, if it does.
    """

    name: str
    read: Callable[[Article], Iterator[str]]
    selector: str = ""

    def __call__(self, article: Article) -> Iterator[str]:
        return self.read(article)


def text_of(node: LexborNode, without: str = "") -> str | None:
    """The text below a node that a reader sees, on one line; None where there is none.

    A block that stands twice counts once, and what the selector ``without`` matches is not read.
    """
    only = node.first_child
    if only is not None and only.next is None and only.tag == "-text" and "[" not in (text := only.text_content or ""):
        return " ".join(text.split()) or None
    dropped = {inner.mem_id for inner in node.css(without)} if without else frozenset()
    return " ".join(dict.fromkeys(block.text for block in blocks(node, dropped))) or None


def css(selector: str, *, without: str = "", having: str = "") -> Source:
    """Text of each match that has any; only where it contains the pattern ``having``, less what ``without`` matches."""
    sought = re.compile(normalize("NFC", having))

    def read(article: Article) -> Iterator[str]:
        texts = (text_of(node, without) for node in article.every(selector))
        return (text for text in texts if text and (not having or sought.search(clean(text) or "")))

    return Source(f"{selector} having {having}" if having else selector, read, selector)


def together(region: str, selector: str, *, without: str = "") -> Source:
    """Text of everything that ``selector`` matches in one region, each once, joined by commas; region by region."""

    def read(article: Article) -> Iterator[str]:
        for part in article.every(region):
            texts = (text_of(node, without) for node in part.css(selector))
            if joined := ", ".join(dict.fromkeys(text for text in texts if text)):
                yield joined

    return Source(f"{region} {selector}", read, region)


def above(selector: str, landmark: str) -> Source:
    """Text of each match that stands before the first ``landmark``, in the order of the page."""

    def read(article: Article) -> Iterator[str]:
        if not article.every(selector):
            return
        end = article.root.css_first(landmark)
        for node in article.root.css(f"{selector}, {landmark}"):
            if end is not None and node.mem_id == end.mem_id:
                return
            if text := text_of(node):
                yield text

    return Source(f"{selector} above {landmark}", read, selector)


def attribute(selector: str, *names: str, markup: bool = False) -> Source:
    """The attributes of each match, in the order of ``names``; the text of one that holds ``markup``."""

    def read(article: Article) -> Iterator[str]:
        for node in article.every(selector):
            attributes = node.attributes
            for name in names:
                if (value := (attributes.get(name) or "").strip()) and (not markup or (value := _text_in(value))):
                    yield value

    return Source(f"{selector} @{'|'.join(names)}", read, selector)


def _text_in(markup: str) -> str:
    if "<" not in markup:
        return markup
    if len(markup) > _LONGEST_CAPTION:
        return ""
    body = LexborHTMLParser(untangled(markup), options=_AS_WRITTEN).body
    return (text_of(body) or "") if body else ""


def meta(name: str, *, without: str = "", having: str = "") -> Source:
    """Content of a meta element that contains the pattern ``having``, less what the pattern ``without`` finds."""

    def read(article: Article) -> Iterator[str]:
        return _reduced(article.page.metas.get(name, ""), without, having)

    return Source(f"meta {name}", read)


def linked_data(*path: str, without: str = "", having: str = "") -> Source:
    """A value of each of the page's JSON-LD articles, by path, of a list the first; patterns as for ``meta``."""

    def read(article: Article) -> Iterator[str]:
        for value in article.page.linked_data:
            found: Any = value
            for step in path:
                found = found[0] if isinstance(found, list) and found else found
                found = found.get(step) if isinstance(found, dict) else None
            found = found[0] if isinstance(found, list) and found else found
            if _is_text(found):
                yield from _reduced(unescape(found), without, having)

    return Source(f"JSON-LD {'.'.join(path)}", read)


def _reduced(text: str, without: str, having: str) -> Iterator[str]:
    text = " ".join(text.split())  # patterns take long over long runs of spaces
    if having and not re.search(having, text):
        return
    if text := (re.sub(without, "", text) if without else text).strip():
        yield text


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def first_of(
    name: str, article: Article, sources: tuple[Source, ...], read: Callable[[str], Value | None]
) -> Value | None:
    """What ``read`` makes of the first text of which it makes anything; ``article.given_by`` notes whose it was."""
    for source in sources:
        for text in source(article):
            if (value := read(text)) is not None:
                article.given_by[name] = source.name
                return value
    return None
