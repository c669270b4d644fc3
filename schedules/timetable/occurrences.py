"""Occurrences: the times at which schedules are due, and the result of each, so that none is run twice or forgotten.

A claim is written before anything is launched, and (schedule, time) is its key: of all who want to run a time, one
gets it. The run itself takes the claim up (`claimed` to `running`) and settles it, so it does not need whoever
launched it to live on. Kept in `data/state/schedules.sqlite`, beside the ledgers.
"""

import json
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.site_lock import SiteLock, SiteLocked
from pipelines.storage.sqlite import Database, Format
from schedules.timetable.config import Schedule
from schedules.timetable.cron import Due

_SCHEMA = """
CREATE TABLE schedules (name TEXT PRIMARY KEY, rule TEXT NOT NULL, since TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE occurrences (
    schedule TEXT, due TEXT, due_at TEXT NOT NULL, sites TEXT NOT NULL, state TEXT NOT NULL,
    by_service INTEGER NOT NULL, late INTEGER NOT NULL, claimed_at TEXT NOT NULL, began_at TEXT, ended_at TEXT,
    exit_code INTEGER, runs TEXT NOT NULL DEFAULT '[]', reason TEXT, PRIMARY KEY (schedule, due)
) WITHOUT ROWID;
CREATE INDEX occurrences_open ON occurrences (state) WHERE state IN ('claimed', 'running');
CREATE INDEX occurrences_due ON occurrences (schedule, due_at);
"""
_COLUMNS = (
    "schedule, due, due_at, sites, state, by_service, late, claimed_at, began_at, ended_at, exit_code, runs, reason"
)


def occurrences_file(dataset: DataFolder) -> Path:
    """The file of the claims of a data folder."""
    return dataset.state / "schedules.sqlite"


def is_late(due: Due, moment: datetime) -> bool:
    """Whether a run that begins at that moment is more than a little after its time."""
    return (moment - due.at).total_seconds() > 120


class State(StrEnum):
    """What became of a time at which a schedule was due."""

    CLAIMED = "claimed"
    RUNNING = "running"
    RAN = "ran"
    CAUGHT_UP = "caught up"
    OVERLAP = "skipped: overlap"
    HELD = "skipped: held"
    LATE = "skipped: late"
    FAILED_TO_START = "failed to start"


OPEN = (State.CLAIMED, State.RUNNING)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time of a schedule; ``late`` says that nobody was there when it came, ``runs`` are ids."""

    schedule: str
    due: str
    due_at: datetime
    sites: tuple[str, ...]
    state: State
    by_service: bool
    late: bool
    claimed_at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    exit_code: int | None
    runs: tuple[str, ...]
    reason: str | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON: times in ISO 8601, UTC."""
        times = {name: _iso(getattr(self, name)) for name in ("due_at", "claimed_at", "began_at", "ended_at")}
        return {name: getattr(self, name) for name in self.__slots__} | times | {"state": str(self.state)}


class Occurrences(Database):
    """The claims of one data folder."""

    form = Format(
        "database of khobor",
        0x4B484F53,  # "KHOS"
        _SCHEMA,
        "move it aside: the schedules then begin anew, and at the worst a time that was run is run once more",
    )

    # Which times count -----------------------------------------------------------------------------------------------

    def counted_since(self, schedule: Schedule, otherwise: datetime) -> datetime:
        """Since when the times of a schedule count: since it was first seen with this rule, ``otherwise`` is now.

        So neither a new schedule nor a new cron is held to times before it was written.
        """
        known = self._sql.execute("SELECT rule, since FROM schedules WHERE name = ?", (schedule.name,)).fetchone()
        if known and known[0] == schedule.rule:
            return datetime.fromisoformat(known[1])
        row = (schedule.name, schedule.rule, otherwise.isoformat())
        self._sql.execute("INSERT OR REPLACE INTO schedules VALUES (?, ?, ?)", row)
        return otherwise

    def forget_others(self, names: Collection[str]) -> None:
        """Forget since when schedules count that are in the timetable no more; their claims stay."""
        known = {name for (name,) in self._sql.execute("SELECT name FROM schedules")}
        self._sql.executemany("DELETE FROM schedules WHERE name = ?", [(name,) for name in known - set(names)])

    def unsettled(self, schedule: Schedule, moment: datetime, since: datetime) -> list[Due]:
        """The times up to a moment that nobody has taken, latest first.

        Whoever takes a time settles all before it, so the first that is taken ends the search.
        """
        found = []
        for due in schedule.until(moment, since):
            if self.get(schedule.name, due.key) is not None:
                break
            found.append(due)
        return found

    # Taking ----------------------------------------------------------------------------------------------------------

    def claim(
        self,
        schedule: Schedule,
        due: Due,
        moment: datetime,
        *,
        late: bool = False,
        by_service: bool = False,
        before: Sequence[tuple[Due, State, str]] = (),
    ) -> bool:
        """Occurrence a time, and enter why those ``before`` it were not run; False where somebody else has it."""
        with self._sql.immediate():
            if not self._enter(schedule, due, moment, State.CLAIMED, None, late, by_service):
                return False
            for earlier, state, reason in before:
                self._enter(schedule, earlier, moment, state, reason, False, by_service)
        return True

    def skip(self, schedule: Schedule, dues: Sequence[tuple[Due, State, str]], moment: datetime) -> None:
        """Enter times that are not run, each with its reason."""
        with self._sql.immediate():
            for due, state, reason in dues:
                self._enter(schedule, due, moment, state, reason, False, False)

    def _enter(
        self, of: Schedule, due: Due, moment: datetime, state: State, reason: str | None, late: bool, served: bool
    ) -> bool:
        ended = None if state in OPEN else moment.isoformat()
        row = (of.name, due.key, due.at.isoformat(), json.dumps(of.sites), state, served, late, moment.isoformat())
        done = self._sql.execute(
            f"INSERT OR IGNORE INTO occurrences ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, NULL, '[]', ?)",
            (*row, ended, reason),
        )
        return done.rowcount == 1

    def start(self, schedule: str, due: str, moment: datetime) -> bool:
        """Take up a claim; False where it was taken up already."""
        done = self._sql.execute(
            "UPDATE occurrences SET state = ?, began_at = ? WHERE schedule = ? AND due = ? AND state = ?",
            (State.RUNNING, moment.isoformat(), schedule, due, State.CLAIMED),
        )
        return done.rowcount == 1

    def release(self, schedule: str, due: str) -> None:
        """Give an open claim back, of which nothing came: the time is anybody's again."""
        self._sql.execute(
            "DELETE FROM occurrences WHERE schedule = ? AND due = ? AND state IN (?, ?)", (schedule, due, *OPEN)
        )

    def set_runs(self, schedule: str, due: str, runs: Sequence[str]) -> None:
        """Enter the ids of the runs that were started for a claim."""
        self._sql.execute(
            "UPDATE occurrences SET runs = ? WHERE schedule = ? AND due = ?", (json.dumps(list(runs)), schedule, due)
        )

    def finish(
        self,
        schedule: str,
        due: str,
        moment: datetime,
        *,
        state: State | None = None,
        exit_code: int | None = None,
        reason: str | None = None,
    ) -> bool:
        """Enter what came of an open claim (no state: `ran` or `caught up`); False where it is not open."""
        done = self._sql.execute(
            "UPDATE occurrences SET state = coalesce(?, iif(late, ?, ?)), ended_at = ?, exit_code = ?, reason = ?"
            " WHERE schedule = ? AND due = ? AND state IN (?, ?)",
            (state, State.CAUGHT_UP, State.RAN, moment.isoformat(), exit_code, reason) + (schedule, due, *OPEN),
        )
        return done.rowcount == 1

    # Looking ---------------------------------------------------------------------------------------------------------

    def get(self, schedule: str, due: str) -> Occurrence | None:
        """The claim of one time."""
        return next(self._select("WHERE schedule = ? AND due = ?", schedule, due), None)

    def unfinished(self) -> list[Occurrence]:
        """The claims that are neither settled nor skipped."""
        return list(self._select("WHERE state IN ('claimed', 'running')"))

    def latest(self, schedule: str, count: int = 1) -> list[Occurrence]:
        """The latest claims of a schedule, latest first."""
        return list(self._select("WHERE schedule = ? ORDER BY due_at DESC, due DESC LIMIT ?", schedule, count))

    def _select(self, where: str, *values: object) -> Iterator[Occurrence]:
        for row in self._sql.execute(f"SELECT {_COLUMNS} FROM occurrences {where}", values).fetchall():
            schedule, due, due_at, sites, state, by_service, late, *times, exit_code, runs, reason = row
            moments = [datetime.fromisoformat(each) if each else None for each in times]
            yield Occurrence(
                *(schedule, due, datetime.fromisoformat(due_at), tuple(json.loads(sites)), State(state)),
                *(bool(by_service), bool(late), *moments, exit_code, tuple(json.loads(runs)), reason),
            )


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


SECONDS_BETWEEN_TRIES = 1.0


def lock_file(dataset: DataFolder, schedule: str) -> Path:
    """The file that a turn of the schedule holds locked."""
    return dataset.state / "schedules" / f"run-{schedule}.lock"


@contextmanager
def schedule_lock(dataset: DataFolder, schedule: Schedule, *, wait: bool) -> Iterator[None]:
    """Hold the lock of a schedule's turns; raises :class:`SiteLocked` where another is held, if it does not wait."""
    while True:
        try:
            lock = SiteLock.take(lock_file(dataset, schedule.name))
            break
        except SiteLocked:
            if not wait:
                raise
            time.sleep(SECONDS_BETWEEN_TRIES)
    with lock:
        yield
