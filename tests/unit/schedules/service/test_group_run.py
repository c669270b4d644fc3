"""A schedule of several sites by hand: a process for each site, a few at a time."""

import sys

import pytest

from schedules.runner.run_all import MAX_RUNS
from schedules.service import group_run
from schedules.timetable.config import Schedule

SCRIPT = """
import json, sys
name = sys.argv[1]
print(json.dumps({"run_id": name, "options": sys.argv[2:], "long": "x" * 200_000}) if name != "s0" else "")
sys.exit({"s1": 3, "s2": 9}.get(name, 0))
"""


def test_group_has_all_reports_and_the_gravest_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_run, "COMMAND", (sys.executable, "-c", SCRIPT))
    schedules = [Schedule.model_construct(name=f"s{number}") for number in range(MAX_RUNS + 2)]
    result = group_run.run_group(schedules, ["--due"])
    assert sorted(report["run_id"] for report in result.reports) == [each.name for each in schedules[1:]]
    assert {tuple(report["options"]) for report in result.reports} == {("--json", "--due")}
    assert result.exit_code == 9
