"""Whether what was read is right: the same words as the truth, however they are spaced."""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.newspaper import StoryTruth
from tests.newspaper.bengali_text import DHAKA

ALIKE = 0.95

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Right:
    """Shares of the stories, 0 to 1, of which a field was read right; `alike` are bodies of nearly the same words."""

    stories: int
    headline: float
    byline: float
    date: float
    body: float
    alike: float

    def cells(self) -> list[str]:
        """The shares in per cent, in the order of the columns."""
        return [f"{100 * getattr(self, field.name):.0f} %" for field in fields(self)[1:]]


def right(rows: Iterable[Row], truth: Mapping[str, StoryTruth]) -> Right:
    """How much of the truth stands in the rows; a story that was not read at all counts as wrong."""
    by_number = {row["url"].rstrip("/").rpartition("/")[2]: row for row in rows}
    found: Counter[str] = Counter()
    for number, story in truth.items():
        if row := by_number.get(number):
            found["headline"] += _same(row["headline"], story.headline)
            found["byline"] += _same(row["byline"], story.byline)
            found["date"] += _day(row["published_at"]) == _day(story.published_at)
            found["body"] += _same(row["body"], story.body)
            found["alike"] += _likeness(row["body"] or "", story.body) >= ALIKE
    shares = {name: found[name] / len(truth) for name in ("headline", "byline", "date", "body", "alike")}
    return Right(len(truth), **shares)


def rows_of_lines(path: Path) -> list[Row]:
    """Rows that were written as JSON lines; none where there is no such file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def rows_of_parquet(folder: Path) -> list[Row]:
    """Rows of a `stories` table."""
    columns = ["url", "headline", "byline", "published_at", "body"]
    rows: list[Row] = pq.read_table(folder, columns=columns).to_pylist()
    return rows


def _same(read: str | None, true: str | None) -> bool:
    return _plain(read) == _plain(true)


def _plain(text: str | None) -> str:
    return " ".join(unicodedata.normalize("NFC", text or "").split())


def _day(moment: str | datetime | None) -> date | None:
    """The day in Dhaka: some tell no time."""
    if isinstance(moment, str):
        if len(moment) == 10:
            return date.fromisoformat(moment)
        moment = datetime.fromisoformat(moment)
    return (moment.astimezone(DHAKA) if moment.tzinfo else moment).date() if moment else None


def _likeness(read: str, true: str) -> float:
    """How many words are common, as a share of both texts' words."""
    one, other = Counter(_plain(read).split()), Counter(_plain(true).split())
    return 2 * (one & other).total() / max(1, one.total() + other.total())
