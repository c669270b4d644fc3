"""A small fleet: two newspapers on two workers of a Dask cluster, one of which is killed."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from distributed import LocalCluster

from schedules.fleet.cluster import Cluster, ClusterInUse
from schedules.reports.waiting_sites import waiting_alarms
from schedules.timetable.occurrences import State
from tests.support.fleet_cluster import free_port
from tests.support.newsstand import Newsstand
from tests.support.small_fleet import SmallFleet

SITES = ("ittefaq", "samakal")
LOCAL: dict[str, Any] = {
    "host": "127.0.0.1",
    "dashboard_address": None,
    "scheduler_kwargs": {"dashboard_address": "127.0.0.1:0"},
}


@pytest.mark.soak
@pytest.mark.timeout(400)
def test_small_fleet_survives_killed_worker(tmp_path: Path) -> None:
    stand = Newsstand()
    with stand.serve() as mirror:
        fleet = SmallFleet(tmp_path, stand, mirror, SITES)
        processes = fleet.processes
        with fleet.running():
            fleet.now += timedelta(minutes=1)
            fleet.until(lambda: {request.host for request in stand.log} >= {"www.ittefaq.com.bd", "samakal.com"})
            killed = fleet.holder("ittefaq")
            processes.kill(killed)
            fleet.until(lambda: fleet.states()[State.RAN] == 2)
            fleet.now += timedelta(minutes=1)
            fleet.until(lambda: any(alarm["site"] == "ittefaq" for alarm in waiting_alarms(fleet.dataset)))
            processes.start_worker(killed)
            fleet.until(lambda: fleet.states()[State.RAN] == 4 and not waiting_alarms(fleet.dataset))
    expected = set().union(*(stand.expected(site) for site in SITES))
    assert fleet.stories() == Counter(expected)
    reports = {path.name for path in fleet.dataset.runs.glob("*.json")}
    assert reports == {path.name for name in processes.workers for path in processes.data(name).glob("runs/*.json")}
    assert len(reports) == 4


@contextmanager
def local_fleet(root: Path, stand: Newsstand, mirror: str, **options: Any) -> Iterator[SmallFleet]:
    """A fleet whose scheduler and worker are in this process."""
    with (
        pytest.MonkeyPatch.context() as patch,
        LocalCluster(n_workers=1, processes=False, protocol="tcp", **LOCAL) as cluster,
    ):
        patch.setenv("KHOBOR_BUCKET", "")  # the worker, which is in this process, sets it
        patch.delenv("KHOBOR_DATA", raising=False)
        address = cluster.scheduler_address
        fleet = SmallFleet(root, stand, mirror, SITES[:1], address=address, **options)
        fleet.until(lambda: fleet.tasks.status["ready"])
        try:
            yield fleet
        finally:
            fleet.close()


@pytest.mark.parametrize("bucket", ["no/folder", "s3://nowhere/x"])
def test_unreachable_bucket_fails_start_with_reason(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first lease, and between the two."""
    for name, value in (("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}"), ("AWS_ALLOW_HTTP", "true")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    with local_fleet(tmp_path, Newsstand(), "", bucket=bucket, lease_seconds=2.0) as fleet:
        [ended] = fleet.run()
        assert fleet.tasks.cluster.status()["running"] == {}
    assert ended.state is State.FAILED_TO_START
    assert bucket in str(ended.reason)


def test_restarted_service_collects_run_in_progress(tmp_path: Path) -> None:
    """Another fleet on the same scheduler would take its result, and is refused."""
    stand = Newsstand()
    with stand.serve() as mirror, local_fleet(tmp_path, stand, mirror) as fleet:
        fleet.begin()
        fleet.restart()
        other = Cluster(fleet.address, tmp_path / "another", None, 12.0)
        with pytest.raises(ClusterInUse, match="in use by"):
            other.status()
        [ended] = fleet.ended()
        assert (ended.state, ended.exit_code) == (State.RAN, 0)
        assert [path.stem for path in fleet.dataset.runs.glob("*.json")] == [*ended.runs]
        assert set(pd.read_parquet(fleet.dataset.root / "stories")["story_id"]) == stand.expected(SITES[0])
