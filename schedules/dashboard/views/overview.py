"""Start page: latest full run of each site, active alarms, missed and next scheduled runs, running crawls."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import takewhile
from typing import Any

from schedules.alerting.missed_runs import GOOD, missed_runs
from schedules.dashboard.data_source import Site
from schedules.dashboard.formatting import counted, day, duration
from schedules.dashboard.query_params import Query, json_row, site_info
from schedules.exit_codes import ExitCode
from schedules.reports.report import RunReport, parse_alarm
from schedules.timetable.occurrences import OPEN, State

RECENT = timedelta(days=1)
# Age up to which a full run is searched for.
MAX_AGE = timedelta(days=31)
MAX_NEW_STORIES = 12
MAX_FULL_RUNS = 14
_RAN = (State.RAN, State.CAUGHT_UP)
# Exit codes of faults of the network or the machine, and of interrupted runs.
_PASSING = (
    *(ExitCode.UNREACHABLE, ExitCode.LOCKED, ExitCode.STORAGE, ExitCode.DAMAGED),
    *(ExitCode.INTERRUPTED, ExitCode.TERMINATED),
)
_MARK = ("run_id", "started_at", "good", "word", "new", "revised", "requests", "seconds")
_STORY = ("story_id", "url", "section", "headline", "published_at")


def overview(query: Query) -> dict[str, Any]:
    """Return the data of the start page: one sentence about the overall state, and the state of each site.

    `good` is true if all sites and the timetable are in order, and None if there are no runs yet.
    """
    timetable, error = query.source.timetable()
    sites = [site_info(site) | _site(query, site) for site in query.sites]
    verdicts = [site["good"] for site in sites if site["good"] is not None]
    return {
        "at": query.moment.isoformat(),
        "good": all(verdicts) and not error if verdicts or error else None,
        "sentence": _headline(sites, error),
        "timetable_problem": error,
        "schedules": len(timetable.schedules) if timetable else 0,
        "sites": sites,
    }


def _headline(sites: Sequence[dict[str, Any]], error: str | None) -> str:
    bad = ["timetable"] if error else []
    bad += [site["title"] for site in sites if site["good"] is False]
    if bad:
        return f"Needs attention: {', '.join(bad)}"
    return "The latest run was good" if any(site["good"] for site in sites) else "No runs yet"


def _site(query: Query, site: Site) -> dict[str, Any]:
    runs = query.source.runs(query.moment - MAX_AGE, site.name)
    full_runs = [run for run in runs if run.mode == main_mode(runs)]
    latest = full_runs[0] if full_runs else None
    recent = [run for run in runs if run.started >= query.moment - RECENT]
    alarms = active_alarms(runs) + _missed_run_alarms(query, site)
    missed = _missed(query, site)
    unresolved = sum(not each["resolved"] for each in missed)
    totals = {name: sum(getattr(run, name) for run in recent) for name in ("new", "revised", "rejected", "requests")}
    return {
        "good": None if latest is None else _is_over(latest, runs) and runs[0].good and not alarms and not unresolved,
        "sentence": _sentence(site, latest, runs, len(alarms), unresolved) if latest else "No runs yet.",
        "night": latest.as_dict() if latest else None,
        "last": runs[0].as_dict() if runs else None,
        "day": {"runs": len(recent), "good": sum(run.good for run in recent), **totals},
        "full_runs": len(full_runs),
        "nights": [_mark(run) for run in reversed(full_runs[:MAX_FULL_RUNS])],
        "lately": [_mark(run) for run in reversed(recent)],
        "alarms": alarms,
        "missed": missed,
        "next": _next(query, site),
        "running": query.progress(site),
        "new": _new_stories(query, site),
    }


def main_mode(runs: Sequence[RunReport]) -> str | None:
    """Return the mode of the runs to summarise: `full` if there is a full run, else that of the latest run.

    Returns None if there is no run, or if no run is full and the mode of any run is unknown.
    """
    modes = [run.mode for run in runs]
    return "full" if "full" in modes else None if None in modes else next(iter(modes), None)


def _mark(run: RunReport) -> dict[str, Any]:
    return {name: getattr(run, name) for name in _MARK}


def _is_over(full: RunReport, runs: Sequence[RunReport]) -> bool:
    """Return True if the full run was good, or if its fault is over.

    A fault of the network or the machine is over if the latest run of any mode is good. Any other fault is over only
    when a later full run is good.
    """
    return full.good or (full.exit_code in _PASSING and runs[0].good)


def _sentence(site: Site, full: RunReport, runs: Sequence[RunReport], alarms: int, missed: int) -> str:
    which, latest = f"{'Full run' if full.mode == 'full' else 'Run'} of {day(full.started_at, site.zone)}", runs[0]
    if not full.good:
        later = "; later runs are good" if _is_over(full, runs) else ""
        parts = [f"{which} failed: {_first_problem(full)}{later}."]
    else:
        parts = [f"{which}: {counted(full.new, 'new story', 'new stories')} in {duration(full.seconds)}."]
    parts += [f"{counted(alarms, 'active alarm')}."] if alarms else []
    parts += [f"{counted(missed, 'scheduled run')} did not start."] if missed else []
    parts += [] if latest.good or latest is full else [f"The latest run failed: {_first_problem(latest)}."]
    return " ".join(parts)


def _first_problem(run: RunReport) -> str:
    return (run.problems[0] if run.problems else run.word).rstrip(".")


def active_alarms(runs: Sequence[RunReport]) -> list[dict[str, Any]]:
    """Return the alarms of the latest run of each mode, without duplicates.

    Each alarm has the number of consecutive runs with this alarm, and the id and time of the first of them.

    :param runs: reports of the runs of one site, newest first
    """
    latest: dict[str | None, RunReport] = {}
    for run in runs:
        latest.setdefault(run.mode, run)
    found: dict[str, dict[str, Any]] = {}
    full = latest.get("full")
    for mode, run in latest.items():
        if mode != "full" and full is not None and full.started > run.started and full.exit_code in GOOD:
            continue  # a full run reads everything that an incremental one does
        of_mode = [other for other in runs if other.mode == mode]
        for alarm in run.alarms:
            active = _runs_with(alarm["key"], of_mode)
            since: dict[str, Any] = {"run_id": run.run_id, "runs": len(active)}
            since |= {"first_run_id": active[-1].run_id, "first_at": active[-1].started_at}
            found.setdefault(alarm["key"], {**alarm, **since})
    return list(found.values())


def _runs_with(key: str, runs: Sequence[RunReport]) -> list[RunReport]:
    return list(takewhile(lambda run: any(alarm["key"] == key for alarm in run.alarms), runs))


def _missed_run_alarms(query: Query, site: Site) -> list[dict[str, Any]]:
    """Return the alarms of a site for schedules that did not complete a run in the time allowed.

    No run raised these alarms, so their run id is None and their number of runs is 0.
    """
    timetable, _ = query.source.timetable()
    if timetable is None:
        return []
    own = replace(timetable, schedules=tuple(each for each in timetable.schedules if site.name in each.sites))
    ids = {site.name: query.source.ids_of(site.name)}
    alarms = missed_runs(own, query.source.dataset, query.moment, ids)
    no_run = {"run_id": None, "runs": 0, "first_run_id": None, "first_at": None}
    parsed = (parse_alarm(alarm, "") for alarm in alarms)
    return [alarm | no_run for alarm in parsed if alarm and alarm["site"] in (site.name, "")]


def _missed(query: Query, site: Site) -> list[dict[str, Any]]:
    """Return the due times of the last day at which a scheduled run of the site was not executed.

    `resolved` is true if a later run of the same schedule was completed.
    """
    since, found = query.moment - RECENT, query.source.occurrences(site.name)
    made_up = {o.schedule: o.due_at for o in reversed(found) if o.state in _RAN and o.exit_code in GOOD}
    return [
        {
            "schedule": o.schedule,
            "due_at": o.due_at.isoformat(),
            "state": str(o.state),
            "reason": o.reason,
            "resolved": o.schedule in made_up and made_up[o.schedule] > o.due_at,
        }
        for o in found
        if site.name in o.sites and o.due_at >= since and o.state not in (*OPEN, *_RAN)
    ]


def _next(query: Query, site: Site) -> list[dict[str, Any]]:
    timetable, _ = query.source.timetable()
    found: list[dict[str, Any]] = [
        {
            "schedule": schedule.name,
            "mode": schedule.mode,
            "sentence": schedule.sentence,
            "when": schedule.in_words(),
            "at": next(schedule.after(query.moment)).at.isoformat(),
        }
        for schedule in (timetable.schedules if timetable else ())
        if site.name in schedule.sites
    ]
    return sorted(found, key=lambda row: str(row["at"]))


def _new_stories(query: Query, site: Site) -> list[dict[str, Any]]:
    """Return the stories first seen in the last day, newest publication first, at most `MAX_NEW_STORIES`."""
    import pyarrow.compute as pc

    since = query.moment - RECENT
    rows = query.source.rows("stories", site.name, [*_STORY, "first_seen_at"], f"{since - MAX_AGE:%Y-%m}")
    rows = rows.filter(pc.greater_equal(rows["first_seen_at"], since))
    newest = rows.sort_by([("published_at", "descending"), ("story_id", "descending")]).slice(0, MAX_NEW_STORIES)
    return [json_row(row, _STORY) for row in newest.to_pylist()]
