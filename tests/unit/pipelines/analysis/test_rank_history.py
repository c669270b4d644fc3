"""Tests of rank spans."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pipelines.analysis.rank_history import rank_spans

NOON = datetime(2026, 1, 11, 12, tzinfo=UTC)


def row(minute: int, until: int, rank: int, story_id: str | None = "kalbela:7", **other: Any) -> dict[str, Any]:
    moments = {"observed_at": NOON + timedelta(minutes=minute), "last_observed_at": NOON + timedelta(minutes=until)}
    return {"story_id": story_id, "list": "popular", "rank": rank, "headline": "ক", **moments, **other}


def test_span_has_times_rank_and_duration() -> None:
    rows = [row(20, 30, 3, headline="খ"), row(0, 10, 8), row(40, 45, 1), row(60, 60, 9)]
    times = {"first_at": NOON, "last_at": NOON + timedelta(hours=1), "stood": 25 * 60, "in_top": 15 * 60}
    names = {"story_id": "kalbela:7", "list": "popular", "headlines": ["ক", "খ"]}
    assert rank_spans(rows) == [{**names, **times, "best_rank": 1, "snapshots": 4}]


def test_story_named_twice_in_snapshot_counts_once() -> None:
    [span] = rank_spans([row(0, 10, 2), row(0, 10, 6)])
    assert (span["stood"], span["in_top"], span["best_rank"], span["snapshots"]) == (600, 600, 2, 1)


def test_spans_are_per_list_and_story() -> None:
    rows = [row(0, 9, 1, None), row(0, 9, 2), row(0, 9, 3, "kalbela:8"), row(0, 9, 4, list="latest")]
    found = [f"{span['list']} {span['story_id']}" for span in rank_spans(rows)]
    assert found == ["latest kalbela:7", "popular kalbela:7", "popular kalbela:8"]
