"""Priorities of requests: seeds, ranked lists, entry points, then stories from the newest to the oldest."""

from crawler.entry_points import EntryPoint, Feed, Sitemap

_MAX_ORDER = 10**12 - 1
_ORDER = {Sitemap: 0, Feed: 2}


def seed_priority() -> int:
    """Return Scrapy's priority of a seed, the highest of all."""
    return _priority(0, 0, 0)


def ranked_priority(rank: int, depth: int) -> int:
    """Return the priority of a link in a ranked list."""
    return _priority(1, depth, rank)


def entry_point_priority(entry_point: EntryPoint, depth: int) -> int:
    """Return the priority of an entry point, the higher the more stories it names per request.

    A later one that adds nothing new is then requested less often.
    """
    order = 1 if entry_point.incremental else _ORDER.get(type(entry_point), 3)
    return _priority(2, depth, order)


def story_priority(story_id: str | None, depth: int, *, numbered: bool) -> int:
    """Return the priority of a story linked elsewhere, the higher the newer its number.

    :param numbered: the site numbers its stories in the order of their creation; other ids have no order
    """
    digits = (story_id or "").rpartition(":")[2] if numbered else ""
    number = int(digits) if digits.isdecimal() and len(digits) <= len(str(_MAX_ORDER)) else 0
    order = _MAX_ORDER - number
    return _priority(3, depth, order)


def _priority(rank: int, depth: int, order: int) -> int:
    """Compare by rank, then links from the seed, then order; lower values first."""
    return -(rank * 10**15 + min(depth, 999) * 10**12 + min(order, _MAX_ORDER))
