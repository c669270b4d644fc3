"""Dispatcher of a fleet in this process, with a clock of its own, on a Dask cluster of real processes."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.fsync import make_folder
from schedules.fleet.cluster import Cluster, ClusterLost
from schedules.fleet.fleet_dispatcher import FleetDispatcher
from schedules.fleet.placement import Placement
from schedules.fleet.site_tasks import SiteTasks
from schedules.timetable.config import Timetable
from schedules.timetable.occurrences import Occurrence, State
from tests.support.fleet_cluster import FleetCluster
from tests.support.newsstand import Newsstand


def tasks_of(
    address: str, dataset: DataFolder, lease_seconds: float, bucket: str | None = None, **common: Any
) -> SiteTasks:
    """Return the tasks of a fleet whose sites move as soon as their worker is absent."""
    cluster = Cluster(address, dataset.root, bucket, lease_seconds)
    placement = Placement(dataset, has_bucket=bucket is not None, absence_seconds=0)
    orders = {"settings": (), "mirror": None} | common
    orders |= {"data": dataset.root, "bucket": bucket, "lease_seconds": lease_seconds}
    return SiteTasks(cluster, placement, dataset, orders)


@dataclass
class SmallFleet:
    """A fleet for some sites, each of which is due once a minute of its own clock.

    :param address: that of a cluster which is running already
    """

    root: Path
    stand: Newsstand
    mirror: str
    sites: Sequence[str]
    workers: Sequence[str] = ("one", "two")
    bucket: str | None = None
    address: str = ""
    nanny: bool = False
    delay: float = 0.05
    lease_seconds: float = 12.0
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = datetime.now(UTC).replace(second=30, microsecond=0)
        self.processes = FleetCluster(self.root, self.workers)
        self.dataset = DataFolder(self.root / "fleet")
        self.dataset.prepare()
        make_folder(self.dataset.state / "schedules")
        self.timetable = self.root / "timetable.toml"
        self.timetable.write_text(self.stand.timetable(self.sites))
        self.restart()

    def clock(self) -> datetime:
        """Return a time that is never the same, as that of a claim has to be."""
        self.now += timedelta(microseconds=1)
        return self.now

    def restart(self) -> None:
        """Replace the dispatcher by a new one, as after a crash of the service."""
        if hasattr(self, "dispatcher"):
            self.close()
        options: dict[str, Any] = {"settings": (f"DOWNLOAD_DELAY={self.delay}",), "mirror": self.mirror}
        address = self.address or self.processes.address
        self.tasks = tasks_of(address, self.dataset, self.lease_seconds, self.bucket, **options)
        self.dispatcher = FleetDispatcher(
            Timetable.read(self.timetable), self.dataset, self.tasks, clock=self.clock, log=self.log.append
        )

    def close(self) -> None:
        self.dispatcher.close()
        self.tasks.cluster.close()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Context manager of a cluster whose workers are there."""
        self.processes.start_scheduler()
        try:
            for name in self.workers:
                self.processes.start_worker(name, nanny=self.nanny)
            self.until(lambda: self.tasks.status["ready"] and len(self.tasks.status["workers"]) == len(self.workers))
            yield
        finally:
            self.close()
            for name in self.processes.processes:
                self.processes.kill(name)

    def data(self, name: str) -> Path:
        return self.processes.data(name)

    def until(self, condition: Callable[[], object], seconds: float = 300) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.log
            try:
                self.dispatcher.run_once()
            except ClusterLost as error:
                self.log.append(str(error))
            time.sleep(0.2)

    def run(self) -> list[Occurrence]:
        """Let a minute pass, and return the occurrences of it when they have ended."""
        self.now += timedelta(minutes=1)
        return self.ended()

    def ended(self) -> list[Occurrence]:
        """Return the occurrences of this minute when they have ended."""
        due = self.now.replace(second=0, microsecond=0)

        def found() -> list[Occurrence]:
            return [each for each in self.occurrences() if each.due_at == due and each.ended_at]

        self.until(lambda: len(found()) == len(self.sites))
        return found()

    def begin(self) -> None:
        """Let a minute pass, and return when a run sends requests."""
        self.now += timedelta(minutes=1)
        before = len(self.stand.log)
        self.until(lambda: len(self.stand.log) > before + 3)

    def occurrences(self) -> list[Occurrence]:
        with self.dispatcher._opened() as occurrences:
            names = [schedule.name for schedule in self.dispatcher.timetable.schedules]
            return [each for name in names for each in occurrences.latest(name, 99)]

    def states(self) -> Counter[State]:
        return Counter(each.state for each in self.occurrences())

    def stories(self) -> Counter[str]:
        folders = [self.data(name) / "stories" for name in self.workers]
        tables = [pd.read_parquet(folder, columns=["story_id"]) for folder in folders if folder.exists()]
        return Counter(story for table in tables for story in table["story_id"])

    def holder(self, site: str) -> str:
        """Return the name of the worker that has a site."""
        folder = json.loads((self.dataset.state / "fleet.json").read_bytes())["sites"][site]["folder"]
        return next(name for name in self.workers if folder_of(self.data(name)) == folder)


def folder_of(data: Path) -> str:
    path = data / "state" / "folder-id"
    return path.read_text() if path.exists() else ""
