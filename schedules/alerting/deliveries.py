"""SQLite database of active alarms and of the alerts that are still to be sent (`state/alerts.sqlite`).

An alarm is a failed check, identified by its key. The database stores which scope reports which alarms; a scope is
either all runs of one site in one mode, or one of the checks of the timetable. An alarm becomes active when the first
scope reports it, and it clears when no scope reports it any more. Each change is stored in the same transaction as the
alerts that it causes. An alert is deleted only after it was sent, so it is sent at least once.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DatabaseDamaged
from pipelines.storage.sqlite import Database, Format
from schedules.alerting.messages import Alarm, Event, new_event, sanitise

_SCHEMA = """
CREATE TABLE recorded_runs (run_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE alarms (
    scope TEXT, key TEXT, since TEXT NOT NULL, alarm TEXT NOT NULL, PRIMARY KEY (scope, key)
) WITHOUT ROWID;
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, at TEXT NOT NULL, event TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE targets (
    name TEXT PRIMARY KEY, failures INTEGER NOT NULL DEFAULT 0, next_at TEXT, since TEXT, error TEXT
) WITHOUT ROWID;
"""
#: Pause of a target after a failed delivery; it doubles with each consecutive failure, up to the maximum.
FIRST_PAUSE, MAX_PAUSE = timedelta(seconds=30), timedelta(hours=1)
MAX_RECORDED_RUNS = 20_000
#: Age at which an undelivered event is dropped.
MAX_AGE = timedelta(days=7)


@dataclass(frozen=True)
class Delivery:
    """Alert that is to be sent to one target."""

    id: int
    event: Event


@dataclass(frozen=True)
class TargetState:
    """State of an alert target: number of waiting alerts, consecutive failures, last error and next attempt."""

    name: str
    waiting: int
    failures: int
    since: datetime | None
    next_at: datetime | None
    error: str | None

    def as_dict(self) -> dict[str, Any]:
        times = {name: time.isoformat() if (time := getattr(self, name)) else None for name in ("since", "next_at")}
        return asdict(self) | times

    def __str__(self) -> str:
        if not self.failures or self.since is None or self.next_at is None:
            return f"{self.name} receives alerts"
        times = f"{self.failures} times since" if self.failures > 1 else "at"
        retry = f"{self.waiting} waiting, next try at {self.next_at.astimezone():%H:%M}"
        return (
            f"alerts fail to reach {self.name}: {self.error} ({times} {self.since.astimezone():%d %b %H:%M}; {retry})"
        )


class Deliveries(Database):
    """SQLite database of the active alarms and of the alerts that are still to be sent, for one data folder."""

    form = Format(
        "database of khobor",
        0x4B484F41,  # "KHOA"
        _SCHEMA,
        "move it away: active alarms are then sent once more",
    )

    @property
    def is_new(self) -> bool:
        """True if the alarms of no run have been recorded yet."""
        return self._sql.execute("SELECT 1 FROM recorded_runs").fetchone() is None

    # Alarms ---------------------------------------------------------------------------------------------------------

    def unrecorded(self, run_ids: Iterable[str]) -> list[str]:
        """Return the given run ids whose alarms have not been recorded yet, in the same order."""
        recorded = {run_id for (run_id,) in self._sql.execute("SELECT run_id FROM recorded_runs")}
        return [run_id for run_id in run_ids if run_id not in recorded]

    def forget_runs(self, before: str) -> None:
        """Delete the ids of recorded runs that sort before the id ``before``, except the latest `MAX_RECORDED_RUNS`.

        The limit is also a number and not only an age, because the clock may be wrong.
        """
        query = "SELECT run_id FROM recorded_runs ORDER BY run_id DESC LIMIT -1 OFFSET ?"
        self._sql.execute(
            f"DELETE FROM recorded_runs WHERE run_id < ? AND run_id IN ({query})", (before, MAX_RECORDED_RUNS)
        )

    def record(
        self,
        scope: str,
        reported: Sequence[Mapping[str, Any]],
        moment: datetime,
        context: Mapping[str, Any],
        *,
        run_id: str | None = None,
        clears: bool = True,
    ) -> None:
        """Replace the alarms stored for ``scope``, and queue an alert for every target if an alarm appears or clears.

        A scope is a source of alarms, such as the runs of one site in one mode. An alarm appears when the first scope
        reports it, and clears when no scope reports it any more.

        :param reported: alarms that the scope reports now, most severe first
        :param context: further keys of the alert
        :param run_id: id of the run that reported the alarms; it is stored, so that they are recorded only once
        :param clears: if false, the alarms that the scope reported earlier and does not report now stay active
        """
        alarms = {alarm["key"]: json.dumps(alarm, ensure_ascii=False) for alarm in map(sanitise, reported)}
        with self._sql.immediate():
            known = dict(self._sql.execute("SELECT key, alarm FROM alarms WHERE scope = ?", (scope,)).fetchall())
            alarms = alarms if clears else known | alarms
            if alarms == known and run_id is None:
                return
            before = self._active()
            rows = [
                (scope, key, before[key][0] if key in before else moment.isoformat(), alarms[key]) for key in alarms
            ]
            self._sql.execute("DELETE FROM alarms WHERE scope = ?", (scope,))
            self._sql.executemany("INSERT INTO alarms VALUES (?, ?, ?, ?)", rows)
            if run_id is not None:
                self._sql.execute("INSERT OR IGNORE INTO recorded_runs VALUES (?)", (run_id,))
            after = self._active()
            appeared = [after[key][1] for key in alarms if key not in before]  # in reported order: most severe first
            cleared = [alarm for key, (_, alarm) in before.items() if key not in after]
            if appeared or cleared:
                self._owe(new_event(moment, appeared, cleared, len(after), context), moment, self._target_names())

    def _active(self) -> dict[str, tuple[str, Alarm]]:
        rows = self._sql.execute("SELECT key, min(since), alarm FROM alarms GROUP BY key ORDER BY min(since), key")
        return {key: (since, json.loads(alarm)) for key, since, alarm in rows.fetchall()}

    def active_alarms(self) -> list[Alarm]:
        """Return the active alarms, oldest first, each with its start time as `active_since` (ISO 8601)."""
        return [alarm | {"active_since": since} for since, alarm in self._active().values()]

    # Targets --------------------------------------------------------------------------------------------------------

    def set_targets(self, names: Collection[str], moment: datetime, context: Mapping[str, Any]) -> None:
        """Replace the alert targets; new ones get all active alarms, and unsent alerts of removed ones are deleted."""
        with self._sql.immediate():
            known = self._target_names()
            new = [name for name in names if name not in known]
            self._sql.executemany("INSERT INTO targets (name) VALUES (?)", [(name,) for name in new])
            for name in set(known) - set(names):
                self._sql.execute("DELETE FROM targets WHERE name = ?", (name,))
                self._sql.execute("DELETE FROM deliveries WHERE target = ?", (name,))
            if new and (active := [alarm for _, alarm in self._active().values()]):
                self._owe(new_event(moment, active, [], len(active), context), moment, new)

    def _target_names(self) -> list[str]:
        return [name for (name,) in self._sql.execute("SELECT name FROM targets").fetchall()]

    def _owe(self, event: Event, moment: datetime, names: Sequence[str]) -> None:
        rows = [(name, moment.isoformat(), json.dumps(event, ensure_ascii=False)) for name in names]
        self._sql.executemany("INSERT INTO deliveries (target, at, event) VALUES (?, ?, ?)", rows)

    def next_for(self, target: str, moment: datetime) -> Delivery | None:
        """Return the alert to send to a target now: the one with the fewest attempts, and the oldest of these.

        Returns None if no alert is waiting, or if the target is paused after a failure.
        """
        row = self._sql.execute("SELECT next_at FROM targets WHERE name = ?", (target,)).fetchone()
        next_at = _time(row[0]) if row else None
        # If the pause is longer than the maximum, the clock has been set back, and the pause is ignored.
        if next_at is not None and moment < next_at <= moment + MAX_PAUSE:
            return None
        query = "SELECT id, event FROM deliveries WHERE target = ? ORDER BY attempts, id LIMIT 1"
        row = self._sql.execute(query, (target,)).fetchone()
        return Delivery(row[0], json.loads(row[1])) if row else None

    def succeeded(self, target: str, delivery: Delivery) -> None:
        """Delete an alert that was sent, and reset the failure count and the pause of its target."""
        with self._sql.immediate():
            self._sql.execute("DELETE FROM deliveries WHERE id = ?", (delivery.id,))
            reset = "failures = 0, next_at = NULL, since = NULL, error = NULL"
            self._sql.execute(f"UPDATE targets SET {reset} WHERE name = ?", (target,))

    def failed(self, target: str, delivery: Delivery, moment: datetime, error: str) -> bool:
        """Pause the target after a failed attempt; return True if the alert was too old and was therefore deleted."""
        with self._sql.immediate():
            (failures,) = self._sql.execute("SELECT failures FROM targets WHERE name = ?", (target,)).fetchone()
            pause = min(FIRST_PAUSE * 2 ** min(failures, 20), MAX_PAUSE)
            self._sql.execute(
                "UPDATE targets SET failures = failures + 1, next_at = ?, since = coalesce(since, ?), error = ?"
                " WHERE name = ?",
                ((moment + pause).isoformat(), moment.isoformat(), error, target),
            )
            self._sql.execute("UPDATE deliveries SET attempts = attempts + 1 WHERE id = ?", (delivery.id,))
            oldest = (delivery.id, (moment - MAX_AGE).isoformat())
            return self._sql.execute("DELETE FROM deliveries WHERE id = ? AND at < ?", oldest).rowcount > 0

    def targets(self) -> list[TargetState]:
        """Return the state of each alert target (waiting alerts, failures, next attempt), ordered by name."""
        waiting = "(SELECT count(*) FROM deliveries WHERE target = name)"
        rows = self._sql.execute(f"SELECT name, {waiting}, failures, since, next_at, error FROM targets ORDER BY name")
        return [
            TargetState(name, count, failures, _time(since), _time(next_at), error)
            for name, count, failures, since, next_at, error in rows.fetchall()
        ]


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def deliveries_path(dataset: DataFolder) -> Path:
    return dataset.state / "alerts.sqlite"


@dataclass(frozen=True)
class ActiveAlarms:
    """Active alarms, oldest first, and the state of each alert target; ``error`` is set if they are unreadable."""

    alarms: tuple[Alarm, ...] = ()
    targets: tuple[TargetState, ...] = ()
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"targets": [state.as_dict() for state in self.targets]}


def active_alarms(dataset: DataFolder) -> ActiveAlarms:
    """Read the active alarms without changing the database; an error is returned in ``error`` and not raised."""
    path = deliveries_path(dataset)
    if not path.exists():
        return ActiveAlarms()
    try:
        with Deliveries.read_only(path) as deliveries:
            return ActiveAlarms(tuple(deliveries.active_alarms()), tuple(deliveries.targets()))
    except (sqlite3.Error, DatabaseDamaged, ValueError) as error:
        return ActiveAlarms(error=f"cannot read the active alarms from {path}: {error}")
