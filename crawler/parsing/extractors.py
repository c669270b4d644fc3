"""Extractors, which find the text of one field (such as the headline) on a page.

The layout of a site has a list of extractors for each field. An extractor yields the texts that it finds, the best one
first. The next extractor is used only if none of these texts can be parsed.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any, TypeVar

from selectolax.lexbor import LexborHTMLParser

from crawler.bengali.text import clean, compile_nfc
from crawler.decoding.json_documents import load_json, strings_at
from crawler.decoding.json_ld import same_page
from crawler.parsing.html_limits import limit_markup
from crawler.parsing.page import PARSER_OPTIONS, Article, visible_text

_MAX_ATTRIBUTE_MARKUP = 2**16  # characters
Value = TypeVar("Value")


@dataclass(frozen=True)
class Extractor:
    """One way to find the text of a field, such as the headline, on a page.

    :param name: name for reports and alarms
    :param extract: function that returns the texts found in an article, none of them empty
    :param selector: CSS selector that is searched first, if any
    """

    name: str
    extract: Callable[[Article], Iterator[str]]
    selector: str = ""


def css(selector: str, *, exclude: str = "", matching: str = "", remove: str = "") -> Extractor:
    """Return an extractor of the text of each element that matches a selector.

    :param exclude: selector of inner elements whose text is omitted
    :param matching: pattern that the text must contain
    :param remove: pattern of the parts to remove
    """
    pattern, removed = compile_nfc(matching), compile_nfc(remove)

    def extract(article: Article) -> Iterator[str]:
        texts = (article.visible_text(node, exclude) for node in article.css(selector))
        if remove:
            texts = (removed.sub("", text or "").strip() for text in texts)
        return (text for text in texts if text and (not matching or pattern.search(clean(text) or "")))

    return Extractor(f"{selector} having {matching}" if matching else selector, extract, selector)


def joined(region: str, selector: str, *, exclude: str = "") -> Extractor:
    """Return an extractor that joins the texts of several elements, without repetitions, by commas.

    :param region: selector of the elements that give one joined text each
    :param selector: selector of the elements inside a region whose texts are joined
    :param exclude: selector of inner elements whose text is omitted
    """

    def extract(article: Article) -> Iterator[str]:
        for part in article.css(region):
            texts = (visible_text(node, exclude) for node in part.css(selector))
            if text := ", ".join(dict.fromkeys(filter(None, texts))):
                yield text

    return Extractor(f"{region} {selector}", extract, region)


def before(selector: str, end: str) -> Extractor:
    """Return an extractor of the text of each element that comes before the first match of ``end`` in the document.

    :param selector: selector of the elements
    :param end: selector of the element before which they must be
    """

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
    """Return an extractor of attributes of each element that matches a selector, in the order of ``names``.

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
    """Return an extractor of the content of a meta element.

    :param remove: pattern of the parts to remove
    :param matching: pattern that the content must contain
    """

    def extract(article: Article) -> Iterator[str]:
        return _filter(article.page.meta_tags.get(name, ""), remove, matching)

    return Extractor(f"meta {name}", extract)


def json_ld(*path: str, remove: str = "", matching: str = "", unlike: tuple[str, ...] = ()) -> Extractor:
    """Return an extractor of the values at a path of keys in each JSON-LD article of the page.

    If a value is a list, each of its values is extracted. An author may be an object with a ``name``, or a plain name.

    :param remove: pattern of the parts to remove
    :param matching: pattern that the value must contain
    :param unlike: path of values that are excluded; an author with the publisher's name is none
    """

    def extract(article: Article) -> Iterator[str]:
        for value in article.page.json_ld:
            excluded = frozenset(_values_at(value, unlike)) if unlike else ()
            for found in (each for each in _values_at(value, path) if each not in excluded):
                yield from _filter(unescape(found), remove, matching)

    return Extractor(f"JSON-LD {'.'.join(path)}", extract)


def _values_at(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    values = [value]
    for key in path:
        found = (each.get(key) if isinstance(each, dict) else each if key == "name" else None for each in values)
        values = [each for one in found for each in (one if isinstance(one, list) else [one])]
    return (each for each in values if isinstance(each, str))


def script_json(selector: str, path: str) -> Extractor:
    """Return an extractor of the strings at a path of the JSON in a script element; a list yields each of its values.

    :param selector: selector of the script element
    :param path: keys, such as `data.story.edition`
    """

    def extract(article: Article) -> Iterator[str]:
        for node in article.page.tree.css(selector):
            yield from strings_at(load_json((node.text() or "").encode()), path)

    return Extractor(f"{selector} {path}", extract)


def breadcrumb() -> Extractor:
    """Return an extractor of the innermost section in the JSON-LD breadcrumb, between the home page and the story."""

    def extract(article: Article) -> Iterator[str]:
        for _, *sections in article.page.breadcrumbs:
            own = [name for name, url in sections if url and not same_page(url, article.page.url)]
            yield from own[-1:]

    return Extractor("JSON-LD BreadcrumbList", extract)


def page_url(pattern: str, value: str) -> Extractor:
    """Return an extractor that gives ``value`` if the URL of the page matches a pattern.

    For example, the edition is `print` if the URL contains `-prnt/`.
    """
    compiled = re.compile(pattern)

    def extract(article: Article) -> Iterator[str]:
        if compiled.search(article.page.url):
            yield value

    return Extractor(f"URL {pattern}", extract)


def _filter(text: str, remove: str, matching: str) -> Iterator[str]:
    text = " ".join(text.split())  # patterns are slow on long runs of spaces
    if (not matching or re.search(matching, text)) and (text := re.sub(remove, "", text).strip() if remove else text):
        yield text


def extract_all(name: str, article: Article, extractors: tuple[Extractor, ...]) -> list[str]:
    """Return the texts of the first extractor that finds any, without repetitions.

    The extractor's name is recorded in ``article.extracted_by``.

    :param name: name of the field
    """
    for extractor in extractors:
        if texts := [*dict.fromkeys(text for found in extractor.extract(article) if (text := clean(found)))]:
            article.extracted_by[name] = extractor.name
            return texts
    return []


def extract_first(
    name: str, article: Article, extractors: tuple[Extractor, ...], parse: Callable[[str], Value | None]
) -> Value | None:
    """Return the parsed value of the first extracted text that can be parsed, or None.

    The name of its extractor is recorded in ``article.extracted_by``.

    :param name: name of the field
    :param parse: function that parses a text, and returns None if it cannot
    """
    for extractor in extractors:
        for text in extractor.extract(article):
            if (value := parse(text)) is not None:
                article.extracted_by[name] = extractor.name
                return value
    return None
