"""The timekeeper: at each look finds out what is due and what goes on, and sees to it.

Nothing that matters is remembered here. All is found out anew from the clock, the timetable and the claims, so a look
too many changes nothing, and one after a kill, a night's sleep or a clock that was set catches up what was missed.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from crawler.clock import now
from crawler.log_records import json_line
from pipelines.storage.data_folder import DataFolder
from schedules.exit_codes import ExitCode
from schedules.timetable.config import ACCEPTED, Schedule, Timetable, TimetableError
from schedules.timetable.cron import Due
from schedules.timetable.occurrences import Occurrence, Occurrences, State, is_late, occurrences_file

SECONDS_TO_DRAIN = 150.0
# Times longer ago than this are not even told as missed.
LOOK_BACK = timedelta(days=14)


class Child(Protocol):
    """A turn that was launched."""

    def poll(self) -> int | None:
        """Its exit code, None while it goes on."""

    def terminate(self) -> None:
        """Ask it to end."""


class Turns(Protocol):
    """How turns are launched and seen; :class:`schedules.service.child_processes.Processes` does it."""

    def start(self, schedule: Schedule, due: str) -> Child:
        """Launch the turn of a claimed time."""

    def holder(self, schedule: str) -> int | None:
        """The process in which a turn of the schedule goes on, whoever launched it."""

    def end(self, process: int) -> None:
        """Ask that process to end."""


def log_to_stderr(sentence: str) -> None:
    """A line for whoever reads the service's journal, if anybody does."""
    print(sentence, file=sys.stderr, flush=True)


def log_as_json(sentence: str) -> None:
    """The same for a program."""
    log_to_stderr(json_line("INFO", "khobor.service", sentence))


@dataclass
class Dispatcher:
    """Keeps one timetable for one data folder; ``clock`` tells aware moments."""

    timetable: Timetable
    dataset: DataFolder
    turns: Turns
    clock: Callable[[], datetime] = now
    say: Callable[[str], None] = log_to_stderr
    children: dict[tuple[str, str], Child] = field(default_factory=dict)
    _claims: Occurrences | None = None
    _looked: datetime | None = None
    _seen: tuple[int, ...] | None = None

    def look(self) -> None:
        """See what ended, and launch what is due."""
        moment = self.clock()
        with self._opened() as claims:
            self._see_after(claims, moment)
            claims.forget_others([schedule.name for schedule in self.timetable.schedules])
            for schedule in self.timetable.schedules:
                self._consider(claims, schedule, moment)
        self._looked = moment

    @contextmanager
    def _opened(self) -> Iterator[Occurrences]:
        """The claims, which stay open from look to look, and are opened anew after an error."""
        claims = self._claims = self._claims or Occurrences.open(occurrences_file(self.dataset))
        try:
            yield claims
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the claims."""
        if self._claims is not None:
            self._claims.close()
            self._claims = None

    # What is due -----------------------------------------------------------------------------------------------------

    def _consider(self, claims: Occurrences, schedule: Schedule, moment: datetime) -> None:
        since = max(claims.counted_since(schedule, moment), moment - LOOK_BACK)
        dues = claims.unsettled(schedule, moment, since)
        if not dues:
            return
        newest, *earlier = dues
        skipped = [(due, *self._why_not(due, newest)) for due in earlier]
        if moment - newest.at > schedule.grace:
            late = f"nobody was there for {schedule.grace_hours:g} hours after it"
            claims.skip(schedule, [(newest, State.LATE, late), *skipped], moment)
        elif self._is_busy(claims, schedule) or moment < schedule.start_of(newest):
            claims.skip(schedule, skipped, moment)
        else:
            late_by = is_late(newest, moment) and not self._was_there(newest)
            if claims.claim(schedule, newest, moment, late=late_by, by_service=True, before=skipped):
                self._start(schedule, newest.key)

    def _why_not(self, due: Due, newest: Due) -> tuple[State, str]:
        if self._was_there(due):
            return State.OVERLAP, f"another run of the newspaper went on until the one of {newest.key} was due"
        return State.LATE, f"nobody was there when it came; the run of {newest.key} makes up for it"

    def _was_there(self, due: Due) -> bool:
        """Whether the time came while this service looked, so that it waited on purpose."""
        return self._looked is not None and self._looked >= due.at

    def _is_busy(self, claims: Occurrences, schedule: Schedule) -> bool:
        return any(set(claim.sites) & set(schedule.sites) for claim in claims.unfinished())

    def _start(self, schedule: Schedule, due: str) -> None:
        self.children[schedule.name, due] = self.turns.start(schedule, due)
        self.say(f"{schedule.name} of {due}: launched")

    # What goes on ----------------------------------------------------------------------------------------------------

    def _see_after(self, claims: Occurrences, moment: datetime) -> None:
        for (name, due), child in list(self.children.items()):
            if (code := child.poll()) is not None:
                del self.children[name, due]
                self._see_off(claims, name, due, code, moment)
        for claim in claims.unfinished():
            if (claim.schedule, claim.due) not in self.children and self.turns.holder(claim.schedule) is None:
                self._see_to_orphan(claims, claim, moment)

    def _see_off(self, claims: Occurrences, name: str, due: str, code: int, moment: datetime) -> None:
        claim = claims.get(name, due)
        if claim is not None and claim.state is State.CLAIMED:
            if code in (ExitCode.TERMINATED, -signal.SIGTERM):
                claims.release(name, due)  # told to end before it began
                return
            reason = f"ended with code {code} before it began; its log is {self.dataset.state / 'schedules'}/{name}.log"
            claims.finish(name, due, moment, state=State.FAILED_TO_START, exit_code=code, reason=reason)
        elif claim is not None:
            self._bury(claims, claim, moment)
        if ended := claims.get(name, due):
            self.say(f"{name} of {due}: {ended.state}, exit code {ended.exit_code}. {ended.reason or ''}".rstrip())

    def _bury(self, claims: Occurrences, claim: Occurrence, moment: datetime) -> None:
        """Settle a claim whose process is gone, unless it did so itself."""
        killed = "the process was killed; everything that it had accepted is kept"
        claims.finish(claim.schedule, claim.due, moment, exit_code=ExitCode.INTERNAL, reason=killed)

    def _see_to_orphan(self, claims: Occurrences, claim: Occurrence, moment: datetime) -> None:
        """A turn that is not our child and not alive: it was killed, or whoever claimed it was, before it launched."""
        if claim.state is State.RUNNING:
            self._bury(claims, claim, moment)
            return
        schedule = next((each for each in self.timetable.schedules if each.name == claim.schedule), None)
        if schedule is None or moment - claim.due_at > schedule.grace or self._is_superseded(schedule, claim, moment):
            late = "whoever claimed it was gone before it was launched"
            claims.finish(claim.schedule, claim.due, moment, state=State.LATE, reason=late)
        else:
            self._start(schedule, claim.due)

    def _is_superseded(self, schedule: Schedule, claim: Occurrence, moment: datetime) -> bool:
        return next(schedule.until(moment, claim.due_at), None) is not None

    # The timetable ---------------------------------------------------------------------------------------------------

    def reread(self, *, asked: bool = False) -> bool:
        """Read the timetable again if its file changed or it is ``asked`` for; tells a broken one and keeps the old."""
        seen = _signature(self.timetable.path)
        if seen == self._seen and not asked:
            return False
        self._seen = seen
        try:
            found = Timetable.read(self.timetable.path)
        except TimetableError as error:
            self.say(f"the timetable has mistakes; the one before it is kept\n{error}")
            return False
        changed = found.text != self.timetable.text
        if changed or asked:
            # What a turn reads, so that a mistake in the file stops none that was accepted before.
            self.dataset.write_text(ACCEPTED, found.text)
            self.say(f"the timetable was read anew: {found.in_words()}")
        self.timetable = found
        return changed

    # The end ---------------------------------------------------------------------------------------------------------

    def drain(self, seconds: float = SECONDS_TO_DRAIN, *, hurried: Callable[[], bool] = lambda: False) -> None:
        """Ask the turns that go on to end, and wait for them; one that does not end in time is left alone."""
        with self._opened() as claims:
            # Those that a service before this one launched and did not live to see the end of.
            adopted = {claim.schedule for claim in claims.unfinished() if claim.by_service}
            for child in self.children.values():
                child.terminate()
            own = {name for name, _ in self.children}
            for process in filter(None, map(self.turns.holder, adopted - own)):
                self.turns.end(process)
            until = time.monotonic() + seconds
            while going := [name for name, _ in self.children] + [n for n in adopted - own if self.turns.holder(n)]:
                if time.monotonic() > until or hurried():
                    self.say(f"still running, and left alone: {', '.join(sorted(going))}")
                    return
                time.sleep(min(0.1, seconds))
                for (name, due), child in list(self.children.items()):
                    if (code := child.poll()) is not None:
                        del self.children[name, due]
                        self._see_off(claims, name, due, code, self.clock())


def _signature(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino


class DueTrigger(BaseTrigger):  # type: ignore[misc]
    """The times of a schedule as APScheduler asks for them."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        return next(self._schedule.after(previous_fire_time or now)).at


class WakeUps:
    """APScheduler with a trigger per schedule, each in the zone of its own."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._scheduler = BackgroundScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(1)},
            timezone=UTC,
        )

    def wind(self, timetable: Timetable) -> None:
        """Set the times of this timetable, reckoned from the clock as it now stands."""
        if not self._scheduler.running:
            self._scheduler.start()
        self._scheduler.remove_all_jobs()
        for schedule in timetable.schedules:
            self._scheduler.add_job(
                self._ring,
                DueTrigger(schedule),
                id=schedule.name,
                # By default a ring that is a second late is left out.
                misfire_grace_time=int(schedule.grace.total_seconds()),
                coalesce=True,
                max_instances=1,
            )

    def rings(self) -> dict[str, datetime]:
        """When it rings next for each schedule."""
        return {job.id: job.next_run_time for job in self._scheduler.get_jobs()}

    def stop(self) -> None:
        """Ring no more."""
        if self._scheduler.running:
            self._scheduler.pause()  # a job that is due during the shutdown would be refused aloud
            self._scheduler.shutdown(wait=True)
