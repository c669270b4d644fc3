"""Occurrences: a time has one taker, whoever asks and however often, and every time that was due has an end."""

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
def claims(path: Path) -> Iterator[Occurrences]:
    with Occurrences.open(path) as opened:
        yield opened


def nights(count: int, schedule: Schedule = NIGHT) -> list[Due]:
    return list(islice(schedule.after(NOW), count))


def test_of_many_who_want_a_time_one_gets_it(path: Path) -> None:
    [due] = nights(1)

    def take(_: int) -> tuple[bool, bool]:
        with Occurrences.open(path) as claims:
            return claims.claim(NIGHT, due, due.at), claims.start(NIGHT.name, due.key, due.at)

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(take, range(40)))
    assert sum(taken for taken, _ in got) == 1
    assert sum(begun for _, begun in got) == 1


@pytest.mark.parametrize(("late", "state"), [(False, State.RAN), (True, State.CAUGHT_UP)])
def test_a_run_that_ended_says_whether_it_was_on_time(claims: Occurrences, late: bool, state: State) -> None:
    [due] = nights(1)
    assert claims.claim(NIGHT, due, due.at, late=late)
    assert claims.start(NIGHT.name, due.key, due.at)
    claims.set_runs(NIGHT.name, due.key, ["r1"])
    assert [claim.state for claim in claims.unfinished()] == [State.RUNNING]
    assert claims.finish(NIGHT.name, due.key, due.at, exit_code=3, reason="few")
    assert not claims.finish(NIGHT.name, due.key, due.at, exit_code=1, reason="killed")
    claim = claims.get(NIGHT.name, due.key)
    assert claim is not None
    assert (claim.state, claim.exit_code, claim.runs, claim.reason, claim.due_at) == (state, 3, ("r1",), "few", due.at)
    assert claim.as_dict()["due_at"] == due.at.isoformat()
    assert not claims.unfinished()


def test_whoever_takes_a_time_settles_those_before_it(claims: Occurrences) -> None:
    first, second, third = nights(3)
    assert claims.unsettled(NIGHT, third.at, NOW) == [third, second, first]
    before = [(due, State.LATE, "the service was down") for due in (second, first)]
    assert claims.claim(NIGHT, third, third.at, before=before)
    assert claims.unsettled(NIGHT, third.at, NOW) == []
    assert [claim.state for claim in claims.latest(NIGHT.name, 5)] == [State.CLAIMED, State.LATE, State.LATE]


def test_a_claim_that_was_given_back_is_anybody_s_again_and_one_that_was_settled_is_not(claims: Occurrences) -> None:
    [due] = nights(1)
    for _ in range(2):
        assert claims.claim(NIGHT, due, due.at)
        assert claims.start(NIGHT.name, due.key, due.at)
        claims.release(NIGHT.name, due.key)
    assert claims.claim(NIGHT, due, due.at)
    assert claims.finish(NIGHT.name, due.key, due.at, exit_code=0)
    claims.release(NIGHT.name, due.key)
    assert not claims.claim(NIGHT, due, due.at)


def test_what_was_skipped_is_neither_taken_nor_begun(claims: Occurrences) -> None:
    [due] = nights(1)
    claims.skip(NIGHT, [(due, State.OVERLAP, "the one before it went on")], due.at)
    assert not claims.claim(NIGHT, due, due.at)
    assert not claims.start(NIGHT.name, due.key, due.at)


def test_a_new_schedule_and_a_changed_cron_count_from_when_they_were_written(claims: Occurrences) -> None:
    assert claims.counted_since(NIGHT, NOW) == NOW
    later = NOW + timedelta(days=3)
    assert claims.counted_since(NIGHT, later) == NOW
    assert claims.counted_since(NIGHT.model_copy(update={"max_pages": 7}), later) == NOW
    changed = NIGHT.model_copy(update={"cron": "0 1 * * *"})
    assert claims.counted_since(changed, later) == later
    claims.forget_others([])
    assert claims.counted_since(changed, later + timedelta(days=9)) == later + timedelta(days=9)


@pytest.mark.parametrize("damage", ["foreign", "text", "later", "torn"])
def test_a_file_that_cannot_be_trusted_is_refused_and_left_alone(path: Path, damage: str) -> None:
    if damage == "text":
        path.write_text("no database, but long enough to be taken for one " * 40)
    else:
        with Occurrences.open(path) as claims:
            claims.claim(NIGHT, nights(1)[0], NOW)
        sql = sqlite3.connect(path)
        if damage != "torn":
            sql.execute("PRAGMA application_id = 7" if damage == "foreign" else "PRAGMA user_version = 99")
        sql.execute("PRAGMA journal_mode = DELETE")
        sql.close()
        if damage == "torn":
            path.write_bytes(path.read_bytes()[:5000])
    before = path.read_bytes()
    with pytest.raises(DatabaseDamaged, match=r"schedules\.sqlite"), Occurrences.open(path) as claims:
        claims.latest(NIGHT.name)
    assert path.read_bytes() == before


def test_a_file_that_a_kill_left_empty_is_begun_anew(path: Path) -> None:
    path.touch()
    with Occurrences.open(path) as claims:
        assert claims.latest(NIGHT.name) == []
