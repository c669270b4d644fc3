"""Compare the throughput of a run and the length of its ranked lists with earlier runs.

Throughput is measured as requests per second and requests per story.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from statistics import median
from typing import Any

from schedules.exit_codes import ExitCode
from schedules.monitoring.alarms import Alarm
from schedules.monitoring.drift import RUNS_PER_FALSE_ALARM
from schedules.monitoring.statistics import p_value_ratio
from schedules.reports.history import Report, alarm_in, of_mode

_MAX_RUNS = 30
# A shorter run spends most of its time on starting and ending.
_MIN_REQUESTS, _MIN_STORIES = 50, 10
# For each figure: the direction that is worse (1 is higher), and the text.
_FIGURES = {
    "pace/requests_per_second": (-1, "{now:.2f} requests per second"),
    "pace/requests_per_story": (1, "{now:.1f} requests per story"),
    "list": (-1, "{now:.0f} rows long"),
}


def throughput(report: Report) -> dict[str, float]:
    """Return the requests per second, the requests per story and the median length of each list of a run.

    A value for which the run was too short is left out.
    """
    measures: Mapping[str, Any] = report.get("measures") or {}
    requests, pages, figures = report.get("requests", 0), measures.get("pages", 0), dict[str, float]()
    if requests >= _MIN_REQUESTS and report.get("reason") == "finished":
        began, ended = (datetime.fromisoformat(report[name]) for name in ("started_at", "ended_at"))
        if (seconds := (ended - began).total_seconds()) > 0:
            figures["pace/requests_per_second"] = requests / seconds
        if pages >= _MIN_STORIES:
            figures["pace/requests_per_story"] = requests / pages
    for name, ranked in (measures.get("lists") or {}).items():
        if rows := [int(length) for length, times in ranked["rows"].items() for _ in range(times)]:
            figures[f"list/{name}"] = float(median(rows))
    return figures


def throughput_alarms(report: Report, past: Sequence[Report]) -> Iterator[Alarm]:
    """Yield an alarm for each throughput or list length that is significantly worse than in earlier runs.

    :param past: reports of earlier runs, latest first
    """
    figures = throughput(report)
    for about, now in figures.items():
        key = f"{report['site']}/{about}"
        direction, text = _FIGURES.get(about) or _FIGURES["list"]
        good = (run for run in of_mode(past, report.get("mode")) if alarm_in(run, key) is None)
        before = [other[about] for run in islice(good, _MAX_RUNS) if about in (other := throughput(run))]
        if p_value_ratio(now, before, direction) < 1 / (RUNS_PER_FALSE_ALARM * len(figures)):
            kind, _, name = about.partition("/")
            runs = "run before" if len(before) == 1 else f"last {len(before)} runs"
            usual = text.format(now=median(before)).split()[0]
            subject = name if kind == "list" else kind
            sentence = f"{subject}: {text.format(now=now)} ({runs}: {usual})"
            more = {"since": report["started_at"], "since_run": report["run_id"]}
            more |= {"list": name} if kind == "list" else {}
            yield Alarm(key=key, kind=kind, code=ExitCode.BELOW_EXPECTATION, sentence=sentence, more=more)
