"""Priorities of requests: seeds, links in ranked lists, entry points, then other stories from new to old.

Entry points are listings, feeds, sitemaps and JSON documents that link to stories.
"""

from crawler.entry_points import EntryPoint, Feed, Sitemap

_MAX_ORDER = 10**12 - 1
_ORDER = {Sitemap: 1, Feed: 2}


#: Scrapy's priority of a seed, the highest of all.
SEED_PRIORITY = 0


def ranked_priority(rank: int, depth: int) -> int:
    return _priority(1, depth, rank)


def entry_point_priority(entry_point: EntryPoint, depth: int) -> int:
    """Return the priority of a listing, feed, sitemap or JSON document.

    Those of incremental runs come first, as they list new stories, and then those with more links per request. Another
    entry point may then contain nothing new when it is requested; later runs therefore request it less often.
    """
    return _priority(2, depth, 0 if entry_point.incremental else _ORDER.get(type(entry_point), 3))


def is_story_priority(priority: int) -> bool:
    """Return True if a priority is lower than those of all seeds, ranked lists and entry points."""
    return priority <= -3 * 10**15


def story_priority(story_id: str | None, depth: int, *, numbered: bool) -> int:
    """Return the priority of a story; on sites with numbered stories, a higher number gives a higher priority.

    :param depth: number of links from the seed; fewer links give a higher priority
    :param numbered: the site numbers its stories in the order of their creation; other ids have no order
    """
    digits = (story_id or "").rpartition(":")[2] if numbered else ""
    number = int(digits) if digits.isdecimal() and len(digits) <= len(str(_MAX_ORDER)) else 0
    order = _MAX_ORDER - number
    return _priority(3, depth, order)


def linked_priority(story_id: str | None, depth: int, *, numbered: bool) -> int:
    """Return the priority of a story that only the front page or the page of another story links to.

    It is lower than all other priorities.
    """
    return story_priority(story_id, depth, numbered=numbered) - 10**15


def _priority(rank: int, depth: int, order: int) -> int:
    """Return a Scrapy priority, which orders requests by rank, then by depth, then by ``order``, the lowest first.

    :param depth: number of links from the seed
    """
    return -(rank * 10**15 + min(depth, 999) * 10**12 + min(order, _MAX_ORDER))
