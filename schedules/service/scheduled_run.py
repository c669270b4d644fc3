"""Execute a schedule once: crawl its sites, evaluate the runs, and record the result for the due time."""

import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NoReturn

from crawler.clock import now
from pipelines.runtime.fatal_errors import FATAL_ERRORS
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.fsync import make_folder
from pipelines.storage.site_lock import SiteLocked
from schedules.exit_codes import ExitCode, Interrupted, WrongUsage, describe_error, gravest
from schedules.monitoring.verdict import expectations_of, write_verdict
from schedules.runner.options import checked_settings, spider_named
from schedules.runner.run_all import MAX_RUNS, wait_for
from schedules.runner.run_process import RunOptions, RunProcess
from schedules.signals import handle_signals
from schedules.timetable.config import Schedule
from schedules.timetable.occurrences import Occurrences, State, is_late, occurrences_file
from schedules.timetable.schedule_lock import lock_file, schedule_lock

RETRY_SECONDS = 1.0
Look = Callable[[RunProcess], None]


@dataclass(frozen=True)
class Result:
    """Result of executing a schedule: exit code, and the report of each run.

    Without reports, ``sentence`` explains why nothing was crawled.
    """

    exit_code: int
    reports: tuple[dict[str, Any], ...] = ()
    sentence: str | None = None


@dataclass
class ScheduledRun:
    """Execution of a schedule for the due time ``due``, whose end is recorded even after an error.

    Without a due time (None), nothing is recorded. If another run has locked a site, the execution waits for it if
    ``is_waiting`` is true, and otherwise fails immediately.
    """

    occurrences: Occurrences
    schedule: Schedule
    dataset: DataFolder
    due: str | None
    look: Look
    is_waiting: bool

    def __post_init__(self) -> None:
        self._run_ids: list[str] = []
        self._has_logged_wait = False

    def run(self, settings: Sequence[str], mirror: str | None) -> Result:
        """Crawl all sites of the schedule, and record and return the result.

        If no site was crawled, the first error is raised.
        """
        try:
            reports = self._run_sites(settings_of(self.schedule, settings, mirror))
        except Exception as error:
            self._record_error(error)
            raise
        code = gravest(report["exit_code"] for report in reports)
        problems = [problem for report in reports for problem in report["verdict"]["problems"]]
        self._finish(code, reason="; ".join(problems) or None)
        return Result(code, tuple(reports))

    def _record_error(self, error: Exception) -> None:
        code, sentence = describe_error(error)
        if self._run_ids:
            self._finish(code, reason=sentence)
        elif not isinstance(error, Interrupted) and self.is_waiting:
            state = State.HELD if isinstance(error, SiteLocked) else State.FAILED_TO_START
            self._finish(code, state=state, reason=sentence)
        elif self.due is not None:
            self.occurrences.release(self.schedule.name, self.due)

    def _finish(self, code: int, **details: Any) -> None:
        if self.due is not None:
            self.occurrences.finish(self.schedule.name, self.due, now(), exit_code=code, **details)

    def _run_sites(self, settings: Mapping[str, str]) -> list[dict[str, Any]]:
        """Crawl the sites that are not locked, then wait for the locked ones and crawl them.

        At most :data:`MAX_RUNS` sites are crawled at the same time.

        Returns one report per site. A site that could not be crawled has a report with the reason; if no site could be
        crawled, the first error is raised.
        """
        deadline = self._deadline()
        sites, reports, errors = list(self.schedule.sites), [], list[Exception]()
        while sites:
            later = sites[MAX_RUNS:]
            started, locked, failed = self._start(sites[:MAX_RUNS], settings)
            errors += failed
            self._run_ids += [run.run_id for run in started]
            if self.due is not None:  # before waiting, in case this process is killed
                self.occurrences.set_runs(self.schedule.name, self.due, self._run_ids)
            wait_for(started, self.look)
            ended = [evaluate_report(self.dataset, run.conclude(), self.schedule, self.due) for run in started]
            reports += ended
            interrupted = {report["exit_code"] for report in ended} & {ExitCode.INTERRUPTED, ExitCode.TERMINATED}
            if interrupted:
                errors += [*locked.values(), *(Interrupted(signal.SIGTERM) for _ in later)]
                break
            if locked and not started and not failed:
                if deadline is None or now() >= deadline:
                    errors += locked.values()
                    locked = {}
                else:
                    self._wait_for_lock(locked, deadline)
            sites = [*later, *locked]
        if not reports:
            raise errors[0]
        return reports + [_not_started(error) for error in errors]

    def _wait_for_lock(self, sites: Iterable[str], deadline: datetime) -> None:
        if not self._has_logged_wait:
            self._has_logged_wait = True
            local = deadline.astimezone(self.schedule.zone)
            print(f"{', '.join(sites)}: waiting for the lock until {local:%d %b %H:%M}", file=sys.stderr)
        time.sleep(RETRY_SECONDS)

    def _deadline(self) -> datetime | None:
        """Return the time until which to wait for a locked site, or None if the run must fail immediately."""
        occurrence = self.occurrences.get(self.schedule.name, self.due) if self.due is not None else None
        if occurrence is None or not self.is_waiting:
            return None
        return min(occurrence.due_at + self.schedule.grace, next(self.schedule.after(now())).at)

    def _start(
        self, sites: Sequence[str], settings: Mapping[str, str]
    ) -> tuple[list[RunProcess], dict[str, SiteLocked], list[Exception]]:
        started: list[RunProcess] = []
        locked: dict[str, SiteLocked] = {}
        failed: list[Exception] = []
        for site in sites:
            try:
                options = RunOptions(
                    newspaper=spider_named(site),
                    dataset=self.dataset,
                    settings=settings,
                    schedule={"name": self.schedule.name, "due": self.due},
                )
                started.append(RunProcess(options))
            except SiteLocked as error:
                locked[site] = error
            except (WrongUsage, *FATAL_ERRORS) as error:
                failed.append(error)
            except Interrupted:
                if not started:
                    raise
                for run in started:
                    run.interrupt(signal.SIGTERM)
                break
        return started, locked, failed


def settings_of(schedule: Schedule, settings: Sequence[str], mirror: str | None) -> dict[str, str]:
    """Return the Scrapy settings of the runs of a schedule, from `NAME=VALUE` texts and its mode and limits."""
    limits = {name: getattr(schedule, name) for name in ("max_pages", "max_depth", "max_minutes")}
    return checked_settings([*settings, f"KHOBOR_MODE={schedule.mode}"], mirror=mirror, **limits)


def evaluate_report(dataset: DataFolder, report: dict[str, Any], schedule: Schedule, due: str | None) -> dict[str, Any]:
    """Evaluate the report of a run again with the expectations (required results) of its schedule.

    The new report, which also names the schedule, is written and returned. A report without counts of URLs is returned
    unchanged.
    """
    if "urls" not in report:
        return report
    summary = {key: report[key] for key in report.keys() - {"expectations", "verdict", "alarms", "exit_code"}}
    summary["schedule"] = {"name": schedule.name, "due": due}
    expected = replace(expectations_of(spider_named(report["site"])), **schedule.expectations.as_dict())
    evaluated = write_verdict(dataset, summary, expected)
    interrupted = report["exit_code"] == ExitCode.INTERRUPTED
    return {**evaluated, "exit_code": report["exit_code"] if interrupted else evaluated["verdict"]["exit_code"]}


def _not_started(error: Exception) -> dict[str, Any]:
    code, sentence = describe_error(error)
    return {"run_id": "not started", "verdict": {"exit_code": code, "problems": [sentence]}, "exit_code": int(code)}


def run_schedule(
    schedule: Schedule,
    dataset: DataFolder,
    *,
    due: str | None = None,
    only_due: bool = False,
    settings: Sequence[str] = (),
    mirror: str | None = None,
    look: Look = lambda run: None,
) -> Result:
    """Crawl the sites of a schedule now; raises an error if no run was started.

    If another run has locked a site, a call with ``due`` or ``only_due`` waits for it, at most until the next due time.
    Any other call was made by a person. It fails immediately, and its due time can be claimed again.

    :param due: due time that the caller has claimed (reserved); by default, the latest unclaimed one within the grace
        period is claimed
    :param only_due: do nothing if no due time can be claimed; by default, the sites are crawled nevertheless
    :param look: function that is called regularly with each running crawl
    """
    dataset.prepare()
    make_folder(lock_file(dataset, schedule.name).parent)

    def interrupt(number: int, _: object) -> NoReturn:
        raise Interrupted(number)

    with handle_signals(interrupt), Occurrences.open(occurrences_file(dataset)) as occurrences:
        try:
            is_waiting = due is not None or only_due
            with schedule_lock(dataset, schedule, wait=is_waiting):
                due = due or _claim_latest(occurrences, schedule)
                if due is None and only_due:
                    following = next(schedule.after(now()))
                    return Result(0, sentence=f"{schedule.name} is not due before {following.local:%Y-%m-%d %H:%M}")
                if due is not None and not occurrences.start(schedule.name, due, now()):
                    return Result(0, sentence=f"{schedule.name} of {due} has run or is running")
                return ScheduledRun(occurrences, schedule, dataset, due, look, is_waiting).run(settings, mirror)
        except Interrupted as error:
            return Result(ExitCode.of_signal(error.number), sentence=f"{schedule.name} was {error}")


def _claim_latest(occurrences: Occurrences, schedule: Schedule) -> str | None:
    moment = now()
    # The due times of a new schedule count from one grace period ago.
    dues = occurrences.open_dues(schedule, moment, occurrences.counted_since(schedule, moment, schedule.grace))
    late = [(due, State.LATE, "not started while it was due") for due in dues]
    if not dues or moment - dues[0].at > schedule.grace:
        occurrences.skip(schedule, late, moment)
        return None
    claimed = occurrences.claim(schedule, dues[0], moment, late=is_late(dues[0], moment), before=late[1:])
    return dues[0].key if claimed else None
