"""Page of a story over many days: its stays in the lists, and files that are replaced while the dashboard runs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schedules.dashboard.data_source import DataSource
from schedules.dashboard.query_params import Query
from schedules.dashboard.views.story import story_details
from tests.support.builders import SITE, LedgerFolder, make_story
from tests.support.dashboard_data import DAY, MOMENT, snapshot_of


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[LedgerFolder]:
    with_story = LedgerFolder.at(tmp_path / "data")
    with_story.keep(make_story(101, MOMENT, first_seen_at=MOMENT), make_story(305, MOMENT, first_seen_at=MOMENT))
    yield with_story
    with_story.close()


def rank(kept: LedgerFolder, day: int, name: str, *numbers: int) -> None:
    kept.rank(snapshot_of(MOMENT + day * DAY, name, numbers))


def stays(source: DataSource) -> list[tuple[int | None, ...]]:
    """Return the bounds of each stay of story 101, as days after the first one."""
    found: dict[str, Any] | None = story_details(Query(source, MOMENT + 20 * DAY), f"{SITE}:101")
    assert found is not None and not source.unreadable
    bounds = ("entered_after", "entered_by", "left_after", "left_by")
    return sorted(tuple(row[name] and _day(row[name]) for name in bounds) for row in found["intervals"])


def _day(moment: str) -> int:
    return (datetime.fromisoformat(moment).astimezone(UTC) - MOMENT).days


def test_stays_have_bounds_of_distant_days(kept: LedgerFolder, tmp_path: Path) -> None:
    rank(kept, 0, "popular", 102)
    rank(kept, 1, "popular", 101, 305)
    rank(kept, 2, "latest", 305)
    rank(kept, 3, "popular", 305, 100)
    for day in range(4, 9):
        rank(kept, day, "popular", 100 + 5 * day)
    rank(kept, 9, "popular", 305, 101)
    rank(kept, 10, "latest", 306)
    kept.publish()
    source = DataSource(kept.dataset, tmp_path / "t.toml")
    assert stays(source) == [(0, 1, 1, 3), (8, 9, 9, None)]
    rank(kept, 10, "popular", 305)
    rank(kept, 12, "popular", 101)
    kept.publish()
    assert stays(source) == [(0, 1, 1, 3), (8, 9, 9, 10), (10, 12, 12, None)]


def test_replaced_file_of_day_is_read_again(kept: LedgerFolder, tmp_path: Path) -> None:
    rank(kept, 1, "popular", 100, 305)
    kept.publish()
    source = DataSource(kept.dataset, tmp_path / "t.toml")
    assert stays(source) == []
    kept.rank(snapshot_of(MOMENT + 1.1 * DAY, "popular", (101,)))
    kept.publish()
    assert stays(source) == [(1, 1, 1, None)]
