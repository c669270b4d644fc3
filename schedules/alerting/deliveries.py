"""Told: which alarms stand, and which words about them each target still waits for, remembered through restarts.

An alarm is known by its key, and stands in each scope (the runs of one kind of one newspaper, what the clock says)
that found it last. It appears with the first scope and is healed with the last. That, and the message that each target
is owed for it, are one transaction; the message leaves the memory after it was sent, so it is sent at least once.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.sqlite import Memory
from schedules.alerting.messages import Alarm, Event, event_of, harmless

_SCHEMA = """
CREATE TABLE seen (run_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE alarms (
    scope TEXT, key TEXT, since TEXT NOT NULL, alarm TEXT NOT NULL, PRIMARY KEY (scope, key)
) WITHOUT ROWID;
CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, event TEXT NOT NULL);
CREATE TABLE waiting (
    target TEXT, message INTEGER, attempts INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (target, message)
) WITHOUT ROWID;
CREATE TABLE targets (
    name TEXT PRIMARY KEY, failures INTEGER NOT NULL DEFAULT 0, next_at TEXT, since TEXT, said TEXT
) WITHOUT ROWID;
"""
#: The pause after a failure is doubled with each one more, and is never longer than the last.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
#: A message that could not be sent for so long is of no use any more.
GIVEN_UP_AFTER = timedelta(days=7)


@dataclass(frozen=True)
class Waiting:
    """A message that a target is owed: a number in this memory, and the event."""

    number: int
    event: Event


@dataclass(frozen=True)
class TargetState:
    """How a target is served: messages that wait for it, and since when, why and until when it is not tried."""

    name: str
    waiting: int
    failures: int
    since: datetime | None
    next_at: datetime | None
    said: str | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        times = {name: moment.isoformat() if (moment := getattr(self, name)) else None for name in ("since", "next_at")}
        return asdict(self) | times

    def in_words(self) -> str:
        """One sentence for a person."""
        if not self.failures or self.since is None or self.next_at is None:
            return f"alerts reach {self.name}"
        times = f"{self.failures} times since" if self.failures > 1 else "at"
        since, next_at = self.since.astimezone(), self.next_at.astimezone()
        tried = f"{self.waiting} waiting, tried again at {next_at:%H:%M}" if self.waiting else "nothing is waiting"
        return f"alerts do not reach {self.name}: {self.said} ({times} {since:%d %b %H:%M}; {tried})"


class Told(Memory):
    """The alarms of one data folder, and who is still to be told."""

    application = 0x4B484F41  # "KHOA"
    schema = _SCHEMA
    remedy = "move it aside: alarms that stand are then told once more"

    @property
    def is_blank(self) -> bool:
        """Whether no run was ever noted."""
        return self._sql.execute("SELECT 1 FROM seen").fetchone() is None

    # What stands ----------------------------------------------------------------------------------------------------

    def unseen(self, run_ids: Iterable[str]) -> list[str]:
        """Those of the runs that were not noted yet."""
        seen = {run_id for (run_id,) in self._sql.execute("SELECT run_id FROM seen")}
        return [run_id for run_id in run_ids if run_id not in seen]

    def forget_runs(self, before: str) -> None:
        """Forget the runs with smaller names, which nobody asks about again."""
        self._sql.execute("DELETE FROM seen WHERE run_id < ?", (before,))

    def note(
        self,
        scope: str,
        found: Sequence[Mapping[str, Any]],
        moment: datetime,
        *,
        about: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        heals: bool = True,
    ) -> Event | None:
        """Enter what a scope found, and owe every known target a word about what appeared or was healed by that.

        ``heals`` says that what was not found is gone; ``about`` is what the event says besides. Returns the event,
        None where nothing appeared and nothing was healed.
        """
        alarms = {alarm["key"]: json.dumps(alarm, ensure_ascii=False) for alarm in map(harmless, found)}
        with self._transaction():
            stood = dict(self._sql.execute("SELECT key, alarm FROM alarms WHERE scope = ?", (scope,)).fetchall())
            alarms = alarms if heals else stood | alarms
            if alarms == stood and run_id is None:
                return None
            before = self._standing()
            self._enter(scope, alarms, {key: since for key, (since, _) in before.items()}, moment)
            if run_id is not None:
                self._sql.execute("INSERT OR IGNORE INTO seen VALUES (?)", (run_id,))
            after = self._standing()
            appeared = [after[key][1] for key in alarms if key not in before]  # the gravest first, as it was found
            healed = [alarm for key, (_, alarm) in before.items() if key not in after]
            if not appeared and not healed:
                return None
            event = event_of(moment, appeared, healed, standing=len(after), about=about or {})
            self._owe(event, moment, [name for (name,) in self._sql.execute("SELECT name FROM targets").fetchall()])
        return event

    def _enter(self, scope: str, alarms: Mapping[str, str], since: Mapping[str, str], moment: datetime) -> None:
        self._sql.execute("DELETE FROM alarms WHERE scope = ?", (scope,))
        rows = [(scope, key, since.get(key, moment.isoformat()), alarm) for key, alarm in alarms.items()]
        self._sql.executemany("INSERT INTO alarms VALUES (?, ?, ?, ?)", rows)

    def _standing(self) -> dict[str, tuple[str, Alarm]]:
        """The alarms that stand by their keys, each with since when, oldest first."""
        rows = self._sql.execute("SELECT key, min(since), alarm FROM alarms GROUP BY key ORDER BY min(since), key")
        return {key: (since, json.loads(alarm)) for key, since, alarm in rows.fetchall()}

    def standing(self) -> list[Alarm]:
        """The alarms that stand, oldest first; `stands_since` (ISO 8601) beside what the judge said."""
        return [alarm | {"stands_since": since} for since, alarm in self._standing().values()]

    # Who is told ----------------------------------------------------------------------------------------------------

    def know_targets(self, names: Collection[str], moment: datetime, about: Mapping[str, Any] | None = None) -> None:
        """Owe a target that is new a word about all that stands, and forget one that is no more."""
        with self._transaction():
            known = {name for (name,) in self._sql.execute("SELECT name FROM targets").fetchall()}
            new = [name for name in names if name not in known]
            self._sql.executemany("INSERT INTO targets (name) VALUES (?)", [(name,) for name in new])
            if gone := [(name,) for name in known - set(names)]:
                self._sql.executemany("DELETE FROM targets WHERE name = ?", gone)
                self._sql.executemany("DELETE FROM waiting WHERE target = ?", gone)
                self._tidy()
            if new and (standing := [alarm for _, alarm in self._standing().values()]):
                self._owe(event_of(moment, standing, [], standing=len(standing), about=about or {}), moment, new)

    def _owe(self, event: Event, moment: datetime, names: Sequence[str]) -> None:
        if names:
            row = (moment.isoformat(), json.dumps(event, ensure_ascii=False))
            number = self._sql.execute("INSERT INTO messages (at, event) VALUES (?, ?)", row).lastrowid
            self._sql.executemany("INSERT INTO waiting (target, message) VALUES (?, ?)", [(n, number) for n in names])

    def _tidy(self) -> None:
        self._sql.execute("DELETE FROM messages WHERE id NOT IN (SELECT message FROM waiting)")

    def due(self, target: str, moment: datetime) -> Waiting | None:
        """The message to send to a target now, the one that failed least often first; None while it is left alone."""
        row = self._sql.execute("SELECT next_at FROM targets WHERE name = ?", (target,)).fetchone()
        next_at = _moment(row[0]) if row else None
        # A pause that is longer than any was reckoned on a clock that was set back.
        if next_at is not None and moment < next_at <= moment + LONGEST_PAUSE:
            return None
        query = "SELECT id, event FROM waiting JOIN messages ON id = message WHERE target = ? ORDER BY attempts, id"
        row = self._sql.execute(f"{query} LIMIT 1", (target,)).fetchone()
        return Waiting(row[0], json.loads(row[1])) if row else None

    def sent(self, target: str, number: int) -> None:
        """A message was sent."""
        with self._transaction():
            self._sql.execute("DELETE FROM waiting WHERE target = ? AND message = ?", (target, number))
            well = "failures = 0, next_at = NULL, since = NULL, said = NULL"
            self._sql.execute(f"UPDATE targets SET {well} WHERE name = ?", (target,))
            self._tidy()

    def failed(self, target: str, number: int, moment: datetime, said: str) -> bool:
        """A message could not be sent; leave the target alone for a while. Whether the message was given up."""
        with self._transaction():
            (failures,) = self._sql.execute("SELECT failures FROM targets WHERE name = ?", (target,)).fetchone()
            pause = min(FIRST_PAUSE * 2 ** min(failures, 20), LONGEST_PAUSE)
            self._sql.execute(
                "UPDATE targets SET failures = failures + 1, next_at = ?, since = coalesce(since, ?), said = ?"
                " WHERE name = ?",
                ((moment + pause).isoformat(), moment.isoformat(), said, target),
            )
            key = (target, number)
            self._sql.execute("UPDATE waiting SET attempts = attempts + 1 WHERE target = ? AND message = ?", key)
            (at,) = self._sql.execute("SELECT at FROM messages WHERE id = ?", (number,)).fetchone()
            if given_up := moment - datetime.fromisoformat(at) > GIVEN_UP_AFTER:
                self._sql.execute("DELETE FROM waiting WHERE target = ? AND message = ?", key)
                self._tidy()
        return given_up

    def targets(self) -> list[TargetState]:
        """How each target is served."""
        waiting = "(SELECT count(*) FROM waiting WHERE target = name)"
        rows = self._sql.execute(f"SELECT name, {waiting}, failures, since, next_at, said FROM targets ORDER BY name")
        return [
            TargetState(name, count, failures, _moment(since), _moment(next_at), said)
            for name, count, failures, since, next_at, said in rows.fetchall()
        ]


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def told_of(dataset: DataFolder) -> Path:
    """The file of what was told."""
    return dataset.state / "alerts.sqlite"


@dataclass(frozen=True)
class Standing:
    """What stands as far as it was noted: alarms, oldest first, and how each target is served; or why none is known."""

    alarms: tuple[dict[str, Any], ...] = ()
    targets: tuple[TargetState, ...] = ()
    trouble: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        targets = [state.as_dict() for state in self.targets]
        return {"alarms": list(self.alarms), "targets": targets, "trouble": self.trouble}


def standing(dataset: DataFolder) -> Standing:
    """What stands, for whoever only looks: nothing is made or changed, and nothing is raised."""
    path = told_of(dataset)
    if not path.exists():
        return Standing()
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", timeout=5, uri=True)) as connection:
            told = Told(connection)
            return Standing(tuple(told.standing()), tuple(told.targets()))
    except (sqlite3.Error, ValueError) as error:
        return Standing(trouble=f"what stands cannot be read from {path}: {error}")
