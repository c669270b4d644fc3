"""The overview: the latest runs of each newspaper, its alarms, missed runs and next runs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from schedules.alerting.missed_runs import missed_runs
from schedules.dashboard.data_source import Reading, Site
from schedules.dashboard.formatting import counted, day, duration
from schedules.dashboard.query_params import Question, named
from schedules.reports.progress import read_progress
from schedules.reports.report import RunReport, parse_alarm
from schedules.timetable.occurrences import OPEN, State

A_DAY = timedelta(days=1)
# How far back the last night of a newspaper is looked for.
FAR = timedelta(days=31)
MOST_NEW = 12
MOST_NIGHTS = 14
_RAN = (*OPEN, State.RAN, State.CAUGHT_UP)


def overview(question: Question) -> dict[str, Any]:
    """Per newspaper its last night, last day, alarms, missed times, next times and the run that goes on."""
    reading, moment = question.reading, question.moment
    timetable, wrong = reading.timetable()
    sites = [named(site) | _site(question, site) for site in question.sites]
    told = [site["good"] for site in sites if site["good"] is not None]
    good = all(told) if told else None
    return {
        "at": moment.isoformat(),
        "good": good if not wrong else False,
        "sentence": _sentence(sites, good),
        "timetable_problem": wrong,
        "schedules": len(timetable.schedules) if timetable else 0,
        "sites": sites,
    }


def _sentence(sites: Sequence[dict[str, Any]], good: bool | None) -> str:
    if good is None:
        return "Nothing has run yet."
    if good:
        return "Last night was good."
    bad = [site for site in sites if site["good"] is False]
    if any(site["night"] and not site["night"]["good"] for site in bad):
        return "Last night was not good."
    return "Last night wants a look."


def _site(question: Question, site: Site) -> dict[str, Any]:
    reading, moment = question.reading, question.moment
    runs = reading.runs(moment - FAR, site.name)
    night = next((run for run in runs if run.mode == night_mode(runs)), None)
    lately = [run for run in runs if run.started >= moment - A_DAY]
    alarms = alarms_of(runs) + _silences(reading, site, moment)
    missed = _missed(reading, site, moment)
    good = None if night is None else night.good and runs[0].good and not alarms and not missed
    return {
        "good": good,
        "sentence": _said(site, night, runs[:1], alarms, missed),
        "night": night.as_dict() if night else None,
        "last": runs[0].as_dict() if runs else None,
        "day": {
            "runs": len(lately),
            "good": sum(run.good for run in lately),
            **{name: sum(getattr(run, name) for run in lately) for name in ("new", "revised", "rejected", "requests")},
        },
        "nights": [_mark(run) for run in reversed([run for run in runs if run.mode == night_mode(runs)][:MOST_NIGHTS])],
        "lately": [_mark(run) for run in reversed(lately)],
        "alarms": alarms,
        "missed": missed,
        "next": _next(reading, site, moment),
        "running": run.as_dict(moment) if (run := read_progress(reading.dataset, site.name)) else None,
        "new": _new(question, site, night) if night else [],
    }


def night_mode(runs: Sequence[RunReport]) -> str | None:
    """What counts as a night: full runs, and where there are none whatever ran last."""
    modes = [run.mode for run in runs]
    return "full" if "full" in modes else None if None in modes else next(iter(modes), None)


def _mark(run: RunReport) -> dict[str, Any]:
    names = ("run_id", "started_at", "good", "word", "new", "revised", "requests", "seconds")
    return {name: getattr(run, name) for name in names}


def _said(
    site: Site,
    night: RunReport | None,
    last: Sequence[RunReport],
    alarms: Sequence[dict[str, Any]],
    missed: Sequence[Any],
) -> str:
    if night is None:
        return "No run yet."
    when = f"The {'night' if night.mode == 'full' else 'run'} of {day(night.started_at, site.zone)}"
    took = f"took {duration(night.seconds)} and brought {counted(night.new, 'new story', 'new stories')}"
    if night.good:
        after = f" {counted(len(alarms), 'thing')} to look at." if alarms else ""
        if missed:
            after += f" {counted(len(missed), 'time')} of the timetable had no run."
        if not last[0].good:
            after += f" The latest run was not good: {first(last[0].problems, last[0].word)}."
        return f"{when} {took}.{after}"
    return f"{when}: {first(night.problems, night.word)}."


def first(problems: Sequence[str], otherwise: str) -> str:
    """The gravest problem, to go on a sentence with."""
    return (problems[0] if problems else otherwise).rstrip(".")


def alarms_of(runs: Sequence[RunReport]) -> list[dict[str, Any]]:
    """What the latest run of each mode still has, of one newspaper's runs, newest first; `runs` says in how many."""
    latest: dict[str | None, RunReport] = {}
    for run in runs:
        latest.setdefault(run.mode, run)
    found: dict[str, dict[str, Any]] = {}
    for mode, run in latest.items():
        of_mode = [each for each in runs if each.mode == mode]
        for alarm in run.alarms:
            having = _since(alarm["key"], of_mode)
            seen: dict[str, Any] = {"run_id": run.run_id, "runs": len(having)}
            seen |= {"first_run_id": having[-1].run_id, "first_at": having[-1].started_at}
            found.setdefault(alarm["key"], {**alarm, **seen})
    return list(found.values())


def _since(key: str, runs: Sequence[RunReport]) -> list[RunReport]:
    """The latest runs in a row, newest first, that had an alarm."""
    return list(takewhile(lambda run: any(alarm["key"] == key for alarm in run.alarms), runs))


def _silences(reading: Reading, site: Site, moment: datetime) -> list[dict[str, Any]]:
    """Schedules of the newspaper of which no good run came in time; they belong to no run."""
    timetable, _ = reading.timetable()
    told = missed_runs(timetable, reading.dataset, moment) if timetable else []
    found = [alarm for each in told if (alarm := parse_alarm(each, "")) and alarm["site"] in (site.name, "")]
    return [{**alarm, "run_id": None, "runs": 0, "first_run_id": None, "first_at": None} for alarm in found]


def _missed(reading: Reading, site: Site, moment: datetime) -> list[dict[str, Any]]:
    """Times of the last day that had no run, with the reason; a newer one that had one does not excuse them."""
    occurrences = [o for o in reading.occurrences() if site.name in o.sites and o.due_at >= moment - A_DAY]
    return [
        {"schedule": c.schedule, "due_at": c.due_at.isoformat(), "state": str(c.state), "reason": c.reason}
        for c in occurrences
        if c.state not in _RAN
    ]


def _next(reading: Reading, site: Site, moment: datetime) -> list[dict[str, Any]]:
    timetable, _ = reading.timetable()
    found = []
    for schedule in timetable.schedules if timetable else ():
        if site.name in schedule.sites:
            due = next(schedule.after(moment))
            told = {"schedule": schedule.name, "mode": schedule.mode, "sentence": schedule.sentence}
            found.append({**told, "when": schedule.in_words(), "at": due.at.isoformat()})
    return sorted(found, key=lambda each: str(each["at"]))


def _new(question: Question, site: Site, night: RunReport) -> list[dict[str, Any]]:
    """The newest of the stories that the night brought."""
    import pyarrow.compute as pc

    columns = ["story_id", "url", "section", "headline", "published_at", "first_seen_at", "run_id", "revision"]
    since = f"{night.started - FAR:%Y-%m}"
    rows = question.reading.rows("stories", site.name, columns, since)
    rows = rows.filter(pc.and_(pc.equal(rows["run_id"], night.run_id), pc.equal(rows["revision"], 1)))
    newest = rows.sort_by([("published_at", "descending"), ("story_id", "descending")]).slice(0, MOST_NEW)
    return [plain_row(row, ("story_id", "url", "section", "headline", "published_at")) for row in newest.to_pylist()]


def plain_row(row: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Some columns of a row for JSON, moments as ISO 8601."""
    return {name: row[name].isoformat() if isinstance(row[name], datetime) else row[name] for name in names}
