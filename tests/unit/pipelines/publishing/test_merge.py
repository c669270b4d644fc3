"""Tests of merging: equal to one change at a time, and idempotent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.items import as_row
from pipelines.ledger.outbox import Change
from pipelines.publishing.merge import key_column, merge, remove_rows, sort_rows
from pipelines.storage.tables import KEY_SEPARATOR, TABLES
from tests.support.builders import DAY, JANUARY, SITE, make_fetch, make_reject, make_snapshot, make_story

MOMENTS = st.integers(0, 4 * 10**15).map(lambda n: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=n))
STORIES, RANKINGS = TABLES["stories"], TABLES["rankings"]


def rows_of(name: str, *records: Any) -> pa.Table:
    return pa.Table.from_pylist([as_row(record) for record in records], schema=TABLES[name].schema)


@pytest.mark.parametrize(
    ("name", "records"),
    [
        ("stories", [make_story(1), make_story(2)]),
        ("revisions", [make_story(1), make_story(1, revision=12)]),
        ("rankings", make_snapshot(JANUARY, "ক", "খ").rows + make_snapshot(JANUARY.replace(microsecond=0), "ক").rows),
        ("fetches", [make_fetch(1), make_fetch(2)]),
        ("rejects", [make_reject(JANUARY), make_reject(JANUARY.replace(microsecond=10), url="https://x/\x1f")]),
    ],
)
def test_key_column_equals_key_of_rows(name: str, records: list[Any]) -> None:
    table = TABLES[name]
    assert key_column(table, rows_of(name, *records)).to_pylist() == [table.key_of(as_row(r)) for r in records]


@given(st.lists(MOMENTS, max_size=5))
def test_any_time_makes_the_same_key(moments: list[datetime]) -> None:
    records = [make_reject(moment) for moment in moments]
    table = TABLES["rejects"]
    assert key_column(table, rows_of("rejects", *records)).to_pylist() == [table.key_of(as_row(r)) for r in records]


def changes_of(*acts: tuple[str, int, Any]) -> list[Change]:
    """Return changes of stories from (put, number, revision), (touch, number, day) or (drop, number, None)."""
    found = []
    for seq, (act, number, value) in enumerate(acts):
        row: dict[str, Any] = {}
        if act == "put":
            row = as_row(make_story(number, revision=value, headline=f"{value}", fetched_at=JANUARY))
        elif act == "touch":
            row = {"fetched_at": JANUARY + value * DAY}
        found.append(Change(seq, f"{SITE}:{number}", act, row))
    return found


def states(rows: pa.Table) -> dict[str, tuple[int, int]]:
    """Return revision and day of last sight by story."""
    found = {row["story_id"]: (row["revision"], (row["fetched_at"] - JANUARY).days) for row in rows.to_pylist()}
    assert len(found) == len(rows)
    return found


A, B = f"{SITE}:1", f"{SITE}:2"


@pytest.mark.parametrize(
    ("acts", "expected", "displaced", "leaving"),
    [
        ([("put", 1, 2)], {A: (2, 0), B: (1, 0)}, {(1, 0)}, set()),
        ([("touch", 1, 3)], {A: (1, 3), B: (1, 0)}, set(), set()),
        ([("touch", 1, 3), ("touch", 1, 1)], {A: (1, 3), B: (1, 0)}, set(), set()),
        ([("touch", 1, 3), ("put", 1, 2)], {A: (2, 0), B: (1, 0)}, {(1, 3)}, set()),
        ([("put", 1, 2), ("touch", 1, 3)], {A: (2, 3), B: (1, 0)}, {(1, 0)}, set()),
        ([("put", 1, 1)], {A: (1, 0), B: (1, 0)}, set(), set()),
        ([("put", 1, 0)], {A: (1, 0), B: (1, 0)}, {(0, 0)}, set()),
        ([("put", 1, 3), ("put", 1, 2)], {A: (3, 0), B: (1, 0)}, {(2, 0), (1, 0)}, set()),
        ([("drop", 1, None)], {A: (1, 0), B: (1, 0)}, {(1, 0)}, {A}),
        ([("put", 1, 2), ("drop", 1, None)], {A: (1, 0), B: (1, 0)}, {(2, 0), (1, 0)}, {A}),
        ([("put", 1, 2), ("drop", 1, None), ("put", 1, 2)], {A: (2, 0), B: (1, 0)}, {(1, 0)}, set()),
        ([("drop", 1, None), ("put", 1, 3)], {A: (3, 0), B: (1, 0)}, {(1, 0)}, set()),
        ([("put", 9, 1), ("drop", 9, None)], {A: (1, 0), B: (1, 0)}, {(1, 0)}, {f"{SITE}:9"}),
        ([("touch", 9, 1)], {A: (1, 0), B: (1, 0)}, set(), set()),
    ],
)
def test_changes_are_merged_in_order(
    acts: list[tuple[str, int, Any]],
    expected: dict[str, tuple[int, int]],
    displaced: set[tuple[int, int]],
    leaving: set[str],
) -> None:
    merged = merge(STORIES, rows_of("stories", make_story(1), make_story(2)), changes_of(*acts))
    assert states(merged.rows) == expected
    found = {(row["revision"], (row["fetched_at"] - JANUARY).days) for row in merged.superseded}
    assert found == displaced
    assert merged.moved == leaving


ACTS = st.one_of(
    st.tuples(st.just("put"), st.integers(1, 3), st.integers(1, 4)),
    st.tuples(st.just("touch"), st.integers(1, 3), st.integers(0, 5)),
    st.tuples(st.just("drop"), st.integers(1, 3), st.none()),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(ACTS, max_size=8))
def test_merging_twice_changes_nothing(acts: list[tuple[str, int, Any]]) -> None:
    """A publish killed after the rename and before the outbox is cleared merges twice."""
    changes = changes_of(*acts)
    once = merge(STORIES, rows_of("stories", make_story(1, revision=2), make_story(2)), changes)
    twice = merge(STORIES, once.rows, changes)
    assert twice.rows.equals(once.rows)
    assert twice.moved == once.moved
    first, again = ({(r["story_id"], r["revision"]): r for r in merged.superseded} for merged in (once, twice))
    assert all(first[key] == row for key, row in again.items())


@settings(max_examples=200, deadline=None)
@given(st.lists(ACTS, max_size=8))
def test_every_revision_is_published_or_superseded(acts: list[tuple[str, int, Any]]) -> None:
    merged = merge(STORIES, rows_of("stories", make_story(1, revision=2)), changes_of(*acts))
    standing = {(row["story_id"], row["revision"]) for row in merged.rows.to_pylist()}
    displaced = {(row["story_id"], row["revision"]) for row in merged.superseded}
    put = {(f"{SITE}:{number}", value) for act, number, value in acts if act == "put"}
    assert put | {(A, 2)} <= standing | displaced


def test_touch_by_prefix_applies_to_all_rows() -> None:
    hour = timedelta(hours=1)
    first, other = make_snapshot(JANUARY, "ক", "খ"), make_snapshot(JANUARY + hour, "গ")
    popular = make_snapshot(JANUARY, "ঘ", name="latest2")
    key = RANKINGS.key_prefix("latest", JANUARY)
    touch = Change(0, key, "touch", {"last_observed_at": JANUARY + hour})
    standing = sort_rows(RANKINGS, rows_of("rankings", *first.rows, *other.rows, *popular.rows))
    rows = merge(RANKINGS, standing, [touch]).rows.to_pylist()
    touched = {(row["list"], row["headline"]) for row in rows if row["last_observed_at"] > row["observed_at"]}
    assert touched == {("latest", "ক"), ("latest", "খ")}


def test_touch_applies_to_rows_put_before() -> None:
    snapshot = make_snapshot(JANUARY, "ক", "খ")
    puts = [Change(n, RANKINGS.key_of(as_row(r)), "put", as_row(r)) for n, r in enumerate(snapshot.rows)]
    touch = Change(9, RANKINGS.key_prefix("latest", JANUARY), "touch", {"last_observed_at": JANUARY + DAY})
    rows = merge(RANKINGS, RANKINGS.schema.empty_table(), [*puts, touch]).rows
    assert set(rows["last_observed_at"].to_pylist()) == {JANUARY + DAY}
    assert KEY_SEPARATOR in touch.key


def test_removing_rows_keeps_order() -> None:
    rows = rows_of("stories", *(make_story(n) for n in range(1, 6)))
    assert remove_rows(STORIES, rows, [B, f"{SITE}:9"])["story_id"].to_pylist() == [f"{SITE}:{n}" for n in (1, 3, 4, 5)]
