"""Dask plugins: the table of leases in the scheduler, and the announcement of each worker's data folder.

The address of the scheduler must not be public, because whoever reaches it can execute code on all workers.
"""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from distributed import Scheduler, SchedulerPlugin, Status, Worker, WorkerPlugin

from crawler.registry import newspapers
from pipelines.storage.data_folder import DataFolder
from schedules.fleet.lease_table import LeaseTable
from schedules.fleet.placement import VERSION
from schedules.fleet.worker_data import crawled_sites, data_of_worker, folder_id

#: Name of the request that the scheduler answers.
REQUEST = "khobor_fleet"
_CLOSING = (Status.closing, Status.closing_gracefully)


class LeasePlugin(SchedulerPlugin):
    """Plugin of the Dask scheduler that answers the requests of tasks and of `khobor fleet`."""

    name = "khobor-leases"
    idempotent = True

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def start(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._table = LeaseTable(self._seconds)
        self._folders: dict[str, dict[str, Any]] = {}
        scheduler.handlers[REQUEST] = self.handle

    def handle(self, action: str, **arguments: Any) -> Any:
        """Answer a request: a method of the table of leases, the announcement of a worker, or the list of workers."""
        if action == "announce":
            self._folders[arguments["address"]] = arguments
            return None
        if action == "status":
            present = [address for address, worker in self._scheduler.workers.items() if worker.status not in _CLOSING]
            workers = [self._folders[address] for address in present if address in self._folders]
            user = self._table.use(**arguments)
            return {**self._table.status(), "workers": workers, "user": user, "version": VERSION}
        if action not in ("acquire", "renew", "release", "stop", "forget"):
            raise ValueError(action)
        return getattr(self._table, action)(**arguments)


class AnnouncePlugin(WorkerPlugin):
    """Plugin of a Dask worker that tells the scheduler which data folder the worker has.

    :param data: data folder of a worker without `KHOBOR_DATA` in its environment
    :param bucket: address of the bucket, or None; its credentials are in the environment of the worker
    """

    name = "khobor-data"

    def __init__(self, data: Path, bucket: str | None) -> None:
        self._data, self._bucket = data, bucket

    async def setup(self, worker: Worker) -> None:
        os.environ["KHOBOR_BUCKET"] = self._bucket or ""
        # Loaded before the first task, because no lease could be renewed while the threads of several tasks do it.
        import_module("schedules.fleet.site_run")
        newspapers()
        dataset = DataFolder(data_of_worker(self._data))
        dataset.prepare()
        await getattr(worker.scheduler, REQUEST)(
            action="announce",
            address=worker.address,
            name=str(worker.name),
            folder=folder_id(dataset),
            sites=crawled_sites(dataset),
            version=VERSION,
        )

    async def teardown(self, worker: Worker) -> None:
        """Let the runs end while the connection to the scheduler, through which they renew their leases, is open.

        A restarted `khobor fleet` replaces the plugin, which is no reason to stop them.
        """
        if worker.status in _CLOSING:
            await import_module("schedules.fleet.site_run").stop_runs()
