"""Months of nightly runs on one data folder, with clock changes, outages and kills."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from crawler.outcomes import Outcome
from tests.support.crash_store import SOAK, CrashStore
from tests.support.fork_server import ForkServer
from tests.support.synthetic_site import SyntheticNights


def test_nights_include_both_clock_changes() -> None:
    nights = SyntheticNights(1)
    between = {nights.moment(n + 1) - nights.moment(n) for n in range(59)} - {timedelta(days=1)}
    assert {timedelta(hours=23), timedelta(hours=25)} < between


@pytest.mark.parametrize("nights", [range(10, 18), pytest.param(range(60), marks=SOAK)])
def test_nightly_runs_store_everything_once(server: ForkServer, memory_folder: Path, seed: int, nights: range) -> None:
    world, chance = SyntheticNights(seed), Random(seed)
    store = CrashStore(server, memory_folder, world)
    usual = 0.1
    for store.edition in nights:
        if store.edition % 6 == 5:
            store.run(kill_after=chance.random() * usual)
            store.reckoning.whole()
        else:
            usual = store.run().seconds
        store.settled()
        store.reckoning.checked()
    store.edition += 1
    store.run()  # requests what a kill or an outage left open
    store.settled()
    known = {row["story_id"] for row in store.reckoning.rows("stories")}
    wanted = {f"kalbela:{number}" for night in nights for number in world.new(night)}
    gone = {f"kalbela:{number}" for night in nights for number in world.taken_down(night)}
    assert wanted - gone <= known
    superseded = {row["story_id"] for row in store.reckoning.rows("revisions")}
    assert superseded
    assert {f"kalbela:{number}" for number in _shown_twice(world, nights)} <= superseded


def _shown_twice(world: SyntheticNights, nights: range) -> Iterator[int]:
    """Yield the stories that are new in one successful night and changed in a later one."""
    well = [night for night in nights if night % 6 != 5 and world.outcome(0, night) is not Outcome.UNREACHABLE]
    for night in well:
        for number in world.changed(night):
            born = (number - 2) // 20
            if born in well and born < night and world.outcome(number, night) is Outcome.STORY:
                yield number
