"""Dispatcher of the service: start runs that are due, and record their results.

Each call compares the clock and the timetable with the recorded due times, and does what is missing. An additional call
therefore changes nothing, and the first call after a crash, a suspended night or a change of the clock catches up.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crawler.clock import now
from crawler.log_records import json_line
from pipelines.storage.data_folder import DataFolder
from schedules.exit_codes import ExitCode
from schedules.runner.run_all import MAX_RUNS
from schedules.service.child_processes import Child, Starter
from schedules.timetable.config import ACCEPTED, Schedule, Timetable, TimetableError
from schedules.timetable.cron import Due
from schedules.timetable.occurrences import Occurrence, Occurrences, State, is_late, occurrences_file

DRAIN_SECONDS = 150.0
# Due times before this age are ignored: they are neither run nor recorded as missed.
MAX_AGE = timedelta(days=14)
NEVER = datetime.min.replace(tzinfo=UTC)


def log_to_stderr(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def log_as_json(message: str) -> None:
    log_to_stderr(json_line("INFO", "khobor.service", message))


@dataclass
class Dispatcher:
    """Starter of the runs of one timetable in one data folder, to be called at short intervals."""

    timetable: Timetable
    dataset: DataFolder
    processes: Starter
    clock: Callable[[], datetime] = now
    log: Callable[[str], None] = log_to_stderr
    #: Maximum number of sites that are crawled at the same time.
    max_runs: int = MAX_RUNS
    #: Reason why a due time could not be kept.
    absence: str = "the service did not run"
    #: Processes of the runs that this service started, by schedule and due time.
    children: dict[tuple[str, str], Child] = field(default_factory=dict)
    _started_at: dict[str, datetime] = field(default_factory=dict)
    _occurrences: Occurrences | None = None
    _last_call: datetime | None = None
    _file_state: tuple[int, ...] | None = None

    def run_once(self) -> None:
        """Record the results of scheduled runs that have ended, and start the runs that are due."""
        moment, sites = self.clock(), {site for schedule in self.timetable.schedules for site in schedule.sites}
        if self._last_call is None:
            self.processes.report_dead_runs(sites)
        with self._opened() as occurrences:
            self._reap(occurrences, moment)
            for occurrence in occurrences.unfinished():
                is_child = (occurrence.schedule, occurrence.due) in self.children
                if not is_child and self.processes.holder(occurrence.schedule) is None:
                    self._recover(occurrences, occurrence, moment)
            occurrences.forget_others([schedule.name for schedule in self.timetable.schedules])
            # Those that have waited longest come first, so that none is always preceded by others.
            for schedule in sorted(self.timetable.schedules, key=lambda each: self._started_at.get(each.name, NEVER)):
                self._dispatch(occurrences, schedule, moment)
            # With many sites, some run at any time.
            crawled = {site for occurrence in occurrences.unfinished() for site in occurrence.sites}
            if len(crawled) < self.max_runs:
                self.processes.check_data(sorted(sites - crawled))
        self._last_call = moment

    @contextmanager
    def _opened(self) -> Iterator[Occurrences]:
        """Context manager that yields the SQLite database of due times and their results.

        The database stays open between calls. It is closed after an error, and then opened again by the next call.
        """
        occurrences = self._occurrences = self._occurrences or Occurrences.open(occurrences_file(self.dataset))
        try:
            yield occurrences
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._occurrences is not None:
            self._occurrences.close()
            self._occurrences = None

    # Due runs --------------------------------------------------------------------------------------------------------

    def _dispatch(self, occurrences: Occurrences, schedule: Schedule, moment: datetime) -> None:
        since = max(occurrences.counted_since(schedule, moment), moment - MAX_AGE)
        dues = occurrences.open_dues(schedule, moment, since)
        if not dues:
            return
        newest, *earlier = dues
        skipped = [(due, *self._skip_reason(schedule, due, newest)) for due in earlier]
        if moment - newest.at > schedule.grace:
            late = f"{self.absence} for {schedule.grace_hours:g} hours after it"
            occurrences.skip(schedule, [(newest, State.LATE, late), *skipped], moment)
        elif moment < schedule.start_of(newest) or self._is_busy(schedule, occurrences.unfinished()):
            occurrences.skip(schedule, skipped, moment)
        else:
            late_start = is_late(newest, moment) and not self._was_running(schedule, newest)
            if occurrences.claim(schedule, newest, moment, late=late_start, by_service=True, before=skipped):
                self._start(schedule, newest.key)

    def _is_busy(self, schedule: Schedule, running: Sequence[Occurrence]) -> bool:
        """Return True if a site of the schedule is being crawled, or too many sites are."""
        sites = [site for occurrence in running for site in occurrence.sites]
        return bool(set(sites) & set(schedule.sites)) or bool(
            sites and len(sites) + len(schedule.sites) > self.max_runs
        )

    def _skip_reason(self, schedule: Schedule, due: Due, newest: Due) -> tuple[State, str]:
        if self._was_running(schedule, due):
            return State.OVERLAP, f"another run of the site lasted until the run of {newest.key} was due"
        return State.LATE, f"{self.absence} at that time; the run of {newest.key} replaces it"

    def _was_running(self, schedule: Schedule, due: Due) -> bool:
        """Return True if this service was already running at a due time, so that a delay was intended."""
        return self._last_call is not None and self._last_call >= due.at

    def _start(self, schedule: Schedule, due: str) -> None:
        self.children[schedule.name, due] = self.processes.start(schedule, due)
        self._started_at[schedule.name] = self.clock()
        self.log(f"{schedule.name} of {due}: started")

    # Ended runs ------------------------------------------------------------------------------------------------------

    def _reap(self, occurrences: Occurrences, moment: datetime) -> None:
        """Record the end of each scheduled run whose child process has exited without recording it.

        A run normally records its own end. If it did not, it failed to start, was killed, or was stopped before it
        began; in the last case its due time is opened again.
        """
        for (name, due), child in list(self.children.items()):
            if (code := child.poll()) is None:
                continue
            del self.children[name, due]
            occurrence = occurrences.get(name, due)
            if occurrence is not None and occurrence.state is State.CLAIMED:
                if code in (ExitCode.TERMINATED, -signal.SIGTERM):
                    occurrences.release(name, due)  # it was stopped before it began
                    continue
                log = self.dataset.state / "schedules" / f"{name}.log"
                reason = f"ended with code {code} before it began; its log is {log}"
                occurrences.finish(name, due, moment, state=State.FAILED_TO_START, exit_code=code, reason=reason)
            elif occurrence is not None:
                self._mark_killed(occurrences, occurrence, moment)
            if ended := occurrences.get(name, due):
                self.log(f"{name} of {due}: {ended.state}, exit code {ended.exit_code}. {ended.reason or ''}".rstrip())

    def _mark_killed(self, occurrences: Occurrences, occurrence: Occurrence, moment: datetime) -> None:
        reason = "the process was killed; everything stored is kept"
        if occurrences.finish(occurrence.schedule, occurrence.due, moment, exit_code=ExitCode.INTERNAL, reason=reason):
            self.processes.report_dead_runs(occurrence.sites)

    def _recover(self, occurrences: Occurrences, occurrence: Occurrence, moment: datetime) -> None:
        """Complete the record of a scheduled run whose process was killed or was never started.

        A killed run is recorded as ended. One that was never started is started now or, if it is too late, skipped.
        """
        if occurrence.state is State.RUNNING:
            self._mark_killed(occurrences, occurrence, moment)
            return
        schedule = next((each for each in self.timetable.schedules if each.name == occurrence.schedule), None)
        if (
            schedule is None
            or moment - occurrence.due_at > schedule.grace
            or next(schedule.until(moment, occurrence.due_at), None) is not None  # a later occurrence is already due
        ):
            reason = "the service ended before it started the run"
            occurrences.finish(occurrence.schedule, occurrence.due, moment, state=State.LATE, reason=reason)
        else:
            self._start(schedule, occurrence.due)

    # Timetable -------------------------------------------------------------------------------------------------------

    def next_due(self) -> datetime:
        moment = self.clock()
        return min(next(schedule.after(moment)).at for schedule in self.timetable.schedules)

    def reload(self, *, requested: bool = False) -> None:
        """Read the timetable file again if it has changed or if ``requested`` is true.

        If the new timetable is invalid, its errors are logged once, and the previous timetable stays in force.
        """
        state = _file_state(self.timetable.path)
        if state == self._file_state and not requested:
            return
        self._file_state = state
        try:
            timetable = Timetable.read(self.timetable.path)
        except TimetableError as error:
            self.log(f"the timetable has problems; the previous one stays in force\n{error}")
            return
        if timetable.text != self.timetable.text or requested:
            # Scheduled runs read this copy, so that a later mistake in the file does not affect them.
            self.dataset.write_text(ACCEPTED, timetable.text)
            self.log(f"timetable reloaded: {timetable.in_words()}")
        self.timetable = timetable

    # Shutdown --------------------------------------------------------------------------------------------------------

    def drain(self, seconds: float = DRAIN_SECONDS, *, is_hurried: Callable[[], bool] = lambda: False) -> None:
        """Send SIGTERM to all scheduled runs, and wait up to ``seconds`` for them to end.

        Runs that do not end in time continue without the service. The wait ends early if ``is_hurried`` returns True.
        """
        with self._opened() as occurrences:
            own = {name for name, _ in self.children}
            # Schedules whose runs were started by an earlier service that was killed.
            adopted = {each.schedule for each in occurrences.unfinished() if each.by_service} - own
            for child in self.children.values():
                child.terminate()
            for process in filter(None, map(self.processes.holder, adopted)):
                self.processes.terminate(process)
            end = time.monotonic() + seconds
            while running := [name for name, _ in self.children] + [n for n in adopted if self.processes.holder(n)]:
                if time.monotonic() > end or is_hurried():
                    self.log(f"still running: {', '.join(sorted(running))}")
                    return
                time.sleep(min(0.1, seconds))
                self._reap(occurrences, self.clock())


def _file_state(path: Path) -> tuple[int, ...]:
    try:
        stat = path.stat()
    except OSError:
        return ()
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
