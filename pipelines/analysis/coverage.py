"""Coverage of a newspaper: the story ids that are stored, and an estimate of the number of stories that were missed.

A gap in the ids does not prove that a story was missed, because pictures, videos and drafts have ids too. The number of
missed stories is therefore estimated by capture-recapture (Chapman 1951) from two independent groups of entry points,
which are pages or files that link to stories. One group is the flow (the latest list and its feeds, which the newspaper
makes from one table), the other the archives (sitemaps and listings of sections). The estimate assumes that the flow
contains the same share of all stories as of the stories in the archives.

The module is long because the counts, the estimate and the rows that both need belong together.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import lru_cache
from heapq import nsmallest
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from crawler.entry_points import FLOW
from crawler.safe_text import one_line
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DataDamaged
from pipelines.storage.tables import TABLES

if TYPE_CHECKING:
    import pyarrow as pa

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
_DUPLICATE = "exact_duplicate"
_STATES = {
    _DUPLICATE: "elsewhere",
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
    bounds = _bounds([number for number, (is_within, _) in stored.items() if is_within])
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


def _files(
    data_folder: DataFolder, name: str, site: str, since: datetime, until: datetime | None = None
) -> list[PurePosixPath]:
    """Return the files of all partitions of a table that may overlap a period."""
    table = TABLES[name]
    form = "%Y-%m" if table.partition == "month" else "%Y-%m-%d"
    first = f"{since - _DAY:{form}}"
    last = f"{until + 2 * _DAY:{form}}" if until is not None else "9999"  # it may be fetched again a day later
    return [path for _, path in data_folder.published(table, site, first, last)]


def _rows(
    data_folder: DataFolder, name: str, site: str, columns: tuple[str, ...], since: datetime, filters: Any = None
) -> Iterator[tuple[Any, ...]]:
    """Yield the distinct rows, as tuples of the given columns, from all partitions that may overlap a period."""
    from pipelines.storage.parquet import read_columns

    for path in _files(data_folder, name, site, since):
        rows = read_columns(data_folder.root, path, columns, filters).group_by(list(columns)).aggregate([])
        yield from zip(*(rows[column].to_pylist() for column in columns), strict=True)


def _stories(data_folder: DataFolder, site: str, since: datetime, until: datetime) -> dict[int, tuple[bool, str]]:
    """Return for each stored story whether it was published in the period, and the entry point that named it first."""
    import pyarrow.compute as pc

    from pipelines.storage.parquet import read_columns

    found: dict[int, tuple[bool, str]] = {}
    for path in _files(data_folder, "stories", site, since, until):
        rows = read_columns(data_folder.root, path, ("story_id", "published_at", "discovered_via"))
        at = rows["published_at"]
        is_within = pc.fill_null(pc.and_(pc.greater_equal(at, since), pc.less_equal(at, until)), False)
        columns = (numbers_of(rows["story_id"]), is_within, rows["discovered_via"])
        for number, within, via in zip(*(column.to_pylist() for column in columns), strict=True):
            if number is not None:
                found[number] = within, via
    return found


def _sightings(data_folder: DataFolder, site: str, low: int, high: int, since: datetime) -> dict[str, set[int]]:
    from pyarrow.compute import field, scalar

    seen: dict[str, set[int]] = defaultdict(set)
    filters = field("first_seen_at") >= scalar(since - _DAY)
    for story_id, via in _rows(data_folder, "sightings", site, ("story_id", "via"), since, filters):
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
    import pyarrow as pa
    import pyarrow.compute as pc

    urls = (url for url, kind in _rows(data_folder, "aliases", site, ("url", "kind"), since) if kind == _DUPLICATE)
    numbers = {number for url in urls if (number := _url_number(url)) is not None}
    tables = [_state_table(dict.fromkeys(numbers, _PRECEDENCE.index(_STATES[_DUPLICATE])))]
    for path in _files(data_folder, "fetches", site, since, until):
        place = data_folder.root / path
        with suppress(FileNotFoundError):
            version = place.stat()
            tables.append(_requested(data_folder.root, path, version.st_mtime_ns, version.st_size))
    rows = pa.concat_tables(tables)
    rows = rows.filter((pc.field("number") >= low) & (pc.field("number") <= high))
    first = rows.group_by("number").aggregate([("state", "min")]).to_pydict()
    return dict(zip(first["number"], map(_PRECEDENCE.__getitem__, first["state_min"]), strict=True))


# The dashboard counts three months of many sites again and again; files of earlier days do not change.
@lru_cache(2_000)
def _requested(root: Path, path: PurePosixPath, _modified: int, _size: int) -> "pa.Table":
    """Return the number of each requested id in a file of `fetches`, with the index of its state in `_PRECEDENCE`."""
    from pipelines.storage.parquet import read_columns

    columns = ("url", "story_id", "outcome", "reason")
    rows = read_columns(root, path, columns).group_by(list(columns)).aggregate([])
    found: dict[int, int] = {}
    for url, story_id, outcome, reason in zip(*(rows[name].to_pylist() for name in columns), strict=True):
        number = _number(story_id) if story_id is not None else _url_number(url)
        if number is not None and (story_id is not None or outcome == "not_a_story"):
            state = _PRECEDENCE.index(_state(outcome, reason))
            found[number] = min(state, found.get(number, state))
    return _state_table(found)


def _state_table(states: Mapping[int, int]) -> "pa.Table":
    import pyarrow as pa

    return pa.table({"number": pa.array(states, pa.int64()), "state": pa.array(states.values(), pa.int8())})


def _state(outcome: str, reason: str | None) -> str:
    if outcome == "redirected":
        return "failed" if _url_number((reason or "").removeprefix("to ")) is None else "elsewhere"
    return _STATES.get(outcome, "failed")


def numbers_of(story_ids: Any) -> Any:
    """Return the number in each story id of an Arrow column, as integers; it is null in an id without a number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    digits = pc.struct_field(pc.extract_regex(story_ids, r"\A[^:]+:(?P<number>[0-9]{1,15})\z"), "number")
    return digits.cast(pa.int64())


def _number(story_id: str) -> int | None:
    return int(match[1]) if (match := _NUMBER.fullmatch(story_id)) else None


def _url_number(url: str) -> int | None:
    return int(match[1]) if (match := _URL_NUMBER.search(url)) else None
