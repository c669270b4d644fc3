"""Extractors: how one field is found on a page."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any, TypeVar
from unicodedata import normalize

from selectolax.lexbor import LexborHTMLParser

from crawler.bengali.text import clean
from crawler.parsing.html_limits import untangled
from crawler.parsing.page import _AS_WRITTEN, Article, _is_text, text_of

_LONGEST_CAPTION = 2**16  # of an attribute that holds markup
Value = TypeVar("Value")


@dataclass(frozen=True)
class Extractor:
    """One way to read a field: ``name`` is what an alarm calls it; ``read`` gives texts that are not empty.

    ``selector`` is what it searches the page for, if it does.
    """

    name: str
    read: Callable[[Article], Iterator[str]]
    selector: str = ""

    def __call__(self, article: Article) -> Iterator[str]:
        return self.read(article)


def css(selector: str, *, without: str = "", having: str = "") -> Extractor:
    """Text of each match that has any; only where it contains the pattern ``having``, less what ``without`` matches."""
    sought = re.compile(normalize("NFC", having))

    def read(article: Article) -> Iterator[str]:
        texts = (text_of(node, without) for node in article.every(selector))
        return (text for text in texts if text and (not having or sought.search(clean(text) or "")))

    return Extractor(f"{selector} having {having}" if having else selector, read, selector)


def together(region: str, selector: str, *, without: str = "") -> Extractor:
    """Text of everything that ``selector`` matches in one region, each once, joined by commas; region by region."""

    def read(article: Article) -> Iterator[str]:
        for part in article.every(region):
            texts = (text_of(node, without) for node in part.css(selector))
            if joined := ", ".join(dict.fromkeys(text for text in texts if text)):
                yield joined

    return Extractor(f"{region} {selector}", read, region)


def above(selector: str, landmark: str) -> Extractor:
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

    return Extractor(f"{selector} above {landmark}", read, selector)


def attribute(selector: str, *names: str, markup: bool = False) -> Extractor:
    """The attributes of each match, in the order of ``names``; the text of one that holds ``markup``."""

    def read(article: Article) -> Iterator[str]:
        for node in article.every(selector):
            attributes = node.attributes
            for name in names:
                if (value := (attributes.get(name) or "").strip()) and (not markup or (value := _text_in(value))):
                    yield value

    return Extractor(f"{selector} @{'|'.join(names)}", read, selector)


def _text_in(markup: str) -> str:
    if "<" not in markup:
        return markup
    if len(markup) > _LONGEST_CAPTION:
        return ""
    body = LexborHTMLParser(untangled(markup), options=_AS_WRITTEN).body
    return (text_of(body) or "") if body else ""


def meta(name: str, *, without: str = "", having: str = "") -> Extractor:
    """Content of a meta element that contains the pattern ``having``, less what the pattern ``without`` finds."""

    def read(article: Article) -> Iterator[str]:
        return _reduced(article.page.metas.get(name, ""), without, having)

    return Extractor(f"meta {name}", read)


def linked_data(*path: str, without: str = "", having: str = "") -> Extractor:
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

    return Extractor(f"JSON-LD {'.'.join(path)}", read)


def _reduced(text: str, without: str, having: str) -> Iterator[str]:
    text = " ".join(text.split())  # patterns take long over long runs of spaces
    if having and not re.search(having, text):
        return
    if text := (re.sub(without, "", text) if without else text).strip():
        yield text


def first_of(
    name: str, article: Article, sources: tuple[Extractor, ...], read: Callable[[str], Value | None]
) -> Value | None:
    """What ``read`` makes of the first text of which it makes anything; ``article.extracted_by`` notes whose it was."""
    for source in sources:
        for text in source(article):
            if (value := read(text)) is not None:
                article.extracted_by[name] = source.name
                return value
    return None
