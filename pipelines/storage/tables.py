"""Declarations of the tables: the record class, partitioning, key and sort order of each.

Arrow schemas are derived from the columns of the record classes and are never inferred from data. The name of a
partition is a date that this module formats, so that no text from a page becomes part of a path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from crawler.items import UTC_MICROSECONDS, Alias, Fetch, Kind, Ranking, Reject, Sighting, Story, columns_of

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = "1"
KEY_SEPARATOR = "\x1f"
#: Longest time between two visits over which a ranked list, and a story in it, is presumed to have stood.
MAX_GAP = timedelta(hours=24)
_SITE = re.compile(r"[a-z][a-z0-9_]{0,31}")
_PART = {
    None: re.compile(""),
    "month": re.compile(r"[0-9]{4}-[0-9]{2}"),
    "date": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
}


@dataclass(frozen=True)
class Table:
    name: str
    record: type
    grain: str
    partition: str | None  # Hive key beside `site`: month, date or None
    moments: tuple[str, ...]  # the first of these columns that is not null decides the partition
    key: tuple[str, ...]
    order: tuple[str, ...]
    bloom: str | None = None

    @cached_property
    def schema(self) -> pa.Schema:
        """Arrow schema of the table's files; the metadata of each field contains the meaning of the column."""
        import pyarrow as pa  # a run does not need it before it publishes

        types = {
            Kind.TEXT: pa.string(),
            Kind.TEXTS: pa.list_(pa.string()),
            Kind.UTC_MICROSECONDS: pa.timestamp("us", tz="UTC"),
            Kind.INT32: pa.int32(),
            Kind.INT64: pa.int64(),
            Kind.FLOAT64: pa.float64(),
            Kind.BOOL: pa.bool_(),
        }
        columns = [
            pa.field(c.name, types[c.metadata["type"]], not c.metadata["required"], {"meaning": c.metadata["meaning"]})
            for c in columns_of(self.record)
        ]
        return pa.schema(columns, {"khobor.table": self.name, "khobor.schema": SCHEMA_VERSION})

    @property
    def columns(self) -> list[str]:
        """Names of the table's columns, in the order in which the files have them."""
        return [column.name for column in columns_of(self.record)]

    @property
    def partitions(self) -> dict[str, str]:
        """Meaning of each partition column, by name; its values are in the paths of the files and not in the files."""
        found = {"site": "name of the newspaper"}
        if self.partition:
            moments = ", else ".join(f"`{name}`" for name in self.moments)
            found[self.partition] = f"of {moments}, in the newspaper's time zone"
        return found

    def part_of(self, row: Mapping[str, Any], zone: ZoneInfo) -> str:
        """Return the partition of a row: a month (`2025-01`), a date (`2025-01-03`), or "" for an unpartitioned table.

        :param zone: time zone of the newspaper, in which the month or date is determined
        """
        if self.partition is None:
            return ""
        moment = next(row[name] for name in self.moments if row[name] is not None)
        return str(moment.astimezone(zone).date())[: 7 if self.partition == "month" else 10]

    def path(self, site: str, part: str) -> PurePosixPath:
        """Return the path of the file of a partition, relative to the data folder.

        Raises ValueError if ``site`` or ``part`` is not valid.
        """
        if not is_site(site) or not _PART[self.partition].fullmatch(part):
            raise ValueError(f"not a partition of {self.name}: site={site!r}, {self.partition}={part!r}")
        folder = f"{self.partition}={part}/" if part else ""
        return PurePosixPath(f"{self.name}/site={site}/{folder}{self.name}.parquet")

    def key_of(self, row: Mapping[str, Any]) -> str:
        return self.key_prefix(*(row[name] for name in self.key))

    def key_prefix(self, *values: Any) -> str:
        """Return the text of a row key, or a prefix of it if only the values of the first key columns are given.

        An update that is stored under a prefix applies to every row whose key starts with it.
        """
        return KEY_SEPARATOR.join(map(_plain, values))


def is_site(name: str) -> bool:
    """Return True if a text is a valid name of a site, which can safely be used in paths."""
    return bool(_SITE.fullmatch(name))


def _plain(value: Any) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


_STORY = {"partition": "month", "moments": ("published_at", "first_seen_at"), "order": ("published_at", "story_id")}

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            name="stories",
            record=Story,
            grain="one row per story, in its newest revision",
            key=("story_id",),
            bloom="story_id",
            **_STORY,  # type: ignore[arg-type]
        ),
        Table(
            name="revisions",
            record=Story,
            grain="one row per superseded revision of a story",
            key=("story_id", "revision"),
            bloom="story_id",
            **_STORY,  # type: ignore[arg-type]
        ),
        Table(
            name="aliases",
            record=Alias,
            grain="one row per other URL or id of a stored story",
            partition=None,
            moments=(),
            key=("url",),
            order=("first_seen_at", "url"),
        ),
        Table(
            name="rankings",
            record=Ranking,
            grain="one row per link of each snapshot of a ranked list that differs from the last or comes a day later",
            partition="date",
            moments=("observed_at",),
            key=("list", "observed_at", "rank", "url"),
            order=("observed_at", "list", "rank"),
        ),
        Table(
            name="sightings",
            record=Sighting,
            grain="one row per story and entry point: the first time it named the story",
            partition="month",
            moments=("first_seen_at",),
            key=("story_id", "via"),
            order=("first_seen_at", "story_id", "via"),
        ),
        Table(
            name="fetches",
            record=Fetch,
            grain="one row per URL that a run discovered, with its outcome",
            partition="date",
            moments=("fetched_at",),
            key=("run_id", "url"),
            order=("fetched_at", "url"),
        ),
        Table(
            name="rejects",
            record=Reject,
            grain="one row per dropped item, with the reason",
            partition="date",
            moments=("rejected_at",),
            key=("run_id", "url", "reason", "rejected_at"),
            order=("rejected_at",),
        ),
    )
}


_UNESCAPED, _ESCAPED = (
    json.JSONEncoder(ensure_ascii=escaped, separators=(",", ":"), default=_plain) for escaped in (False, True)
)


def to_json(row: Mapping[str, Any]) -> str:
    """Format a row as one line of JSON, with times in ISO 8601.

    Non-ASCII characters are escaped only if the row contains a lone surrogate, which cannot be encoded as UTF-8.
    """
    text = _UNESCAPED.encode(row)
    try:
        text.encode()
    except UnicodeEncodeError:
        return _ESCAPED.encode(row)
    return text


def from_json(table: Table, text: str) -> dict[str, Any]:
    """Parse a row that :func:`to_json` formatted; an invalid time in a time column remains a string."""
    row: dict[str, Any] = json.loads(text)
    for name in row.keys() & _moments(table.name):
        with suppress(TypeError, ValueError):
            row[name] = datetime.fromisoformat(row[name])
    return row


@cache
def _moments(name: str) -> frozenset[str]:
    return frozenset(c.name for c in columns_of(TABLES[name].record) if c.metadata["type"] is UTC_MICROSECONDS)
