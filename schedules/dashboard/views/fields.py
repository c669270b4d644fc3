"""Field view: the share of parsed stories that have each field, such as a byline, for each run."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from crawler.items import Story, columns_of
from schedules.dashboard.data_source import Site
from schedules.dashboard.query_params import Query
from schedules.dashboard.views.overview import active_alarms
from schedules.reports.report import COLUMNS, RunReport

# If there are more runs than this, they are grouped by day.
MAX_POINTS = 60
MAX_WEIGHT = 50
_MEANINGS = {column.name: str(column.metadata["meaning"]) for column in columns_of(Story)}


def fields(query: Query) -> dict[str, Any]:
    """Return for each site and column the share of stories with a value over time, and the alarms about it.

    The latest share (`now`) and the median of the earlier ones (`usual`) are returned too.
    """
    return query.per_site(_site)


def _site(query: Query, site: Site) -> dict[str, Any]:
    runs = query.source.runs(query.since(site), site.name)
    alarms = active_alarms(runs)
    counted = [run for run in reversed(runs) if any(field["of"] for field in run.fields.values())]
    by_run = len(counted) <= MAX_POINTS
    groups: dict[str, list[RunReport]] = {}
    for run in counted:
        day = run.started.astimezone(site.zone).date().isoformat()
        groups.setdefault(run.started_at if by_run else day, []).append(run)
    columns = [_column(name, groups, alarms) for name in COLUMNS]
    return {"by": "run" if by_run else "day", "times": list(groups), "columns": columns}


def _column(name: str, groups: dict[str, list[RunReport]], alarms: Sequence[dict[str, Any]]) -> dict[str, Any]:
    points = []
    for at, runs in groups.items():
        counts = [run.fields[name] for run in runs if name in run.fields]
        filled, of = sum(count["filled"] for count in counts), sum(count["of"] for count in counts)
        if of:
            run_id = {"run_id": runs[0].run_id} if len(runs) == 1 else {}
            points.append({"at": at, **run_id, "filled": filled, "of": of, "share": filled / of})
    latest = next((runs[-1].fields.get(name, {}) for runs in reversed(groups.values())), {})
    # The usual share is that of earlier runs, weighted by the stories they parsed.
    usual = [point["share"] for point in points[:-1] for _ in range(min(point["of"], MAX_WEIGHT))]
    return {
        "column": name,
        "meaning": _MEANINGS[name],
        "points": points,
        "now": points[-1]["share"] if points else None,
        "usual": median(usual) if usual else None,
        "by": dict(sorted(latest.get("by", {}).items(), key=lambda item: -item[1])),
        "alarms": [alarm for alarm in alarms if alarm.get("field") == name],
    }
