"""Priorities of requests: seeds, ranked lists, entry points, then stories from the newest to the oldest."""

from crawler.entry_points import EntryPoint, Feed, Sitemap

# Ranks from first to last. Within a rank, requests nearer to the seed go first, then those with a lower order.
SEED, RANKED, ENTRY_POINT, STORY = range(4)
_RANK, _DEPTH = 10**15, 10**12
_MAX_ORDER = 10**12 - 1
_ORDER = {Sitemap: 0, Feed: 2}


def request_priority(rank: int, order: int, depth: int) -> int:
    """Return Scrapy's priority of a request, at most 0."""
    return -(rank * _RANK + min(depth, 999) * _DEPTH + min(order, _MAX_ORDER))


def story_order(story_id: str | None) -> int:
    """Return a lower order for a higher story number; the highest order for a story without one."""
    number = (story_id or "").rpartition(":")[2]
    return _MAX_ORDER - int(number) if number.isdecimal() and int(number) < _MAX_ORDER else _MAX_ORDER


def entry_point_order(entry_point: EntryPoint) -> int:
    """Return a lower order for entry points that name more stories per request.

    A later one that adds nothing new is then requested less often.
    """
    return 1 if entry_point.incremental else _ORDER.get(type(entry_point), 3)
