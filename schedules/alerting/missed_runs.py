"""Silence: schedules of which no good run came within the time that may be expected of them."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from pipelines.storage.data_folder import DataFolder
from schedules.exit_codes import ExitCode
from schedules.reports.history import Report, reports
from schedules.timetable.config import Schedule, Timetable
from schedules.timetable.occurrences import Occurrences, occurrences_file

#: Runs that did what they were there for; what else was wrong with them has alarms of its own.
GOOD = (ExitCode.DONE, ExitCode.BELOW_EXPECTATION, ExitCode.LAYOUT_CHANGED)
# A machine that starts, a newspaper that another run holds: so much later nobody minds, where the grace is longer.
_A_LITTLE_LATE = timedelta(hours=1)
_MOST_LOOKED_AT = 500


def silent(timetable: Timetable, dataset: DataFolder, moment: datetime) -> list[dict[str, Any]]:
    """An alarm for each newspaper of a schedule that should have had a good run by a moment, and had none.

    Where nobody keeps a timetable there is no silence.
    """
    if not occurrences_file(dataset).exists():
        return []
    with closing(Occurrences.open(occurrences_file(dataset))) as occurrences:
        known_since = {schedule.name: occurrences.counted_since(schedule, moment) for schedule in timetable.schedules}
    found = (_silence(schedule, dataset, moment, known_since[schedule.name]) for schedule in timetable.schedules)
    return [alarm for alarms in found for alarm in alarms]


def time_allowed(schedule: Schedule) -> timedelta:
    """How long after a time that is due a good run of it must have ended."""
    budget = timedelta(minutes=schedule.jitter_minutes + schedule.max_minutes)
    return budget + min(schedule.grace, _A_LITTLE_LATE)


def _silence(
    schedule: Schedule, dataset: DataFolder, moment: datetime, known_since: datetime
) -> Iterator[dict[str, Any]]:
    due = next(schedule.until(moment - time_allowed(schedule), known_since), None)
    if due is None:
        return
    for site in schedule.sites:
        good = next(_good_runs(schedule, dataset, site), None)
        if good is not None and datetime.fromisoformat(good["ended_at"]) >= due.at:
            continue
        there = due.at.astimezone(schedule.zone)
        yield {
            "key": f"{site}/silent/{schedule.name}",
            "kind": "silent",
            "site": site,
            "schedule": schedule.name,
            "since": good["ended_at"] if good else known_since.isoformat(),
            "since_run": good["run_id"] if good else None,
            "sentence": f"{schedule.name}: no good run of {site} came of the time {there:%Y-%m-%d %H:%M}"
            f" ({schedule.zone.key}); {_last(good, dataset, site, schedule)}",
        }


def _last(good: Report | None, dataset: DataFolder, site: str, schedule: Schedule) -> str:
    said = "there was none yet"
    if good is not None:
        ended = datetime.fromisoformat(good["ended_at"]).astimezone(schedule.zone)
        said = f"the last one ended {ended:%Y-%m-%d %H:%M}"
    latest = next(reports(dataset, site), None)
    if latest is None or (good is not None and latest["run_id"] == good["run_id"]):
        return f"{said}, and nothing ran since: is anybody keeping the timetable (`khobor schedule list`)?"
    return f"{said}; `khobor runs {latest['run_id']}` tells why the latest is none"


def _good_runs(schedule: Schedule, dataset: DataFolder, site: str) -> Iterator[Report]:
    """Good runs of a newspaper that do what the schedule is for, latest first.

    A full run sees what an incremental run would.
    """
    for report in islice(reports(dataset, site), _MOST_LOOKED_AT):
        modes = {schedule.mode, "full"}
        if report["verdict"]["exit_code"] in GOOD and report.get("ended_at") and report.get("mode", "full") in modes:
            yield report
