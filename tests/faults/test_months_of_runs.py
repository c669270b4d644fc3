"""Nights: months of them on one data folder, with clocks that change, papers that do not answer, and kills."""

import os
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from crawler.outcomes import Outcome
from tests.support.crash_store import SOAK, CrashStore
from tests.support.fork_server import KILLED, ForkServer, fork_server
from tests.support.synthetic_site import SyntheticNights


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    with fork_server() as server:
        yield server


def test_in_these_nights_an_hour_comes_twice_and_another_not_at_all() -> None:
    nights = SyntheticNights(1)
    between = {nights.moment(n + 1) - nights.moment(n) for n in range(59)} - {timedelta(days=1)}
    assert {timedelta(hours=23), timedelta(hours=25)} < between


@pytest.mark.parametrize("nights", [range(10, 18), pytest.param(range(60), marks=SOAK)])
def test_night_after_night_everything_is_kept_once(server: ForkServer, memory_folder: Path, nights: range) -> None:
    world = SyntheticNights(int(os.environ.get("KHOBOR_SEED") or secrets.randbelow(10**6)))
    print(f"KHOBOR_SEED={world.seed}")
    chance = Random(world.seed)
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
    store.run()  # what a kill or an outage left open is asked for again
    store.settled()
    known = {row["story_id"] for row in store.reckoning.rows("stories")}
    wanted = {f"kalbela:{number}" for night in nights for number in world.new(night)}
    gone = {f"kalbela:{number}" for night in nights for number in world.taken_down(night)}
    print(f"{len(nights)} nights, {len(known)} stories, {store.ended[KILLED]} kills")
    assert wanted - gone <= known
    superseded = {row["story_id"] for row in store.reckoning.rows("revisions")}
    assert superseded
    assert {f"kalbela:{number}" for number in _shown_twice(world, nights)} <= superseded


def _shown_twice(world: SyntheticNights, nights: range) -> Iterator[int]:
    """Stories that were new in one night and changed in a later one, of nights that went well."""
    well = [night for night in nights if night % 6 != 5 and world.outcome(0, night) is not Outcome.UNREACHABLE]
    for night in well:
        for number in world.changed(night):
            born = (number - 2) // 20
            if born in well and born < night and world.outcome(number, night) is Outcome.STORY:
                yield number
