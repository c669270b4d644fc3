"""Occurrences: each time is claimed once, by whichever process asks, and every due time gets a result."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

from pipelines.storage.errors import DatabaseDamaged
from schedules.timetable.config import Schedule, Timetable
from schedules.timetable.cron import Due
from schedules.timetable.occurrences import Occurrences, State

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NIGHT = next(schedule for schedule in Timetable.read().schedules if schedule.mode == "full")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "schedules.sqlite"


@pytest.fixture
def occurrences(path: Path) -> Iterator[Occurrences]:
    with Occurrences.open(path) as opened:
        yield opened


def nights(count: int, schedule: Schedule = NIGHT) -> list[Due]:
    return list(islice(schedule.after(NOW), count))


def test_one_of_many_claims_succeeds(path: Path) -> None:
    [due] = nights(1)

    def take(_: int) -> tuple[bool, bool]:
        with Occurrences.open(path) as occurrences:
            return occurrences.claim(NIGHT, due, due.at), occurrences.start(NIGHT.name, due.key, due.at)

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(take, range(40)))
    assert sum(taken for taken, _ in got) == 1
    assert sum(begun for _, begun in got) == 1


@pytest.mark.parametrize(("late", "state"), [(False, State.RAN), (True, State.CAUGHT_UP)])
def test_ended_run_records_lateness(occurrences: Occurrences, late: bool, state: State) -> None:
    [due] = nights(1)
    assert occurrences.claim(NIGHT, due, due.at, late=late)
    assert occurrences.start(NIGHT.name, due.key, due.at)
    occurrences.set_runs(NIGHT.name, due.key, ["r1"])
    assert [occurrence.state for occurrence in occurrences.unfinished()] == [State.RUNNING]
    assert occurrences.finish(NIGHT.name, due.key, due.at, exit_code=3, reason="few")
    assert not occurrences.finish(NIGHT.name, due.key, due.at, exit_code=1, reason="killed")
    occurrence = occurrences.get(NIGHT.name, due.key)
    assert occurrence is not None
    assert (occurrence.state, occurrence.exit_code, occurrence.runs) == (state, 3, ("r1",))
    assert (occurrence.reason, occurrence.due_at) == ("few", due.at)
    assert occurrence.as_dict()["due_at"] == due.at.isoformat()
    assert not occurrences.unfinished()


def test_claim_records_earlier_times(occurrences: Occurrences) -> None:
    first, second, third = nights(3)
    assert occurrences.open_dues(NIGHT, third.at, NOW) == [third, second, first]
    before = [(due, State.LATE, "the service was down") for due in (second, first)]
    assert occurrences.claim(NIGHT, third, third.at, before=before)
    assert occurrences.open_dues(NIGHT, third.at, NOW) == []
    states = [occurrence.state for occurrence in occurrences.latest(NIGHT.name, 5)]
    assert states == [State.CLAIMED, State.LATE, State.LATE]


def test_only_unfinished_occurrence_can_be_released(occurrences: Occurrences) -> None:
    [due] = nights(1)
    for _ in range(2):
        assert occurrences.claim(NIGHT, due, due.at)
        assert occurrences.start(NIGHT.name, due.key, due.at)
        occurrences.release(NIGHT.name, due.key)
    assert occurrences.claim(NIGHT, due, due.at)
    assert occurrences.finish(NIGHT.name, due.key, due.at, exit_code=0)
    occurrences.release(NIGHT.name, due.key)
    assert not occurrences.claim(NIGHT, due, due.at)


def test_skipped_time_cannot_be_claimed(occurrences: Occurrences) -> None:
    [due] = nights(1)
    occurrences.skip(NIGHT, [(due, State.OVERLAP, "the one before it went on")], due.at)
    assert not occurrences.claim(NIGHT, due, due.at)
    assert not occurrences.start(NIGHT.name, due.key, due.at)


def test_changed_cron_counts_from_now(occurrences: Occurrences) -> None:
    assert occurrences.counted_since(NIGHT, NOW) == NOW
    later = NOW + timedelta(days=3)
    assert occurrences.counted_since(NIGHT, later) == NOW
    assert occurrences.counted_since(NIGHT.model_copy(update={"max_pages": 7}), later) == NOW
    changed = NIGHT.model_copy(update={"cron": "0 1 * * *"})
    assert occurrences.counted_since(changed, later) == later
    occurrences.forget_others([])
    assert occurrences.counted_since(changed, later + timedelta(days=9)) == later + timedelta(days=9)


@pytest.mark.parametrize("ahead", [timedelta(days=365), timedelta(days=3 * 365), timedelta(hours=30)])
def test_schedule_first_seen_ahead_runs_again(occurrences: Occurrences, ahead: timedelta) -> None:
    future = NOW + ahead
    assert occurrences.counted_since(NIGHT, future) == future
    assert occurrences.counted_since(NIGHT, NOW) == NOW
    assert occurrences.corrections() == {NIGHT.name: NOW}
    [due] = nights(1)
    assert occurrences.open_dues(NIGHT, due.at, occurrences.counted_since(NIGHT, due.at)) == [due]
    assert occurrences.corrections() == {NIGHT.name: NOW}


def test_night_that_ran_ahead_is_due_again(occurrences: Occurrences) -> None:
    occurrences.counted_since(NIGHT, NOW)
    *_, ahead = nights(30)
    assert occurrences.claim(NIGHT, ahead, ahead.at)
    occurrences.start(NIGHT.name, ahead.key, ahead.at)
    occurrences.finish(NIGHT.name, ahead.key, ahead.at, exit_code=0)
    occurrences.counted_since(NIGHT, NOW)
    [latest] = occurrences.latest(NIGHT.name)
    assert (latest.due_at, latest.ended_at, latest.exit_code) == (NOW, NOW, 0)
    assert ahead in occurrences.open_dues(NIGHT, ahead.at, occurrences.counted_since(NIGHT, ahead.at))


def test_running_occurrence_is_not_corrected(occurrences: Occurrences) -> None:
    occurrences.counted_since(NIGHT, NOW)
    [due] = nights(1)
    occurrences.claim(NIGHT, due, due.at)
    occurrences.counted_since(NIGHT, NOW)
    assert occurrences.finish(NIGHT.name, due.key, NOW, exit_code=0)


@pytest.mark.parametrize("damage", ["foreign", "text", "later", "torn"])
def test_damaged_database_is_refused_unchanged(path: Path, damage: str) -> None:
    if damage == "text":
        path.write_text("no database, but long enough to be taken for one " * 40)
    else:
        with Occurrences.open(path) as occurrences:
            occurrences.claim(NIGHT, nights(1)[0], NOW)
        sql = sqlite3.connect(path)
        if damage != "torn":
            sql.execute("PRAGMA application_id = 7" if damage == "foreign" else "PRAGMA user_version = 99")
        sql.execute("PRAGMA journal_mode = DELETE")
        sql.close()
        if damage == "torn":
            path.write_bytes(path.read_bytes()[:5000])
    before = path.read_bytes()
    with pytest.raises(DatabaseDamaged, match=r"schedules\.sqlite"), Occurrences.open(path) as occurrences:
        occurrences.latest(NIGHT.name)
    assert path.read_bytes() == before


def test_empty_file_becomes_a_database(path: Path) -> None:
    path.touch()
    with Occurrences.open(path) as occurrences:
        assert occurrences.latest(NIGHT.name) == []
