"""Coverage view: the publisher's consecutive story ids, counted by result (such as stored, or never linked)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from crawler.safe_text import one_line
from pipelines.analysis.coverage import numbers_of, site_coverage
from pipelines.storage.errors import DataDamaged
from schedules.dashboard.data_source import Site
from schedules.dashboard.query_params import Query

PARTS = {
    "found": "stored as a story",
    "elsewhere": "duplicate of a stored story, or redirected to one",
    "rejected": "rejected, with a reason",
    "gone": "taken down before it was fetched",
    "not_a_story": "not a story: video, photo, poll",
    "failed": "linked, but not parsed yet",
    "never_seen": "linked from no entry point",
}
MAX_GAPS = 50
MAX_STRETCHES = 100
_ESTIMATE = ("estimated_missed", "estimated_error")
_RUN_COLUMNS = ("run_id", "started_at", "low", "high", "ids", *PARTS, *_ESTIMATE)


def coverage(query: Query) -> dict[str, Any]:
    """Return the coverage of each site, that is, the publisher's story ids counted by result (stored, rejected, …).

    The key `whole` has the counts for all days of the page. The key `runs` has, for each run, the counts for the day
    before it.
    """
    return query.per_site(_site)


def _site(query: Query, site: Site) -> dict[str, Any]:
    whole, why = _whole(query, site)
    runs = []
    for run in reversed(query.source.runs(query.since(site), site.name)):
        counts = _counts(run.coverage or {})
        if counts is not None:
            row = {"run_id": run.run_id, "started_at": run.started_at, **counts}
            runs.append({name: row[name] for name in _RUN_COLUMNS})
    return {"whole": whole, "why_not": why, "runs": runs}


def _whole(query: Query, site: Site) -> tuple[dict[str, Any] | None, str | None]:
    try:
        counts, why = _parse(site_coverage(query.source.folder(site.name), site.name, query.since(site), query.moment))
        return (counts | _density(query, site, counts) if counts else None), why
    except (OSError, ValueError, DataDamaged) as error:  # ValueError includes Arrow's errors
        why = one_line(str(error))
        query.source.unreadable["coverage"] = why
        return None, f"cannot read a file: {why}"


def _density(query: Query, site: Site, counts: Mapping[str, Any]) -> dict[str, Any]:
    """Count the stored story ids in intervals of equal length, for a chart.

    Returns the number of ids per interval (`stretch`) and the counts (`kept`). The first interval starts at the lowest
    id, and the last may be shorter.
    """
    import pyarrow.compute as pc

    # In the time zone of the site, the first stories may be of the previous month.
    since = query.since(site) - timedelta(days=1)
    rows = query.source.rows("stories", site.name, ["story_id"], f"{since:%Y-%m}")
    numbers = numbers_of(rows["story_id"])
    numbers = numbers.filter(pc.and_(pc.greater_equal(numbers, counts["low"]), pc.less_equal(numbers, counts["high"])))
    stretch = max(1, -(-counts["ids"] // MAX_STRETCHES))
    kept = [0] * -(-counts["ids"] // stretch)
    for n in numbers.to_pylist():
        kept[(n - counts["low"]) // stretch] += 1
    return {"stretch": stretch, "kept": kept}


def _parse(coverage: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
    """Return the counts in a coverage report, and the reason why the number of missed stories is not estimated.

    The counts are None if the report has none, and the reason is None if the number is estimated.
    """
    why = str(coverage["why_no_estimate"]) if coverage.get("why_no_estimate") else None
    counts = _counts(coverage)
    if counts is None:
        return None, why
    gaps = [gap for gap in coverage.get("gaps") or () if _is_gap(gap)]
    entry_points = coverage.get("by_entry_point") or {}
    return counts | {
        "by_entry_point": {str(name): n for name, n in entry_points.items() if isinstance(n, int)},
        "gaps": [[first, last, last - first + 1] for first, last in gaps[:MAX_GAPS]],
        "gaps_left_out": max(0, len(gaps) - MAX_GAPS),
    }, why


def _counts(coverage: Mapping[str, Any]) -> dict[str, Any] | None:
    low, high = coverage.get("low"), coverage.get("high")
    if not isinstance(low, int) or not isinstance(high, int) or high < low:
        return None
    return {
        "low": low,
        "high": high,
        "ids": high - low + 1,
        **{name: n if isinstance(n := coverage.get(name), int) else 0 for name in PARTS},
        **{name: n if isinstance(n := coverage.get(name), int | float) else None for name in _ESTIMATE},
    }


def _is_gap(gap: Any) -> bool:
    return isinstance(gap, list) and len(gap) == 2 and all(isinstance(n, int) for n in gap) and gap[0] <= gap[1]
