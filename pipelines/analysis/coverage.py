"""Coverage: how much of a newspaper is kept, by its own counter of ids, and an estimate of what nobody named.

A hole in the counter proves nothing: pictures, videos and drafts use ids too. What was missed is estimated from two
ways in that know nothing of each other, as animals are counted that are caught twice (Chapman 1951): how much of what
the archives name (sitemaps, listings of sections) was named by the flow too (the latest list, its feed) tells how much
the flow lets through.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from crawler.safe_text import one_line
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import TABLES

#: How far back the coverage in a run's report goes.
WINDOW = timedelta(hours=24)
#: What names stories as they come. They are made from one table of the newspaper, so they count as one.
FLOW = frozenset(("latest", "latest-news", "all-news", "rss"))
# What names a story because it is read, or because somebody asked for it, tells nothing about the others.
_PARTIAL = frozenset(("popular", "popular-news", "seed"))
MOST_GAPS = 50
LEAST_IN_BOTH = 7
# No zone is further from UTC, and a story may be asked for again a day later.
_AROUND = timedelta(days=1)
_NUMBER = re.compile(r"[^:]+:([0-9]{1,15})")
_IN_ADDRESS = re.compile(r"/([0-9]{1,15})/?(?:[?#].*)?")
_BECAME = {
    "exact_duplicate": "elsewhere",
    "gone": "gone",
    "rejected": "rejected",
    "soft_error": "rejected",
    "unreadable": "rejected",
    "too_large": "rejected",
    "not_a_story": "not_a_story",
    "wrong_type": "not_a_story",
}
_IN_THIS_ORDER = ("elsewhere", "gone", "rejected", "not_a_story", "failed")


def coverage_of(dataset: DataFolder, site: str, since: datetime, until: datetime) -> dict[str, Any]:
    """What is kept of the ids that the newspaper gave out from ``since`` to ``until``, told from the files alone.

    ``low`` and ``high`` are the lowest and the highest id of stories published then, and every id between them is of
    one kind: ``found`` (kept), ``elsewhere`` (the words of a kept story, or redirected to one), ``gone``, ``rejected``,
    ``not_a_story``, ``failed`` (named, and not read yet) or ``never_seen``; ``gaps`` are the longest runs of the last.
    ``by_entry_point`` counts the found by what named them first. ``estimated_missed`` is how many stories nothing
    named, with its standard error, or None, and then ``why_no_estimate`` is a sentence.
    """
    window = {"since": since.isoformat(), "until": until.isoformat()}
    kept = _stories(dataset, site, since, until)
    bounds = _bounds([number for number, (at, _) in kept.items() if at is not None and since <= at <= until])
    if bounds is None:
        return window | _nothing("no story with a number and a date of this time is kept")
    low, high = bounds
    found = {number: via for number, (_, via) in kept.items() if low <= number <= high}
    sightings = _sightings(dataset, site, low, high, since)
    became = _became(dataset, site, low, high, since, until, {n for seen in sightings.values() for n in seen})
    kinds = Counter(kind for number, kind in became.items() if number not in found)
    never = [number for number in range(low, high + 1) if number not in found and number not in became]
    return {
        "low": low,
        "high": high,
        **window,
        "found": len(found),
        **{kind: kinds[kind] for kind in _IN_THIS_ORDER},
        "never_seen": len(never),
        **estimate(sightings),
        "by_entry_point": dict(Counter(found.values()).most_common()),
        "gaps": _gaps(never),
    }


def coverage_of_run(dataset: DataFolder, account: Mapping[str, Any]) -> dict[str, Any]:
    """The coverage of the day that a run ended; what cannot be read is said, and costs no run its verdict."""
    until = datetime.fromisoformat(account["ended_at"])
    since = until - WINDOW
    try:
        return coverage_of(dataset, account["site"], since, until)
    except (OSError, ValueError) as error:  # Arrow's own errors are of these kinds
        why = f"a file cannot be read: {one_line(str(error))}"
        return {"since": since.isoformat(), "until": until.isoformat()} | _nothing(why)


def estimate(sightings: Mapping[str, set[int]]) -> dict[str, Any]:
    """How many ids neither the flow nor the archives named, from those that each door named: Chapman's estimator.

    Only ids are compared that both had the chance to name: from the higher of their lowest to the lower of their
    highest. The standard error is Seber's. The two must be independent; what is in no list at all is not estimated.
    """
    flow = set[int]().union(*(seen for door, seen in sightings.items() if door in FLOW))
    archives = set[int]().union(*(seen for door, seen in sightings.items() if door not in FLOW | _PARTIAL))
    if not flow or not archives:
        lacking = "the latest list and its feeds" if not flow else "sitemaps and listings of sections"
        return _unknown(f"{lacking} named no story of this time")
    low, high = max(min(flow), min(archives)), min(max(flow), max(archives))
    flow, archives = ({number for number in seen if low <= number <= high} for seen in (flow, archives))
    both, one, other = len(flow & archives), len(flow), len(archives)
    if both < LEAST_IN_BOTH:
        return _unknown(f"only {both} stories of this time were named by a list and by an archive both")
    missed = (one + 1) * (other + 1) / (both + 1) - 1 - len(flow | archives)
    variance = (one + 1) * (other + 1) * (one - both) * (other - both) / ((both + 1) ** 2 * (both + 2))
    return {
        "estimated_missed": round(missed, 1),
        "estimated_error": round(variance**0.5, 1),
        "why_no_estimate": None,
    }


def _unknown(why: str) -> dict[str, Any]:
    return {"estimated_missed": None, "estimated_error": None, "why_no_estimate": why}


def _nothing(why: str) -> dict[str, Any]:
    counts = dict.fromkeys(("found", *_IN_THIS_ORDER, "never_seen"), 0)
    return {"low": None, "high": None, **counts, **_unknown(why), "by_entry_point": {}, "gaps": []}


def _bounds(numbers: list[int]) -> tuple[int, int] | None:
    """The lowest and the highest, without what stands far off, an old story with a new date say (Tukey's fences)."""
    ordered = sorted(numbers)
    if not ordered:
        return None
    first, third = ordered[len(ordered) // 4], ordered[3 * len(ordered) // 4]
    reach = 3 * max(third - first, 100)
    near = [number for number in ordered if first - reach <= number <= third + reach]
    return near[0], near[-1]


def _gaps(never: list[int]) -> list[list[int]]:
    """The longest runs of ids that nothing named, in order."""
    if not never:
        return []
    breaks = [i for i, (one, next_) in enumerate(pairwise(never), 1) if next_ != one + 1]
    runs = [[never[a], never[b - 1]] for a, b in pairwise([0, *breaks, len(never)])]
    return sorted(sorted(runs, key=lambda run: run[0] - run[1])[:MOST_GAPS])


# From the files ------------------------------------------------------------------------------------------------------


def _columns(
    dataset: DataFolder,
    name: str,
    site: str,
    columns: Iterable[str],
    since: datetime,
    until: datetime | None = None,
    seen_since: datetime | None = None,
) -> Iterator[Any]:
    """The columns of the partitions that may hold rows of a span of time, as Arrow tables."""
    import pyarrow.parquet as pq
    from pyarrow.compute import field, scalar

    table = TABLES[name]
    form = "%Y-%m" if table.partition == "month" else "%Y-%m-%d"
    first = f"{since - _AROUND:{form}}"
    last = f"{until + 2 * _AROUND:{form}}" if until is not None else "9999"
    for part, path in dataset.published(table, site):
        if table.partition is None or first <= part <= last:
            rows = field("first_seen_at") >= scalar(seen_since) if seen_since is not None else None
            yield pq.read_table(dataset.root / path, columns=list(columns), partitioning=None, filters=rows)


def _stories(
    dataset: DataFolder, site: str, since: datetime, until: datetime
) -> dict[int, tuple[datetime | None, str]]:
    """By number, when each kept story was published, where its page says so, and what named it first."""
    columns = ("story_id", "published_at", "discovered_via")
    found = {}
    for rows in _columns(dataset, "stories", site, columns, since, until):
        for story_id, published, via in zip(*(rows[name].to_pylist() for name in columns), strict=True):
            if (number := _number(story_id)) is not None:
                found[number] = (published, via)
    return found


def _sightings(dataset: DataFolder, site: str, low: int, high: int, since: datetime) -> dict[str, set[int]]:
    """What each door named, of the ids from ``low`` to ``high``; it may have named them at any time since."""
    found: dict[str, set[int]] = {}
    for rows in _columns(dataset, "sightings", site, ("story_id", "via"), since, seen_since=since - _AROUND):
        for story_id, via in zip(rows["story_id"].to_pylist(), rows["via"].to_pylist(), strict=True):
            number = _number(story_id)
            if number is not None and low <= number <= high:
                found.setdefault(via, set()).add(number)
    return found


def _became(
    dataset: DataFolder, site: str, low: int, high: int, since: datetime, until: datetime, named: set[int]
) -> dict[int, str]:
    """What became of the ids that were asked for or named: of several kinds, the first in order."""
    found: dict[int, set[str]] = {number: {"failed"} for number in named}
    for rows in _columns(dataset, "aliases", site, ("url", "kind"), since):
        for url, kind in zip(rows["url"].to_pylist(), rows["kind"].to_pylist(), strict=True):
            if kind == "exact_duplicate" and (number := _number_in(url)) is not None:
                found.setdefault(number, set()).add("elsewhere")
    columns = ["url", "story_id", "outcome", "reason"]
    for rows in _columns(dataset, "fetches", site, columns, since, until):
        distinct = rows.group_by(columns).aggregate([])
        for row in zip(*(distinct[name].to_pylist() for name in columns), strict=True):
            _note(found, *row)
    return {
        number: next(kind for kind in _IN_THIS_ORDER if kind in kinds)
        for number, kinds in found.items()
        if low <= number <= high
    }


def _note(found: dict[int, set[str]], url: str, story_id: str | None, outcome: str, reason: str | None) -> None:
    number = _number(story_id) if story_id is not None else _number_in(url)
    if number is None or (story_id is None and outcome != "not_a_story"):
        return
    kind = _BECAME.get(outcome, "failed")
    if outcome == "redirected":
        kind = "elsewhere" if _number_in((reason or "").removeprefix("to ")) is not None else "gone"
    found.setdefault(number, set()).add(kind)


def _number(story_id: str) -> int | None:
    found = _NUMBER.fullmatch(story_id)
    return int(found[1]) if found else None


def _number_in(url: str) -> int | None:
    """The number that an address ends in."""
    found = _IN_ADDRESS.search(url)
    return int(found[1]) if found and found.end() == len(url) else None
