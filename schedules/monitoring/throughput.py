"""Figures: what a whole run has one of, beside those of the runs before: its pace, and how long its lists are."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from statistics import median
from typing import Any

from schedules.exit_codes import ExitCode
from schedules.monitoring.alarms import Alarm
from schedules.monitoring.drift import RUNS_PER_FALSE_ALARM
from schedules.monitoring.statistics import chance_of_so_far_off
from schedules.reports.history import Report, alarm_in, of_mode

_RUNS_COMPARED = 30
# What a run of a few pages takes is mostly its beginning and its end.
_LEAST_REQUESTS, _LEAST_STORIES = 50, 10
# Which way is worse, and how it is said.
_WORSE = {
    "pace/requests_per_second": (-1, "{now:.2f} requests a second"),
    "pace/requests_per_story": (1, "{now:.1f} requests for each story"),
    "list": (-1, "{now:.0f} rows long"),
}


def figures_of(report: Report) -> dict[str, float]:
    """The figures of a run by what they are about; those for which it was too short are left out."""
    return dict(_figures(report))


def _figures(report: Report) -> Iterator[tuple[str, float]]:
    measures: Mapping[str, Any] = report.get("measures") or {}
    requests, pages = report.get("requests", 0), measures.get("pages", 0)
    if requests >= _LEAST_REQUESTS and report.get("reason") == "finished":
        began, ended = (datetime.fromisoformat(report[name]) for name in ("started_at", "ended_at"))
        if (seconds := (ended - began).total_seconds()) > 0:
            yield "pace/requests_per_second", requests / seconds
        if pages >= _LEAST_STORIES:
            yield "pace/requests_per_story", requests / pages
    for name, found in (measures.get("lists") or {}).items():
        if rows := [int(length) for length, times in found["rows"].items() for _ in range(times)]:
            yield f"list/{name}", float(median(rows))


def figure_alarms(report: Report, past: Sequence[Report]) -> Iterator[Alarm]:
    """An alarm for each figure that is worse than it can be by chance."""
    figures = figures_of(report)
    for about, now in figures.items():
        key = f"{report['site']}/{about}"
        worse, words = _WORSE.get(about) or _WORSE["list"]
        good = (run for run in of_mode(past, report.get("mode")) if not alarm_in(run, key) is not None)
        found = (figures_of(run).get(about) for run in islice(good, _RUNS_COMPARED))
        before = [figure for figure in found if figure is not None]
        if chance_of_so_far_off(now, before, worse) < 1 / (RUNS_PER_FALSE_ALARM * len(figures)):
            kind, _, name = about.partition("/")
            usual = words.format(now=median(before)).split()[0]
            runs = "the run before" if len(before) == 1 else f"last {len(before)} runs"
            said = f"{name if kind == 'list' else kind}: {words.format(now=now)} ({runs}: {usual})"
            more = {"since": report["started_at"], "since_run": report["run_id"]}
            more |= {"list": name} if kind == "list" else {}
            yield Alarm(key=key, kind=kind, code=ExitCode.BELOW_EXPECTATION, sentence=said, more=more)
