"""Dask task that crawls one site once: the project's own run supervisor, under the leases of the site."""

import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crawler.clock import now
from pipelines.publishing.bucket import is_current, restore_site, set_aside, upload_site
from pipelines.runtime.fatal_errors import FATAL_ERRORS
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.run_reports import run_ids
from pipelines.storage.site_lock import SiteLock
from schedules.exit_codes import describe_error
from schedules.fleet.lease import BucketLease, HeldLeases, Lease, SchedulerLease
from schedules.fleet.lease_table import RENEW
from schedules.fleet.plugins import data_of_worker, folder_id
from schedules.reports.report import read_report
from schedules.runner.options import spider_named
from schedules.runner.run_process import RunOptions, RunProcess
from schedules.service.pruning import prune_site
from schedules.service.scheduled_run import evaluate_report, settings_of
from schedules.timetable.config import Schedule
from schedules.timetable.retention import Retention

POLL_SECONDS = 0.2
# Attempts to deliver a result; after that, the next run of the site delivers the report.
_DELIVERIES = 100
MAX_REPORTS = 100


@dataclass(frozen=True)
class Order:
    """Order to crawl a site for one due time.

    :ivar key: identifier of the task
    :ivar data: data folder of a worker without `KHOBOR_DATA`
    :ivar bucket: address of the bucket, or None
    :ivar expects_ledger: the site has been crawled before, so that a folder without its ledger is not the right one
    :ivar since: id of the latest run of the site whose report is known
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
    expects_ledger: bool
    since: str


def run_site(order: Order) -> str:
    """Crawl a site if its leases are free, and deliver the result to the scheduler; return a word for Dask's logs."""
    leases: list[Lease] = [SchedulerLease(order.site, order.key)]
    if order.bucket:
        from pipelines.buckets.addresses import open_bucket

        leases.append(BucketLease(open_bucket(order.bucket), order.site, order.lease_seconds))
    dataset = DataFolder(data_of_worker(order.data))
    dataset.prepare()
    lease_file = _lease_file(dataset, order.site)
    held = HeldLeases(
        leases, order.lease_seconds, lambda until: dataset.write_text(lease_file, str(until), durable=False)
    )
    result: dict[str, Any] = {"state": "held"}
    try:
        if held.acquire():
            result = _restore(order, dataset) or _crawl(order, dataset, held)
    except Exception as error:  # noqa: BLE001 - every error is reported by the fleet
        code, sentence = describe_error(error)
        result = {"state": "failed", "exit_code": int(code), "reason": sentence, "reports": _reports(order, dataset)}
    _deliver(order, held, result)
    return str(result["state"])


def _lease_file(dataset: DataFolder, site: str) -> Path:
    return dataset.state / f"{site}.lease"


def _restore(order: Order, dataset: DataFolder) -> dict[str, Any] | None:
    """Ensure that the data folder has the current ledger of the site; return the result if that is impossible."""
    spider = spider_named(order.site)
    if order.bucket:
        if not is_current(dataset, order.site, order.bucket):
            set_aside(dataset, order.site)
            restore_site(dataset, order.site, spider.zone, order.bucket, claim=True)
    elif order.expects_ledger and not dataset.ledger(order.site).exists():
        reason = (
            f"the ledger of {order.site} is missing in {dataset.root}: restore a backup there, or delete the site from"
            " state/fleet.json of the fleet to begin anew"
        )
        return {"state": "failed", "exit_code": 8, "reason": reason, "reports": []}
    return None


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
        "reason": "; ".join(report["verdict"]["problems"]) or None,
        "reports": _reports(order, dataset),
        "folder": folder_id(dataset),
        "uploaded": order.bucket is None or (upload is not None and upload.error is None),
        "upload": upload and asdict(upload),
    }


def _supervise(run: RunProcess, held: HeldLeases) -> None:
    while not run.has_ended():
        if held.must_die:
            run.kill()
        elif held.must_stop and run.signal is None:
            run.interrupt(signal.SIGTERM)
        time.sleep(POLL_SECONDS)


def _reports(order: Order, dataset: DataFolder) -> list[dict[str, Any]]:
    """Return the reports of the site that the fleet does not have yet, such as one of a run that was killed."""
    new = [run_id for run_id in run_ids(dataset, order.since, order.site) if run_id > order.since]
    reports = []
    for run_id in new[-MAX_REPORTS:]:
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
