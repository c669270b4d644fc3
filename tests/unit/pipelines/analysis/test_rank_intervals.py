"""Tests of the intervals that stories spent in the ranked lists."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from pipelines.analysis.open_table import open_schema
from pipelines.analysis.rank_intervals import rank_intervals
from pipelines.storage.tables import TABLES

NOON = datetime(2026, 1, 11, 12, tzinfo=UTC)
SCHEMA = open_schema(TABLES["rankings"])


def at(minute: float | None) -> datetime | None:
    return None if minute is None else NOON + timedelta(minutes=minute)


def snapshot(minute: float, until: float, *numbers: int | None, name: str = "popular", **other: Any) -> pa.Table:
    """A snapshot of the stories with these numbers, ranked in this order."""
    rows = [
        {
            "site": "kalbela",
            "list": name,
            "rank": rank,
            "story_id": None if number is None else f"kalbela:{number}",
            "headline": f"{number}",
            "observed_at": at(minute),
            "last_observed_at": at(until),
            **other,
        }
        for rank, number in enumerate(numbers, start=1)
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def found(*snapshots: pa.Table) -> list[dict[str, Any]]:
    return rank_intervals(pa.concat_tables(snapshots)).to_pylist()


def bounds(row: dict[str, Any]) -> list[float | None]:
    names = ("entered_after", "entered_by", "left_after", "left_by")
    return [None if row[name] is None else (row[name] - NOON) / timedelta(minutes=1) for name in names]


def test_interval_lies_between_visits() -> None:
    [first, second, _] = found(snapshot(0, 10, 1), snapshot(20, 40, 2), snapshot(50, 70, 3))
    assert (first["story_id"], bounds(first)) == ("kalbela:1", [None, 0, 10, 20])
    assert (second["story_id"], bounds(second)) == ("kalbela:2", [10, 20, 40, 50])
    assert (second["certain_minutes"], second["possible_minutes"]) == (20, 40)
    assert (first["certain_minutes"], first["possible_minutes"]) == (10, None)


def test_standing_story_has_no_end() -> None:
    [_, row] = found(snapshot(0, 0, 1), snapshot(10, 30, 2))
    assert bounds(row) == [0, 10, 30, None]
    assert (row["certain_minutes"], row["possible_minutes"]) == (20, None)


def test_story_is_presumed_present_between_snapshots() -> None:
    rows = found(snapshot(0, 0, 9), snapshot(10, 10, 1, 2), snapshot(20, 20, 2, 1), snapshot(30, 40, 9))
    [row] = [row for row in rows if row["story_id"] == "kalbela:1"]
    assert bounds(row) == [0, 10, 20, 30]
    assert (row["certain_minutes"], row["possible_minutes"], row["snapshots"], row["best_rank"]) == (10, 30, 2, 1)


def test_returning_story_has_two_intervals() -> None:
    rows = found(snapshot(0, 5, 1), snapshot(10, 15, 2), snapshot(20, 25, 1), snapshot(30, 30, 2))
    assert [bounds(row) for row in rows if row["story_id"] == "kalbela:1"] == [[None, 0, 5, 10], [15, 20, 25, 30]]


@pytest.mark.parametrize(("minutes", "stays"), [(24 * 60, 1), (24 * 60 + 1, 2)])
def test_gap_above_a_day_ends_presumption(minutes: int, stays: int) -> None:
    end = 20 + minutes
    rows = found(snapshot(0, 0, 9), snapshot(10, 20, 1), snapshot(end, end + 5, 1, 9), snapshot(end + 15, end + 15, 9))
    own = [row for row in rows if row["story_id"] == "kalbela:1"]
    assert len(own) == stays
    # No visit saw the list without it, so the bounds of both stays contain the whole time.
    assert {(row["entered_after"], row["left_by"]) for row in own} == {(at(0), at(end + 15))}
    assert sum(row["certain_minutes"] for row in own) == (15 if stays == 2 else end + 5 - 10)


def test_top_five_has_its_own_bounds() -> None:
    rows = found(
        snapshot(0, 1, 9, 2, 3, 4, 5, 1),
        snapshot(10, 12, 1, 2, 3, 4, 5),
        snapshot(20, 24, 2, 1, 3, 4, 5),
        snapshot(30, 31, 2, 3, 4, 5, 6, 1),
        snapshot(40, 40, 1),
        snapshot(50, 50, 2),
    )
    [row] = [row for row in rows if row["story_id"] == "kalbela:1"]
    assert bounds(row) == [None, 0, 40, 50]
    assert row["top5_certain_minutes"] == 14  # 10 to 24; a single visit at 40 is a moment
    assert row["top5_possible_minutes"] == (30 - 1) + (50 - 31)
    [never] = [row for row in rows if row["story_id"] == "kalbela:6"]
    assert (never["top5_certain_minutes"], never["top5_possible_minutes"]) == (31 - 30, 40 - 24)
    [standing] = [row for row in rows[-1:] if row["story_id"] == "kalbela:2"]
    assert (standing["top5_certain_minutes"], standing["top5_possible_minutes"]) == (0, None)


def test_story_listed_twice_counts_once() -> None:
    [row] = found(snapshot(0, 10, 1, 1))
    assert (row["snapshots"], row["best_rank"], row["certain_minutes"]) == (1, 1, 10)


def test_intervals_are_per_list_and_story() -> None:
    rows = found(snapshot(0, 10, 1, None, name="latest"), snapshot(5, 7, 2, name="popular"))
    assert [(row["list"], row["story_id"], row["certain_minutes"]) for row in rows] == [
        ("latest", "kalbela:1", 10),
        ("popular", "kalbela:2", 2),
    ]


def test_headlines_are_in_printed_order() -> None:
    [row] = found(*(snapshot(n, n, 1, headline=text) for n, text in enumerate(["ক", "ক", None, "খ", "ক"])))
    assert (row["headline"], row["headlines"]) == ("ক", ["ক", "খ", "ক"])
