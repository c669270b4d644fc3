"""Run view: past runs with totals for each day, the details of one run, and its log."""

import os
import stat
from collections import defaultdict
from typing import Any

from crawler.safe_text import escape_unsafe
from pipelines.analysis.run_details import slowest_pages
from pipelines.storage.errors import DataDamaged
from schedules.dashboard.data_source import Site
from schedules.dashboard.formatting import outcome_meaning
from schedules.dashboard.query_params import Query, site_info
from schedules.reports.report import RunReport, site_of

MAX_RUNS = 300
MAX_SLOWEST_PAGES = 10
MAX_LOG_BYTES = 256 * 1024
_DETAILS = ("fields", "coverage", "outcomes")
_TOTALS = ("new", "revised", "unchanged", "gone", "rejected", "requests")


def runs(query: Query) -> dict[str, Any]:
    """Return the past runs of each site of the page.

    The key `runs` has the runs, oldest first. The key `days` has the totals and the runs of each day.
    """
    return query.per_site(_site)


def _site(query: Query, site: Site) -> dict[str, Any]:
    found = list(reversed(query.source.runs(query.since(site), site.name)))
    by_date = defaultdict(list)
    for run in found:
        by_date[run.started.astimezone(site.zone).date()].append(run)
    days = []
    for date in query.dates(site):
        of_day = by_date[date]
        days.append(
            {
                "date": date.isoformat(),
                "runs": [_mark(run, site) for run in of_day],
                "good": sum(run.good for run in of_day),
                "minutes": round(sum(run.seconds for run in of_day) / 60, 1),
                **{name: sum(getattr(run, name) for run in of_day) for name in _TOTALS},
            }
        )
    shown = [run.as_dict(_DETAILS) for run in found[-MAX_RUNS:]]
    return {"days": days, "runs": shown, "runs_left_out": len(found) - len(shown)}


def _mark(run: RunReport, site: Site) -> dict[str, Any]:
    """Return the data for the mark of a run in the chart of its day.

    `hour` is the local time at which it started, as a decimal number from 0 to 24.
    """
    local = run.started.astimezone(site.zone)
    hour = round(local.hour + local.minute / 60 + local.second / 3600, 3)
    return {"hour": hour} | {name: getattr(run, name) for name in ("run_id", "good", "mode", "word", "new", "seconds")}


def run_details(query: Query, run_id: str) -> dict[str, Any] | None:
    """Return one run with its requests counted by outcome (final state), or None if there is no such run."""
    run = query.source.run(run_id)
    if run is None:
        return None
    outcomes = sorted(run.outcomes.items(), key=lambda item: (-item[1], item[0]))
    rows = [{"outcome": name, "count": n, "meaning": outcome_meaning(name)} for name, n in outcomes]
    at = query.moment.isoformat()
    has_log = query.source.folder_of_run(run_id).log(run_id).is_file()
    info = site_info(query.source.site(run.site))
    return {
        "at": at,
        **info,
        "run": run.as_dict(),
        "outcomes": rows,
        "log": has_log,
        "slowest": _slowest_pages(query, run),
    }


def _slowest_pages(query: Query, run: RunReport) -> list[dict[str, Any]]:
    try:
        found = slowest_pages(
            query.source.folder_of_run(run.run_id), run.site, run.run_id, run.started, run.ended, MAX_SLOWEST_PAGES
        )
    except (DataDamaged, OSError) as error:
        query.source.unreadable["fetches"] = str(error).splitlines()[0]
        return []
    return found


def run_log(query: Query, run_id: str) -> dict[str, Any] | None:
    """Return the end of the log file of a run, at most `MAX_LOG_BYTES`, or None if there is no log.

    Unsafe characters are escaped. Only a regular file in the folder of logs is opened, never a symbolic link.
    """
    try:
        path = query.source.folder_of_run(run_id).log(run_id)
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as log:
        log.seek(max(0, found.st_size - MAX_LOG_BYTES))
        content = log.read(MAX_LOG_BYTES)
    left_out = found.st_size - len(content)
    text = escape_unsafe(content.decode(errors="replace"))
    info = site_info(query.source.site(site_of(run_id)))
    sizes = {"shown": len(content), "left_out": max(0, left_out)}
    return {"at": query.moment.isoformat(), **info, "run_id": run_id, **sizes, "text": text}
