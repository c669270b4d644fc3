"""Text and JSON output of schedules, with the latest and next times at which they are due."""

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from itertools import islice
from typing import Any

from pipelines.storage.data_folder import DataFolder
from schedules.cli.render.terminal import console, plain, table
from schedules.dashboard.formatting import counted, distance, moment_of
from schedules.timetable.config import Timetable
from schedules.timetable.occurrences import Occurrences, occurrences_file

_LIMITS = ("max_pages", "max_minutes", "max_depth", "jitter_minutes", "grace_hours")


def schedule_rows(timetable: Timetable, dataset: DataFolder, moment: datetime) -> list[dict[str, Any]]:
    """Return one dictionary per schedule with its name, sites, times, limits and expectations (required results).

    The key `next` has the next due time after ``moment``, in the time zone of the schedule. The key `last` has the
    latest occurrence (due time with its result), or None.
    """
    rows = []
    for schedule in timetable.schedules:
        due = next(schedule.after(moment))
        rows.append(
            {
                "name": schedule.name,
                "sentence": schedule.sentence,
                "sites": list(schedule.sites),
                "mode": schedule.mode,
                "when": schedule.in_words(),
                "next": due.at.astimezone(schedule.zone).isoformat(timespec="minutes"),
                **{name: getattr(schedule, name) for name in _LIMITS},
                "expectations": schedule.expectations.as_dict(),
                "last": _last(dataset, schedule.name),
            }
        )
    return rows


def _last(dataset: DataFolder, name: str) -> dict[str, Any] | None:
    if not occurrences_file(dataset).exists():
        return None
    with closing(Occurrences.open(occurrences_file(dataset))) as occurrences:
        return next((occurrence.as_dict() for occurrence in occurrences.latest(name)), None)


def next_occurrences(timetable: Timetable, moment: datetime, count: int) -> list[dict[str, Any]]:
    """Return the next ``count`` due times of all schedules together, soonest first, as dictionaries.

    The key `at` is the time in the zone of the schedule, `here` in the zone of this machine, and `utc` in UTC.
    """
    found = [
        {
            "name": schedule.name,
            "at": due.at.astimezone(schedule.zone).isoformat(timespec="minutes"),
            "zone": schedule.zone.key,
            "here": due.at.astimezone().isoformat(timespec="minutes"),
            "utc": due.at.isoformat(timespec="minutes"),
        }
        for schedule in timetable.schedules
        for due in islice(schedule.after(moment), count)
    ]
    return sorted(found, key=lambda row: str(row["utc"]))[:count]


def show_schedules(rows: Sequence[dict[str, Any]], moment: datetime) -> None:
    """Print four lines per schedule: its name, times, limits and latest result."""
    out = console()
    for row in rows:
        depth = "" if row["max_depth"] is None else f", {counted(row['max_depth'], 'link')} deep"
        out.print(f"[bold]{plain(row['name'])}[/bold]  {plain(row['sentence'])}")
        out.print(f"  {plain(row['when'])}; next {_time(row['next'])}, {distance(moment_of(row['next']), moment)}")
        limits = f"at most {row['max_pages']:,} pages and {row['max_minutes']:g} minutes{depth}"
        out.print(f"  {plain(row['mode'])} run of {plain(', '.join(row['sites']))}, {limits}")
        out.print(f"  [dim]{plain(_result(row['last']))}[/dim]")


def show_next(rows: Sequence[dict[str, Any]], moment: datetime) -> None:
    """Print one line per due time, in the zone of its schedule and in the zone of this machine."""
    lines = table("schedule", "time", "zone", "time here", "due")
    for row in rows:
        times = (_time(row["at"]), plain(row["zone"]), _time(row["here"]), distance(moment_of(row["utc"]), moment))
        lines.add_row(plain(row["name"]), *times)
    console().print(lines)


def _time(text: str) -> str:
    return f"{moment_of(text):%a %d %b %Y %H:%M}"


def _result(last: dict[str, Any] | None) -> str:
    if last is None:
        return "not run yet"
    code = "" if last["exit_code"] is None else f", exit code {last['exit_code']}"
    reason = f": {last['reason']}" if last["reason"] else ""
    return f"{last['due'].replace('T', ' ')} {last['state']}{code}{reason}"
