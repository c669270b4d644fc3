"""The last full check of a site: its alarm, and the service that repeats it."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.storage.data_folder import DataFolder
from schedules.reports.checks import check_alarms, last_checks, write_check
from schedules.service.child_processes import ChildProcesses


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    data = DataFolder(tmp_path)
    data.prepare()
    (data.state / "schedules").mkdir()
    data.ledger("kalbela").touch()
    return data


def test_faults_of_check_are_alarm_until_next_check(data: DataFolder) -> None:
    assert check_alarms(data) == []
    write_check(data, "kalbela", ["a is missing", "b is missing"])
    [alarm] = check_alarms(data)
    assert (alarm["key"], alarm["kind"]) == ("kalbela/damaged/check", "damaged")
    write_check(data, "kalbela", [])
    assert check_alarms(data) == []


def test_service_checks_each_site_once_a_week(data: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []

    def popen(self: ChildProcesses, command: Any, name: str) -> Any:
        started.append(name)
        write_check(data, "kalbela", [])
        return None

    monkeypatch.setattr(ChildProcesses, "_popen", popen)
    for _ in range(3):
        processes = ChildProcesses(data)
        processes.check_data(["kalbela", "never_crawled"])
    assert started == ["check-kalbela"]
    [check] = last_checks(data)
    text = (data.state / "kalbela.check.json").read_text().replace(f"{check.at.year}-", f"{check.at.year - 1}-")
    (data.state / "kalbela.check.json").write_text(text)
    ChildProcesses(data).check_data(["kalbela"])
    assert started == ["check-kalbela"] * 2
