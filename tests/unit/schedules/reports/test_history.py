"""The past of a newspaper: which reports a judge sees, and what somebody said is right."""

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


def ran(dataset: DataFolder, day: int, site: str = "kalbela", **more: Any) -> str:
    run_id = f"202611{day:02}T201500Z-{site}-00aa"
    report = {"run_id": run_id, "site": site, "verdict": {"exit_code": 0, "problems": []}, "alarms": []}
    dataset.run(run_id).write_text(json.dumps(report | more))
    return run_id


def test_the_past_is_the_newspapers_own_runs_before_this_one_latest_first(dataset: DataFolder) -> None:
    runs = [ran(dataset, day) for day in (1, 2, 3, 4)]
    ran(dataset, 2, "another")
    dataset.run(runs[1]).write_text("{")
    dataset.run(runs[0].replace("00aa", "00ab")).write_text("[]")
    assert [report["run_id"] for report in past_reports(dataset, "kalbela", runs[3])] == [runs[2], runs[0]]
    assert next(reports(dataset, "kalbela"))["run_id"] == runs[3]
    assert not past_reports(dataset, "nobody", runs[3])


def test_what_is_accepted_begins_with_the_run_that_first_told_it(dataset: DataFolder) -> None:
    first = ran(dataset, 1, alarms=[{"key": KEY}])
    latest = ran(dataset, 2, alarms=[{"key": KEY, "since_run": first, "sentence": "kicker: gone"}])
    ran(dataset, 3)
    told = acknowledge(dataset, "kalbela", KEY)
    assert told is not None
    assert told["sentence"] == "kicker: gone"
    assert acknowledgements(dataset, "kalbela") == {KEY: Acknowledgement(since=first, until=latest)}
    assert acknowledge(dataset, "kalbela", "kalbela/field/byline") is None
    assert KEY in acknowledgements(dataset, "kalbela")


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}', '{"a": {"since": "x"}}', "null"])
def test_a_file_that_was_edited_badly_accepts_nothing(dataset: DataFolder, text: str) -> None:
    (dataset.state / "kalbela.acknowledged.json").write_text(text)
    assert acknowledgements(dataset, "kalbela") == {}
