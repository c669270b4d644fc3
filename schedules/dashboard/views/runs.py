"""Run view: runs with the totals of each day, and the details of one run."""

from typing import Any

from schedules.dashboard.data_source import Site
from schedules.dashboard.formatting import outcome_meaning
from schedules.dashboard.query_params import Query, site_info
from schedules.reports.report import RunReport

MAX_RUNS = 300
_DETAILS = ("fields", "coverage", "outcomes")
_TOTALS = ("new", "revised", "unchanged", "gone", "rejected", "requests")


def runs(query: Query) -> dict[str, Any]:
    """Return `runs`, oldest first, and `days`, each with its totals and runs."""
    return query.per_site(_site)


def _site(query: Query, site: Site) -> dict[str, Any]:
    found = list(reversed(query.source.runs(query.since(site), site.name)))
    days = []
    for date in query.dates(site):
        of_day = [run for run in found if run.started.astimezone(site.zone).date() == date]
        days.append(
            {
                "date": date.isoformat(),
                "runs": [_mark(run, site) for run in of_day],
                "good": sum(run.good for run in of_day),
                "minutes": round(sum(run.seconds for run in of_day) / 60, 1),
                **{name: sum(getattr(run, name) for run in of_day) for name in _TOTALS},
            }
        )
    shown = [{k: v for k, v in run.as_dict().items() if k not in _DETAILS} for run in found[-MAX_RUNS:]]
    return {"days": days, "runs": shown, "runs_left_out": len(found) - len(shown)}


def _mark(run: RunReport, site: Site) -> dict[str, Any]:
    """Return the data of a run for its mark in the chart of a day; `hour` is its start time, from 0 to 24."""
    local = run.started.astimezone(site.zone)
    hour = round(local.hour + local.minute / 60 + local.second / 3600, 3)
    return {"hour": hour} | {name: getattr(run, name) for name in ("run_id", "good", "mode", "word", "new", "seconds")}


def run_details(query: Query, run_id: str) -> dict[str, Any] | None:
    """Return one run with the meanings of its outcomes, or None if there is no such run."""
    run = query.source.run(run_id)
    if run is None:
        return None
    outcomes = sorted(run.outcomes.items(), key=lambda item: (-item[1], item[0]))
    rows = [{"outcome": name, "count": n, "meaning": outcome_meaning(name)} for name, n in outcomes]
    at = query.moment.isoformat()
    return {"at": at, **site_info(query.source.site(run.site)), "run": run.as_dict(), "outcomes": rows}
