"""Dask plugins: the table of leases in the scheduler, and the announcement of each worker's data folder.

The address of the scheduler must not be public, because whoever reaches it can execute code on all workers.
"""

import os
import secrets
from importlib import import_module
from pathlib import Path
from typing import Any

from distributed import Scheduler, SchedulerPlugin, Worker, WorkerPlugin

from crawler.registry import newspapers
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import is_site
from schedules.fleet.lease_table import LeaseTable

#: Name of the request that the scheduler answers.
REQUEST = "khobor_fleet"


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
            workers = [self._folders[address] for address in self._scheduler.workers if address in self._folders]
            return {**self._table.status(), "workers": workers}
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
        sites = [path.stem for path in dataset.state.glob("*.sqlite") if is_site(path.stem)]
        await getattr(worker.scheduler, REQUEST)(
            action="announce",
            address=worker.address,
            name=str(worker.name),
            folder=folder_id(dataset),
            sites=[site for site in sites if dataset.lock(site).exists()],
        )


def data_of_worker(data: Path) -> Path:
    return Path(os.environ.get("KHOBOR_DATA") or data)


def folder_id(dataset: DataFolder) -> str:
    """Return the random id of a data folder, by which it is recognised on whatever worker it is."""
    path = dataset.state / "folder-id"
    if not path.exists():
        dataset.write_text(path, secrets.token_hex(8))
    return path.read_text().strip()
