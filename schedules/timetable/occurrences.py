"""SQLite database of occurrences, that is, due times of schedules with their results (`data/state/schedules.sqlite`).

It ensures that no due time is executed twice or forgotten. An occurrence is claimed (reserved) before its run is
started. The primary key is (schedule, due), so that only one of several processes can claim it. The run itself marks
the occurrence as running and records its end, so that it does not depend on the process that started it.

The module is long because several processes change occurrences, and the conditions of all changes belong together.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import takewhile
from pathlib import Path
from typing import Any

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.sqlite import Database, Format
from schedules.timetable.config import Schedule
from schedules.timetable.cron import Due

_SCHEMA = """
CREATE TABLE schedules (
    name TEXT PRIMARY KEY, rule TEXT NOT NULL, since TEXT NOT NULL, corrected_at TEXT
) WITHOUT ROWID;
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
    """Return the path of the SQLite database of occurrences (due times with their results) in a data folder."""
    return dataset.state / "schedules.sqlite"


def is_late(due: Due, moment: datetime) -> bool:
    """Return True if ``moment`` is more than two minutes after a due time."""
    return (moment - due.at).total_seconds() > 120


class State(StrEnum):
    """State of an occurrence, that is, of one due time of a schedule."""

    CLAIMED = "claimed"
    RUNNING = "running"
    RAN = "ran"
    CAUGHT_UP = "caught up"
    OVERLAP = "skipped: overlap"
    HELD = "skipped: held"
    LATE = "skipped: late"
    FAILED_TO_START = "failed to start"


_CLOCK_TOLERANCE = timedelta(seconds=60)
OPEN = (State.CLAIMED, State.RUNNING)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One due time of a schedule, with the state and the result of its run (one crawl per site).

    ``late`` is true if the service was not running at the due time. ``runs`` has the run ids, one per site.
    """

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
        """Return the fields as JSON types, with times as ISO 8601 strings in UTC."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


class Occurrences(Database):
    """SQLite database of occurrences (due times of schedules with their results) of one data folder."""

    form = Format(
        "database of khobor",
        0x4B484F53,  # "KHOS"
        _SCHEMA,
        "move it aside: the schedules then start anew, and at worst one occurrence runs again",
    )

    def counted_since(self, schedule: Schedule, moment: datetime, back: timedelta = timedelta()) -> datetime:
        """Return the start of the period whose due times are executed; earlier due times of the schedule are ignored.

        For a new schedule, or after a change of its cron expression or time zone, the period starts at ``moment`` minus
        ``back``. Otherwise the stored start is returned. Stored times later than ``moment`` come from a clock that was
        ahead; they are set to ``moment``.
        """
        row = self._sql.execute("SELECT rule, since FROM schedules WHERE name = ?", (schedule.name,)).fetchone()
        if not row or row[0] != schedule.rule:
            values = (schedule.name, schedule.rule, (moment - back).isoformat())
            self._sql.execute("INSERT OR REPLACE INTO schedules (name, rule, since) VALUES (?, ?, ?)", values)
            return moment - back
        limit = (moment + _CLOCK_TOLERANCE).isoformat()
        query = "SELECT 1 FROM occurrences WHERE schedule = ? AND due_at > ? AND ended_at IS NOT NULL"
        if row[1] > limit or self._sql.execute(query, (schedule.name, limit)).fetchone():
            self._correct_future_times(schedule.name, moment, limit)
        return min(datetime.fromisoformat(row[1]), moment)

    def _correct_future_times(self, name: str, moment: datetime, limit: str) -> None:
        """Set the stored times of a schedule that are later than ``moment`` to ``moment``.

        Such times come from a clock that was ahead. The keys of the affected due times are changed, so that these due
        times are executed when they are reached.
        """
        now = moment.isoformat()
        times = ", ".join(f"{each} = min({each}, ?1)" for each in ("claimed_at", "began_at", "ended_at"))
        with self._sql.immediate():
            self._sql.execute(
                f"UPDATE occurrences SET due = due || ' (clock ahead)', due_at = ?1, {times}"
                " WHERE schedule = ?2 AND due_at > ?3 AND ended_at IS NOT NULL",
                (now, name, limit),
            )
            query = "UPDATE schedules SET since = min(since, ?1), corrected_at = ?1 WHERE name = ?2"
            self._sql.execute(query, (now, name))

    def corrections(self) -> dict[str, datetime]:
        """Return the time of the last correction for each schedule whose stored times were in the future.

        Such times come from a clock that was ahead.
        """
        rows = self._sql.execute("SELECT name, corrected_at FROM schedules WHERE corrected_at IS NOT NULL")
        return {name: datetime.fromisoformat(at) for name, at in rows}

    def forget_others(self, names: Collection[str]) -> None:
        """Delete the schedules that are not in ``names``; their due times and results are kept."""
        known = {name for (name,) in self._sql.execute("SELECT name FROM schedules")}
        self._sql.executemany("DELETE FROM schedules WHERE name = ?", [(name,) for name in known - set(names)])

    def open_dues(self, schedule: Schedule, moment: datetime, since: datetime) -> list[Due]:
        """Return the due times between ``since`` and ``moment`` that are not recorded yet, latest first.

        The search ends at the latest recorded due time, because all earlier ones are recorded with it.
        """
        return list(takewhile(lambda due: self.get(schedule.name, due.key) is None, schedule.until(moment, since)))

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
        """Reserve a due time for execution by the caller; return False if another process has already recorded it.

        :param late: true if the service was not running at the due time
        :param before: earlier due times that are not executed, each with state and reason, which are recorded too
        """
        with self._sql.immediate():
            if not self._insert(schedule, due, moment, State.CLAIMED, None, late, by_service):
                return False
            for earlier, state, reason in before:
                self._insert(schedule, earlier, moment, state, reason, False, by_service)
        return True

    def skip(self, schedule: Schedule, dues: Sequence[tuple[Due, State, str]], moment: datetime) -> None:
        """Record due times that are not executed, each with its state and the reason."""
        with self._sql.immediate():
            for due, state, reason in dues:
                self._insert(schedule, due, moment, state, reason, False, False)

    def _insert(
        self, schedule: Schedule, due: Due, moment: datetime, state: State, reason: str | None, late: bool, served: bool
    ) -> bool:
        values = (schedule.name, due.key, due.at.isoformat(), json.dumps(schedule.sites), state, served, late)
        ended = None if state in OPEN else moment.isoformat()
        cursor = self._sql.execute(
            f"INSERT OR IGNORE INTO occurrences ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, NULL, '[]', ?)",
            (*values, moment.isoformat(), ended, reason),
        )
        return cursor.rowcount == 1

    def start(self, schedule: str, due: str, moment: datetime) -> bool:
        """Mark a claimed (reserved) due time as running; return False if its state is not `claimed`."""
        cursor = self._sql.execute(
            "UPDATE occurrences SET state = ?, began_at = ? WHERE schedule = ? AND due = ? AND state = ?",
            (State.RUNNING, moment.isoformat(), schedule, due, State.CLAIMED),
        )
        return cursor.rowcount == 1

    def release(self, schedule: str, due: str) -> None:
        """Delete the record of a due time whose run was not started, so that it can be claimed again."""
        self._sql.execute(
            "DELETE FROM occurrences WHERE schedule = ? AND due = ? AND state IN (?, ?)", (schedule, due, *OPEN)
        )

    def set_runs(self, schedule: str, due: str, runs: Sequence[str]) -> None:
        """Store the ids of the runs that were started for a due time."""
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
        """Record the end of the execution of a due time; return False if an end is already recorded.

        The default of ``state`` is `ran`, or `caught up` if the service was not running at the due time.
        """
        cursor = self._sql.execute(
            "UPDATE occurrences SET state = coalesce(?, iif(late, ?, ?)), ended_at = ?, exit_code = ?, reason = ?"
            " WHERE schedule = ? AND due = ? AND state IN (?, ?)",
            (state, State.CAUGHT_UP, State.RAN, moment.isoformat(), exit_code, reason) + (schedule, due, *OPEN),
        )
        return cursor.rowcount == 1

    def delete_old(self, before: datetime) -> int:
        """Delete the records of due times before a given time, and return their number.

        Unfinished ones are kept, and so is the latest of each schedule, at which the search for unrecorded due times
        ends.
        """
        latest = "(SELECT max(due_at) FROM occurrences AS other WHERE other.schedule = occurrences.schedule)"
        query = f"DELETE FROM occurrences WHERE due_at < ? AND state NOT IN (?, ?) AND due_at < {latest}"
        return self._sql.execute(query, (before.isoformat(), *OPEN)).rowcount

    def get(self, schedule: str, due: str) -> Occurrence | None:
        return next(self._select("WHERE schedule = ? AND due = ?", schedule, due), None)

    def unfinished(self) -> list[Occurrence]:
        """Return the occurrences (due times with results) in the state `claimed` or `running`."""
        return list(self._select("WHERE state IN ('claimed', 'running')"))

    def latest(self, schedule: str, count: int = 1) -> list[Occurrence]:
        """Return the latest ``count`` due times of a schedule with their results, latest first."""
        return list(self._select("WHERE schedule = ? ORDER BY due_at DESC, due DESC LIMIT ?", schedule, count))

    def _select(self, where: str, *values: object) -> Iterator[Occurrence]:
        for row in self._sql.execute(f"SELECT {_COLUMNS} FROM occurrences {where}", values).fetchall():
            schedule, due, due_at, sites, state, by_service, late, *times, exit_code, runs, reason = row
            moments = [datetime.fromisoformat(each) if each else None for each in times]
            yield Occurrence(
                *(schedule, due, datetime.fromisoformat(due_at), tuple(json.loads(sites)), State(state)),
                *(bool(by_service), bool(late), *moments, exit_code, tuple(json.loads(runs)), reason),
            )
