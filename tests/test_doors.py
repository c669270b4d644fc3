"""Doors: what a later run must know of a request behind one, and what becomes of it when the door is gone."""

import pytest

from crawler.doors import Door, Kind, Onward, read_back, written

LISTING, FEED = Door(name="rss"), Door(name="rss", kind=Kind.FEED, paths=("/rss",))


@pytest.mark.parametrize("door", [LISTING, FEED])
@pytest.mark.parametrize(
    "onward",
    [
        Onward(),
        Onward(page=3),
        Onward(fragment=0, listing="দেশ-7", before=("kalbela:1", "kalbela:2")),
        Onward(nested=1),
    ],
)
def test_what_is_behind_a_door_is_read_back_as_it_was_written(door: Door, onward: Onward) -> None:
    assert read_back(written(door, onward), (LISTING, FEED)) == (door, onward)


def test_nothing_is_behind_a_door_that_there_is_no_more() -> None:
    assert read_back(written(FEED, Onward()), (LISTING,)) is None
