"""Extractors, which find the text of one field (such as the headline) on a page.

The layout of a site has a list of extractors for each field. Each yields the texts it finds, with the best first; the
next extractor is only used if none of them can be parsed.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any, TypeVar

from selectolax.lexbor import LexborHTMLParser

from crawler.bengali.text import clean, compile_nfc
from crawler.parsing.html_limits import limit_markup
from crawler.parsing.page import PARSER_OPTIONS, Article, visible_text

_MAX_ATTRIBUTE_MARKUP = 2**16  # characters
Value = TypeVar("Value")


@dataclass(frozen=True)
class Extractor:
    """One way to find a field on a page.

    :param name: name for reports and alarms
    :param extract: function that returns the texts found in an article, none of them empty
    :param selector: CSS selector that is searched first, if any
    """

    name: str
    extract: Callable[[Article], Iterator[str]]
    selector: str = ""


def css(selector: str, *, exclude: str = "", matching: str = "") -> Extractor:
    """Extract the text of each element that matches a selector, without inner elements that match ``exclude``.

    :param matching: pattern that the text must contain
    """
    pattern = compile_nfc(matching)

    def extract(article: Article) -> Iterator[str]:
        texts = (visible_text(node, exclude) for node in article.css(selector))
        return (text for text in texts if text and (not matching or pattern.search(clean(text) or "")))

    return Extractor(f"{selector} having {matching}" if matching else selector, extract, selector)


def joined(region: str, selector: str, *, exclude: str = "") -> Extractor:
    """Extract one text per region: the texts of the elements in it, without repetitions and joined by commas."""

    def extract(article: Article) -> Iterator[str]:
        for part in article.css(region):
            texts = (visible_text(node, exclude) for node in part.css(selector))
            if text := ", ".join(dict.fromkeys(filter(None, texts))):
                yield text

    return Extractor(f"{region} {selector}", extract, region)


def before(selector: str, end: str) -> Extractor:
    """Extract the text of each element that precedes the first match of the selector ``end`` in the document."""

    def extract(article: Article) -> Iterator[str]:
        if not article.css(selector):
            return
        last = article.root.css_first(end)
        for node in article.root.css(f"{selector}, {end}"):
            if last is not None and node.mem_id == last.mem_id:
                return
            if text := visible_text(node):
                yield text

    return Extractor(f"{selector} above {end}", extract, selector)


def attribute(selector: str, *names: str, markup: bool = False) -> Extractor:
    """Extract attributes of each element, in the order of ``names``.

    :param markup: the attributes contain HTML, of which the text is extracted
    """

    def extract(article: Article) -> Iterator[str]:
        for node in article.css(selector):
            attributes = node.attributes
            for name in names:
                if (value := (attributes.get(name) or "").strip()) and (not markup or (value := _text_of_html(value))):
                    yield value

    return Extractor(f"{selector} @{'|'.join(names)}", extract, selector)


def _text_of_html(markup: str) -> str:
    if "<" not in markup:
        return markup
    if len(markup) > _MAX_ATTRIBUTE_MARKUP:
        return ""
    body = LexborHTMLParser(limit_markup(markup), options=PARSER_OPTIONS).body
    return (visible_text(body) or "") if body else ""


def meta(name: str, *, remove: str = "", matching: str = "") -> Extractor:
    """Extract the content of a meta element, without the parts that match the pattern ``remove``.

    :param matching: pattern that the content must contain
    """

    def extract(article: Article) -> Iterator[str]:
        return _filter(article.page.meta_tags.get(name, ""), remove, matching)

    return Extractor(f"meta {name}", extract)


def json_ld(*path: str, remove: str = "", matching: str = "") -> Extractor:
    """Extract the value at a path of keys in each JSON-LD article of the page; of a list, the first value.

    ``remove`` and ``matching`` are patterns as for :func:`meta`.
    """

    def extract(article: Article) -> Iterator[str]:
        for value in article.page.json_ld:
            found: Any = value
            for key in path:
                found = found.get(key) if isinstance(found, dict) else None
                found = found[0] if isinstance(found, list) and found else found
            if isinstance(found, str):
                yield from _filter(unescape(found), remove, matching)

    return Extractor(f"JSON-LD {'.'.join(path)}", extract)


def _filter(text: str, remove: str, matching: str) -> Iterator[str]:
    text = " ".join(text.split())  # patterns are slow on long runs of spaces
    if (not matching or re.search(matching, text)) and (text := re.sub(remove, "", text).strip() if remove else text):
        yield text


def extract_first(
    name: str, article: Article, extractors: tuple[Extractor, ...], parse: Callable[[str], Value | None]
) -> Value | None:
    """Return the first extracted text that can be parsed, and record its extractor in ``article.extracted_by``."""
    for extractor in extractors:
        for text in extractor.extract(article):
            if (value := parse(text)) is not None:
                article.extracted_by[name] = extractor.name
                return value
    return None
