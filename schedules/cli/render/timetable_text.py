"""The timetable and what became of it, for a person or a program."""

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from rich.table import Table

from pipelines.storage.data_folder import DataFolder
from schedules.cli.render.terminal import console, plain
from schedules.timetable.config import Timetable
from schedules.timetable.occurrences import Occurrences, occurrences_file


def listed(timetable: Timetable, dataset: DataFolder, moment: datetime) -> list[dict[str, Any]]:
    """A row per schedule: what it is for, when in words, when next (ISO 8601 with the offset of its zone), its budgets,
    and `last`, what became of its latest time (None where there was none).
    """
    rows = []
    for schedule in timetable.schedules:
        coming = next(schedule.after(moment))
        rows.append(
            {
                "name": schedule.name,
                "sentence": schedule.sentence,
                "sites": list(schedule.sites),
                "mode": schedule.mode,
                "when": schedule.in_words(),
                "next": coming.at.astimezone(schedule.zone).isoformat(timespec="minutes"),
                "max_pages": schedule.max_pages,
                "max_minutes": schedule.max_minutes,
                "max_depth": schedule.max_depth,
                "jitter_minutes": schedule.jitter_minutes,
                "grace_hours": schedule.grace_hours,
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


def coming(timetable: Timetable, moment: datetime, count: int) -> list[dict[str, Any]]:
    """The next times of all schedules, soonest first: `at` in the schedule's zone, `here` in this machine's."""
    found = []
    for schedule in timetable.schedules:
        for due in islice(schedule.after(moment), count):
            there = due.at.astimezone(schedule.zone)
            found.append(
                {
                    "name": schedule.name,
                    "at": there.isoformat(timespec="minutes"),
                    "zone": schedule.zone.key,
                    "here": due.at.astimezone().isoformat(timespec="minutes"),
                    "utc": due.at.isoformat(timespec="minutes"),
                }
            )
    return sorted(found, key=lambda row: str(row["utc"]))[:count]


def show_listed(rows: Sequence[dict[str, Any]], moment: datetime) -> None:
    """The timetable, a schedule in four lines."""
    out = console()
    for row in rows:
        depth = (
            ""
            if row["max_depth"] is None
            else f", {row['max_depth']} {'link' if row['max_depth'] == 1 else 'links'} deep"
        )
        out.print(f"[bold]{plain(row['name'])}[/bold]  {plain(row['sentence'])}")
        out.print(f"  {plain(row['when'])}; next {_moment(row['next'])}, {_until(row['next'], moment)}")
        budgets = f"at most {row['max_pages']:,} pages and {row['max_minutes']:g} minutes{depth}"
        out.print(f"  {plain(row['mode'])} run of {plain(', '.join(row['sites']))}, {budgets}")
        out.print(f"  [dim]{plain(_ended(row['last']))}[/dim]")


def show_coming(rows: Sequence[dict[str, Any]], moment: datetime) -> None:
    """The next times, one line each, in the zone of the newspaper and in that of this machine."""
    table = Table(box=None, header_style="bold")
    for name in ("schedule", "there", "zone", "here", "in"):
        table.add_column(name)
    for row in rows:
        times = (_moment(row["at"]), plain(row["zone"]), _moment(row["here"]), _until(row["utc"], moment))
        table.add_row(plain(row["name"]), *times)
    console().print(table)


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text):%a %d %b %Y %H:%M}"


def _until(text: str, moment: datetime) -> str:
    minutes = round((datetime.fromisoformat(text) - moment) / timedelta(minutes=1))
    days, hours = minutes // (24 * 60), minutes // 60 % 24
    return f"in {days} d {hours} h" if days else f"in {hours} h {minutes % 60} min" if hours else f"in {minutes} min"


def _ended(last: dict[str, Any] | None) -> str:
    if last is None:
        return "not run yet"
    code = "" if last["exit_code"] is None else f", exit code {last['exit_code']}"
    reason = f": {last['reason']}" if last["reason"] else ""
    return f"{last['due'].replace('T', ' ')} {last['state']}{code}{reason}"
