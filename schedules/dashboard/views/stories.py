"""Story view: stories by day and section, and the newest, most often revised and removed stories."""

from bisect import bisect_right
from typing import Any

from schedules.dashboard.data_source import Site
from schedules.dashboard.query_params import Query, json_row

MAX_SECTIONS = 24
MAX_ROWS = 12
_SHOWN = ("story_id", "url", "section", "headline", "published_at", "first_seen_at", "revision")
_COLUMNS = [*_SHOWN, "fetched_at", "gone_by"]


def stories(query: Query) -> dict[str, Any]:
    """Return for each site the number of stories by day and section, and its newest, most revised and removed stories.

    The day is that of publication or, if this is unknown, the day on which the story was first seen.
    """
    return query.per_site(_site)


def _site(query: Query, site: Site) -> dict[str, Any]:
    import pyarrow.compute as pc

    dates, since = query.dates(site), query.since(site)
    # A partition is a month in the time zone of the site.
    rows = query.source.rows("stories", site.name, _COLUMNS, f"{dates[0]:%Y-%m}")
    by_day, by_section = _counts(query, site, rows)
    sections = sorted(by_section, key=lambda name: (-sum(by_section[name]), name))
    undated = rows.filter(pc.and_(pc.is_null(rows["published_at"]), pc.greater_equal(rows["first_seen_at"], since)))
    revised = rows.filter(pc.greater(rows["revision"], 1))
    gone = rows.filter(pc.fill_null(pc.greater_equal(rows["gone_by"], since), False))
    return {
        "dates": [date.isoformat() for date in dates],
        "stories": by_day,
        "total": sum(by_day),
        "undated": len(undated),
        "sections": [
            {"section": name, "total": sum(by_section[name]), "stories": by_section[name]}
            for name in sections[:MAX_SECTIONS]
        ],
        "sections_left_out": max(0, len(sections) - MAX_SECTIONS),
        "newest": _top(rows.filter(pc.is_valid(rows["published_at"])), "first_seen_at", "published_at"),
        "changed": _top(revised, "revision", "fetched_at"),
        "gone": _top(gone, "gone_by"),
        "of": {"newest": len(rows), "changed": len(revised), "gone": len(gone)},
    }


def _counts(query: Query, site: Site, rows: Any) -> tuple[list[int], dict[str, list[int]]]:
    import pyarrow.compute as pc

    starts = [round(start.timestamp() * 1_000_000) for start in query.starts(site)]
    moments = pc.coalesce(rows["published_at"], rows["first_seen_at"]).cast("int64").to_pylist()
    by_day = [0] * query.days
    by_section: dict[str, list[int]] = {}
    for at, section in zip(moments, rows["section"].to_pylist(), strict=True):
        index = bisect_right(starts, at) - 1
        if 0 <= index < query.days:
            by_day[index] += 1
            name = (section or "none").partition("/")[0]
            by_section.setdefault(name, [0] * query.days)[index] += 1
    return by_day, by_section


def _top(rows: Any, *columns: str) -> list[dict[str, Any]]:
    order = [(column, "descending") for column in (*columns, "story_id")]
    return [json_row(row, (*_SHOWN, "gone_by")) for row in rows.sort_by(order).slice(0, MAX_ROWS).to_pylist()]
