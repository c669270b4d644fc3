"""Alarms for schedules without a good run in time."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.run_reports import run_ids
from schedules.alerting.missed_runs import corrected_clocks, missed_runs, time_allowed
from schedules.timetable.config import Timetable
from schedules.timetable.occurrences import Occurrences, occurrences_file

WRITTEN = datetime(2026, 11, 1, 12, tzinfo=UTC)
# 02:15 in Dhaka.
DUE = datetime(2026, 11, 3, 20, 15, tzinfo=UTC)
SCHEDULE = """
[schedule.{}]
sentence = "Kalbela"
sites = ["kalbela"]
mode = "{}"
cron = "{}"
zone = "Asia/Dhaka"
max_pages = 100
max_minutes = {}
jitter_minutes = {}
grace_hours = {}
"""
NIGHT = SCHEDULE.format("night", "full", "15 2 * * *", 180, 10, 24)
DAY = SCHEDULE.format("day", "incremental", "*/30 6-23 * * *", 15, 0, 1)


class LedgerFolder:
    """A data folder whose timetable was started at a moment, or never."""

    def __init__(self, place: Path, since: datetime | None = WRITTEN) -> None:
        (place / "schedules.toml").write_text(NIGHT + DAY)
        self.timetable = Timetable.read(place / "schedules.toml")
        self.dataset = DataFolder(place / "data")
        self.dataset.prepare()
        if since is not None:
            occurrences_file(self.dataset).parent.mkdir(parents=True, exist_ok=True)
            with closing(Occurrences.open(occurrences_file(self.dataset))) as occurrences:
                for schedule in self.timetable.schedules:
                    occurrences.counted_since(schedule, since)

    def run(self, began: datetime, code: int = 0, mode: str | None = "full", minutes: int = 60) -> str:
        run_id = f"{began:%Y%m%dT%H%M%SZ}-kalbela-0000"
        report = {"run_id": run_id, "site": "kalbela", "mode": mode, "verdict": {"exit_code": code, "problems": []}}
        times = {"started_at": began.isoformat(), "ended_at": (began + timedelta(minutes=minutes)).isoformat()}
        self.dataset.run(run_id).write_text(json.dumps(report | times))
        return run_id

    def missed(self, moment: datetime) -> dict[str, dict[str, Any]]:
        ids = {"kalbela": run_ids(self.dataset)}
        return {alarm["schedule"]: alarm for alarm in missed_runs(self.timetable, self.dataset, moment, ids)}


@pytest.fixture
def kept(tmp_path: Path) -> LedgerFolder:
    return LedgerFolder(tmp_path)


AFTER = DUE + timedelta(hours=4, minutes=11)


@pytest.mark.parametrize(
    ("began", "code", "mode", "is_missed"),
    [
        (DUE, 0, "full", False),
        (DUE + timedelta(hours=2), 0, "full", False),
        (DUE, 3, "full", False),  # its problems have alarms of their own
        (DUE, 9, "full", False),
        (DUE, 4, "full", True),
        (DUE, 1, None, True),
        (DUE, 130, "full", True),
        (DUE, 0, "incremental", True),
        (DUE - timedelta(days=1), 0, "full", True),
        (DUE - timedelta(minutes=20), 0, "full", False),  # by hand, still under way when the schedule was due
    ],
)
def test_schedule_is_missed_without_good_run(
    kept: LedgerFolder, began: datetime, code: int, mode: str | None, is_missed: bool
) -> None:
    run_id = kept.run(began, code, mode)
    assert ("night" in kept.missed(AFTER)) is is_missed
    kept.dataset.run(run_id).write_text("{")
    assert "night" in kept.missed(AFTER), "a damaged report is not a good run"


def test_alarm_names_due_time_and_last_runs(kept: LedgerFolder) -> None:
    good = kept.run(DUE - timedelta(days=1))
    failed = kept.run(DUE, code=4)
    alarm = kept.missed(AFTER)["night"]
    assert (alarm["key"], alarm["kind"], alarm["site"]) == ("kalbela/silent/night", "silent", "kalbela")
    assert alarm["since_run"] == good
    assert all(text in alarm["sentence"] for text in ("2026-11-04 02:15 (Asia/Dhaka)", f"khobor runs {failed}"))


def test_alarm_waits_for_the_allowed_time(kept: LedgerFolder) -> None:
    kept.run(DUE - timedelta(days=1))
    allowed = time_allowed(kept.timetable.named("night"))
    assert allowed == timedelta(hours=4, minutes=10)
    assert "night" not in kept.missed(DUE + allowed - timedelta(seconds=1))
    assert "night" in kept.missed(DUE + allowed)


def test_run_of_next_year_is_not_the_last(kept: LedgerFolder) -> None:
    kept.run(DUE + timedelta(days=365))
    assert "night" in kept.missed(AFTER)


def test_corrected_clock_is_an_alarm_until_good_run(kept: LedgerFolder) -> None:
    night = kept.timetable.named("night")
    with closing(Occurrences.open(occurrences_file(kept.dataset))) as occurrences:
        occurrences.counted_since(night, WRITTEN - timedelta(days=1))
        for code, clock in ((4, True), (0, False)):
            assert [alarm["key"] for alarm in corrected_clocks(kept.timetable, kept.dataset)] == ["kalbela/clock"]
            due = next(night.after(DUE - timedelta(days=code)))
            occurrences.claim(night, due, due.at)
            occurrences.start("night", due.key, due.at)
            occurrences.finish("night", due.key, due.at, exit_code=code)
            assert bool([*corrected_clocks(kept.timetable, kept.dataset)]) is clock


def test_full_run_counts_as_incremental_run(kept: LedgerFolder) -> None:
    noon = datetime(2026, 11, 3, 6, tzinfo=UTC)
    kept.run(noon, mode="incremental", minutes=2)
    kept.run(noon + timedelta(minutes=30), code=4, mode="incremental", minutes=2)
    assert "day" not in kept.missed(noon + timedelta(minutes=60))
    assert "day" in kept.missed(noon + timedelta(minutes=120))
    kept.run(noon + timedelta(minutes=60), mode="full")
    assert "day" not in kept.missed(noon + timedelta(minutes=120))


def test_times_before_the_timetable_are_not_missed(kept: LedgerFolder, tmp_path: Path) -> None:
    assert not kept.missed(WRITTEN + timedelta(minutes=20))
    assert set(kept.missed(WRITTEN + timedelta(days=2))) == {"night", "day"}
    (tmp_path / "other").mkdir()
    assert not LedgerFolder(tmp_path / "other", since=None).missed(AFTER)
