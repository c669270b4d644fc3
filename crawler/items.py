"""Items of a crawl: one dataclass per table, with one line per column for its name, type and meaning.

The Scrapy item, the Arrow schema, the validation of rows and the data dictionary are derived from these lines. Columns
may be added, but never renamed or given another type. ``site`` is a partition key: it is part of a file's path and not
one of its columns.
"""

from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from functools import cache, partial
from operator import attrgetter
from typing import Any


class Kind(StrEnum):
    """Name of a column's Arrow type, as a string.

    Arrow types are not used here, because a crawl does not import Arrow before it publishes its rows.
    """

    TEXT = "string"
    TEXTS = "list<item: string>"
    UTC_MICROSECONDS = "timestamp[us, tz=UTC]"
    INT32 = "int32"
    INT64 = "int64"
    FLOAT64 = "double"
    BOOL = "bool"


TEXT, TEXTS, UTC_MICROSECONDS, INT32, INT64, FLOAT64, BOOL = Kind


def column(kind: Kind, meaning: str, *, is_required: bool = False) -> Any:
    return field(default=None, metadata={"type": kind, "meaning": meaning, "required": is_required})


required = partial(column, is_required=True)


@cache
def columns_of(record: type[Any]) -> tuple[Field[Any], ...]:
    return tuple(f for f in fields(record) if "type" in f.metadata)


# A column is one line, however long.
# fmt: off
# ruff: noqa: E501

@dataclass(slots=True, kw_only=True)
class Fetch:
    """A URL that was discovered in a run, and its outcome (final state)."""

    site: str = ""
    fetched_at: datetime = required(UTC_MICROSECONDS, "when the response arrived, or when it was decided not to send a request")
    url: str = required(TEXT, "the URL as it was requested, byte for byte; one that was not requested, as linked")
    story_id: str | None = column(TEXT, "the story that the URL identifies; null if it is not a story URL")
    via: str = required(TEXT, "`seed`, `latest`, `popular` or the name of the entry point; `front_page` or `related` if only a page links to it; `import` for a page of another program")
    referrer: str | None = column(TEXT, "the page that linked to the URL")
    depth: int = required(INT32, "number of links from the seed")
    status: int | None = column(INT32, "HTTP status; null without a response")
    outcome: str = required(TEXT, "final state of the URL (see the list of outcomes)")
    reason: str | None = column(TEXT, "why, if the outcome alone does not explain it")
    bytes: int | None = column(INT64, "size of the decoded body")
    complete: bool | None = column(BOOL, "true if the body arrived whole: its length was met or its last chunk came; false if it was cut short; null if the server gave no length, or without a response")
    milliseconds: int | None = column(INT32, "time from request to last byte")
    attempts: int = required(INT32, "number of requests sent, 0 if none")
    archive_file: str | None = column(TEXT, "archive file with the last response, as a path in the data folder; null if none is archived")
    archive_offset: int | None = column(INT64, "offset of the response's record in `archive_file`")
    archive_length: int | None = column(INT64, "length of that record in bytes, as compressed")
    run_id: str = required(TEXT, "the run that discovered the URL")
    key: str = ""  # identity of the address
    normal_url: str = ""  # normal form of the URL, equal for all its spellings
    moved_to: str | None = None  # normal form of another URL of the story, to which this one redirects
    etag: str | None = None
    last_modified: str | None = None
    removed: dict[str, int] = field(default_factory=dict)  # what limits on the page's markup removed, by kind
    links: int = 0  # all links on the page of an entry point that yields nothing
    front_page: str | None = None  # digest of the stories that the front page links to
    is_html: bool = False  # the response was parsed as a page, on which the ranked lists are expected
    ranked_list: str = ""  # name of the ranked list that only this page or document contains
    new_links: int = 0  # stories on it that no other page had linked to
    hinted_by: str | None = None  # list or entry point that hinted at a change of the story
    unchanged_lists: dict[str, "Snapshot"] = field(default_factory=dict, repr=False)  # the lists on its page that this run knew

    @property
    def archive_place(self) -> str | None:
        """Place of the last response in the archive, as `file:offset`; None if none is archived."""
        return None if self.archive_file is None else f"{self.archive_file}:{self.archive_offset}"


@dataclass(slots=True, kw_only=True, repr=False)
class Story:
    """One revision (captured version) of one story."""

    site: str = ""
    story_id: str = required(TEXT, "site and the publisher's id, `kalbela:317255`")
    url: str = required(TEXT, "canonical URL: as the page declares it, or where a redirect leads; otherwise as first seen")
    section: str | None = column(TEXT, "section path of the URL, `world/middle-east`; if the URL has none, the section that the page names, `খেলা`")
    headline: str = required(TEXT, "as printed")
    kicker: str | None = column(TEXT, "the line above the headline, as printed")
    subtitle: str | None = column(TEXT, "the line below the headline, as printed")
    byline: str | None = column(TEXT, "author, as printed")
    authors: list[str] | None = column(TEXTS, "authors, in order: each name of a byline with several, else the byline; null without a byline")
    published_at: datetime | None = column(UTC_MICROSECONDS, "from the label প্রকাশ; null if missing or unreadable")
    published_after: datetime | None = column(UTC_MICROSECONDS, "start of the day of publication, if the page gives a day without a time; null if `published_at` is known")
    published_by: datetime | None = column(UTC_MICROSECONDS, "end of that day")
    published_from: str | None = column(TEXT, "extractor that found the date of publication; null without one")
    updated_at: datetime | None = column(UTC_MICROSECONDS, "from the label আপডেট; null if missing or unreadable")
    edition: str | None = column(TEXT, "`online` or `print`")
    agency: str | None = column(TEXT, "news agency that the text credits (AFP, Reuters, AP, UNB, BSS, …)")
    image_url: str | None = column(TEXT, "URL of the lead picture")
    image_caption: str | None = column(TEXT, "caption of the lead picture without the credit; null if it only repeats the headline")
    image_credit: str | None = column(TEXT, "credit of the lead picture, without the label")
    access: str | None = column(TEXT, "`full`, or `partial` for the free beginning of a story behind a paywall")
    body: str = required(TEXT, "paragraphs, sub-heads, list items, quotations and table rows of the story, joined by a blank line")
    tags: list[str] | None = required(TEXTS, "tags, in order")
    language: str | None = required(TEXT, "language of the text, `bn` for all but a few (`en`, `as`, `und`)")
    word_count: int | None = required(INT32, "number of words of the body, by Bengali word boundaries")
    revision: int | None = required(INT32, "counts from 1")
    first_seen_at: datetime | None = required(UTC_MICROSECONDS, "when the story was first seen")
    fetched_at: datetime | None = required(UTC_MICROSECONDS, "when this revision was last seen")
    appeared_after: datetime | None = column(UTC_MICROSECONDS, "last fetch that showed the revision before; null for the first")
    appeared_by: datetime | None = column(UTC_MICROSECONDS, "first fetch that showed this revision")
    content_hash: str | None = required(TEXT, "hash of headline and body without Unicode form, joiners, quotes and spacing")
    cluster_id: str | None = required(TEXT, "`story_id` of the first story of the near-duplicate cluster; its own if alone")
    discovered_via: str | None = required(TEXT, "`seed`, `latest`, `popular` or the name of the entry point; `front_page` or `related` if only that page, or another story, linked to it; `import` for a page that another program archived")
    depth: int | None = required(INT32, "number of links from the seed when first discovered")
    layout: str | None = required(TEXT, "name of the layout that extracted it")
    run_id: str | None = required(TEXT, "the run that wrote this revision")
    gone_after: datetime | None = column(UTC_MICROSECONDS, "when a story that was taken down was last seen online; null while online")
    gone_by: datetime | None = column(UTC_MICROSECONDS, "the first of two visits, at least 20 hours apart, in which its URL gave 404 or 410; null while online")

    def __repr__(self) -> str:
        # Scrapy logs dropped items, and a story's text does not belong in a log.
        return f"<Story {self.story_id} revision {self.revision}>"


@dataclass(slots=True, kw_only=True)
class ParsedStory:
    """A story on its way through the item pipelines, with data that the pipelines need but that are not columns."""

    story: Story
    fetch: Fetch | None = None
    extracted_by: dict[str, str] = field(default_factory=dict)  # column -> name of the extractor that found it
    unreadable_dates: tuple[str, ...] = ()  # dates on the page that could not be parsed
    missing: tuple[str, ...] = ()  # what the newest layout misses, if no layout fits the page
    damaged_letters: int = 0  # letters that could not be decoded, or in a legacy font encoding
    text_steps_done: bool = False  # by the parse worker
    is_canonical: bool = False  # the page declares its URL, or a redirect led to it
    body_hash: str | None = None  # None for a body too short to compare
    sketch: tuple[tuple[int, ...], bytes] | None = None  # MinHash bands and signature of the body


@dataclass(slots=True, kw_only=True)
class Alias:
    """Another URL of a stored story, or another id under which the same text was published."""

    site: str = ""
    url: str = required(TEXT, "the other URL")
    story_id: str = required(TEXT, "the stored story")
    alias_id: str | None = column(TEXT, "id at this URL: another one for an exact duplicate, else `story_id`")
    kind: str = required(TEXT, "`url` (the same id at another URL) or `exact_duplicate` (the same text under another id)")
    first_seen_at: datetime = required(UTC_MICROSECONDS, "when it was first seen there")
    run_id: str = required(TEXT, "the run that first saw it")


@dataclass(slots=True, kw_only=True)
class Sighting:
    """The first time that an entry point (such as a listing or feed) linked to a story, which may not be stored."""

    site: str = ""
    story_id: str = required(TEXT, "the story that the URL identifies, stored or not")
    via: str = required(TEXT, "`latest`, `popular` or the name of the entry point")
    first_seen_at: datetime = required(UTC_MICROSECONDS, "when the entry point first named it")
    run_id: str = required(TEXT, "the run that first saw it there")


@dataclass(slots=True, kw_only=True)
class Ranking:
    """One row of a ranked list (`latest` or `popular`) at one moment: the rank, and the link seen there."""

    site: str = ""
    observed_at: datetime = required(UTC_MICROSECONDS, "when the snapshot was first seen")
    list: str = required(TEXT, "`latest` or `popular`")
    rank: int = required(INT32, "rank as printed, from 1")
    story_id: str | None = column(TEXT, "the story that the link identifies; null if it is not one (a video, for example)")
    url: str = required(TEXT, "canonical URL of the link")
    headline: str | None = column(TEXT, "headline as printed in the list")
    page_url: str = required(TEXT, "the page on which the snapshot was first seen")
    last_observed_at: datetime = required(UTC_MICROSECONDS, "when the same snapshot was last seen")
    run_id: str = required(TEXT, "the run that first saw it")


@dataclass(slots=True, kw_only=True)
class Snapshot:
    """All rows of a ranked list (`latest` or `popular`) as seen on one page.

    They are stored together or not at all.
    """

    site: str
    name: str
    observed_at: datetime
    rows: list[Ranking]
    overlaps: bool = True  # with earlier runs; without an overlap, stories were missed in between


@dataclass(slots=True, kw_only=True)
class Reject:
    """An item that a pipeline step dropped, and the reason."""

    site: str = ""
    rejected_at: datetime = required(UTC_MICROSECONDS, "when it was dropped")
    url: str | None = column(TEXT, "URL of the page")
    story_id: str | None = column(TEXT, "the story, if already identified")
    reason: str = required(TEXT, "name of the reject reason")
    detail: str | None = column(TEXT, "one sentence of explanation")
    record: str | None = column(TEXT, "the item as JSON, as it was when dropped; very long values are cut")
    page: str | None = column(TEXT, "place of the page in the archive, `file:offset`, for `khobor archive show`; null if it is not archived")
    run_id: str = required(TEXT, "the run that dropped it")


# fmt: on
def record_of(item: Any) -> Any:
    """Return the table row of an item; for a :class:`ParsedStory`, this is the :class:`Story` that it contains."""
    return item.story if isinstance(item, ParsedStory) else item


def fetch_of(item: Any) -> Fetch | None:
    """Return the :class:`Fetch` (URL and its final state) that belongs to an item, or None for a snapshot of a list."""
    return item if isinstance(item, Fetch) else getattr(item, "fetch", None)


def as_row(record: Any) -> dict[str, Any]:
    """Return the columns of a table row as a dict, in their declared order."""
    names, values_of = _row_getter(record.__class__)
    return dict(zip(names, values_of(record), strict=True))


@cache
def _row_getter(record: type) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    names = tuple(column.name for column in columns_of(record))
    return names, attrgetter(*names)
