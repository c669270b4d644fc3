"""Times at which the front page and the ranked lists changed in the last weeks.

They show if a page or list has stopped changing, which may mean that it is no longer read correctly.
"""

from datetime import datetime, timedelta
from itertools import pairwise, takewhile
from typing import Any
from zoneinfo import ZoneInfo

from pipelines.ledger.connection import Connection

SCHEMA = """
CREATE TABLE changes (
    name TEXT, at TEXT, seen_at TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (name, at)
) WITHOUT ROWID;
"""
HISTORY = timedelta(days=28)
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_CHECKED_HOURS = range(7, 73)


class Changes:
    def __init__(self, connection: Connection, zone: ZoneInfo) -> None:
        self._sql = connection
        self._zone = zone

    def note(self, name: str, digest: str, at: datetime) -> None:
        """Record the hash of a page or list seen at ``at``; delete its records older than `HISTORY` (28 days)."""
        query = "SELECT at, digest FROM changes WHERE name = ? ORDER BY at DESC LIMIT 1"
        last = self._sql.execute(query, (name,)).fetchone()
        if last and last[1] == digest:
            query = "UPDATE changes SET seen_at = max(seen_at, ?) WHERE name = ? AND at = ?"
            self._sql.execute(query, (at.isoformat(), name, last[0]))
            return
        values = (name, at.isoformat(), at.isoformat(), digest)
        self._sql.execute("INSERT OR REPLACE INTO changes VALUES (?, ?, ?, ?)", values)
        self._sql.execute("DELETE FROM changes WHERE name = ? AND seen_at < ?", (name, (at - HISTORY).isoformat()))

    def spells(self, since: datetime) -> dict[str, dict[str, Any]]:
        """Return, by name of page or list, how long its current state has lasted, and how long earlier states did.

        Only names that were seen at or after ``since`` are returned. In each entry, `since` is the time of the last
        change and `hours` the number of hours from then until the page was last seen. `known` is the length of the
        recorded history in hours. `usual` has a tuple for each full hour of the current state from the 7th to the 72nd,
        and one for its end. A tuple contains three numbers of hours: the time since the last change, the duration of
        the longest earlier state that was current at that hour of the day, and the duration of the longest one that was
        current at any hour of the day between the last change and that time.
        """
        spells = {}
        for (name,) in self._sql.execute("SELECT DISTINCT name FROM changes").fetchall():
            query = "SELECT at, seen_at FROM changes WHERE name = ? ORDER BY at"
            rows = [tuple(map(datetime.fromisoformat, row)) for row in self._sql.execute(query, (name,))]
            (start, seen), moments = rows[-1], [at for at, _ in rows]
            if seen < since:
                continue
            gaps = list(pairwise(moments))
            spells[name] = {
                "since": start.isoformat(),
                "hours": _hours(seen - start),
                "known": _hours(seen - moments[0]),
                "usual": [
                    (_hours(end - start), self._longest(gaps, end, end), self._longest(gaps, start, end))
                    for end in (*takewhile(seen.__gt__, (start + n * _HOUR for n in _CHECKED_HOURS)), seen)
                ],
            }
        return spells

    def _longest(self, gaps: list[tuple[datetime, datetime]], start: datetime, end: datetime) -> float:
        """Return the length, in hours, of the longest gap that included some hour of the day from ``start`` to ``end``.

        :param gaps: start and end of the earlier periods without a change
        """
        hour = start.astimezone(self._zone).replace(minute=0, second=0, microsecond=0)
        length = end - hour
        inside = (b - a for a, b in gaps if (hour - a) % _DAY <= b - a or (a - hour) % _DAY <= length)
        return _hours(max(inside, default=timedelta()))


def _hours(duration: timedelta) -> float:
    return round(duration / _HOUR, 2)
