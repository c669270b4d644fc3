"""Entry point of the command `khobor fleet`: the service with a cluster in place of child processes."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distributed import LocalCluster

from pipelines.storage.data_folder import DataFolder
from schedules.fleet.cluster import Cluster
from schedules.fleet.fleet_dispatcher import FleetDispatcher
from schedules.fleet.placement import Placement
from schedules.fleet.site_tasks import SiteTasks
from schedules.runner.run_all import MAX_RUNS
from schedules.service.serve import serve
from schedules.timetable.config import Timetable

INTERVAL_SECONDS = 2.0


def serve_fleet(
    path: Path,
    dataset: DataFolder,
    *,
    scheduler: str | None,
    local_workers: int,
    bucket: str | None,
    absence_seconds: float,
    lease_seconds: float,
    service: dict[str, Any],
) -> int:
    """Run the schedules of a timetable on the workers of a cluster until a signal stops the process.

    :param scheduler: address of the Dask scheduler; without it, one is started with ``local_workers`` workers
    :param bucket: address of the bucket, from which a site can be restored on another worker
    :param service: other options of :func:`serve`
    """
    with _scheduler(scheduler, local_workers) as address:
        cluster = Cluster(address, dataset.root, bucket, lease_seconds)
        common = {
            "settings": tuple(service["settings"]),
            "mirror": service["mirror"],
            "data": dataset.root,
            "bucket": bucket,
            "lease_seconds": lease_seconds,
        }

        def dispatcher_of(timetable: Timetable, log: Callable[[str], None]) -> FleetDispatcher:
            cluster.request("status")  # raises an error if the address is wrong
            placement = Placement(dataset, bucket is not None, absence_seconds)
            tasks = SiteTasks(cluster, placement, dataset, common)
            return FleetDispatcher(timetable, dataset, tasks, log=log, max_runs=sys.maxsize)

        try:
            return serve(path, dataset, seconds=INTERVAL_SECONDS, dispatcher_of=dispatcher_of, **service)
        finally:
            cluster.close()


@contextmanager
def _scheduler(address: str | None, local_workers: int) -> Iterator[str]:
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # lost connections are reported here
    if address is not None:
        yield address
        return
    options: dict[str, Any] = {
        "n_workers": local_workers,
        "threads_per_worker": max(1, MAX_RUNS // local_workers),
        "host": "127.0.0.1",
        "memory_limit": 0,
        "dashboard_address": None,
        "silence_logs": logging.ERROR,
    }
    with LocalCluster(**options) as cluster:
        yield cluster.scheduler_address
