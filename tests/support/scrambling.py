"""What a page and its scrambled copy have in common: the shape of everything that is read on it."""

import re
import unicodedata
from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import unquote

from crawler.entry_points import Listing
from crawler.generic.generic_layout import GenericLayout
from crawler.generic.unknown_site import unknown_site_parser
from crawler.parsing.parser import PageParser, PageResponse, ParsedPage
from crawler.spider import NewspaperSpider

_JOINERS = re.compile("[\u200c\u200d]")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_BENGALI = re.compile("[\u0980-\u09e5\u09f0-\u09ff]+")  # letters and marks, not digits
_NAMES = ("layout", "published_from", "site", "language", "access", "agency")


def read(site: type[NewspaperSpider] | None, url: str, html: str) -> ParsedPage:
    parser = unknown_site_parser()
    if site is not None:
        parser = PageParser(site.make_url_rules(), site.layouts, site.lists, site.zone, GenericLayout())
    is_story = bool(getattr(parser.url_rules.identify(url), "story_id", None))
    response = PageResponse(
        url=url,
        body=html.encode("utf-8", "replace"),
        fetched_at=datetime(2026, 8, 24, tzinfo=UTC),
        is_story=is_story,
        entry_point=None if is_story else Listing(name="section"),
    )
    return parser.parse(response)


def shape(parsed: ParsedPage) -> dict[str, Any]:
    """Lengths of all texts that were read, with the extractors that found them; other values as they are."""
    lists = {name: [(row.rank, _length(row.headline)) for row in rows] for name, rows in parsed.lists.items()}
    if parsed.story is None:
        return {"lists": lists, "links": len(parsed.links)}
    story = parsed.story.story
    values = {name: getattr(story, name) for name in story.__dataclass_fields__}
    lengths = {name: value if name in _NAMES else _length(value) for name, value in values.items()}
    paragraphs = [_length(text) for text in (story.body or "").split("\n\n")]
    found = {"by": parsed.story.extracted_by, "missing": parsed.story.missing, "paragraphs": paragraphs}
    return lengths | found | {"lists": lists}


def _length(value: Any) -> Any:
    if isinstance(value, list):
        return [_length(each) for each in value]
    return len(value) if isinstance(value, str) else value


def bengali_words(html: str) -> list[str]:
    """All words in Bengali letters in the source of a page, however they are escaped there."""
    text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), html)
    return _BENGALI.findall(unicodedata.normalize("NFC", _JOINERS.sub("", unquote(unescape(text)))))


def runs(words: list[str], length: int = 4) -> set[str]:
    return {word[place : place + length] for word in words for place in range(len(word) - length + 1)}
