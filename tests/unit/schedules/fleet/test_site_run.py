"""Task of the fleet for one site: which data it accepts, and which reports it delivers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DatabaseDamaged
from schedules.fleet.site_run import Order, _advance, _reports
from schedules.fleet.worker_data import generation_of
from schedules.timetable.retention import Retention

SITE = "kalbela"


@pytest.fixture
def dataset(tmp_path: Path) -> DataFolder:
    dataset = DataFolder(tmp_path)
    dataset.prepare()
    return dataset


def order(**more: Any) -> Order:
    values: dict[str, Any] = {"key": "", "site": SITE, "schedule": None, "due": "", "settings": (), "mirror": None}
    values |= {"retention": Retention(), "data": Path(), "bucket": None, "lease_seconds": 60.0, "known": frozenset()}
    return Order(**values | {"generation": "2026-01-02", "expected": ""} | more)


def test_data_of_earlier_generation_is_refused(dataset: DataFolder) -> None:
    _advance(order(), dataset)
    _advance(order(generation="2026-01-01"), dataset)  # claimed while the clock of the fleet was wrong
    assert generation_of(dataset, SITE) == "2026-01-02"
    late = order(generation="2026-01-04", expected="2026-01-03")
    with pytest.raises(DatabaseDamaged):
        _advance(late, dataset)
    assert generation_of(dataset, SITE) == "2026-01-02"
    _advance(replace(late, bucket="s3://press"), dataset)  # whose manifest decides
    assert generation_of(dataset, SITE) == "2026-01-04"


def test_report_is_delivered_though_clock_was_ahead(dataset: DataFolder) -> None:
    known, new, other = (f"2026010{day}T000000Z-{site}-0000" for day, site in ((3, SITE), (1, SITE), (2, "samakal")))
    for run_id in (known, new, other):
        dataset.write_text(dataset.run(run_id), f'{{"run_id": "{run_id}"}}')
    assert _reports(order(known=frozenset([known])), dataset) == [{"run_id": new}]
