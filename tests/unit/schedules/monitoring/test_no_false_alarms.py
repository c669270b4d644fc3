"""Sound runs of simulated newspapers raise no alarm of a stale list, failing stories or an empty entry point.

Months of visits are simulated without requests: only the times of changes and the outcomes of stories are drawn. The
seeds of the soak test were not used to choose the limits.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipelines.ledger import Ledger
from schedules.monitoring.expectations import Expectations, evaluate

START = datetime(2026, 11, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
# Stories per hour of the day: an online desk around the clock, one that sleeps, and one that prints in the evening.
DESKS = {
    "busy": (3, 2, 4, 4, 2, 1, 2, 3, 5, 7, 9, 10, 10, 9, 9, 10, 11, 11, 12, 12, 11, 10, 8, 5),
    "sleeps": (0, 0, 0, 0, 0, 0, 0.5, 2, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 4, 4, 3, 2, 1, 0.3),
    "evening": (0.1, 0, 0, 0, 0, 0, 0, 0.2, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 1, 1, 2, 3, 6, 8, 6, 2, 0.5),
}
# Share of requests for stories that fail at a sound server.
FAILURES = 0.01


class Visits:
    """The runs that visit one simulated newspaper."""

    def __init__(self, seed: str, desk: str, folder: Path) -> None:
        self._rng, self._rates = Random(seed), DESKS[desk]
        self._ledger = Ledger.open(folder / f"{seed}.sqlite", "kalbela", ZoneInfo("Asia/Dhaka"))
        self._state = 0

    def alarms(self, start: datetime, count: int, every: timedelta, *, frozen: bool = False) -> list[tuple[int, str]]:
        """Return number and alarm keys of the runs with alarms."""
        found = []
        for number in range(count):
            at = start + number * every
            summary = self._visit(at, every, frozen=frozen)
            found += [(number, alarm.key) for alarm in evaluate(summary, Expectations(lists=("latest",))).alarms]
        return found

    def _visit(self, at: datetime, every: timedelta, *, frozen: bool) -> dict[str, Any]:
        new = 0 if frozen else self._published(at, every)
        self._state += bool(new)
        for name in ("front_page", "latest"):
            self._ledger.changes.note(name, str(self._state), at)
        requested = new + self._rng.randrange(4)  # some visits again
        failed = sum(self._rng.random() < FAILURES for _ in range(requested))
        outcomes = {"story": requested - failed, "http_error": failed}
        outcomes = {outcome: n for outcome, n in outcomes.items() if n}
        urls = {"discovered": requested + 3, "outcomes": {**outcomes, "list": 3}, "complete": True}
        return {
            "site": "kalbela",
            "reason": "finished",
            "urls": urls,
            "stats": {},
            "rejects": {},
            "retry_failed": {},
            "lists": {"latest/seen": 3},
            "html_pages": 3,
            "has_stories": True,
            "story_urls": {"outcomes": outcomes, "retry_failed": {}},
            "entry_points": {"seed": {"read": 1}, "rss": {"read": 1}},
            "spells": self._ledger.changes.spells(at),
        }

    def _published(self, at: datetime, every: timedelta) -> int:
        """Draw the number of stories since the last visit."""
        steps = max(1, round(every / (HOUR / 6)))
        moments = (at - step * every / steps for step in range(steps))
        hours = (moment.astimezone(ZoneInfo("Asia/Dhaka")).hour for moment in moments)
        return sum(self._rng.random() < self._rates[hour] * every / steps / HOUR for hour in hours)


@pytest.mark.parametrize("desk", DESKS)
def test_stopped_list_is_alarm_until_it_changes(desk: str, tmp_path: Path) -> None:
    visits = Visits("a", desk, tmp_path)
    assert visits.alarms(START, 14 * 24, HOUR) == []
    noon = START + 14 * 24 * HOUR + 6 * HOUR
    visits.alarms(noon - 6 * HOUR, 6, HOUR)
    stopped = visits.alarms(noon, 36, HOUR, frozen=True)
    assert {key for _, key in stopped} == {"kalbela/stale/front_page", "kalbela/stale/latest"}
    assert 5 <= stopped[0][0] <= 30
    assert [number for number, key in stopped if key.endswith("latest")] == [*range(stopped[0][0], 36)]
    visits.alarms(noon + 36 * HOUR, 8, HOUR)
    assert visits.alarms(noon + 44 * HOUR, 48, HOUR) == [], "cleared"


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("desk", DESKS)
@pytest.mark.parametrize(("every", "count"), [(HOUR / 2, 800), (HOUR, 500), (6 * HOUR, 200), (24 * HOUR, 100)])
def test_sound_runs_raise_no_alarm(desk: str, every: timedelta, count: int, tmp_path: Path) -> None:
    assert Visits(f"unused-{every}", desk, tmp_path).alarms(START, count, every) == []
