"""JSON serialisation of pages and parse results, for the connection to the parse worker (a child process).

Pickle is not used, because a page that exploits a bug of the parser could then run code in the parent process.
"""

import json
from dataclasses import fields
from datetime import datetime
from typing import Any

from crawler.entry_points import EntryPoint, dump_position, load_position
from crawler.items import UTC_MICROSECONDS, ParsedStory, Story, as_row, columns_of
from crawler.outcomes import Outcome
from crawler.parsing.feeds import FeedEntry
from crawler.parsing.parser import PageResponse, ParsedPage
from crawler.parsing.ranked_lists import RankedRow
from crawler.urls import SiteUrl, SkippedUrl

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_URL_LENGTH = len(fields(SiteUrl))
_TIMES = frozenset(column.name for column in columns_of(Story) if column.metadata["type"] == UTC_MICROSECONDS)
_STORY_FIELDS = (
    "extracted_by",
    "unreadable_dates",
    "missing",
    "damaged_letters",
    "text_steps_done",
    "body_hash",
    "is_canonical",
)


def dump_page(page: PageResponse) -> tuple[bytes, bytes]:
    return dump_values(
        {
            "url": page.url,
            "fetched_at": page.fetched_at.isoformat(),
            "content_type": page.content_type,
            "is_story": page.is_story,
            "entry_point": dump_position(page.entry_point, page.position) if page.entry_point else None,
            "find_feeds": page.find_feeds,
            "find_links": page.find_links,
        }
    ), page.body


def load_page(head: bytes, body: bytes, entry_points: tuple[EntryPoint, ...]) -> PageResponse:
    values = load_values(head)
    values["fetched_at"] = datetime.fromisoformat(values["fetched_at"])
    saved = values.pop("entry_point")
    if loaded := saved and load_position(saved, entry_points):
        values["entry_point"], values["position"] = loaded
    return PageResponse(body=body, **values)


def dump_parsed_page(parsed: ParsedPage) -> bytes:
    links = [dump_url(url) for url in parsed.links]
    return dump_values({"lists": dump_lists(parsed.lists), "links": links} | other_values(parsed))


def load_parsed_page(message: bytes) -> ParsedPage:
    values = load_values(message)
    lists, links = load_lists(values.pop("lists", {})), [SiteUrl(*url) for url in values.pop("links", ())]
    return load_others(values, lists, links)


def dump_lists(lists: dict[str, list[RankedRow]]) -> dict[str, Any]:
    return {name: [(row.rank, dump_url(row.target), row.headline) for row in rows] for name, rows in lists.items()}


def load_lists(values: dict[str, Any]) -> dict[str, list[RankedRow]]:
    return {
        name: [RankedRow(rank, _load_url(url), headline) for rank, url, headline in rows]
        for name, rows in values.items()
    }


def other_values(parsed: ParsedPage) -> dict[str, Any]:
    """Return the parts of a parsed page other than its lists and links, without the empty ones, in JSON types."""
    values = {
        "entries": [(entry.url, entry.headline, entry.modified) for entry in parsed.entries],
        "sitemaps": [(entry.url, entry.headline, entry.modified) for entry in parsed.sitemaps],
        "listing_id": parsed.listing_id,
        "next_page": parsed.next_page,
        "feed_urls": parsed.feed_urls,
        "unfit": parsed.unfit,
        "link_count": parsed.link_count,
        "removed": parsed.removed,
        "evidence": parsed.evidence,
        "story": _dump_story(parsed.story) if parsed.story else None,
    }
    return {name: value for name, value in values.items() if value not in (None, [], {}, 0)}


def load_others(values: dict[str, Any], lists: dict[str, list[RankedRow]], links: list[SiteUrl]) -> ParsedPage:
    """Return the parsed page with the values of :func:`other_values` and these lists and links."""
    for name in ("entries", "sitemaps"):
        values[name] = [FeedEntry(*entry) for entry in values.get(name, ())]
    if "story" in values:
        values["story"] = _load_story(values["story"])
    return ParsedPage(lists=lists, links=links, **values)


def dump_url(target: SiteUrl | SkippedUrl) -> tuple[Any, ...]:
    if isinstance(target, SiteUrl):
        return target.url, target.key, target.story_id, target.section, target.request_url
    return target.url, target.outcome, target.reason


def _load_url(values: list[Any]) -> SiteUrl | SkippedUrl:
    if len(values) == _URL_LENGTH:
        return SiteUrl(*values)
    return SkippedUrl(values[0], Outcome(values[1]), values[2])


def _dump_story(parsed: ParsedStory) -> dict[str, Any]:
    row = {name: value for name, value in as_row(parsed.story).items() if value is not None}
    row |= {name: row[name].isoformat() for name in row.keys() & _TIMES}
    return {
        "story": row | {"site": parsed.story.site},
        "sketch": parsed.sketch and (parsed.sketch[0], parsed.sketch[1].hex()),
        **{name: getattr(parsed, name) for name in _STORY_FIELDS},
    }


def _load_story(values: dict[str, Any]) -> ParsedStory:
    row = values["story"]
    row |= {name: datetime.fromisoformat(row[name]) for name in row.keys() & _TIMES}
    values |= {name: tuple(values[name]) for name in ("unreadable_dates", "missing")}
    if values["sketch"]:
        bands, signature = values["sketch"]
        values["sketch"] = tuple(bands), bytes.fromhex(signature)
    return ParsedStory(**values | {"story": Story(**row)})


def dump_values(value: Any) -> bytes:
    # A page may contain lone surrogates, which a later step rejects.
    return _ENCODER.encode(value).encode(errors="surrogatepass")


def load_values(message: bytes) -> Any:
    return json.loads(message.decode(errors="surrogatepass"))
