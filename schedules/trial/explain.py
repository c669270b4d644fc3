"""Page parser that also records the result of each declared extractor and each selector of a ranked list."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

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

_MAX_TEXT = 80


@dataclass(frozen=True)
class ExplainingParser(PageParser):
    """PageParser that adds evidence to each parsed page: why a field or a ranked list is found or not found.

    The evidence has these keys:

    - ``layout``: name of the layout that was examined, which is the newest one if no layout fits the page
    - ``fields``: for each column, the tried extractors in order, each as [name, number of elements or None, text found
      first, whether it found the value]
    - ``generic``: for each column that the layout does not find, the value and the extractor of the generic layout
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
            if column != "section" or target.section is None
        }
        lacking = [column for column, tried in columns.items() if not any(each[-1] for each in tried)]
        copy = Page(page.body, page.url, page.fetched_at, page.content_type)
        generic = GenericLayout().parse(copy, target, self.url_rules, self.zone)
        return {"layout": layout.name, "fields": columns, "generic": _values(generic, lacking)}


def _attempt(article: Article, extractor: Extractor, finder: str | None) -> list[Any]:
    elements = len(article.css(extractor.selector)) if extractor.selector else None
    text = next(islice(extractor.extract(article), 1), "")
    return [extractor.name, elements, one_line(text, _MAX_TEXT), extractor.name == finder]


def _values(parsed: ParsedStory, columns: list[str]) -> Mapping[str, tuple[str, str]]:
    values = {column: getattr(parsed.story, column, None) for column in columns}
    return {
        column: (one_line(str(value), _MAX_TEXT), parsed.extracted_by.get(column, ""))
        for column, value in values.items()
        if value
    }


def _explain_list(page: Page, ranked: RankedList, parsed: ParsedPage) -> dict[str, Any]:
    regions = {selector: page.article.css(selector) for selector in ranked.regions}
    rows = parsed.lists.get(ranked.name, [])
    return {
        "regions": {selector: len(nodes) for selector, nodes in regions.items()},
        "rows": sum(len(node.css(ranked.rows)) for nodes in regions.values() for node in nodes[:1]),
        "links": len(rows),
        "stories": sum(isinstance(row.target, SiteUrl) and row.target.story_id is not None for row in rows),
    }
