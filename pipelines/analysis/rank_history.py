"""Ranks: how long a story stood where in which list, from the snapshots."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import TABLES

TOP = 5


@dataclass(frozen=True, slots=True)
class Span:
    """A story's time in one list.

    ``stood`` and ``in_top`` are the times for which snapshots with it, and with it among the first five, were seen
    standing; what lies between the last sight of one snapshot and the first of the next is in neither.
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


def spans_of(rankings: Iterable[Mapping[str, Any]]) -> list[Span]:
    """The spans of every story in rows of `rankings`, best first."""
    rows: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rankings:
        if row["story_id"] is not None:
            rows[row["story_id"], row["list"]].append(row)
    spans = [_span(story_id, name, of) for (story_id, name), of in rows.items()]
    return sorted(spans, key=lambda span: (span.list, -span.in_top, span.best_rank, span.first_at, span.story_id))


def _span(story_id: str, name: str, rows: list[Mapping[str, Any]]) -> Span:
    rows.sort(key=lambda row: row["observed_at"])
    # A list may name a story twice; it stood there once.
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


def rankings_in(
    dataset: DataFolder, *, story_id: str | None = None, since: datetime | None = None
) -> list[dict[str, Any]]:
    """Rows of `rankings`, of one story or of snapshots that still stood at a moment; none where nothing is kept."""
    folder = dataset.root / "rankings"
    if not folder.is_dir():
        return []
    table = ds.dataset(folder, schema=TABLES["rankings"].schema, format="parquet", exclude_invalid_files=False)
    wanted = pc.scalar(True)
    if story_id is not None:
        wanted = wanted & (pc.field("story_id") == story_id)
    if since is not None:
        wanted = wanted & (pc.field("last_observed_at") >= pc.scalar(since))
    found: list[dict[str, Any]] = table.to_table(filter=wanted).to_pylist()
    return found


def ranks_as_data(spans: Sequence[Span]) -> list[dict[str, Any]]:
    """Spans as plain data; times in seconds."""
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
