"""Doors: what a later run must know of a request behind one, and what becomes of it when the door is gone."""

import pytest

from crawler.entry_points import Door, Kind, Onward, read_back, written
from crawler.spiders.kalbela import Kalbela

WWW = "https://www.kalbela.com"
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


def test_what_a_run_left_open_is_asked_for_in_the_order_in_which_it_was_to_be() -> None:
    spider = Kalbela()

    def priority(link: str, via: str, told: str | None = None) -> int:
        fetch = spider.begin(spider.addresses.identify(link, WWW), via=via, referrer=None, depth=1)
        request = spider.ask_again(fetch, told)
        assert request is not None
        return request.priority

    listing = next(door for door in spider.doors if door.name == "category")
    ranked = [priority(f"/world/{number}", name) for number, name in enumerate(("latest", "popular"), start=1)]
    behind = priority("/world", "category", written(listing, Onward()))
    named = priority("/world/3", "category")
    assert min(ranked) > behind > named
