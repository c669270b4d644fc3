"""Past reports of a site, and acknowledged alarms."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.storage.data_folder import DataFolder
from schedules.reports.history import Acknowledgement, acknowledge, acknowledgements, past_reports, reports

KEY = "kalbela/field/kicker"


@pytest.fixture
def dataset(tmp_path: Path) -> DataFolder:
    dataset = DataFolder(tmp_path)
    dataset.prepare()
    return dataset


def write(dataset: DataFolder, day: int, site: str = "kalbela", **more: Any) -> str:
    run_id = f"202611{day:02}T201500Z-{site}-00aa"
    report = {"run_id": run_id, "site": site, "verdict": {"exit_code": 0, "problems": []}, "alarms": []}
    dataset.run(run_id).write_text(json.dumps(report | more))
    return run_id


def test_past_reports_are_latest_first(dataset: DataFolder) -> None:
    runs = [write(dataset, day) for day in (1, 2, 3, 4)]
    write(dataset, 2, "another")
    dataset.run(runs[1]).write_text("{")
    dataset.run(runs[0].replace("00aa", "00ab")).write_text("[]")
    assert [report["run_id"] for report in past_reports(dataset, "kalbela", runs[3])] == [runs[2], runs[0]]
    assert next(reports(dataset, "kalbela"))["run_id"] == runs[3]
    assert not past_reports(dataset, "nobody", runs[3])


def test_acknowledgement_starts_with_first_alarm(dataset: DataFolder) -> None:
    first = write(dataset, 1, alarms=[{"key": KEY}])
    latest = write(dataset, 2, alarms=[{"key": KEY, "since_run": first, "sentence": "kicker: gone"}])
    write(dataset, 3)
    alarm = acknowledge(dataset, "kalbela", KEY)
    assert alarm and alarm["since_run"] == first
    assert acknowledgements(dataset, "kalbela") == {KEY: Acknowledgement(since=first, until=latest)}
    assert acknowledge(dataset, "kalbela", "kalbela/field/byline") is None
    assert KEY in acknowledgements(dataset, "kalbela")


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}', '{"a": {"since": "x"}}', "null"])
def test_invalid_file_acknowledges_nothing(dataset: DataFolder, text: str) -> None:
    (dataset.state / "kalbela.acknowledged.json").write_text(text)
    assert acknowledgements(dataset, "kalbela") == {}
