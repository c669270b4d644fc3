"""Request priorities: seeds, ranked lists, entry points, then the newest stories."""

from crawler.entry_points import Door, Kind

# What is asked for first, from first to last; within a class the nearer to the seed, then the better placed.
_SEED, _RANKED, _DOOR, _NAMED = range(4)
_CLASS, _DEPTH = 10**15, 10**12
_NEWEST = 10**12 - 1
_ORDER = {Kind.SITEMAP: 0, Kind.FEED: 2}


def _priority(place: tuple[int, int], depth: int) -> int:
    kind, order = place
    return -(kind * _CLASS + min(depth, 999) * _DEPTH + min(order, _NEWEST))


def _newness(story_id: str | None) -> int:
    """The less the newer, as far as stories are numbered."""
    number = (story_id or "").rpartition(":")[2]
    return _NEWEST - int(number) if number.isdecimal() and int(number) < _NEWEST else _NEWEST


def _worth(door: Door) -> int:
    """What names most for one request comes first: what then adds nothing to it is opened less often."""
    return 1 if door.incremental else _ORDER.get(door.kind, 3)
