"""Scores of extracted Bengali stories: words, paragraphs, joiners and fields.

Python's `\\w+` splits Bengali words at vowel signs and at the virama, so that a lost sign costs nothing; here a word is
a run of letters, marks, digits and joiners.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta, timezone
from statistics import fmean
from typing import Any

from benchmarks.bengali.families import Story
from benchmarks.extraction import score_page

WORD = re.compile("[\u0980-\u09ff\u200c\u200d\\w]+")
_JOINED = re.compile("[\u0980-\u09ff]*[\u200c\u200d][\u0980-\u09ff\u200c\u200d]*")
_DHAKA = timezone(timedelta(hours=6))


@dataclass(frozen=True)
class Scores:
    """Shares of one page or means of several, 0 to 1.

    :ivar precision: of sequences of four words, as :func:`benchmarks.extraction.score_page`; likewise ``recall``
    :ivar paragraphs: share of the true paragraphs that are paragraphs of the result
    :ivar joiners: share of the true words with a joiner (U+200C, U+200D) that are kept letter by letter
    :ivar agency: None for a tool that does not detect agencies
    """

    precision: float
    recall: float
    paragraphs: float
    joiners: float
    headline: float
    byline: float
    day: float
    agency: float | None

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / ((self.precision + self.recall) or 1)


def score(row: Mapping[str, Any] | None, story: Story) -> Scores:
    """Score the result for one page; None or an empty row scores 0.

    :param row: `headline`, `byline`, `published_at` (ISO 8601) or `published_after`, `agency` and `body`, whose
        paragraphs are separated by line breaks
    """
    row = row or {}
    body = _normal(row.get("body"))
    page = score_page(body, _normal("\n".join(story.paragraphs)), WORD)
    found = {" ".join(line.split()) for line in body.splitlines()}
    joined, kept = (Counter(_JOINED.findall(text)) for text in (_normal("\n".join(story.paragraphs)), body))
    return Scores(
        precision=page.precision if body else 0.0,
        recall=page.recall,
        paragraphs=fmean(_normal(text) in found for text in story.paragraphs),
        joiners=(joined & kept).total() / joined.total() if joined else float(bool(body)),
        headline=_normal(row.get("headline")) == _normal(story.headline),
        byline=_normal(row.get("byline")) == _normal(story.byline),
        day=_day(row.get("published_at") or row.get("published_after")) == story.published_at[:10],
        agency=float(row["agency"] == story.agency) if "agency" in row else None,
    )


def mean(scores: list[Scores]) -> Scores:
    values = {each.name: [getattr(score, each.name) for score in scores] for each in fields(Scores)}
    known = {name: [value for value in column if value is not None] for name, column in values.items()}
    means: dict[str, Any] = {name: fmean(column) if column else None for name, column in known.items()}
    return Scores(**means)


def _normal(text: str | None) -> str:
    return unicodedata.normalize("NFC", text or "")


def _day(moment: str | None) -> str | None:
    """Return the day in Dhaka, also of a day or a moment without an offset."""
    try:
        at = datetime.fromisoformat(moment or "")
    except ValueError:
        return None
    return (at.astimezone(_DHAKA) if at.tzinfo else at).date().isoformat()
