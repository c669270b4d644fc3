"""A turn that is taken up: its newspapers are run, those at once that nobody holds, and its claim is settled."""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from os import environ
from pathlib import Path
from typing import Any, NoReturn

from crawler.clock import now
from pipelines.runtime.fatal_errors import FATAL_ERRORS
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.fsync import make_folder
from pipelines.storage.site_lock import SiteLocked
from schedules.exit_codes import ExitCode, Interrupted, WrongUsage, describe_error
from schedules.monitoring.verdict import expectations_of, write_verdict
from schedules.runner.options import checked_settings, spider_named
from schedules.runner.run_all import watch
from schedules.runner.run_process import RunOptions, RunProcess
from schedules.signals import handle_signals
from schedules.timetable.config import Schedule, Timetable
from schedules.timetable.occurrences import Occurrences, State, is_late, lock_file, occurrences_file, schedule_lock

SECONDS_BETWEEN_TRIES = 1.0
Look = Callable[[RunProcess], None]


@dataclass(frozen=True)
class Turn:
    """What came of it: reports as :meth:`RunProcess.conclude` gives them, or why there are none."""

    exit_code: int
    reports: tuple[dict[str, Any], ...] = ()
    sentence: str | None = None


class Claimed:
    """A turn whose claim, if it has one, was taken up, and that settles it however it ends."""

    def __init__(
        self, claims: Occurrences, schedule: Schedule, dataset: DataFolder, due: str | None, look: Look, patient: bool
    ) -> None:
        self._claims, self._schedule, self._dataset, self._due, self._look = claims, schedule, dataset, due, look
        self._patient = patient
        self._run_ids: list[str] = []
        self._waiting_for = ""

    def run(self, settings: Sequence[str], mirror: str | None) -> Turn:
        """Run all newspapers of the schedule; raises what refused them where none could be run."""
        budgets = {"max_pages": self._schedule.max_pages, "max_depth": self._schedule.max_depth}
        try:
            mode = f"KHOBOR_MODE={self._schedule.mode}"
            checked = checked_settings([*settings, mode], mirror=mirror, **budgets)
            reports = self._reports(checked)
        except Exception as error:
            self._see_refusal(error)
            raise
        worst = max(int(report["exit_code"]) for report in reports)
        problems = [problem for report in reports for problem in report["verdict"]["problems"]]
        self._settle(worst, reason="; ".join(problems) or None)
        return Turn(worst, tuple(reports))

    def _see_refusal(self, error: Exception) -> None:
        code, sentence = describe_error(error)
        if self._run_ids:
            self._settle(code, reason=sentence)
        elif isinstance(error, Interrupted) or not self._patient:
            if self._due is not None:
                self._claims.release(self._schedule.name, self._due)
        else:
            state = State.HELD if isinstance(error, SiteLocked) else State.FAILED_TO_START
            self._settle(code, state=state, reason=sentence)

    def _settle(self, code: int, **said: Any) -> None:
        if self._due is not None:
            self._claims.finish(self._schedule.name, self._due, now(), exit_code=code, **said)

    def _reports(self, settings: Mapping[str, str]) -> list[dict[str, Any]]:
        """Run all sites, those at once that nobody holds; the first refusal is raised only if none could be run."""
        until = self._patience()
        waiting, reports, refusals = list(self._schedule.sites), [], list[Exception]()
        while waiting:
            started, held, refused = self._start(waiting, settings)
            refusals += refused
            self._note_runs(started)
            watch(started, self._look)
            ended = [self._judged(running.conclude()) for running in started]
            reports += ended
            interrupted = {report["exit_code"] for report in ended} & {ExitCode.INTERRUPTED, ExitCode.TERMINATED}
            if held and not started and not interrupted and until is not None and now() < until:
                self._say_waiting(held, until)
                time.sleep(SECONDS_BETWEEN_TRIES)
            elif not started or interrupted:
                refusals += held.values()
                break
            waiting = list(held)
        if not reports:
            raise refusals[0]
        return reports + [_not_started(refusal) for refusal in refusals]

    def _note_runs(self, started: Sequence[RunProcess]) -> None:
        """Enter them now: whoever finds this process killed can say which runs they were."""
        self._run_ids += [running.run_id for running in started]
        if self._due is not None:
            self._claims.set_runs(self._schedule.name, self._due, self._run_ids)

    def _patience(self) -> datetime | None:
        """How long a site that another run holds is waited for."""
        claim = self._claims.get(self._schedule.name, self._due) if self._due is not None else None
        if claim is None or not self._patient:
            return None
        return min(claim.due_at + self._schedule.grace, next(self._schedule.after(now())).at)

    def _say_waiting(self, held: Mapping[str, SiteLocked], until: datetime) -> None:
        waiting_for = "; ".join(str(error).partition(";")[0] for error in held.values())
        if waiting_for != self._waiting_for:
            self._waiting_for = waiting_for
            last = until.astimezone(self._schedule.zone)
            print(f"{waiting_for}; waiting for it until {last:%d %b %H:%M}", file=sys.stderr, flush=True)

    def _start(
        self, sites: Sequence[str], settings: Mapping[str, str]
    ) -> tuple[list[RunProcess], dict[str, SiteLocked], list[Exception]]:
        started: list[RunProcess] = []
        held: dict[str, SiteLocked] = {}
        refused: list[Exception] = []
        for site in sites:
            minutes = self._schedule.max_minutes
            paper = spider_named(site)
            launch = RunOptions(newspaper=paper, dataset=self._dataset, settings=settings, max_minutes=minutes)
            try:
                started.append(RunProcess(launch))
            except SiteLocked as error:
                held[site] = error
            except (WrongUsage, *FATAL_ERRORS) as error:
                refused.append(error)
            except Interrupted:
                if not started:
                    raise
                for running in started:
                    running.interrupt(signal.SIGTERM)
                break
        return started, held, refused

    def _judged(self, report: dict[str, Any]) -> dict[str, Any]:
        """The report, judged by what this schedule expects, and naming it."""
        if "urls" not in report:
            return report
        account = {key: report[key] for key in report.keys() - {"expectations", "verdict", "alarms", "exit_code"}}
        account["schedule"] = {"name": self._schedule.name, "due": self._due}
        expected = replace(expectations_of(spider_named(report["site"])), **self._schedule.expectations.as_dict())
        judged = write_verdict(self._dataset, account, expected)
        interrupted = report["exit_code"] == ExitCode.INTERRUPTED
        return {**judged, "exit_code": report["exit_code"] if interrupted else judged["verdict"]["exit_code"]}


def _not_started(refusal: Exception) -> dict[str, Any]:
    code, sentence = describe_error(refusal)
    return {"run_id": "not started", "verdict": {"exit_code": code, "problems": [sentence]}, "exit_code": int(code)}


def run_schedule(
    schedule: Schedule,
    dataset: DataFolder,
    *,
    due: str | None = None,
    only_due: bool = False,
    settings: Sequence[str] = (),
    mirror: str | None = None,
    look: Look = lambda running: None,
) -> Turn:
    """Run a schedule once, now.

    ``due`` names a time that is claimed already. Without it the latest time that nobody has taken is claimed, if there
    is one within the grace; if there is none, the run belongs to no time, or with ``only_due`` there is no run.
    With either of them it waits while another run holds its site, until the next time is due. A person, who asks
    without, is refused at once, and what was due stays due.

    Raises what :func:`schedules.exit_codes.describe_error` explains where nothing was started.
    """
    dataset.prepare()
    make_folder(lock_file(dataset, schedule.name).parent)
    with _ending_when_told(), Occurrences.open(occurrences_file(dataset)) as claims:
        try:
            patient = due is not None or only_due
            with schedule_lock(dataset, schedule, wait=patient):
                due = due or _claimed(claims, schedule)
                if due is None and only_due:
                    coming = next(schedule.after(now()))
                    return Turn(0, sentence=f"{schedule.name} is not due before {coming.local:%Y-%m-%d %H:%M}")
                if due is not None and not claims.start(schedule.name, due, now()):
                    return Turn(0, sentence=f"{schedule.name} of {due} was run or is running already")
                return Claimed(claims, schedule, dataset, due, look, patient).run(settings, mirror)
        except Interrupted as told:
            return Turn(ExitCode.of_signal(told.number), sentence=f"{schedule.name} was {told}")


def _claimed(claims: Occurrences, schedule: Schedule) -> str | None:
    """The key of the latest time that nobody has taken, now claimed."""
    moment = now()
    # Whoever calls for a schedule that was never seen means the time that is just due.
    since = claims.counted_since(schedule, moment - schedule.grace)
    dues = claims.unsettled(schedule, moment, since)
    late = [(each, State.LATE, "nobody called for it while it was due") for each in dues]
    if not dues or moment - dues[0].at > schedule.grace:
        claims.skip(schedule, late, moment)
        return None
    taken = claims.claim(schedule, dues[0], moment, late=is_late(dues[0], moment), before=late[1:])
    return dues[0].key if taken else None


@contextmanager
def _ending_when_told() -> Iterator[None]:
    def end(number: int, _: object) -> NoReturn:
        raise Interrupted(number)

    with handle_signals(end):
        yield


def main(arguments: Sequence[str] | None = None) -> int:
    """The turn that the service launches, in a process and a session of its own."""
    parser = argparse.ArgumentParser(prog="python -m schedules.service.scheduled_run", description=__doc__)
    parser.add_argument("schedule")
    parser.add_argument("--due", required=True)
    parser.add_argument("--timetable", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--mirror")
    parser.add_argument("-s", dest="settings", action="append", default=[])
    options = parser.parse_args(arguments)
    try:
        schedule = Timetable.read(options.timetable).named(options.schedule)
        given = {"settings": options.settings, "mirror": options.mirror}
        turn = run_schedule(schedule, DataFolder(options.data), due=options.due, **given)
    except Exception as error:
        if environ.get("KHOBOR_DEBUG"):
            raise
        code, sentence = describe_error(error)
        print(f"{options.schedule} of {options.due}: {sentence}", file=sys.stderr)
        return code
    for report in turn.reports:
        problems = "; ".join(report["verdict"]["problems"])
        print(f"{report['run_id']}: exit code {report['exit_code']}. {problems}".rstrip(), file=sys.stderr)
    if turn.sentence:
        print(turn.sentence, file=sys.stderr)
    return turn.exit_code


if __name__ == "__main__":
    sys.exit(main())
