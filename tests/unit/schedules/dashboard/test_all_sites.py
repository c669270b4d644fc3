"""Views over the sites of several hosts: state, history of alarms and runs, and disks."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.storage.data_folder import DataFolder
from schedules.dashboard import data_source
from schedules.dashboard.app import MAX_SITES_AT_START
from schedules.dashboard.data_source import DataSource
from schedules.dashboard.jinja_env import page
from schedules.dashboard.query_params import InvalidQuery, Query
from schedules.dashboard.views.all_sites import alarm_history, all_sites, disk_use, run_history
from tests.support.dashboard_data import DashboardData, make_report, serving, write_report

NOW = datetime(2026, 2, 12, 3, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def write_runs(data: DataFolder, site: str, ages: Sequence[timedelta], bad: Sequence[int] = (), **more: Any) -> None:
    """Write a run for each age; those at the places in ``bad`` have an alarm."""
    data.runs.mkdir(parents=True, exist_ok=True)
    for place, age in enumerate(ages):
        at = NOW - age
        alarm = {"key": f"{site}/field/byline", "kind": "field", "sentence": f"byline is gone from {site}"}
        verdict = {"exit_code": 9, "problems": [alarm["sentence"]]} if place in bad else {"exit_code": 0}
        own = {"site": site, "run_id": f"{at:%Y%m%dT%H%M%SZ}-{site}-0000", "verdict": verdict}
        write_report(data, make_report(at, "night") | own | {"alarms": [alarm] if place in bad else []} | more)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    west, east = DataFolder(tmp_path / "west"), DataFolder(tmp_path / "east")
    hourly = [HOUR * n for n in range(1, 9)]
    write_runs(west, "good", hourly)
    write_runs(west, "moved", [30 * DAY, 31 * DAY])
    write_runs(east, "moved", hourly)
    write_runs(east, "broken", hourly, bad=(0, 1, 4))
    write_runs(east, "older", [HOUR, *(DAY * n for n in range(1, 5))], bad=(0, 1, 2, 3))
    write_runs(west, "quiet", [DAY + hour for hour in hourly])
    return tmp_path


def query(root: Path, *, index_file: Path | None = None, **how: Any) -> Query:
    (root / "timetable.toml").write_text("")
    source = DataSource(DataFolder(root), root / "timetable.toml", index_file)
    source.index.refresh()
    return Query(source, NOW, **how)


def test_sites_of_all_hosts_come_worst_first(root: Path) -> None:
    data = all_sites(query(root))
    states = [(site["site"], site["host"], site["state"]) for site in data["sites"]]
    assert states == [
        *(("older", "east", "bad"), ("broken", "east", "bad"), ("quiet", "west", "silent")),
        *(("good", "west", "good"), ("moved", "east", "good")),
    ]
    assert data["counts"] == {"bad": 2, "silent": 1, "good": 2, "none": 0}
    assert (data["reports_waiting"], data["reports_left_out"]) == (0, 0)


def test_damaged_old_reports_hide_no_other(root: Path) -> None:
    path = root / "east" / "runs" / "site=moved" / "runs.parquet"
    path.parent.mkdir()
    path.write_bytes(b"PAR1 torn")
    asked = query(root)
    assert all_sites(asked)["counts"] == {"bad": 2, "silent": 1, "good": 2, "none": 0}
    assert len(asked.source.runs(NOW - DAY)) > 0
    assert [*asked.source.unreadable] == ["runs/site=moved/runs.parquet"]


def test_silent_sites_need_attention(tmp_path: Path) -> None:
    write_runs(DataFolder(tmp_path), "kalbela", [30 * DAY, 31 * DAY])
    asked = query(tmp_path)
    text = page("views/sites.html", asked, data=all_sites(asked)).decode()
    assert "No site needs attention" not in text
    assert "1 site needs attention" in text


def test_alarm_history_joins_consecutive_runs(root: Path) -> None:
    rows = alarm_history(query(root, site="broken"))["rows"]
    found = [(row["runs"], row["first_at"], row["cleared_at"]) for row in rows]
    at = [(NOW - hours * HOUR).isoformat() for hours in range(9)]
    assert found == [(2, at[2], None), (1, at[5], at[4])]


def test_older_report_may_come_later(root: Path) -> None:
    asked = query(root, site="broken")
    path = DataFolder(root / "east").run(f"{NOW - 4 * HOUR:%Y%m%dT%H%M%SZ}-broken-0000")
    assert path.exists()
    write_runs(DataFolder(root / "east"), "broken", [9 * HOUR], bad=(0,))
    asked.source.index.refresh()
    assert [row["runs"] for row in alarm_history(asked)["rows"]] == [2, 1, 1]


def test_history_has_pages_over_two_years(tmp_path: Path) -> None:
    write_runs(DataFolder(tmp_path), "kalbela", [DAY * n for n in range(1, 400)])
    pages = [run_history(query(tmp_path, days=730, page=number)) for number in (1, 4, 5)]
    assert [len(each["rows"]) for each in pages] == [100, 99, 0]
    assert [each["pages"] for each in pages] == [4, 4, 4]
    assert run_history(query(tmp_path, days=30))["total"] == 30


def test_disk_use_carries_sizes_over_days_without_runs(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    for ages, size in (([5 * DAY], 3_000_000), ([2 * DAY], 5_000_000)):
        disk = {"tables": size, "archive": size, "ledger": 0, "free": 7}
        write_runs(data, "kalbela", ages, disk=disk)
    found = disk_use(query(tmp_path, days=7))
    assert found["megabytes"] == [0, 6, 6, 6, 10, 10, 10]
    assert (found["sites"][0]["grown"], found["hosts"]) == (4_000_000, [("", 7)])
    assert disk_use(query(tmp_path, days=730))["megabytes"][-1] == 10


def test_unreadable_report_is_counted(root: Path) -> None:
    (root / "east" / "runs" / "20260212T010000Z-broken-ffff.json").write_text("{")
    asked = query(root)
    asked.source.index.refresh()
    assert all_sites(asked)["reports_left_out"] == 1


@pytest.mark.parametrize("parameters", [{"page": "0"}, {"page": "-1"}, {"page": "1e3"}, {"days": "731"}])
def test_wrong_page_or_period_is_refused(root: Path, parameters: dict[str, str]) -> None:
    source = query(root).source
    with pytest.raises(InvalidQuery):
        Query.parse(source, NOW, parameters, is_long=True)
    assert Query.parse(source, NOW, {"days": "730"}).days == 90


def test_index_is_kept_between_starts(root: Path) -> None:
    file = root / "state" / "runs.sqlite"
    before = all_sites(query(root, index_file=file))
    kept = DataSource(DataFolder(root), root / "timetable.toml", file)
    assert kept.index.query("SELECT count(*) AS n FROM runs") == [{"n": 39}]
    kept.index.refresh()
    assert kept.index.waiting == 0
    assert all_sites(Query(kept, NOW)) == before
    assert file.stat().st_mode & 0o077 == 0


def test_replaced_report_is_read_again(root: Path) -> None:
    file = root / "state" / "runs.sqlite"
    query(root, index_file=file)
    write_runs(DataFolder(root / "west"), "good", [HOUR], bad=(0,))
    again = query(root, index_file=file, site="good")
    assert [row["runs"] for row in alarm_history(again)["rows"]] == [1]
    write_runs(DataFolder(root / "west"), "good", [HOUR])
    again = query(root, index_file=file, site="good")
    assert alarm_history(again)["rows"] == []
    assert run_history(again)["rows"][0]["exit_code"] == 0


def test_deleted_report_leaves_the_index(root: Path) -> None:
    asked = query(root, site="good")
    DataFolder(root / "west").run(f"{NOW - HOUR:%Y%m%dT%H%M%SZ}-good-0000").unlink()
    asked.source.index.refresh()
    assert run_history(asked)["total"] == 7
    assert len(asked.source.runs(NOW - DAY, "good")) == 7


@pytest.mark.parametrize("content", [b"not a database", b""])
def test_damaged_index_is_made_again(root: Path, content: bytes) -> None:
    file = root / "state" / "runs.sqlite"
    file.parent.mkdir()
    file.write_bytes(content * 1000)
    assert all_sites(query(root, index_file=file))["counts"]["bad"] == 2
    with closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA user_version = 99")
    assert all_sites(query(root, index_file=file))["counts"]["bad"] == 2


def test_index_that_cannot_be_written_is_in_memory(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    (root / "state").write_text("a file where a folder should be")
    assert all_sites(query(root, index_file=root / "state" / "runs.sqlite"))["counts"]["bad"] == 2
    assert "all reports are read after each start" in caplog.text


def test_old_reports_of_a_busy_folder_are_not_lost(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reports of one site are counted, not those of all sites in its folder."""
    monkeypatch.setattr(data_source, "MAX_REPORTS", 5)
    asked = query(root, site="older")
    assert len(asked.source.runs(NOW - 9 * DAY, "older")) == 5
    assert asked.source.unreadable == {}
    assert len(asked.source.runs(NOW - 9 * DAY, "broken")) == 5
    assert "8" in asked.source.unreadable["runs"]


def test_pages_of_one_site_need_a_site(tmp_path: Path) -> None:
    for number in range(MAX_SITES_AT_START + 1):
        write_runs(DataFolder(tmp_path), f"paper{number:02}", [HOUR])
    (tmp_path / "timetable.toml").write_text("")
    with serving(DashboardData(DataFolder(tmp_path), tmp_path / "timetable.toml"), clock=lambda: NOW) as page:
        assert page.request("/")[0] == 303
        assert "Choose a site" in page.request("/runs")[2]
        assert page.request("/runs.json")[0] == 400
        assert len(page.json("/runs.json?site=paper07")["sites"]) == 1
