"""Runs over time: every run of some days, what each day brought, and one run in full."""

from typing import Any

from schedules.dashboard.data_source import Site
from schedules.dashboard.formatting import meaning_of
from schedules.dashboard.query_params import Question
from schedules.reports.report import RunReport

MOST_RUNS = 300
# What only the page of one run tells.
_IN_FULL = ("fields", "coverage", "outcomes")
PER_DAY = ("new", "revised", "unchanged", "gone", "rejected", "requests")


def runs(question: Question) -> dict[str, Any]:
    """Per newspaper: `runs`, oldest first, and `days` with sums and the runs of each."""
    return question.of_each(_site)


def _site(question: Question, site: Site) -> dict[str, Any]:
    found = list(reversed(question.reading.runs(question.since(site), site.name)))
    days = []
    for date in question.dates(site):
        of_day = [run for run in found if run.started.astimezone(site.zone).date() == date]
        sums = {name: sum(getattr(run, name) for run in of_day) for name in PER_DAY}
        days.append(
            {
                "date": date.isoformat(),
                "runs": [_mark(run, site) for run in of_day],
                "good": sum(run.good for run in of_day),
                "minutes": round(sum(run.seconds for run in of_day) / 60, 1),
                **sums,
            }
        )
    told = [{k: v for k, v in run.as_dict().items() if k not in _IN_FULL} for run in found[-MOST_RUNS:]]
    left_out = len(found) - len(told)
    return {"days": days, "runs": told, "runs_left_out": left_out}


def _mark(run: RunReport, site: Site) -> dict[str, Any]:
    """A run as a mark on the clock of its day: `hour` it began at, 0 to 24."""
    there = run.started.astimezone(site.zone)
    hour = there.hour + there.minute / 60 + there.second / 3600
    told = {"run_id": run.run_id, "hour": round(hour, 3), "good": run.good, "mode": run.mode, "word": run.word}
    return {**told, "new": run.new, "seconds": run.seconds}


def one_run(question: Question, run_id: str) -> dict[str, Any] | None:
    """A run in full: its report in one shape, each outcome with its meaning; None where there is none."""
    run = question.reading.run(run_id)
    if run is None:
        return None
    outcomes = sorted(run.outcomes.items(), key=lambda each: (-each[1], each[0]))
    told = [{"outcome": name, "count": n, "meaning": meaning_of(name)} for name, n in outcomes]
    site = question.reading.site(run.site)
    return {
        "at": question.moment.isoformat(),
        "title": site.title,
        "zone": site.zone.key,
        "run": run.as_dict(),
        "outcomes": told,
    }
