"""Rank history: the time that stories spent in the ranked lists, computed from the snapshots."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow.compute as pc

from pipelines.analysis.open_table import open_table
from pipelines.storage.data_folder import DataFolder

TOP = 5


@dataclass(frozen=True, slots=True)
class Span:
    """The time of a story in one list.

    ``stood`` and ``in_top`` add up the times between first and last sight of each snapshot with the story, anywhere or
    among the first five. Gaps between snapshots are in neither.
    """

    story_id: str
    list: str
    first_at: datetime
    last_at: datetime
    best_rank: int
    stood: timedelta
    in_top: timedelta
    snapshots: int
    headlines: tuple[str, ...]


def rank_spans(rankings: Iterable[Mapping[str, Any]]) -> list[Span]:
    """Return the spans of all stories in rows of `rankings`, best first in each list."""
    rows: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rankings:
        if row["story_id"] is not None:
            rows[row["story_id"], row["list"]].append(row)
    spans = [_span(*key, group) for key, group in rows.items()]
    return sorted(spans, key=lambda span: (span.list, -span.in_top, span.best_rank, span.first_at, span.story_id))


def _span(story_id: str, name: str, rows: list[Mapping[str, Any]]) -> Span:
    rows.sort(key=lambda row: row["observed_at"])
    # A snapshot that names a story twice counts once.
    stood = {row["observed_at"]: row["last_observed_at"] - row["observed_at"] for row in rows}
    in_top = {row["observed_at"]: stood[row["observed_at"]] for row in rows if row["rank"] <= TOP}
    return Span(
        story_id=story_id,
        list=name,
        first_at=rows[0]["observed_at"],
        last_at=max(row["last_observed_at"] for row in rows),
        best_rank=min(row["rank"] for row in rows),
        stood=sum(stood.values(), timedelta()),
        in_top=sum(in_top.values(), timedelta()),
        snapshots=len(stood),
        headlines=tuple(dict.fromkeys(row["headline"] for row in rows if row["headline"])),
    )


def read_rankings(
    data_folder: DataFolder, *, story_id: str | None = None, since: datetime | None = None
) -> list[dict[str, Any]]:
    """Read rows of `rankings`, of one story or of snapshots last seen after a time."""
    condition = pc.scalar(True)
    if story_id is not None:
        condition &= pc.field("story_id") == story_id
    if since is not None:
        condition &= pc.field("last_observed_at") >= pc.scalar(since)
    rows: list[dict[str, Any]] = open_table("rankings", data=data_folder.root).to_arrow(condition).to_pylist()
    return rows


def spans_as_data(spans: Sequence[Span]) -> list[dict[str, Any]]:
    return [
        {
            **asdict(span),
            "first_at": span.first_at.isoformat(),
            "last_at": span.last_at.isoformat(),
            "stood": span.stood.total_seconds(),
            "in_top": span.in_top.total_seconds(),
        }
        for span in spans
    ]
