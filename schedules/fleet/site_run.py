"""Dask task that crawls one site once: the project's own run supervisor, under the leases of the site."""

import asyncio
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crawler.clock import now
from pipelines.publishing.bucket import is_current, restore_site, set_aside, upload_site
from pipelines.runtime.fatal_errors import FATAL_ERRORS
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DatabaseDamaged
from pipelines.storage.run_reports import run_ids
from pipelines.storage.site_lock import SiteLock
from schedules.exit_codes import describe_error
from schedules.fleet.lease import BucketLease, HeldLeases, Lease, SchedulerLease
from schedules.fleet.lease_table import RENEW
from schedules.fleet.worker_data import data_of_worker, folder_id, generation_file, generation_of
from schedules.reports.report import read_report
from schedules.runner.options import spider_named
from schedules.runner.run_process import RunOptions, RunProcess
from schedules.service.dispatcher import DRAIN_SECONDS
from schedules.service.pruning import prune_site
from schedules.service.scheduled_run import evaluate_report, settings_of
from schedules.timetable.config import Schedule
from schedules.timetable.retention import Retention

POLL_SECONDS = 0.2
# Attempts to deliver a result; after that, the next run of the site delivers the report.
_DELIVERIES = 100
MAX_REPORTS = 100
# Leases of the runs of this process, which end in order if it is closed.
_running: list[HeldLeases] = []


@dataclass(frozen=True)
class Order:
    """Order to crawl a site for one due time.

    :ivar key: identifier of the task
    :ivar data: data folder of a worker without `KHOBOR_DATA`
    :ivar bucket: address of the bucket, or None
    :ivar generation: time at which this run was claimed, which the data folder has as its generation from now on
    :ivar expected: generation that the data folder must have at least; empty for a site that has never been crawled
    :ivar known: ids of the latest runs of the site whose reports the fleet has
    """

    key: str
    site: str
    schedule: Schedule
    due: str
    settings: tuple[str, ...]
    mirror: str | None
    retention: Retention
    data: Path
    bucket: str | None
    lease_seconds: float
    generation: str
    expected: str
    known: frozenset[str]


def run_site(order: Order) -> str:
    """Crawl a site if its leases are free, and deliver the result to the scheduler; return a word for Dask's logs."""
    leases: list[Lease] = [SchedulerLease(order.site, order.key)]
    if order.bucket:
        from pipelines.buckets.addresses import open_bucket

        leases.append(BucketLease(open_bucket(order.bucket), order.site, order.lease_seconds))
    dataset = DataFolder(data_of_worker(order.data))
    dataset.prepare()
    _advance(order, dataset)
    lease_file = _lease_file(dataset, order.site)
    held = HeldLeases(
        leases, order.lease_seconds, lambda until: dataset.write_text(lease_file, str(until), durable=False)
    )
    _running.append(held)
    try:
        result = _run(order, dataset, held)
        _deliver(order, held, result)
    finally:
        _running.remove(held)
    return str(result["state"])


def _run(order: Order, dataset: DataFolder, held: HeldLeases) -> dict[str, Any]:
    try:
        if not held.acquire():
            return {"state": "held"}
        _restore(order, dataset)
        return _crawl(order, dataset, held)
    except Exception as error:  # noqa: BLE001 - every error is reported by the fleet
        code, sentence = describe_error(error)
        return {"state": "failed", "exit_code": int(code), "reason": sentence, "reports": _reports(order, dataset)}


async def stop_runs() -> None:
    """Ask the runs of this process to end, and wait until their results are delivered."""
    end = time.monotonic() + DRAIN_SECONDS
    while _running and time.monotonic() < end:
        for held in list(_running):
            held.stop("its worker was closed")
        await asyncio.sleep(POLL_SECONDS)


def _lease_file(dataset: DataFolder, site: str) -> Path:
    return dataset.state / f"{site}.lease"


def _advance(order: Order, dataset: DataFolder) -> None:
    """Give the site's data in this folder the generation of this run; raises an error if the data is out of date.

    This is done before the lease is acquired. So a folder in which a run has begun has its generation, whenever the
    worker is killed. With a bucket, its manifest shows if the data is out of date.
    """
    found = generation_of(dataset, order.site)
    if found < order.expected and not order.bucket:
        raise DatabaseDamaged(
            f"the data of {order.site} in {dataset.root} is missing or older than its latest run: start the worker that"
            " has it, or stop `khobor fleet` and delete the site from state/fleet.json to go on with what is there"
        )
    dataset.write_text(generation_file(dataset, order.site), max(found, order.generation))


def _restore(order: Order, dataset: DataFolder) -> None:
    """Replace the site's data by that of the bucket, if another data folder has written the bucket since."""
    if order.bucket and not is_current(dataset, order.site, order.bucket):
        set_aside(dataset, order.site)
        restore_site(dataset, order.site, spider_named(order.site).zone, order.bucket, claim=True)


def _crawl(order: Order, dataset: DataFolder, held: HeldLeases) -> dict[str, Any]:
    spider, schedule = spider_named(order.site), order.schedule
    named = {"name": schedule.name, "due": order.due}
    settings = settings_of(schedule, order.settings, order.mirror)
    settings["KHOBOR_LEASE_FILE"] = str(_lease_file(dataset, order.site))
    run = RunProcess(RunOptions(spider, dataset, (), settings, named))
    try:
        _supervise(run, held)
    except BaseException:
        run.kill()
        run.conclude()
        raise
    report = evaluate_report(dataset, run.conclude(), schedule, order.due)
    upload = upload_site(dataset, order.site, order.bucket) if order.bucket and not held.must_die else None
    try:
        with SiteLock.take(dataset.lock(order.site)):
            prune_site(dataset, spider, order.retention, now())
    except FATAL_ERRORS:
        pass  # a disk error; the next run has it too, and reports it
    return {
        "state": "ran",
        "exit_code": int(report["exit_code"]),
        "run_id": report["run_id"],
        "reason": "; ".join(filter(None, [held.stop_reason, *report["verdict"]["problems"]])) or None,
        "reports": _reports(order, dataset),
        "folder": folder_id(dataset),
        "uploaded": order.bucket is None or (upload is not None and upload.error is None),
        "upload": upload and asdict(upload),
    }


def _supervise(run: RunProcess, held: HeldLeases) -> None:
    while not run.has_ended():
        must_stop = held.must_stop
        if held.must_die:
            run.kill()
        elif must_stop and run.signal is None:
            run.interrupt(signal.SIGTERM)
        time.sleep(POLL_SECONDS)


def _reports(order: Order, dataset: DataFolder) -> list[dict[str, Any]]:
    """Return the reports of the site that the fleet does not have yet, such as one of a run that was killed.

    Their ids are compared with all that the fleet has, because the clocks of two workers may differ.
    """
    reports = []
    for run_id in run_ids(dataset, site=order.site)[-MAX_REPORTS:]:
        if run_id in order.known:
            continue
        try:
            reports.append(read_report(dataset, run_id))
        except (OSError, ValueError):
            continue  # `khobor runs` on the worker lists unreadable reports
    return reports


def _deliver(order: Order, held: HeldLeases, result: dict[str, Any]) -> None:
    for _ in range(_DELIVERIES):
        try:
            held.release(result)
            return
        except (OSError, TimeoutError, RuntimeError):
            time.sleep(order.lease_seconds * RENEW)
