"""Stories per day and section, the newest of them, and those that were changed most often."""

from bisect import bisect_right
from collections import Counter
from typing import Any

from schedules.dashboard.data_source import Site
from schedules.dashboard.query_params import Question
from schedules.dashboard.views.overview import plain_row

MOST_SECTIONS = 24
MOST_ROWS = 12
_TOLD = ("story_id", "url", "section", "headline", "published_at", "first_seen_at", "revision")
_COLUMNS = [*_TOLD, "fetched_at", "gone_at"]


def stories(question: Question) -> dict[str, Any]:
    """Per newspaper: stories by day of publication (of first sight where there is none) and by section."""
    return question.of_each(_site)


def _site(question: Question, site: Site) -> dict[str, Any]:
    dates = question.dates(site)
    # The partition is the month on the newspaper's own clock.
    rows = question.reading.rows("stories", site.name, _COLUMNS, f"{dates[0]:%Y-%m}")
    by_day, by_section, undated = _counts(question, site, rows)
    sections = sorted(by_section, key=lambda name: (-sum(by_section[name]), name))
    return {
        "dates": [date.isoformat() for date in dates],
        "stories": by_day,
        "total": sum(by_day),
        "undated": undated,
        "sections": [
            {"section": name, "total": sum(by_section[name]), "stories": by_section[name]}
            for name in sections[:MOST_SECTIONS]
        ],
        "sections_left_out": max(0, len(sections) - MOST_SECTIONS),
        "newest": _first(rows, [("first_seen_at", "descending"), ("published_at", "descending")]),
        "changed": _first(_changed(rows), [("revision", "descending"), ("fetched_at", "descending")]),
        "gone": _gone(question, site, rows),
    }


def _counts(question: Question, site: Site, rows: Any) -> tuple[list[int], dict[str, list[int]], int]:
    import pyarrow.compute as pc

    starts = [_microseconds(moment.timestamp()) for moment in question.starts(site)]
    moments = pc.coalesce(rows["published_at"], rows["first_seen_at"]).cast("int64").to_pylist()
    by_day = [0] * question.days
    by_section: dict[str, list[int]] = {}
    for at, section in zip(moments, rows["section"].to_pylist(), strict=True):
        place = bisect_right(starts, at) - 1
        if 0 <= place < question.days:
            by_day[place] += 1
            name = (section or "none").partition("/")[0]
            by_section.setdefault(name, [0] * question.days)[place] += 1
    late = pc.greater_equal(rows["first_seen_at"], question.since(site))
    undated = pc.and_(pc.is_null(rows["published_at"]), late)
    return by_day, by_section, Counter(undated.to_pylist())[True]


def _microseconds(seconds: float) -> int:
    return round(seconds * 1_000_000)


def _first(rows: Any, order: list[tuple[str, str]]) -> list[dict[str, Any]]:
    found = rows.sort_by([*order, ("story_id", "descending")]).slice(0, MOST_ROWS).to_pylist()
    return [plain_row(row, _TOLD) for row in found]


def _changed(rows: Any) -> Any:
    import pyarrow.compute as pc

    return rows.filter(pc.greater(rows["revision"], 1))


def _gone(question: Question, site: Site, rows: Any) -> list[dict[str, Any]]:
    """Stories that were found taken down within the days."""
    import pyarrow.compute as pc

    since = question.since(site)
    gone = rows.filter(pc.fill_null(pc.greater_equal(rows["gone_at"], since), False))
    found = gone.sort_by([("gone_at", "descending")]).slice(0, MOST_ROWS).to_pylist()
    return [plain_row(row, (*_TOLD, "gone_at")) for row in found]
