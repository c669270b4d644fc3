"""Removal of old records after the number of days set in the timetable.

It is done by `khobor prune` and after each scheduled run. A process that is killed at any point leaves a consistent
data folder, and the next removal completes the work.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta

from crawler.clock import now
from crawler.spider import NewspaperSpider
from pipelines.publishing.archive_removal import remove_archives
from pipelines.publishing.exchange import open_ledger
from pipelines.publishing.publisher import publish, remove_parts
from pipelines.publishing.roll_up import roll_up_reports
from pipelines.runtime.fatal_errors import FATAL_ERRORS
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.failpoint import reached
from pipelines.storage.run_reports import site_of
from pipelines.storage.site_lock import SiteLock, SiteLocked
from pipelines.storage.tables import TABLES
from schedules.metrics.totals import TotalsReader
from schedules.runner.options import spider_named
from schedules.timetable.config import Timetable
from schedules.timetable.occurrences import Occurrences, occurrences_file
from schedules.timetable.retention import Retention


def prune_site(
    dataset: DataFolder, spider: type[NewspaperSpider], retention: Retention, moment: datetime
) -> dict[str, int]:
    """Remove a site's old logs, reports, archives and records of requests, and return the number of each.

    :param retention: number of days to keep each kind of record
    :param moment: current time; the caller must hold the lock of the site
    """
    removed = {"logs": 0, "reports": 0, "fetches": 0, "archives": 0}
    site = spider.name
    with closing(open_ledger(dataset, site, spider.zone)) as ledger:
        if retention.reports_days is not None:
            removed["reports"] = roll_up_reports(dataset, ledger, _run_id(moment, retention.reports_days))
        if retention.archive_days is not None:
            first = (moment - timedelta(days=retention.archive_days)).astimezone(spider.zone).date()
            publish(dataset, ledger)
            removed["archives"] = remove_archives(dataset, ledger, first)
        if retention.fetches_days is not None:
            before = (moment - timedelta(days=retention.fetches_days)).astimezone(spider.zone)
            removed["fetches"] = remove_parts(dataset, ledger, TABLES["fetches"], f"{before:%Y-%m-%d}")
    if retention.logs_days is not None:
        before_id = _run_id(moment, retention.logs_days)
        for log in dataset.log("").parent.glob("*.log"):
            if log.name < before_id and site_of(log.stem) == site:
                log.unlink(missing_ok=True)
                reached("prune.log")
                removed["logs"] += 1
    return removed


def _run_id(moment: datetime, days: int) -> str:
    """Return the smallest id of a run started ``days`` before ``moment`` or later; ids begin with the start time."""
    return f"{moment - timedelta(days=days):%Y%m%dT%H%M%SZ}"


def prune_occurrences(dataset: DataFolder, retention: Retention, moment: datetime) -> int:
    """Delete old occurrences (due times of schedules with their results), and return the number deleted."""
    if retention.occurrences_days is None or not occurrences_file(dataset).exists():
        return 0
    with Occurrences.open(occurrences_file(dataset)) as occurrences:
        deleted: int = occurrences.delete_old(moment - timedelta(days=retention.occurrences_days))
        return deleted


def prune_after_run(
    dataset: DataFolder, timetable: Timetable, sites: Sequence[str], log: Callable[[str], None]
) -> None:
    """Remove old records of the sites of a scheduled run when it has ended.

    The totals for the metrics are stored first, because they include the removed reports. An error is logged and not
    raised. If another run has locked a site, its records are removed after the next run.
    """
    try:
        TotalsReader(dataset).read()
        prune_occurrences(dataset, timetable.retention, now())
        for site in sites:
            with SiteLock.take(dataset.lock(site)):
                prune_site(dataset, spider_named(site), timetable.retention, now())
    except SiteLocked:
        pass
    except FATAL_ERRORS as error:
        log(f"old records could not be removed: {error}")
