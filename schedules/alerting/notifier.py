"""Alerts: what went wrong in the runs of the timetable, or is well again, told once to those whom the timetable names.

All is found out anew from the files at each look: the reports of runs that ended, what became of times that were due,
and what the clock says of runs that never came. What was told of it is remembered;
see :mod:`schedules.alerting.deliveries`.
"""

import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from crawler.clock import now
from pipelines.storage.data_folder import DataFolder, make_folder
from pipelines.storage.errors import DatabaseDamaged
from pipelines.storage.failpoint import reached
from pipelines.storage.site_lock import SiteLock, SiteLocked
from schedules.alerting.deliveries import Told, told_of
from schedules.alerting.messages import subject_of
from schedules.alerting.missed_runs import silent
from schedules.alerting.transports import Undelivered, deliver
from schedules.exit_codes import ExitCode
from schedules.reports.report import read_report, run_ids
from schedules.timetable.alert_targets import Target
from schedules.timetable.config import Timetable
from schedules.timetable.occurrences import OPEN, Occurrence, Occurrences, State, occurrences_file

#: Runs that began longer ago are not told any more.
LOOK_BACK = timedelta(days=14)
MAX_OCCURRENCES = 700
# A run that ended so read enough pages to say that what it did not find wrong is well.
TELLING = (ExitCode.DONE, ExitCode.BELOW_EXPECTATION, ExitCode.LAYOUT_CHANGED)
# Somebody wanted it to end, which says nothing of the site.
WANTED = (ExitCode.INTERRUPTED, ExitCode.TERMINATED)
SECONDS_AFTER_A_TURN = 100.0
A_MOMENT = timedelta(seconds=1)


@dataclass(frozen=True)
class _Run:
    run_id: str
    schedule: str
    report: Mapping[str, Any]


@dataclass
class Alerts:
    """Tells for one data folder; of several processes one looks at a time."""

    dataset: DataFolder
    say: Callable[[str], None]
    clock: Callable[[], datetime] = now
    send: Callable[[Target, Mapping[str, Any]], str | None] = deliver
    #: Runs by hand, and when their reports were written: they are not read again.
    _by_hand: dict[str, int] = field(default_factory=dict)

    def look(self, timetable: Timetable) -> datetime | None:
        """Note what is new and send what is due; returns when to try again what could not be sent, if anything.

        Raises what a data folder raises (:data:`pipelines.runtime.fatal_errors.KINDS`), and :class:`SiteLocked` where
        somebody else is looking just now.
        """
        folder = self.dataset.state / "schedules"
        make_folder(folder)
        with SiteLock.take(folder / "alerts.lock"), closing(self._opened()) as told:
            occurrences = list(_latest_occurrences(self.dataset, timetable))
            new = list(self._new_runs(told, occurrences))
            # Of a past that nobody was told of, whoever is named is told what stands, and not each of its turns.
            past = new[:-1] if told.is_blank else []
            for run in past:
                self._note_run(told, run, timetable)
            told.know_targets([target.name for target in timetable.targets], self.clock(), self._about())
            for run in new[len(past) :]:
                self._note_run(told, run, timetable)
            self._note_times(told, timetable, occurrences)
            for target in timetable.targets:
                self._serve(told, target)
            return min((state.next_at for state in told.targets() if state.waiting and state.next_at), default=None)

    def _opened(self) -> Told:
        """The memory; one that is damaged is moved aside, since to tell twice is better than not to tell."""
        path = told_of(self.dataset)
        try:
            return Told.open(path)
        except DatabaseDamaged as error:
            aside = path.with_name(f"{path.stem}-damaged-{self.clock():%Y%m%dT%H%M%SZ}{path.suffix}")
            for ending in ("", "-wal", "-shm"):
                if (old := path.with_name(path.name + ending)).exists():
                    old.rename(aside.with_name(aside.name + ending))
            self.say(f"{str(error).partition(';')[0]}; it was moved to {aside.name}, and what stands is told once more")
            return Told.open(path)

    # What is new -----------------------------------------------------------------------------------------------------

    def _new_runs(self, told: Told, occurrences: list[Occurrence]) -> Iterator[_Run]:
        """The runs of the timetable that ended and were not noted, oldest first."""
        first = f"{self.clock() - LOOK_BACK:%Y%m%dT%H%M%SZ}"
        told.forget_runs(first)
        claimed = {run_id: occurrence for occurrence in occurrences for run_id in occurrence.runs}
        for run_id in told.unseen(run_ids(self.dataset, first)):
            report, occurrence = self._report(run_id, run_id in claimed), claimed.get(run_id)
            if report is None or ("schedule" not in report and (occurrence is None or occurrence.state in OPEN)):
                continue  # somebody's run by hand, or its turn has not judged it yet
            schedule = str(_mapping(report.get("schedule")).get("name") or (occurrence.schedule if occurrence else ""))
            yield _Run(run_id, schedule, report)

    def _report(self, run_id: str, is_claimed: bool) -> Mapping[str, Any] | None:
        """The report of a run; None where there is none that can be read, or it is known to be of a run by hand."""
        try:
            stamp = self.dataset.run(run_id).stat().st_mtime_ns
            if not is_claimed and self._by_hand.get(run_id) == stamp:
                return None
            report = read_report(self.dataset, run_id)
        except (OSError, ValueError):
            return None  # `khobor runs` names it
        if not isinstance(report.get("site"), str):
            return None
        if "schedule" not in report:
            self._by_hand[run_id] = stamp
        return report

    def _note_run(self, told: Told, run: _Run, timetable: Timetable) -> None:
        report, site = run.report, run.report["site"]
        modes = {each.name: each.mode for each in timetable.schedules}
        mode = report.get("mode") or modes.get(run.schedule)
        code = _mapping(report.get("verdict")).get("exit_code")
        about = {"run_id": run.run_id, "site": site, "schedule": run.schedule, "exit_code": code}
        told.note(
            f"{site}/{mode or run.schedule}",
            list(alarms_in(report)),
            self.clock(),
            about=self._about() | about,
            run_id=run.run_id,
            heals=code in TELLING,
        )

    def _note_times(self, told: Told, timetable: Timetable, occurrences: list[Occurrence]) -> None:
        latest = {each.schedule: each for each in reversed(occurrences) if each.state not in OPEN}
        refused = [_refusal(occurrence) for occurrence in latest.values() if occurrence.state is State.FAILED_TO_START]
        moment = self.clock()
        told.note("times", refused, moment, about=self._about())
        told.note("clock", silent(timetable, self.dataset, moment), moment, about=self._about())

    def _about(self) -> dict[str, Any]:
        return {"host": socket.gethostname(), "data": str(self.dataset.root)}

    # Who is told -----------------------------------------------------------------------------------------------------

    def _serve(self, told: Told, target: Target) -> None:
        while (waiting := told.due(target.name, self.clock())) is not None:
            try:
                remark = self.send(target, waiting.event)
            except Undelivered as error:
                self._see_failure(told, target.name, waiting.number, str(error))
                return
            reached("alert.sent")
            told.sent(target.name, waiting.number)
            self.say(f"told {target.name}: {subject_of(waiting.event)}" + (f" ({remark})" if remark else ""))

    def _see_failure(self, told: Told, name: str, number: int, said: str) -> None:
        [before] = [state.said for state in told.targets() if state.name == name]
        if told.failed(name, number, self.clock(), said):
            self.say(f"an alert for {name} was given up after a week")
        [state] = [state for state in told.targets() if state.name == name]
        if said != before:
            self.say(state.in_words())


def tried(targets: Sequence[Target]) -> list[dict[str, Any]]:
    """Send every target a test; returns what came of each: `target`, `kind`, `reached`, and why not in `said`."""
    at = now()
    event = {
        "id": f"test-{at:%Y%m%dT%H%M%S%f}",
        "test": True,
        "at": at.isoformat(timespec="seconds"),
        "host": socket.gethostname(),
        "appeared": [],
        "healed": [],
        "standing": 0,
    }
    came = []
    for target in targets:
        try:
            reached_it, said = True, deliver(target, event)
        except Undelivered as error:
            reached_it, said = False, str(error)
        came.append({"target": target.name, "kind": target.kind, "reached": reached_it, "said": said})
    return came


def tell_after_turn(
    dataset: DataFolder, timetable: Timetable, say: Callable[[str], None], seconds: float = SECONDS_AFTER_A_TURN
) -> None:
    """Tell what a turn under cron or systemd came to, trying again for so long; what is left is told by the next."""
    alerts, until = Alerts(dataset, say), time.monotonic() + seconds
    while True:
        try:
            again = alerts.look(timetable)
        except SiteLocked:
            again = now() + A_MOMENT  # a service, or another turn, is about it, and may not have seen ours
        wait = (again - now()).total_seconds() if again is not None else None
        if wait is None or time.monotonic() + wait > until:
            return
        time.sleep(max(wait, 0.1))


# What is wrong in a report -------------------------------------------------------------------------------------------


def alarms_in(report: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The alarms of a report, or one for a run that was not good and does not say which, as older versions do."""
    found = report.get("alarms")
    alarms = [each for each in found if _mapping(each).get("key")] if isinstance(found, list) else []
    yield from alarms
    verdict, site = _mapping(report.get("verdict")), str(report.get("site"))
    code = verdict.get("exit_code", int(ExitCode.INTERNAL))
    if code and code not in WANTED and not alarms:
        said = "; ".join(map(str, verdict.get("problems") or ())) or f"the run ended with code {code}"
        yield {"key": f"{site}/run/{code}", "kind": "run", "site": site, "sentence": f"{site}: {said}"}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _refusal(occurrence: Occurrence) -> dict[str, Any]:
    site, said = ", ".join(occurrence.sites), occurrence.reason or f"it ended with code {occurrence.exit_code}"
    sentence = f"{occurrence.schedule} could not be started: {said}"
    return {"key": f"schedule/{occurrence.schedule}/start", "kind": "start", "site": site, "sentence": sentence}


def _latest_occurrences(dataset: DataFolder, timetable: Timetable) -> Iterator[Occurrence]:
    """The latest occurrences of each schedule, latest first."""
    if occurrences_file(dataset).exists():
        with closing(Occurrences.open(occurrences_file(dataset))) as occurrences:
            for schedule in timetable.schedules:
                yield from occurrences.latest(schedule.name, MAX_OCCURRENCES)
