"""Silence: schedules of which no good run came in time."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.storage.data_folder import DataFolder
from schedules.alerting.missed_runs import silent, time_allowed
from schedules.timetable.config import Timetable
from schedules.timetable.occurrences import Occurrences, occurrences_file

WRITTEN = datetime(2026, 11, 1, 12, tzinfo=UTC)
# 02:15 in Dhaka.
DUE = datetime(2026, 11, 3, 20, 15, tzinfo=UTC)
TIMETABLE = """
[schedule.night]
sentence = "The whole of Kalbela"
sites = ["kalbela"]
mode = "full"
cron = "15 2 * * *"
zone = "Asia/Dhaka"
max_pages = 3000
max_minutes = 180
jitter_minutes = 10
grace_hours = 24

[schedule.day]
sentence = "Its lists"
sites = ["kalbela"]
mode = "incremental"
cron = "*/30 6-23 * * *"
zone = "Asia/Dhaka"
max_pages = 150
max_minutes = 15
grace_hours = 1
"""


class Kept:
    """A data folder whose timetable is kept since a moment."""

    def __init__(self, place: Path, since: datetime | None = WRITTEN) -> None:
        (place / "schedules.toml").write_text(TIMETABLE)
        self.timetable = Timetable.read(place / "schedules.toml")
        self.dataset = DataFolder(place / "data")
        self.dataset.prepare()
        if since is not None:
            occurrences_file(self.dataset).parent.mkdir(parents=True, exist_ok=True)
            with closing(Occurrences.open(occurrences_file(self.dataset))) as occurrences:
                for schedule in self.timetable.schedules:
                    occurrences.counted_since(schedule, since)

    def ran(self, began: datetime, code: int = 0, mode: str | None = "full", minutes: int = 60) -> str:
        run_id = f"{began:%Y%m%dT%H%M%SZ}-kalbela-0000"
        report = {"run_id": run_id, "site": "kalbela", "mode": mode, "verdict": {"exit_code": code, "problems": []}}
        times = {"started_at": began.isoformat(), "ended_at": (began + timedelta(minutes=minutes)).isoformat()}
        self.dataset.run(run_id).write_text(json.dumps(report | times))
        return run_id

    def silent(self, moment: datetime) -> dict[str, dict[str, Any]]:
        return {alarm["schedule"]: alarm for alarm in silent(self.timetable, self.dataset, moment)}


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


AFTER = DUE + timedelta(hours=4, minutes=11)


@pytest.mark.parametrize(
    ("began", "code", "mode", "is_silent"),
    [
        (DUE, 0, "full", False),
        (DUE + timedelta(hours=2), 0, "full", False),
        # What else is wrong with them has alarms of its own.
        (DUE, 3, "full", False),
        (DUE, 9, "full", False),
        (DUE, 4, "full", True),
        (DUE, 1, None, True),
        (DUE, 130, "full", True),
        (DUE, 0, "incremental", True),
        (DUE - timedelta(days=1), 0, "full", True),
        # By hand, a little before: it was still under way when it was due.
        (DUE - timedelta(minutes=20), 0, "full", False),
    ],
)
def test_a_schedule_is_silent_until_a_good_run_of_its_kind(
    kept: Kept, began: datetime, code: int, mode: str | None, is_silent: bool
) -> None:
    kept.ran(began, code, mode)
    assert ("night" in kept.silent(AFTER)) is is_silent


def test_the_alarm_says_which_time_passed_and_when_it_was_good_last(kept: Kept) -> None:
    good = kept.ran(DUE - timedelta(days=1))
    failed = kept.ran(DUE, code=4)
    alarm = kept.silent(AFTER)["night"]
    assert (alarm["key"], alarm["kind"], alarm["site"]) == ("kalbela/silent/night", "silent", "kalbela")
    assert alarm["since_run"] == good
    assert "came of the time 2026-11-04 02:15 (Asia/Dhaka)" in alarm["sentence"]
    assert f"khobor runs {failed}" in alarm["sentence"]


def test_nobody_is_silent_before_the_time_that_a_run_may_take(kept: Kept) -> None:
    kept.ran(DUE - timedelta(days=1))
    allowed = time_allowed(kept.timetable.named("night"))
    assert allowed == timedelta(hours=4, minutes=10)
    assert "night" not in kept.silent(DUE + allowed - timedelta(seconds=1))
    assert "night" in kept.silent(DUE + allowed)


def test_one_failed_incremental_run_is_not_silence(kept: Kept) -> None:
    noon = datetime(2026, 11, 3, 6, tzinfo=UTC)
    kept.ran(noon, mode="incremental", minutes=2)
    kept.ran(noon + timedelta(minutes=30), code=4, mode="incremental", minutes=2)
    assert "day" not in kept.silent(noon + timedelta(minutes=60))
    assert "day" in kept.silent(noon + timedelta(minutes=120))
    kept.ran(noon + timedelta(minutes=60), mode="full")
    assert "day" not in kept.silent(noon + timedelta(minutes=120))


def test_a_schedule_is_not_held_to_times_before_it_was_written(kept: Kept) -> None:
    assert not kept.silent(WRITTEN + timedelta(minutes=20))
    assert set(kept.silent(WRITTEN + timedelta(days=2))) == {"night", "day"}
    assert "nothing ran" in kept.silent(WRITTEN + timedelta(days=2))["night"]["sentence"]


def test_where_nobody_keeps_a_timetable_there_is_no_silence(tmp_path: Path) -> None:
    assert not Kept(tmp_path, since=None).silent(AFTER)


def test_a_damaged_report_is_no_good_run(kept: Kept) -> None:
    run_id = kept.ran(DUE)
    kept.dataset.run(run_id).write_text("{")
    assert "night" in kept.silent(AFTER)
