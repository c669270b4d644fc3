"""Page parser that also records the result of each declared extractor and each selector of a ranked list."""

import re
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from selectolax.lexbor import LexborNode

from crawler.bengali.text import clean
from crawler.entry_points import Listing
from crawler.generic.generic_layout import GenericLayout
from crawler.items import ParsedStory
from crawler.parsing.extractors import Extractor
from crawler.parsing.layout import choose_layout
from crawler.parsing.page import Article, Page
from crawler.parsing.parser import PageParser, PageResponse, ParsedPage
from crawler.parsing.ranked_lists import RankedList
from crawler.safe_text import one_line
from crawler.urls import SiteUrl

_MAX_TEXT, _MAX_START, _MAX_CLASSES = 80, 40, 2
_MAX_BYTES = 2**20  # of a page whose elements are searched for a text
_NOT_SHOWN = frozenset(("script", "style", "noscript", "template"))


@dataclass(frozen=True)
class ExplainingParser(PageParser):
    """PageParser that adds evidence to each parsed page: why a field or a ranked list is found or not found.

    The evidence has these keys:

    - ``layout``: name of the layout that was examined, which is the newest one if no layout fits the page
    - ``fields``: for each column, the tried extractors in order, each as [name, number of elements or None, text found
      first, whether it found the value]
    - ``generic``: for each column that the layout does not find, the value found by the generic layout, its extractor,
      and a selector of the element that shows the value, if there is one
    - ``lists``: for each ranked list that belongs on the page, the number of matches of each region, of rows, and of
      rows that link to a story
    """

    def parse(self, response: PageResponse) -> ParsedPage:
        parsed = super().parse(response)
        if response.entry_point is None or isinstance(response.entry_point, Listing):
            page = Page(response.body, response.url, response.fetched_at, response.content_type)
            parsed.evidence["lists"] = {
                ranked.name: _explain_list(page, ranked, parsed)
                for ranked in self.lists
                if not ranked.page or re.search(ranked.page, urlsplit(page.url).path)
            }
            target = self.url_rules.identify(response.url)
            if parsed.story is not None and self.layouts and isinstance(target, SiteUrl):
                parsed.evidence |= self._explain_story(page, target)
        return parsed

    def _explain_story(self, page: Page, target: SiteUrl) -> dict[str, Any]:
        layout = choose_layout(self.layouts, page) or self.layouts[0]
        found = layout.parse(page, target, self.url_rules, self.zone)
        article = layout.article_on(page)
        columns = {
            column: [_attempt(article, each, found.extracted_by.get(column)) for each in extractors]
            for column, extractors in layout.extractors_of.items()
            if extractors and (column != "section" or target.section is None)
        }
        lacking = [column for column, tried in columns.items() if not any(each[-1] for each in tried)]
        copy = Page(page.body, page.url, page.fetched_at, page.content_type)
        generic = GenericLayout().parse(copy, target, self.url_rules, self.zone)
        return {"layout": layout.name, "fields": columns, "generic": _values(generic, lacking, page)}


def _attempt(article: Article, extractor: Extractor, finder: str | None) -> list[Any]:
    elements = len(article.css(extractor.selector)) if extractor.selector else None
    text = next(islice(extractor.extract(article), 1), "")
    return [extractor.name, elements, one_line(text, _MAX_TEXT), extractor.name == finder]


def _values(parsed: ParsedStory, columns: list[str], page: Page) -> dict[str, tuple[str, str, str | None]]:
    values = {column: getattr(parsed.story, column, None) for column in columns}
    texts = {column: value[0] if isinstance(value, list) else str(value) for column, value in values.items() if value}
    return {
        column: (one_line(text, _MAX_TEXT), parsed.extracted_by.get(column, ""), place_of(page, text))
        for column, text in texts.items()
    }


def place_of(page: Page, value: str) -> str | None:
    """Return a selector of the innermost element that shows a text, or of the picture with a URL."""
    start = value.partition("\n")[0][:_MAX_START]
    if value.startswith(("http://", "https://")):
        name = value.rpartition("/")[2]
        pictures = page.tree.css("body img")
        found = (node for node in pictures if any(name in (text or "") for text in node.attributes.values()))
        return next(map(_selector, found), None) if name else None
    node, place = (page.tree.body if len(page.body) <= _MAX_BYTES else None), None
    while node is not None:
        inner = (child for child in node.iter() if child.tag not in _NOT_SHOWN)
        node = next((child for child in inner if start in (clean(child.text()) or "")), None)
        place = node or place
    return _selector(place) if place else None


def _selector(node: LexborNode) -> str:
    """Return a selector with the id or the classes of an element, or else those of the nearest one around it."""
    name, attributes = node.tag or "", node.attributes
    if own := attributes.get("id"):
        return f"{name}#{own}"
    if classes := (attributes.get("class") or "").split():
        return ".".join([name, *classes[:_MAX_CLASSES]])
    return f"{_selector(node.parent)} > {name}" if node.parent and name != "body" else name


def _explain_list(page: Page, ranked: RankedList, parsed: ParsedPage) -> dict[str, Any]:
    regions = {selector: page.article.css(selector) for selector in ranked.regions}
    rows = parsed.lists.get(ranked.name, [])
    return {
        "regions": {selector: len(nodes) for selector, nodes in regions.items()},
        "rows": sum(len(node.css(ranked.rows)) for nodes in regions.values() for node in nodes[:1]),
        "links": len(rows),
        "stories": sum(isinstance(row.target, SiteUrl) and row.target.story_id is not None for row in rows),
    }
