"""Coverage of a newspaper: the story ids that are stored, and an estimate of the number of stories that were missed.

A gap in the ids does not prove that a story was missed, because pictures, videos and drafts have ids too. The number of
missed stories is therefore estimated by capture-recapture (Chapman 1951) from two independent groups of entry points,
which are pages or files that link to stories. One group is the flow (the latest list and its feeds, which the newspaper
makes from one table), the other the archives (sitemaps and listings of sections). The estimate assumes that the flow
contains the same share of all stories as of the stories in the archives.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from heapq import nsmallest
from itertools import pairwise
from typing import Any

from crawler.entry_points import FLOW
from crawler.safe_text import one_line
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DataDamaged
from pipelines.storage.tables import TABLES

#: Length of the period before the end of a run that the coverage in its report describes.
WINDOW = timedelta(hours=24)
# Entry points with a selection by readers or by the user, which is not independent of the other groups.
_SELECTIVE = frozenset(("popular", "popular-news", "seed"))
MAX_GAPS = 50
MIN_IN_BOTH = 7
# Upper bound of the UTC offset of any time zone.
_DAY = timedelta(days=1)
_NUMBER = re.compile(r"\A[^:]++:([0-9]{1,15})")
_URL_NUMBER = re.compile(r"/([0-9]{1,15})/?(?:[?#].*)?\Z")
_STATES = {
    "exact_duplicate": "elsewhere",
    "gone": "gone",
    "rejected": "rejected",
    "soft_error": "rejected",
    "unreadable": "rejected",
    "too_large": "rejected",
    "not_a_story": "not_a_story",
    "wrong_type": "not_a_story",
}
_PRECEDENCE = ("elsewhere", "gone", "rejected", "not_a_story", "failed")


def site_coverage(data_folder: DataFolder, site: str, since: datetime, until: datetime) -> dict[str, Any]:
    """Return counts of the story ids of a newspaper between two times, computed from the Parquet files alone.

    `low` and `high` are the lowest and highest id of a story published in that period. Each id from `low` to `high` is
    counted in one of these states: `found` (stored), `elsewhere` (exact duplicate of a stored story, or redirected to
    one), `gone` (taken down), `rejected`, `not_a_story`, `failed` (linked, but not read yet) and `never_seen`. `gaps`
    contains the longest ranges of ids that were never seen. `by_entry_point` counts the found stories by the list, feed
    or sitemap that first linked to them. `estimated_missed` is the estimated number of missed stories, and
    `estimated_error` its standard error. If they are None, `why_no_estimate` gives the reason.
    """
    period = {"since": since.isoformat(), "until": until.isoformat()}
    if not _is_numbered(site):
        return period | _unknown("the site does not number its stories")
    stored = _stories(data_folder, site, since, until)
    bounds = _bounds([number for number, (at, _) in stored.items() if at is not None and since <= at <= until])
    if bounds is None:
        return period | _unknown("no dated story with a numeric id in this time")
    low, high = bounds
    found = {number: via for number, (_, via) in stored.items() if low <= number <= high}
    sightings = _sightings(data_folder, site, low, high, since)
    states = dict.fromkeys((number for named in sightings.values() for number in named), "failed")
    states |= _states(data_folder, site, low, high, since, until)
    counts = Counter(state for number, state in states.items() if number not in found)
    known = sorted({low, high, *found, *states})
    return {
        "low": low,
        "high": high,
        **period,
        "found": len(found),
        **{state: counts[state] for state in _PRECEDENCE},
        "never_seen": high - low + 1 - len(known),
        **estimate(sightings),
        "by_entry_point": dict(Counter(found.values()).most_common()),
        "gaps": _gaps(known),
    }


def _is_numbered(site: str) -> bool:
    """Return True if the story ids of a site are numbers; this is assumed for a site that is no longer declared."""
    from crawler.registry import newspapers

    spider = newspapers().get(site)
    return spider is None or spider.numbered


def run_coverage(data_folder: DataFolder, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of :func:`site_coverage` for the 24 hours before the end of a run.

    An unreadable file raises no exception; all counts are then 0, and `why_no_estimate` gives the reason.
    """
    until = datetime.fromisoformat(summary["ended_at"])
    since = until - WINDOW
    try:
        return site_coverage(data_folder, summary["site"], since, until)
    except (OSError, ValueError, DataDamaged) as error:  # errors of Arrow are ValueError or OSError
        return {"since": since.isoformat(), "until": until.isoformat()} | _unknown(
            f"a file cannot be read: {one_line(str(error))}"
        )


def estimate(sightings: Mapping[str, set[int]]) -> dict[str, Any]:
    """Return an estimate of the number of stories to which no entry point linked, with its standard error.

    This uses Chapman's capture-recapture estimator with Seber's standard error. Two groups of entry points are
    compared: the latest list with its feeds, and the sitemaps with the listings of sections. The comparison is limited
    to ids between the minimum and the maximum of both groups. Stories that the newspaper puts in no list at all are not
    part of the estimate.

    :param sightings: ids of the stories to which each entry point (list, feed or sitemap) linked
    """
    flow = set[int]().union(*(numbers for via, numbers in sightings.items() if via in FLOW))
    archives = set[int]().union(*(numbers for via, numbers in sightings.items() if via not in FLOW | _SELECTIVE))
    if not flow or not archives:
        missing = "sitemaps and listings of sections" if flow else "the latest list and its feeds"
        return _no_estimate(f"{missing} named no story of this time")
    low, high = max(min(flow), min(archives)), min(max(flow), max(archives))
    flow, archives = ({number for number in numbers if low <= number <= high} for numbers in (flow, archives))
    both, first, second = len(flow & archives), len(flow), len(archives)
    if both < MIN_IN_BOTH:
        return _no_estimate(f"only {both} stories of this time were named by both a list and an archive")
    missed = (first + 1) * (second + 1) / (both + 1) - 1 - len(flow | archives)
    variance = (first + 1) * (second + 1) * (first - both) * (second - both) / ((both + 1) ** 2 * (both + 2))
    return {
        "estimated_missed": round(missed, 1),
        "estimated_error": round(variance**0.5, 1),
        "why_no_estimate": None,
    }


def _no_estimate(reason: str) -> dict[str, Any]:
    return {"estimated_missed": None, "estimated_error": None, "why_no_estimate": reason}


def _unknown(reason: str) -> dict[str, Any]:
    counts = dict.fromkeys(("found", *_PRECEDENCE, "never_seen"), 0)
    return {"low": None, "high": None, **counts, **_no_estimate(reason), "by_entry_point": {}, "gaps": []}


def _bounds(numbers: list[int]) -> tuple[int, int] | None:
    """Return the minimum and maximum of numbers without outliers, or None if there are no numbers (Tukey's fences).

    An outlier is, for instance, the low id of an old story that was given a new date.
    """
    if not numbers:
        return None
    ordered = sorted(numbers)
    first, third = ordered[len(ordered) // 4], ordered[3 * len(ordered) // 4]
    reach = 3 * max(third - first, 100)
    inliers = [number for number in ordered if first - reach <= number <= third + reach]
    return inliers[0], inliers[-1]


def _gaps(known: list[int]) -> list[list[int]]:
    """Return the longest ranges of missing numbers between sorted known numbers, in ascending order.

    The memory depends on the number of known numbers and not on their distance, which may be 10^15.
    """
    ranges = ([one + 1, following - 1] for one, following in pairwise(known) if following > one + 1)
    return sorted(nsmallest(MAX_GAPS, ranges, key=lambda gap: gap[0] - gap[1]))


# Tables --------------------------------------------------------------------------------------------------------------


def _rows(
    data_folder: DataFolder,
    name: str,
    site: str,
    columns: tuple[str, ...],
    since: datetime,
    until: datetime | None = None,
    filters: Any = None,
) -> Iterator[tuple[Any, ...]]:
    """Yield the distinct rows, as tuples of the given columns, from all partitions that may overlap a period."""
    from pipelines.storage.parquet import read_columns

    table = TABLES[name]
    form = "%Y-%m" if table.partition == "month" else "%Y-%m-%d"
    first = f"{since - _DAY:{form}}"
    last = f"{until + 2 * _DAY:{form}}" if until is not None else "9999"  # it may be fetched again a day later
    for part, path in data_folder.published(table, site):
        if table.partition is None or first <= part <= last:
            rows = read_columns(data_folder.root, path, columns, filters).group_by(list(columns)).aggregate([])
            yield from zip(*(rows[column].to_pylist() for column in columns), strict=True)


def _stories(
    data_folder: DataFolder, site: str, since: datetime, until: datetime
) -> dict[int, tuple[datetime | None, str]]:
    rows = _rows(data_folder, "stories", site, ("story_id", "published_at", "discovered_via"), since, until)
    return {number: (at, via) for story_id, at, via in rows if (number := _number(story_id)) is not None}


def _sightings(data_folder: DataFolder, site: str, low: int, high: int, since: datetime) -> dict[str, set[int]]:
    from pyarrow.compute import field, scalar

    seen: dict[str, set[int]] = defaultdict(set)
    filters = field("first_seen_at") >= scalar(since - _DAY)
    for story_id, via in _rows(data_folder, "sightings", site, ("story_id", "via"), since, filters=filters):
        number = _number(story_id)
        if number is not None and low <= number <= high:
            seen[via].add(number)
    return dict(seen)


def _states(
    data_folder: DataFolder, site: str, low: int, high: int, since: datetime, until: datetime
) -> dict[int, str]:
    """Return the state (`gone`, `rejected` and so on) of each id from ``low`` to ``high`` that was requested.

    If an id has several states, the first of them in ``_PRECEDENCE`` is used.
    """
    found: dict[int, set[str]] = defaultdict(set)
    for url, kind in _rows(data_folder, "aliases", site, ("url", "kind"), since):
        if kind == "exact_duplicate" and (number := _url_number(url)) is not None:
            found[number].add("elsewhere")
    columns = ("url", "story_id", "outcome", "reason")
    for url, story_id, outcome, reason in _rows(data_folder, "fetches", site, columns, since, until):
        number = _number(story_id) if story_id is not None else _url_number(url)
        if number is not None and (story_id is not None or outcome == "not_a_story"):
            found[number].add(_state(outcome, reason))
    return {
        number: next(state for state in _PRECEDENCE if state in states)
        for number, states in found.items()
        if low <= number <= high
    }


def _state(outcome: str, reason: str | None) -> str:
    if outcome == "redirected":
        return "failed" if _url_number((reason or "").removeprefix("to ")) is None else "elsewhere"
    return _STATES.get(outcome, "failed")


def _number(story_id: str) -> int | None:
    return int(match[1]) if (match := _NUMBER.fullmatch(story_id)) else None


def _url_number(url: str) -> int | None:
    return int(match[1]) if (match := _URL_NUMBER.search(url)) else None
