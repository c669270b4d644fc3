"""A small fleet: two newspapers on two workers of a Dask cluster, one of which is killed."""

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from distributed import LocalCluster

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.fsync import make_folder
from schedules.fleet.cluster import Cluster, ClusterLost
from schedules.fleet.fleet_dispatcher import FleetDispatcher
from schedules.fleet.placement import Placement
from schedules.fleet.site_tasks import SiteTasks
from schedules.reports.waiting_sites import waiting_alarms
from schedules.timetable.config import Timetable
from schedules.timetable.occurrences import Occurrence, State
from tests.support.fleet_cluster import FleetCluster, free_port
from tests.support.newsstand import Newsstand

SITES = ("ittefaq", "samakal")
LEASE_SECONDS = 8.0


@dataclass
class SmallFleet:
    """Dispatcher of the fleet in this process, with a clock of its own, and a cluster of real processes."""

    root: Path
    stand: Newsstand
    mirror: str

    def __post_init__(self) -> None:
        self.now = datetime.now(UTC).replace(second=30, microsecond=0)
        self.processes = FleetCluster(self.root, ("one", "two"))
        self.dataset = DataFolder(self.root / "fleet")
        self.dataset.prepare()
        make_folder(self.dataset.state / "schedules")
        path = self.root / "timetable.toml"
        path.write_text(self.stand.timetable(SITES))
        self.cluster = Cluster(self.processes.address, self.dataset.root, None, LEASE_SECONDS)
        placement = Placement(self.dataset, has_bucket=False, absence_seconds=0)
        common = {
            "settings": ("DOWNLOAD_DELAY=0.05",),
            "mirror": self.mirror,
            "data": self.dataset.root,
            "bucket": None,
        }
        tasks = SiteTasks(self.cluster, placement, self.dataset, common | {"lease_seconds": LEASE_SECONDS})
        self.log: list[str] = []
        self.dispatcher = FleetDispatcher(
            Timetable.read(path), self.dataset, tasks, clock=lambda: self.now, log=self.log.append
        )

    def until(self, condition: object, seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while not condition():  # type: ignore[operator]
            assert time.monotonic() < end, self.log
            try:
                self.dispatcher.run_once()
            except ClusterLost as error:
                self.log.append(str(error))
            time.sleep(0.2)

    def states(self) -> Counter[State]:
        with self.dispatcher._opened() as occurrences:
            return Counter(each.state for site in SITES for each in occurrences.latest(f"stand-{site}", 99))

    def stories(self) -> Counter[str]:
        folders = [self.processes.data(name) / "stories" for name in self.processes.workers]
        tables = [pd.read_parquet(folder, columns=["story_id"]) for folder in folders if folder.exists()]
        return Counter(story for table in tables for story in table["story_id"])


@pytest.mark.soak
@pytest.mark.timeout(400)
def test_small_fleet_survives_killed_worker(tmp_path: Path) -> None:
    stand = Newsstand()
    with stand.serve() as mirror:
        fleet = SmallFleet(tmp_path, stand, mirror)
        processes = fleet.processes
        processes.start_scheduler()
        try:
            for name in processes.workers:
                processes.start_worker(name)
            tasks = fleet.dispatcher.tasks
            fleet.until(lambda: tasks.status["ready"] and len(tasks.status["workers"]) == 2)
            fleet.now += timedelta(minutes=1)
            fleet.until(lambda: {request.host for request in stand.log} >= {"www.ittefaq.com.bd", "samakal.com"})
            killed = next(
                name for name in processes.workers if (processes.data(name) / "state" / "ittefaq.sqlite").exists()
            )
            processes.kill(killed)
            fleet.until(lambda: fleet.states()[State.RAN] == 2)
            tasks.placement.note("ittefaq", _folder(processes.data(killed)), uploaded=True)
            fleet.now += timedelta(minutes=1)
            fleet.until(lambda: any(alarm["site"] == "ittefaq" for alarm in waiting_alarms(fleet.dataset)))
            processes.start_worker(killed)
            fleet.until(lambda: fleet.states()[State.RAN] == 4 and not waiting_alarms(fleet.dataset))
        finally:
            fleet.cluster.close()
            for name in processes.processes:
                processes.kill(name)
    expected = set().union(*(stand.expected(site) for site in SITES))
    assert fleet.stories() == Counter(expected)
    reports = {path.name for path in fleet.dataset.runs.glob("*.json")}
    assert reports == {path.name for name in processes.workers for path in processes.data(name).glob("runs/*.json")}
    assert len(reports) == 4


def _folder(data: Path) -> str:
    return (data / "state" / "folder-id").read_text()


@pytest.mark.parametrize("bucket", ["no/folder", "s3://nowhere/x"])
def test_unreachable_bucket_fails_start_with_reason(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first lease, and between the two."""
    for name, value in (("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}"), ("AWS_ALLOW_HTTP", "true")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("KHOBOR_BUCKET", "")  # the worker, which is in this process, sets it
    monkeypatch.delenv("KHOBOR_DATA", raising=False)
    path, dataset, moment = tmp_path / "timetable.toml", DataFolder(tmp_path / "data"), datetime.now(UTC)
    path.write_text(Newsstand().timetable(SITES[:1]))
    dataset.prepare()
    make_folder(dataset.state / "schedules")
    common = {"settings": (), "mirror": None, "data": dataset.root, "bucket": bucket, "lease_seconds": 1.0}
    with LocalCluster(
        n_workers=1, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=None
    ) as processes:
        cluster = Cluster(processes.scheduler_address, dataset.root, bucket, 1.0)
        tasks = SiteTasks(cluster, Placement(dataset, has_bucket=True), dataset, common)
        offset = timedelta()
        dispatcher = FleetDispatcher(Timetable.read(path), dataset, tasks, clock=lambda: moment + offset, log=print)
        ended: list[Occurrence] = []
        while not ended:
            dispatcher.run_once()
            offset = timedelta(minutes=1) * tasks.status["ready"]
            with dispatcher._opened() as occurrences:
                found = occurrences.latest(dispatcher.timetable.schedules[0].name, 9)
            ended = [each for each in found if each.exit_code is not None]
            time.sleep(0.1)
        assert cluster.status()["running"] == {}
        dispatcher.close()
        cluster.close()
    assert ended[0].state is State.FAILED_TO_START
    assert bucket in str(ended[0].reason)
