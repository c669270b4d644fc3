"""Entry point of the command `khobor fleet`: the service with a cluster in place of child processes."""

import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from distributed import LocalCluster

from pipelines.storage.data_folder import DataFolder
from schedules.exit_codes import WrongUsage
from schedules.fleet.cluster import Cluster, ClusterLost
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
    Timetable.read(path)  # raises an error if it is invalid, before a cluster is started
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
            try:
                cluster.status()
            except ClusterLost as error:
                raise WrongUsage(str(error)) from error
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
        # Dask's scheduler has an HTTP server even without its dashboard.
        "scheduler_kwargs": {"dashboard_address": "127.0.0.1:0"},
        "silence_logs": logging.CRITICAL,
    }
    # Ctrl-C in a terminal reaches all processes. The workers, and the threads that start them again, inherit that it is
    # blocked, so that they live until their runs have ended. The start of the resource tracker would unblock it.
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        cluster = LocalCluster(**options)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    with cluster:
        yield cluster.scheduler_address
