"""How long a list has not changed, and how long it usually does not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pipelines.ledger import Ledger

START = datetime(2026, 11, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(tmp_path / "kalbela.sqlite", "kalbela", ZoneInfo("UTC"))


def test_spell_is_compared_with_same_hour(ledger: Ledger) -> None:
    # For ten days, a change each hour from 6 to 22 o'clock.
    days = range(10)
    for hour in (START + day * 24 * HOUR + hour * HOUR for day in days for hour in range(6, 23)):
        ledger.changes.note("latest", f"{hour}", hour)
    last = START + 9 * 24 * HOUR + 22 * HOUR
    night = last + 5 * HOUR
    ledger.changes.note("latest", f"{last}", night)
    spell = ledger.changes.spells(night)["latest"]
    assert (spell["hours"], spell["usual"]) == (5, [(5, 8, 8)])
    noon = last + 14 * HOUR
    ledger.changes.note("latest", f"{last}", noon)
    spell = ledger.changes.spells(noon)["latest"]
    assert spell["hours"] == 14
    assert spell["usual"] == [(7, 8, 8), *((n, 8 if n == 8 else 1, 8) for n in range(8, 15))]
    assert spell["known"] == 9 * 24 + 30


def test_list_that_was_not_seen_has_no_spell(ledger: Ledger) -> None:
    ledger.changes.note("latest", "a", START)
    ledger.changes.note("popular", "b", START + HOUR)
    assert ledger.changes.spells(START + HOUR).keys() == {"popular"}


def test_changes_are_forgotten_after_four_weeks(ledger: Ledger) -> None:
    for day in range(60):
        ledger.changes.note("latest", f"{day}", START + day * 24 * HOUR)
    assert ledger.changes.spells(START)["latest"]["known"] == 28 * 24
