"""Correctness of fields: the same words as the ground truth, regardless of white space."""

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

MIN_OVERLAP = 0.95

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Right:
    """Share of stories with a correct field, 0 to 1; `alike` counts bodies with nearly the same words."""

    stories: int
    headline: float
    byline: float
    date: float
    body: float
    alike: float

    def cells(self) -> list[str]:
        """Return the shares in per cent, in the order of the columns."""
        return [f"{100 * getattr(self, field.name):.0f} %" for field in fields(self)[1:]]


def right(rows: Iterable[Row], truth: Mapping[str, StoryTruth]) -> Right:
    """Compare rows with the ground truth; a missing story counts as wrong."""
    by_number = {row["url"].rstrip("/").rpartition("/")[2]: row for row in rows}
    found: Counter[str] = Counter()
    for number, story in truth.items():
        if row := by_number.get(number):
            found["headline"] += _same(row["headline"], story.headline)
            found["byline"] += _same(row["byline"], story.byline)
            found["date"] += _day(row["published_at"]) == _day(story.published_at)
            found["body"] += _same(row["body"], story.body)
            found["alike"] += _word_overlap(row["body"] or "", story.body) >= MIN_OVERLAP
    shares = {name: found[name] / len(truth) for name in ("headline", "byline", "date", "body", "alike")}
    return Right(len(truth), **shares)


def rows_of_lines(path: Path) -> list[Row]:
    """Read rows from JSON lines; none if the file does not exist."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def rows_of_parquet(folder: Path) -> list[Row]:
    """Read rows of a `stories` table."""
    columns = ["url", "headline", "byline", "published_at", "body"]
    rows: list[Row] = pq.read_table(folder, columns=columns).to_pylist()
    return rows


def _same(read: str | None, true: str | None) -> bool:
    return _plain(read) == _plain(true)


def _plain(text: str | None) -> str:
    return " ".join(unicodedata.normalize("NFC", text or "").split())


def _day(moment: str | datetime | None) -> date | None:
    """Return the day in Dhaka, also of a date without a time."""
    if isinstance(moment, str):
        if len(moment) == 10:
            return date.fromisoformat(moment)
        moment = datetime.fromisoformat(moment)
    return (moment.astimezone(DHAKA) if moment.tzinfo else moment).date() if moment else None


def _word_overlap(read: str, true: str) -> float:
    """Return the share of common words in the words of both texts."""
    one, other = Counter(_plain(read).split()), Counter(_plain(true).split())
    return 2 * (one & other).total() / max(1, one.total() + other.total())
