"""Answers and readings as bytes, for a reader in another process: JSON, so that neither side has to trust the other."""

import json
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from crawler.entry_points import EntryPoint, dump_position, load_position
from crawler.items import UTC_MICROSECONDS, ParsedStory, Story, as_row, columns_of
from crawler.outcomes import Outcome
from crawler.parsing.feeds import FeedEntry
from crawler.parsing.parser import PageResponse, ParsedPage
from crawler.parsing.ranked_lists import RankedRow
from crawler.urls import SiteUrl, SkippedUrl

# A page may hold half of a pair of surrogates, which only a step refuses.
_ERRORS = "surrogatepass"


def answer_written(answer: PageResponse) -> tuple[bytes, bytes]:
    """An answer as (head, body)."""
    head = {
        "url": answer.url,
        "fetched_at": answer.fetched_at.isoformat(),
        "content_type": answer.content_type,
        "is_story": answer.is_story,
        "entry_point": dump_position(answer.entry_point, answer.position) if answer.entry_point else None,
        "find_feeds": answer.find_feeds,
    }
    return _dumped(head), answer.body


def answer_read(head: bytes, body: bytes, entry_points: tuple[EntryPoint, ...]) -> PageResponse:
    """What :func:`answer_written` wrote, behind one of these doors."""
    told = _loaded(head)
    behind = {}
    if (text := told.pop("entry_point")) and (found := load_position(text, entry_points)):
        behind = dict(zip(("entry_point", "position"), found, strict=True))
    return PageResponse(body=body, **{**told, "fetched_at": datetime.fromisoformat(told["fetched_at"]), **behind})


@dataclass
class Readings:
    """Readings, written or read one after the other: a list that is the same as the one before is not repeated."""

    _lists: dict[str, list[RankedRow]] = field(default_factory=dict)

    def written(self, reading: ParsedPage) -> bytes:
        """One reading. A list is the same only if it is the same object."""
        told: dict[str, Any] = {}
        for name, rows in reading.lists.items():
            same = self._lists.get(name) is rows
            told.setdefault("lists", {})[name] = None if same else [_row_told(row) for row in rows]
            self._lists[name] = rows
        told["links"] = [_address_told(address) for address in reading.links]
        told["entries"], told["sitemaps"] = (
            [(entry.url, entry.headline, entry.modified) for entry in entries]
            for entries in (reading.entries, reading.sitemaps)
        )
        told |= {"listing_id": reading.listing_id, "next_page": reading.next_page, "feed_urls": reading.feed_urls}
        told["story"] = _dump_story(reading.story) if reading.story else None
        return _dumped({name: value for name, value in told.items() if value not in (None, [])})

    def read(self, message: bytes) -> ParsedPage:
        """What :meth:`written` wrote at the other side."""
        told = _loaded(message)
        for name, rows in told.get("lists", {}).items():
            if rows is not None:
                self._lists[name] = [RankedRow(rank, _address_read(to), headline) for rank, to, headline in rows]
            told["lists"][name] = self._lists[name]
        for name in ("entries", "sitemaps"):
            told[name] = [FeedEntry(*entry) for entry in told.get(name, ())]
        told["links"] = [SiteUrl(*address) for address in told.get("links", ())]
        if "story" in told:
            told["story"] = _load_story(told["story"])
        return ParsedPage(**told)


def _row_told(row: RankedRow) -> tuple[Any, ...]:
    return row.rank, _address_told(row.target), row.headline


def _address_told(target: SiteUrl | SkippedUrl) -> tuple[Any, ...]:
    if isinstance(target, SiteUrl):
        return target.url, target.key, target.story_id, target.section
    return target.url, target.outcome, target.reason


def _address_read(told: list[Any]) -> SiteUrl | SkippedUrl:
    if len(told) == len(_ADDRESS):
        return SiteUrl(*told)
    url, outcome, reason = told
    return SkippedUrl(url, Outcome(outcome), reason)


_ADDRESS = fields(SiteUrl)


_TIMES = [each.name for each in columns_of(Story) if each.metadata["type"] == UTC_MICROSECONDS]


def _dump_story(parsed: ParsedStory) -> dict[str, Any]:
    row = {name: value for name, value in as_row(parsed.story).items() if value is not None}
    row |= {name: row[name].isoformat() for name in row.keys() & {*_TIMES}}
    sketch = parsed.sketch and (parsed.sketch[0], parsed.sketch[1].hex())
    rest = {name: getattr(parsed, name) for name in _PLAIN}
    return {"story": row | {"site": parsed.story.site}, "sketch": sketch, **rest}


def _load_story(values: dict[str, Any]) -> ParsedStory:
    row = values["story"]
    row |= {name: datetime.fromisoformat(row[name]) for name in row.keys() & {*_TIMES}}
    values |= {name: tuple(values[name]) for name in ("unreadable_dates", "missing")}
    if values["sketch"]:
        bands, signature = values["sketch"]
        values["sketch"] = tuple(bands), bytes.fromhex(signature)
    return ParsedStory(**values | {"story": Story(**row)})


_PLAIN = ("extracted_by", "unreadable_dates", "missing", "text_steps_done", "body_hash")
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def _dumped(value: Any) -> bytes:
    return _ENCODER.encode(value).encode(errors=_ERRORS)


def _loaded(message: bytes) -> Any:
    return json.loads(message.decode(errors=_ERRORS))
