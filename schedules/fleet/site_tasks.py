"""Tasks of the fleet, in the form of the child processes that the dispatcher of the service starts and watches."""

import bisect
import json
import signal
import time
from collections import defaultdict
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from distributed import Future

from crawler.clock import now
from pipelines.buckets.upload_records import LastUpload
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.run_reports import run_ids, site_of
from schedules.exit_codes import ExitCode, describe_error
from schedules.fleet.cluster import Cluster, ClusterLost
from schedules.fleet.placement import Placement, WorkerInfo
from schedules.fleet.site_run import MAX_REPORTS, Order
from schedules.reports.upload_results import write_upload
from schedules.timetable.config import Schedule
from schedules.timetable.occurrences import Occurrence, Occurrences, State, occurrences_file
from schedules.timetable.retention import Retention

_UNKNOWN: dict[str, Any] = {"ready": False, "running": {}, "results": {}, "workers": []}
# Shortest time between two requests for the state of all tasks.
REFRESH_SECONDS = 0.5


@dataclass
class SiteTask:
    """Task of one occurrence; ``poll`` and ``terminate`` are as those of a child process."""

    tasks: "SiteTasks"
    schedule: str
    due: str
    site: str
    key: str
    generation: str
    worker: WorkerInfo | None = None
    future: Future[str] | None = None
    has_begun: bool = False

    def poll(self) -> int | None:
        """Return the exit code, or None while the task is waiting or running.

        The code is that of SIGKILL if the lease expired without a result, and that of SIGTERM if the task has not begun
        and never will.
        """
        status = self.tasks.status
        if (result := status["results"].get(self.key)) is not None:
            return self.tasks.collect(self, result)
        if self.key in status["running"]:
            if not self.has_begun:
                self.has_begun = True
                self.tasks.begin(self)
            return None
        if not status["ready"]:
            return None
        if self.has_begun:
            return -signal.SIGKILL
        is_queued = self.future is not None and self.future.status == "pending"
        if is_queued and self.worker and self.worker.address in {worker.address for worker in status["workers"]}:
            return None
        if self.future is not None and (error := self.tasks.cluster.error_of(self.future)) is not None:
            code, sentence = describe_error(error)
            return self.tasks.collect(self, {"state": "failed", "exit_code": int(code), "reason": sentence})
        self.terminate()
        return ExitCode.TERMINATED

    def terminate(self) -> None:
        """Ask the run to end, or prevent its begin."""
        self.tasks.cluster.request("stop", key=self.key)
        if self.future is not None and not self.has_begun:
            with suppress(Exception):  # of a connection that was lost
                self.future.cancel()


@dataclass
class SiteTasks:
    """Starter of the tasks of the fleet, in place of the child processes of the service.

    :param common: fields that are the same in all orders
    """

    cluster: Cluster
    placement: Placement
    dataset: DataFolder
    common: dict[str, Any]
    retention: Retention = field(default_factory=Retention)
    status: dict[str, Any] = field(default_factory=lambda: {**_UNKNOWN})
    _refreshed_at: float = 0.0

    def __post_init__(self) -> None:
        # Runs whose reports the fleet has, by site.
        self._reported = defaultdict[str, list[str]](list)
        for run_id in run_ids(self.dataset):
            self._reported[site_of(run_id)].append(run_id)

    def refresh(self, keys: Collection[str]) -> None:
        """Read the state of all tasks; raises :class:`ClusterLost` if the scheduler does not respond.

        :param keys: tasks whose results are still to be collected; the reports of others are stored
        """
        if time.monotonic() - self._refreshed_at < REFRESH_SECONDS:
            return
        self.status = self.cluster.status()
        self._refreshed_at = time.monotonic()
        self.placement.update(self.status["workers"])
        if late := self.status["results"].keys() - keys:  # their leases had expired before they ended
            for key in late:
                self._keep_reports(self.status["results"][key])
            self.cluster.request("forget", keys=sorted(late))

    def start(self, schedule: Schedule, due: str) -> SiteTask:
        """Submit the task for an occurrence, which the caller must have claimed."""
        with self._occurrences() as occurrences:
            occurrence = occurrences.get(schedule.name, due)
        assert occurrence is not None
        task = self.adopt(occurrence)
        task.worker = self.placement.choose(task.site)
        if task.worker is not None:
            self.placement.pin(task.site, task.worker.folder)
            with suppress(ClusterLost):  # the next poll releases the occurrence
                task.future = self.cluster.submit(self._order(task, schedule), task.worker)
        return task

    def adopt(self, occurrence: Occurrence) -> SiteTask:
        """Return the task of an occurrence, which may have been started by an earlier process of the fleet."""
        generation = occurrence.claimed_at.isoformat()
        key = f"{occurrence.schedule} {occurrence.due} {generation}"
        has_begun = occurrence.state is State.RUNNING
        schedule, due, site = occurrence.schedule, occurrence.due, occurrence.sites[0]
        return SiteTask(self, schedule, due, site, key, generation, has_begun=has_begun)

    def _order(self, task: SiteTask, schedule: Schedule) -> Order:
        return Order(
            key=task.key,
            site=task.site,
            schedule=schedule,
            due=task.due,
            retention=self.retention,
            generation=task.generation,
            expected=self.placement.generations.get(task.site, ""),
            known=frozenset(self._reported[task.site][-MAX_REPORTS:]),
            **self.common,
        )

    def begin(self, task: SiteTask) -> None:
        self.placement.begin(task.site, task.generation)
        with self._occurrences() as occurrences:
            occurrences.start(task.schedule, task.due, now())

    def collect(self, task: SiteTask, result: dict[str, Any]) -> int:
        """Store the reports and the result of a task, and return its exit code."""
        self._keep_reports(result)
        code = int(result.get("exit_code", ExitCode.LOCKED))
        with self._occurrences() as occurrences:
            occurrences.start(task.schedule, task.due, now())
            if "run_id" in result:
                occurrences.set_runs(task.schedule, task.due, [result["run_id"]])
            state = {"ran": None, "held": State.HELD}.get(result["state"], State.FAILED_TO_START)
            details = {"state": state, "exit_code": code, "reason": result.get("reason")}
            occurrences.finish(task.schedule, task.due, now(), **details)
        if upload := result.get("upload"):
            write_upload(self.dataset, LastUpload(**upload))
        if "folder" in result:
            self.placement.note(task.site, result["folder"], uploaded=bool(result["uploaded"]))
            self.placement.begin(task.site, task.generation)
        self.cluster.request("forget", keys=[task.key])
        return code

    def _keep_reports(self, result: dict[str, Any]) -> None:
        for report in result.get("reports", ()):
            run_id = report["run_id"]
            if not (path := self.dataset.run(run_id)).exists():
                self.dataset.write_text(path, json.dumps(report, ensure_ascii=False, indent=1))
            if run_id not in (known := self._reported[site_of(run_id)]):
                bisect.insort(known, run_id)

    def _occurrences(self) -> Occurrences:
        return Occurrences.open(occurrences_file(self.dataset))

    # Done by the tasks themselves, on the workers (checks of the data: by cron, see docs/fleet.md) --------------------

    def report_dead_runs(self, sites: Iterable[str]) -> None:
        return

    def check_data(self, sites: Iterable[str]) -> None:
        return

    def holder(self, schedule: str) -> int | None:
        return None

    def terminate(self, process: int) -> None:
        return
