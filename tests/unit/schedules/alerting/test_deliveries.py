"""The record of runs whose alarms were sent."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from schedules.alerting import deliveries
from schedules.alerting.deliveries import Deliveries

NOW = datetime(2026, 2, 20, tzinfo=UTC)
RUNS = [f"202602{day}T000000Z-kalbela-0000" for day in range(10, 20)]


def test_recent_runs_stay_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred sites have more runs in two weeks than the number that is always kept."""
    monkeypatch.setattr(deliveries, "MAX_RECORDED_RUNS", 2)
    with Deliveries.open(tmp_path / "alerts.sqlite") as stored:
        for run_id in RUNS:
            stored.record("kalbela/full", [], NOW, {}, run_id=run_id)
        stored.forget_runs(RUNS[4])
        assert stored.unrecorded(RUNS) == RUNS[:4]
        stored.forget_runs("21")  # the clock is ahead
        assert stored.unrecorded(RUNS) == RUNS[:-2]
