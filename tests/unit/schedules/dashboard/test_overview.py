"""Start page and logs: resolved faults, partial lists, dates with years, and logs that open safely."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schedules.dashboard import jinja_env
from schedules.dashboard.data_source import DataSource
from schedules.dashboard.formatting import clock, day
from schedules.dashboard.query_params import Query
from schedules.dashboard.views.overview import MAX_NEW_STORIES, overview
from schedules.dashboard.views.runs import MAX_LOG_BYTES, run_log
from schedules.timetable.config import Timetable
from schedules.timetable.cron import Due
from schedules.timetable.occurrences import Occurrences, State, occurrences_file
from tests.support.builders import ZONE, LedgerFolder, make_story
from tests.support.dashboard_data import (
    ALARM,
    DAY,
    HOSTILE,
    HOUR,
    MOMENT,
    TIMETABLE,
    DashboardClient,
    DashboardData,
    serving,
)

RUN = "20260212T010000Z-kalbela-0001"
BLOCKED = {"exit_code": 4, "problems": ["the site turned us away"]}
CRASHED = {"exit_code": 1, "problems": ["the run was killed"]}
LAYOUT = {"alarms": [ALARM], "verdict": {"exit_code": 9, "problems": [ALARM["sentence"]]}}


@pytest.fixture
def folder(memory_folder: Path) -> DashboardData:
    kept = LedgerFolder.at(memory_folder / "data")
    for number in range(MAX_NEW_STORIES + 8):
        kept.keep(make_story(number + 1, MOMENT - HOUR, first_seen_at=MOMENT - HOUR))
    kept.publish()
    kept.close()
    (memory_folder / "t.toml").write_text(TIMETABLE)
    return DashboardData(kept.dataset, memory_folder / "t.toml")


@pytest.fixture
def served(folder: DashboardData) -> Iterator[DashboardClient]:
    with serving(folder) as page:
        yield page


def query(folder: DashboardData) -> Query:
    return Query(DataSource(folder.dataset, folder.timetable), MOMENT)


def state(folder: DashboardData) -> tuple[bool, dict[str, Any]]:
    found = overview(query(folder))
    return found["good"], found["sites"][0]


@pytest.mark.parametrize(
    ("night", "later", "good"),
    [
        ({}, {}, True),
        ({"verdict": BLOCKED}, {}, True),
        ({"verdict": BLOCKED}, {"verdict": BLOCKED}, False),
        ({"verdict": CRASHED}, {}, False),
        (LAYOUT, {}, False),
        ({}, {"verdict": BLOCKED}, False),
    ],
)
def test_passing_fault_ends_with_next_run(
    night: dict[str, Any], later: dict[str, Any], good: bool, folder: DashboardData
) -> None:
    folder.report(MOMENT - 6 * HOUR, "night", **night)
    folder.report(MOMENT - HOUR, "day", **later)
    assert state(folder)[0] is good


def test_good_full_run_ends_any_fault(folder: DashboardData) -> None:
    folder.report(MOMENT - 9 * HOUR, "day", **LAYOUT)
    folder.report(MOMENT - 8 * HOUR, "night", verdict=CRASHED)
    assert not state(folder)[0]
    folder.report(MOMENT - HOUR, "night")
    good, site = state(folder)
    assert (good, site["alarms"]) == (True, [])


def test_missed_run_is_resolved_by_later_one(folder: DashboardData) -> None:
    folder.report(MOMENT - HOUR, "night")
    schedule = Timetable.read(folder.timetable).named("night")
    missed, made_up = (Due(at.astimezone(ZONE), at) for at in (MOMENT - 20 * HOUR, MOMENT - 2 * HOUR))
    with Occurrences.open(occurrences_file(folder.dataset)) as occurrences:
        occurrences.counted_since(schedule, MOMENT - HOUR)
        occurrences.skip(schedule, [(missed, State.LATE, "the service did not run")], MOMENT)
        assert [each["resolved"] for each in state(folder)[1]["missed"]] == [False]
        assert not state(folder)[0]
        occurrences.claim(schedule, made_up, MOMENT)
        occurrences.start("night", made_up.key, MOMENT)
        occurrences.finish("night", made_up.key, MOMENT, exit_code=0)
    good, site = state(folder)
    assert (good, [each["resolved"] for each in site["missed"]]) == (True, [True])


def test_partial_list_of_new_stories_says_so(folder: DashboardData, served: DashboardClient) -> None:
    folder.report(MOMENT - 6 * HOUR, "night", stories={"new": 15})
    folder.report(MOMENT - HOUR, "day", stories={"new": 5})
    assert len(state(folder)[1]["new"]) == MAX_NEW_STORIES
    assert "Newest 12 of 20 new stories in 24 hours" in served.request("/")[2]
    assert "12 of 20" in served.request("/stories")[2]


def test_dates_have_years() -> None:
    assert clock(MOMENT, ZONE) == "12 Feb 2026, 09:00"
    assert day(MOMENT - 43 * DAY, ZONE) == "Wed 31 Dec 2025"
    assert "2026" in jinja_env.time_tag(MOMENT, "Asia/Dhaka").striptags()


def write_log(folder: DashboardData, content: bytes) -> Path:
    path = folder.dataset.log(RUN)
    path.parent.mkdir()
    path.write_bytes(content)
    return path


def test_log_opens_as_escaped_text(folder: DashboardData, served: DashboardClient) -> None:
    folder.report(MOMENT - 2 * HOUR, "night", run_id=RUN)
    assert "/log" not in served.request(f"/runs/{RUN}")[2]
    write_log(folder, HOSTILE.encode() + b"\xff\x00 end\n")
    assert f'href="/runs/{RUN}/log"' in served.request(f"/runs/{RUN}")[2]
    status, headers, html = served.request(f"/runs/{RUN}/log")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "&lt;script&gt;alert(1)" in html
    assert "<script>alert" not in html
    assert not {"\x1b", "\u202e", "\x00"} & {*html}
    assert json.loads(served.request(f"/runs/{RUN}/log.json")[2])["text"].endswith("end\n")


def test_log_is_bounded_and_says_so(folder: DashboardData, served: DashboardClient) -> None:
    write_log(folder, b"first\n" + b"x" * 3 * MAX_LOG_BYTES + b"\nlast\n")
    found = run_log(query(folder), RUN)
    assert found is not None
    assert (found["shown"], found["left_out"]) == (MAX_LOG_BYTES, 2 * MAX_LOG_BYTES + 12)
    assert found["text"].endswith("\nlast\n")
    assert "The last 262,144 of 786,444 bytes." in served.request(f"/runs/{RUN}/log")[2]


def test_only_files_of_log_folder_open(folder: DashboardData, served: DashboardClient, tmp_path: Path) -> None:
    path = write_log(folder, b"")
    (tmp_path / "secret").write_text("secret")
    path.unlink()
    path.symlink_to(tmp_path / "secret")
    names = (RUN, "nothing", "..%2fkalbela.sqlite%00", "%2e%2e", "x.log", "../../etc/passwd")
    for name in names:
        status, _, text = served.request(f"/runs/{name}/log")
        assert status == 404, name
        assert "secret" not in text
    path.unlink()
    path.mkdir()
    assert served.request(f"/runs/{RUN}/log")[0] == 404


def test_later_incremental_run_keeps_alarm_of_full_run(folder: DashboardData) -> None:
    folder.report(MOMENT - 6 * HOUR, "night", **LAYOUT)
    folder.report(MOMENT - HOUR, "day")
    assert len(state(folder)[1]["alarms"]) == 1
