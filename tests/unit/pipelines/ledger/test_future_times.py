"""Times that a clock stored while it was a year ahead, or that look so because it is a year behind."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from crawler.items import Fetch
from crawler.outcomes import Outcome
from pipelines.ledger import Ledger
from pipelines.runtime import preflight
from pipelines.runtime.fatal_errors import fatal_error_in
from pipelines.runtime.preflight import check_clock
from pipelines.runtime.revisit import Revisits
from pipelines.storage.errors import ClockSet

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
YEAR, HOUR = timedelta(days=365), timedelta(hours=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(tmp_path / "kalbela.sqlite", "kalbela", ZoneInfo("Asia/Dhaka"))


def fetched(ledger: Ledger, name: str, at: datetime, story: str | None = None) -> None:
    fetch = Fetch(
        site="kalbela",
        key=name,
        url=f"https://www.kalbela.com/{name}",
        story_id=story,
        via="rss",
        depth=0,
        attempts=1,
        run_id="run-1",
        fetched_at=at,
        outcome=Outcome.STORY if story else Outcome.LIST,
    )
    revisits = Revisits(ledger, "run-1")
    revisits.discover(fetch)
    revisits.finish(fetch, NOW - HOUR if story else None)


@pytest.mark.parametrize("ahead", [YEAR, 10 * YEAR, 2 * HOUR])
def test_entry_point_fetched_ahead_is_due_at_once(ledger: Ledger, ahead: timedelta) -> None:
    fetched(ledger, "rss", NOW + ahead)
    fetched(ledger, "kalbela:1", NOW + ahead, story="kalbela:1")
    ledger.changes.note("latest", "a", NOW + ahead)
    ledger.runs.begin("run-1", NOW + ahead, "full")
    assert ledger.correct_future_times(NOW) == 4
    entry, story = ledger.urls.get("rss"), ledger.urls.get("kalbela:1")
    assert entry is not None
    assert story is not None
    assert (entry.due_at, entry.fetched_at, story.fetched_at) == (NOW, NOW, NOW)
    assert ledger.changes.spells(NOW - YEAR) == {}
    assert ledger.correct_future_times(NOW) == 0, "reported once"


def test_clock_behind_does_not_stop_visits(ledger: Ledger) -> None:
    fetched(ledger, "rss", NOW)
    past = NOW - YEAR
    assert ledger.correct_future_times(past) == 1
    fetched(ledger, "rss", past)
    assert ledger.correct_future_times(NOW + HOUR) == 0
    known = ledger.urls.get("rss")
    assert known is not None
    assert known.due_at is not None
    assert known.due_at < NOW


def test_usual_times_are_not_corrected(ledger: Ledger) -> None:
    fetched(ledger, "rss", NOW)
    fetched(ledger, "kalbela:1", NOW, story="kalbela:1")
    ledger.runs.begin("run-1", NOW, "full")
    assert ledger.correct_future_times(NOW) == 0


@pytest.mark.parametrize(
    ("step", "is_set"), [(0.0, False), (59.0, False), (-59.0, False), (61.0, True), (-3600.0, True)]
)
def test_clock_set_during_run_is_fatal(step: int, is_set: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "clock_offset", lambda: 1000 + step)
    if not is_set:
        check_clock(1000.0)
        return
    with pytest.raises(ClockSet) as error:
        check_clock(1000.0)
    fatal = fatal_error_in(error.value)
    assert fatal is not None
    assert fatal.reason == "clock"
