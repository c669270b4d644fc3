"""Field coverage: on how many of the stories that a run read each column of `stories` was filled, run by run."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from crawler.items import Story, columns_of
from schedules.dashboard.data_source import Site
from schedules.dashboard.query_params import Question
from schedules.dashboard.views.overview import alarms_of
from schedules.reports.report import COLUMNS, RunReport

# More runs than these are told day by day.
MOST_POINTS = 60
_MEANINGS = {column.name: str(column.metadata["meaning"]) for column in columns_of(Story)}


def fields(question: Question) -> dict[str, Any]:
    """Per newspaper and column: shares over time, now and usually, and what raised an alarm."""
    return question.of_each(_site)


def _site(question: Question, site: Site) -> dict[str, Any]:
    runs = list(reversed(question.reading.runs(question.since(site), site.name)))
    told = [run for run in runs if any(field["of"] for field in run.fields.values())]
    alarms = alarms_of(list(reversed(runs)))
    groups = _groups(told, site)
    return {
        "by": "run" if len(told) <= MOST_POINTS else "day",
        "times": [at for at, _ in groups],
        "columns": [_column(name, groups, alarms) for name in COLUMNS],
    }


def _groups(runs: Sequence[RunReport], site: Site) -> list[tuple[str, list[RunReport]]]:
    if len(runs) <= MOST_POINTS:
        return [(run.started_at, [run]) for run in runs]
    days: dict[str, list[RunReport]] = {}
    for run in runs:
        days.setdefault(run.started.astimezone(site.zone).date().isoformat(), []).append(run)
    return list(days.items())


def _column(
    name: str, groups: Sequence[tuple[str, list[RunReport]]], alarms: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    points = []
    for at, runs in groups:
        filled = sum(run.fields[name]["filled"] for run in runs if name in run.fields)
        of = sum(run.fields[name]["of"] for run in runs if name in run.fields)
        if of:
            one = {"run_id": runs[0].run_id} if len(runs) == 1 else {}
            points.append({"at": at, **one, "filled": filled, "of": of, "share": filled / of})
    last = groups[-1][1][-1].fields.get(name, {}) if groups else {}
    # What is usual is told by the runs before the latest, each weighing as much as it read.
    usual = [point["share"] for point in points[:-1] for _ in range(min(point["of"], 50))]
    return {
        "column": name,
        "meaning": _MEANINGS[name],
        "points": points,
        "now": points[-1]["share"] if points else None,
        "usual": median(usual) if usual else None,
        "by": dict(sorted(last.get("by", {}).items(), key=lambda each: -each[1])),
        "alarms": [alarm for alarm in alarms if alarm.get("field") == name],
    }
