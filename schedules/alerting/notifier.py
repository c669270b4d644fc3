"""Notifier: send an alert when an alarm of the scheduled runs appears, and another when it clears.

Each pass reads the current state from files: reports of ended runs, scheduled runs that could not be started, and due
times without a run. The module :mod:`schedules.alerting.deliveries` stores the alarms and the unsent alerts.
"""

import socket
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from crawler.clock import now
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DatabaseDamaged, DataDamaged
from pipelines.storage.failpoint import reached
from pipelines.storage.fsync import make_folder
from pipelines.storage.site_lock import SiteLock, SiteLocked
from pipelines.storage.sqlite import move_database
from schedules.alerting.deliveries import Deliveries, deliveries_path
from schedules.alerting.messages import subject
from schedules.alerting.missed_runs import GOOD, RunIds, corrected_clocks, missed_runs
from schedules.alerting.transports import DeliveryError, deliver
from schedules.reports.checks import check_alarms
from schedules.reports.report import read_report, run_ids_of_sites
from schedules.reports.upload_results import upload_alarms
from schedules.reports.waiting_sites import waiting_alarms
from schedules.timetable.alert_targets import Target
from schedules.timetable.config import Timetable
from schedules.timetable.occurrences import OPEN, Occurrence, Occurrences, State, occurrences_file

#: Runs that started before this time span are ignored.
LOOK_BACK = timedelta(days=14)
MAX_OCCURRENCES = 700
SECONDS_AFTER_RUN = 100.0
_LOCK_RETRY = timedelta(seconds=1)


@dataclass
class Notifier:
    """Sender of the alerts of one data folder; a lock file ensures that only one process sends at a time."""

    dataset: DataFolder
    log: Callable[[str], None]
    clock: Callable[[], datetime] = now
    send: Callable[[Target, Mapping[str, Any]], str | None] = deliver
    #: Modification times of the reports of runs started by hand; these are read again only after a change.
    _by_hand: dict[str, int] = field(default_factory=dict)
    _damaged: set[str] = field(default_factory=set)

    def run_once(self, timetable: Timetable) -> datetime | None:
        """Record alarms that appeared or cleared, and send the alerts that are due.

        Returns the time of the next retry, or None if no alert waits for one. Raises :class:`SiteLocked` while another
        process is sending, and the errors of :mod:`pipelines.runtime.fatal_errors` if the data folder is damaged or the
        disk is full.
        """
        folder = self.dataset.state / "schedules"
        make_folder(folder)
        with SiteLock.take(folder / "alerts.lock"), closing(self._open()) as deliveries:
            occurrences = list(_latest_occurrences(self.dataset, timetable))
            ids = run_ids_of_sites(self.dataset, self._log_damage)
            runs = list(self._new_runs(deliveries, occurrences, ids))
            # For runs before the first pass, targets receive the alarms still active instead of every change.
            past = runs[:-1] if deliveries.is_new else []
            for occurrence, report in past:
                self._record_run(deliveries, occurrence, report, timetable)
            deliveries.set_targets([target.name for target in timetable.targets], self.clock(), self._context())
            for occurrence, report in runs[len(past) :]:
                self._record_run(deliveries, occurrence, report, timetable)
            self._record_timetable(deliveries, timetable, occurrences, ids)
            for target in timetable.targets:
                self._deliver(deliveries, target)
            return min((t.next_at for t in deliveries.targets() if t.waiting and t.next_at), default=None)

    def _open(self) -> Deliveries:
        """Open the database of alarms and unsent alerts; if it is damaged, rename it and create a new one.

        All active alarms are then sent again, because a repeated alert is better than a lost one.
        """
        path = deliveries_path(self.dataset)
        try:
            return Deliveries.open(path)
        except DatabaseDamaged as error:
            damaged = f"{path.stem}-damaged-{self.clock():%Y%m%dT%H%M%SZ}{path.suffix}"
            move_database(path, path.with_name(damaged))
            self.log(f"{str(error).partition(';')[0]}; it was moved to {damaged}, and active alarms are sent again")
            return Deliveries.open(path)

    # Recording -------------------------------------------------------------------------------------------------------

    def _log_damage(self, error: DataDamaged) -> None:
        if str(error) not in self._damaged:
            self._damaged.add(str(error))
            self.log(f"alerts without old reports: {error}")

    def _new_runs(
        self, deliveries: Deliveries, occurrences: list[Occurrence], ids: RunIds
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the scheduled runs whose alarms are not recorded yet, oldest first, as (name of schedule, report)."""
        first = f"{self.clock() - LOOK_BACK:%Y%m%dT%H%M%SZ}"
        deliveries.forget_runs(first)
        recent = sorted(run_id for of_site in ids.values() for run_id in of_site[bisect_left(of_site, first) :])
        by_run = {run_id: occurrence for occurrence in occurrences for run_id in occurrence.runs}
        for run_id in deliveries.unrecorded(recent):
            report, occurrence = self._report(run_id, run_id in by_run), by_run.get(run_id)
            # A report without a schedule is of a run started by hand, or is not evaluated for its schedule yet.
            if report is not None and ("schedule" in report or (occurrence and occurrence.state not in OPEN)):
                yield (
                    str(_mapping(report.get("schedule")).get("name") or (occurrence.schedule if occurrence else "")),
                    report,
                )

    def _report(self, run_id: str, is_scheduled: bool) -> Mapping[str, Any] | None:
        try:
            modified = self.dataset.run(run_id).stat().st_mtime_ns
            if not is_scheduled and self._by_hand.get(run_id) == modified:
                return None
            report = read_report(self.dataset, run_id)
        except (OSError, ValueError):
            return None  # `khobor runs` lists unreadable reports
        if "schedule" not in report:
            self._by_hand[run_id] = modified
        return {**report, "run_id": run_id} if isinstance(report.get("site"), str) else None

    def _record_run(
        self, deliveries: Deliveries, schedule: str, report: Mapping[str, Any], timetable: Timetable
    ) -> None:
        site, modes = report["site"], {each.name: each.mode for each in timetable.schedules}
        code, alarms = _mapping(report.get("verdict")).get("exit_code"), report.get("alarms")
        about = {"run_id": report["run_id"], "site": site, "schedule": schedule, "exit_code": code}
        deliveries.record(
            f"{site}/{report.get('mode') or modes.get(schedule, schedule)}",
            [alarm for alarm in alarms if _mapping(alarm).get("key")] if isinstance(alarms, list) else [],
            self.clock(),
            self._context() | about,
            run_id=report["run_id"],
            # Only a completed run has read enough pages to show that an alarm is over.
            clears=code in GOOD,
        )

    def _record_timetable(
        self, deliveries: Deliveries, timetable: Timetable, occurrences: list[Occurrence], ids: RunIds
    ) -> None:
        # Skipped occurrences are not attempts, and only a good run shows that runs can be started again.
        latest = {each.schedule: each for each in reversed(occurrences) if _is_dead(each) or each.exit_code in GOOD}
        failed = [
            {
                "key": f"schedule/{name}/start",
                "kind": "start",
                "site": ", ".join(each.sites),
                "sentence": f"{name} could not be started: {each.reason or f'exit code {each.exit_code}'}",
            }
            for name, each in latest.items()
            if _is_dead(each)
        ]
        moment = self.clock()
        failed += corrected_clocks(timetable, self.dataset)
        deliveries.record("times", failed, moment, self._context())
        deliveries.record("check", check_alarms(self.dataset), moment, self._context())
        deliveries.record("fleet", waiting_alarms(self.dataset), moment, self._context())
        deliveries.record("bucket", upload_alarms(self.dataset), moment, self._context())
        deliveries.record("clock", missed_runs(timetable, self.dataset, moment, ids), moment, self._context())

    def _context(self) -> dict[str, Any]:
        return {"host": socket.gethostname(), "data": str(self.dataset.root)}

    # Sending ---------------------------------------------------------------------------------------------------------

    def _deliver(self, deliveries: Deliveries, target: Target) -> None:
        while (delivery := deliveries.next_for(target.name, self.clock())) is not None:
            try:
                warning = self.send(target, delivery.event)
            except DeliveryError as error:
                [before] = [state.error for state in deliveries.targets() if state.name == target.name]
                if deliveries.failed(target.name, delivery, self.clock(), str(error)):
                    self.log(f"an alert for {target.name} was dropped after a week of failures")
                if str(error) != before:
                    self.log(next(str(state) for state in deliveries.targets() if state.name == target.name))
                return
            reached("alert.sent")
            deliveries.succeeded(target.name, delivery)
            self.log(f"alert sent to {target.name}: {subject(delivery.event)}" + (f" ({warning})" if warning else ""))


def send_test(targets: Sequence[Target]) -> list[dict[str, Any]]:
    """Send a test alert to every target, and return one result per target.

    A result has the name (`target`) and `kind` of the target, `reached` (true or false), and `detail`, which is an
    error message, a warning or None.
    """
    at = now()
    event = {
        "id": f"test-{at:%Y%m%dT%H%M%S%f}",
        "test": True,
        "at": at.isoformat(timespec="seconds"),
        "host": socket.gethostname(),
        "appeared": [],
        "cleared": [],
        "active": 0,
    }
    results = []
    for target in targets:
        try:
            reached_it, detail = True, deliver(target, event)
        except DeliveryError as error:
            reached_it, detail = False, str(error)
        results.append({"target": target.name, "kind": target.kind, "reached": reached_it, "detail": detail})
    return results


def notify_with_retries(
    dataset: DataFolder, timetable: Timetable, log: Callable[[str], None], seconds: float = SECONDS_AFTER_RUN
) -> None:
    """Send the waiting alerts after a run started by cron or systemd, and retry failed ones for up to ``seconds``.

    Alerts that are still unsent after that time are sent after the next run.
    """
    notifier, until = Notifier(dataset, log), time.monotonic() + seconds
    while True:
        try:
            retry = notifier.run_once(timetable)
        except SiteLocked:
            retry = now() + _LOCK_RETRY  # the other process may have read the reports before this run ended
        wait = (retry - now()).total_seconds() if retry is not None else None
        if wait is None or time.monotonic() + wait > until:
            return
        time.sleep(max(wait, 0.1))


def _is_dead(occurrence: Occurrence) -> bool:
    """Return True if a scheduled run could not be started, or ended with an error before it crawled any site."""
    ended = occurrence.state not in OPEN and occurrence.exit_code is not None
    return occurrence.state is State.FAILED_TO_START or (ended and occurrence.exit_code != 0 and not occurrence.runs)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _latest_occurrences(dataset: DataFolder, timetable: Timetable) -> Iterator[Occurrence]:
    """Yield the latest occurrences of each schedule (due times with their results), newest first."""
    if occurrences_file(dataset).exists():
        with closing(Occurrences.open(occurrences_file(dataset))) as occurrences:
            for schedule in timetable.schedules:
                yield from occurrences.latest(schedule.name, MAX_OCCURRENCES)
