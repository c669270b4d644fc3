"""Priorities of requests: seeds first, then links of ranked lists, entry points, and other stories from new to old."""

from crawler.entry_points import EntryPoint, Feed, Sitemap

_MAX_ORDER = 10**12 - 1
_ORDER = {Sitemap: 0, Feed: 2}


#: Scrapy's priority of a seed, the highest of all.
SEED_PRIORITY = 0


def ranked_priority(rank: int, depth: int) -> int:
    return _priority(1, depth, rank)


def entry_point_priority(entry_point: EntryPoint, depth: int) -> int:
    """Return the priority of an entry point; entry points that list more stories per request come first.

    An entry point requested later may then list nothing new, and in further runs it is requested less often.
    """
    return _priority(2, depth, 1 if entry_point.incremental else _ORDER.get(type(entry_point), 3))


def story_priority(story_id: str | None, depth: int, *, numbered: bool) -> int:
    """Return the priority of a story linked elsewhere, the higher the newer its number.

    :param numbered: the site numbers its stories in the order of their creation; other ids have no order
    """
    digits = (story_id or "").rpartition(":")[2] if numbered else ""
    number = int(digits) if digits.isdecimal() and len(digits) <= len(str(_MAX_ORDER)) else 0
    order = _MAX_ORDER - number
    return _priority(3, depth, order)


def linked_priority(story_id: str | None, depth: int, *, numbered: bool) -> int:
    """Return the priority of a story that only the front page or another page links to: below all others."""
    return story_priority(story_id, depth, numbered=numbered) - 10**15


def _priority(rank: int, depth: int, order: int) -> int:
    """Combine rank, number of links from the seed and order into one number; lower values are requested first."""
    return -(rank * 10**15 + min(depth, 999) * 10**12 + min(order, _MAX_ORDER))
