"""The records that a page yields: one dataclass per table, one line per column.

A column's name, type and meaning stand beside each other here and nowhere else. The Scrapy item, the Arrow
schema, the row check and the data dictionary are all derived from these lines. Columns are added, never renamed or
retyped. ``site`` is in every record and in no file: it is a partition, so it stands in the path.
"""

from dataclasses import Field, dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any


class Kind(StrEnum):
    """The type of a column, as Arrow writes it. Arrow itself is not needed before there is anything to publish."""

    TEXT = "string"
    TEXTS = "list<item: string>"
    UTC_MICROSECONDS = "timestamp[us, tz=UTC]"
    INT32 = "int32"
    INT64 = "int64"
    BOOL = "bool"


TEXT, TEXTS, UTC_MICROSECONDS, INT32, INT64, BOOL = Kind


def column(kind: Kind, meaning: str) -> Any:
    """Declare a column that may be null: its type and its meaning."""
    return field(default=None, metadata={"type": kind, "meaning": meaning, "required": False})


def required(kind: Kind, meaning: str) -> Any:
    """Declare a column in which a null is an error."""
    return field(default=None, metadata={"type": kind, "meaning": meaning, "required": True})


@cache
def columns_of(record: type[Any]) -> tuple[Field[Any], ...]:
    """The fields of a record that are columns, in order (the others only travel with it)."""
    return tuple(f for f in fields(record) if "type" in f.metadata)


# A column is one line, however long.
# fmt: off
# ruff: noqa: E501

@dataclass(slots=True, kw_only=True)
class Fetch:
    """One request and what came of it."""

    site: str = ""
    fetched_at: datetime = required(UTC_MICROSECONDS, "when the answer, or the decision not to ask, was there")
    url: str = required(TEXT, "the address as it was discovered")
    story_id: str | None = column(TEXT, "the story that the address stands for, where it is a story's")
    via: str = required(TEXT, "`seed`, `latest`, `popular`, or the door's name")
    referrer: str | None = column(TEXT, "the page that named the address")
    depth: int = required(INT32, "links from the seed")
    status: int | None = column(INT32, "HTTP status; null where there was no answer or no request")
    outcome: str = required(TEXT, "what came of it, in one word (see the list of outcomes)")
    reason: str | None = column(TEXT, "why, where the outcome alone does not say")
    bytes: int | None = column(INT64, "size of the page, decoded")
    milliseconds: int | None = column(INT32, "from request to last byte")
    attempts: int = required(INT32, "requests sent; 0 where none was")
    run_id: str = required(TEXT, "the run that asked")
    key: str = ""  # identity of the address
    etag: str | None = None
    last_modified: str | None = None
    found: int = 0  # how many stories it named that nothing had named before
    called_by: str | None = None  # the place that said otherwise of the story than before
    stood: dict[str, "Snapshot"] = field(default_factory=dict, repr=False)  # the lists on its page that this run knew


@dataclass(slots=True, kw_only=True, repr=False)
class Story:
    """One story in one revision."""

    site: str = ""
    story_id: str = required(TEXT, "site and the publisher's own id, `kalbela:317255`")
    url: str = required(TEXT, "canonical address, as first seen")
    section: str | None = column(TEXT, "section path of the address, `world/middle-east`")
    headline: str = required(TEXT, "as printed")
    kicker: str | None = column(TEXT, "the line above the headline, as printed")
    byline: str | None = column(TEXT, "who wrote it, as printed")
    published_at: datetime | None = column(UTC_MICROSECONDS, "from প্রকাশ; null where the page gives none that can be read")
    updated_at: datetime | None = column(UTC_MICROSECONDS, "from আপডেট; null where the page gives none")
    edition: str | None = column(TEXT, "`online` or `print`")
    agency: str | None = column(TEXT, "the news agency that the text credits (AFP, Reuters, AP, UNB, BSS, …)")
    image_url: str | None = column(TEXT, "the lead picture")
    image_caption: str | None = column(TEXT, "its caption without the credit; null where it only repeats the headline")
    image_credit: str | None = column(TEXT, "who the picture is credited to, without the label")
    body: str = required(TEXT, "the story's own paragraphs, sub-heads, list items, quotations and table rows, joined by a blank line")
    tags: list[str] | None = required(TEXTS, "the story's tags, in order")
    language: str | None = required(TEXT, "language of the text, `bn` for all but a few (`en`, `as`, `und`)")
    word_count: int | None = required(INT32, "words of the body, as Bengali readers count them")
    revision: int | None = required(INT32, "counts from 1")
    first_seen_at: datetime | None = required(UTC_MICROSECONDS, "when we first saw the story")
    fetched_at: datetime | None = required(UTC_MICROSECONDS, "when we last saw it in this revision")
    content_hash: str | None = required(TEXT, "of headline and body, blind to form, joiners, quotes and spacing")
    cluster_id: str | None = required(TEXT, "`story_id` of the first story of its near-duplicate cluster; its own when alone")
    discovered_via: str | None = required(TEXT, "`seed`, `latest`, `popular`, or the door's name")
    depth: int | None = required(INT32, "links from the seed when it was first found")
    layout: str | None = required(TEXT, "the layout that read the page")
    run_id: str | None = required(TEXT, "the run that wrote this revision")
    gone_at: datetime | None = column(UTC_MICROSECONDS, "when it was found taken down (404, 410, or sent home); null while it stands")
    fetch: Fetch | None = field(default=None, repr=False)
    body_hash: str | None = field(default=None, repr=False)  # of the body alone; null where that is too short
    given_by: dict[str, str] = field(default_factory=dict, repr=False)  # which source gave which column
    unreadable: tuple[str, ...] = field(default=(), repr=False)  # dates that the page has and that could not be read
    lacking: tuple[str, ...] = field(default=(), repr=False)  # what the newest layout misses on a page that none fits
    text_steps_done: bool = field(default=False, repr=False)  # by the parse worker
    sketch: tuple[tuple[int, ...], bytes] | None = field(default=None, repr=False)  # what near-duplicates are found by

    def __repr__(self) -> str:
        # Scrapy logs records that are dropped; the text of a page is no log line.
        return f"<Story {self.story_id} revision {self.revision}>"


@dataclass(slots=True, kw_only=True)
class Alias:
    """Another address or id under which a kept story was seen."""

    site: str = ""
    url: str = required(TEXT, "the other address")
    story_id: str = required(TEXT, "the story that is kept")
    kind: str = required(TEXT, "`url` (the same id at another URL) or `exact_duplicate` (the same text under another id)")
    first_seen_at: datetime = required(UTC_MICROSECONDS, "when we first saw it there")
    run_id: str = required(TEXT, "the run that first saw it")


@dataclass(slots=True, kw_only=True)
class Sighting:
    """One way in that named a story, kept or not."""

    site: str = ""
    story_id: str = required(TEXT, "the story that the address stands for, whether it is kept or not")
    via: str = required(TEXT, "`latest`, `popular`, or the door's name")
    first_seen_at: datetime = required(UTC_MICROSECONDS, "when it was first named there")
    run_id: str = required(TEXT, "the run that first saw it there")


@dataclass(slots=True, kw_only=True)
class Ranking:
    """One link seen at one rank of one list at one moment."""

    site: str = ""
    observed_at: datetime = required(UTC_MICROSECONDS, "when the snapshot was first seen")
    list: str = required(TEXT, "`latest` or `popular`")
    rank: int = required(INT32, "as printed, from 1")
    story_id: str | None = column(TEXT, "the story that the link names; null where it is none (a video, say)")
    url: str = required(TEXT, "the link's canonical address")
    headline: str | None = column(TEXT, "as the list printed it")
    page_url: str = required(TEXT, "the page on which the snapshot was first seen")
    last_observed_at: datetime = required(UTC_MICROSECONDS, "when the same snapshot was last seen standing")
    run_id: str = required(TEXT, "the run that first saw it")


@dataclass(slots=True, kw_only=True)
class Snapshot:
    """A whole list as one page showed it at one moment: it is kept, or counted as standing, as one."""

    site: str
    name: str
    observed_at: datetime
    rows: list[Ranking]
    overlaps: bool = True  # whether any of it was known before the run; if not, something was missed in between


@dataclass(slots=True, kw_only=True)
class Reject:
    """A record that was refused, with its reason."""

    site: str = ""
    rejected_at: datetime = required(UTC_MICROSECONDS, "when it was refused")
    url: str | None = column(TEXT, "address of the page")
    story_id: str | None = column(TEXT, "the story, where it was known by then")
    reason: str = required(TEXT, "the refusal's name")
    detail: str | None = column(TEXT, "the refusal in a sentence")
    record: str | None = column(TEXT, "the record as JSON, as it was when it was refused; what is very long is shortened")
    page: str | None = column(TEXT, "the page as it was fetched: a file below the data folder, kept for 30 days")
    run_id: str = required(TEXT, "the run")


# fmt: on
def as_row(record: Any) -> dict[str, Any]:
    """The record's columns as a dict, in schema order."""
    return {name: getattr(record, name) for name in _names(record.__class__)}


@cache
def _names(record: Any) -> tuple[str, ...]:
    return tuple(column.name for column in columns_of(record))


def is_required(column_field: Field[Any]) -> bool:
    """Whether a null in this column is an error."""
    return bool(column_field.metadata["required"])
