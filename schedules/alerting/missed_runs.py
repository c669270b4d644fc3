"""Alarms for schedules that did not complete a run in the time allowed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from pipelines.storage.data_folder import DataFolder
from schedules.exit_codes import ExitCode
from schedules.reports.history import Report, reports
from schedules.timetable.config import Schedule, Timetable
from schedules.timetable.occurrences import Occurrences, occurrences_file

#: Exit codes of runs that were completed; other problems of these runs have their own alarms.
GOOD = (ExitCode.DONE, ExitCode.BELOW_EXPECTATION, ExitCode.LAYOUT_CHANGED)
# Longest delay of a run that is tolerated here, for a booting machine or a locked site, even if its grace is longer.
_MAX_DELAY = timedelta(hours=1)
_MAX_REPORTS = 500
RunIds = Mapping[str, Sequence[str]]


def missed_runs(timetable: Timetable, dataset: DataFolder, moment: datetime, ids: RunIds) -> list[dict[str, Any]]:
    """Return an alarm for each site of a schedule that did not complete a run in the time allowed.

    The run considered is the latest one that had to be completed by ``moment``. The list is empty for a data folder in
    which the timetable was never started.

    :param ids: ids of the runs of each site that matters, oldest first, so that the folder is listed once for all
    """
    if not occurrences_file(dataset).exists():
        return []
    with closing(Occurrences.open(occurrences_file(dataset))) as occurrences:
        known = [(schedule, occurrences.counted_since(schedule, moment)) for schedule in timetable.schedules]
    return [alarm for schedule, since in known for alarm in _alarms(schedule, dataset, moment, since, ids)]


def corrected_clocks(timetable: Timetable, dataset: DataFolder) -> Iterator[dict[str, Any]]:
    """Yield an alarm for each site of a schedule whose stored times were in the future and had to be corrected.

    Such times are stored while the clock is ahead. The alarm ends with the next completed run of the schedule.
    """
    if not occurrences_file(dataset).exists():
        return
    with closing(Occurrences.open(occurrences_file(dataset))) as occurrences:
        corrected = occurrences.corrections()
        for schedule in timetable.schedules:
            if (at := corrected.get(schedule.name)) is None:
                continue
            ended = (each for each in occurrences.latest(schedule.name, _MAX_REPORTS) if each.exit_code in GOOD)
            if not any(each.began_at and each.began_at > at for each in ended):
                for site in schedule.sites:
                    sentence = f"{schedule.name}: the clock was ahead; due times that lay in the future count as now"
                    yield {"key": f"{site}/clock", "kind": "clock", "site": site, "sentence": sentence}


def time_allowed(schedule: Schedule) -> timedelta:
    """Return the time allowed from the due time of a run to its end.

    It is the sum of the maximum random delay (jitter), the maximum duration of a run, and the grace period, of which at
    most one hour counts.
    """
    return timedelta(minutes=schedule.jitter_minutes + schedule.max_minutes) + min(schedule.grace, _MAX_DELAY)


def _alarms(
    schedule: Schedule, dataset: DataFolder, moment: datetime, since: datetime, ids: RunIds
) -> Iterator[dict[str, Any]]:
    if (due := next(schedule.until(moment - time_allowed(schedule), since), None)) is None:
        return
    time = f"{due.at.astimezone(schedule.zone):%Y-%m-%d %H:%M} ({schedule.zone.key})"
    for site in schedule.sites:
        past = ids.get(site, ())
        good = next(_good_runs(schedule, dataset, site, moment, past), None)
        if good is None or datetime.fromisoformat(good["ended_at"]) < due.at:
            yield {
                "key": f"{site}/silent/{schedule.name}",
                "kind": "silent",
                "site": site,
                "schedule": schedule.name,
                "since": good["ended_at"] if good else since.isoformat(),
                "since_run": good["run_id"] if good else None,
                "sentence": f"{schedule.name}: no good run of {site} for {time};"
                f" {_last(good, dataset, site, schedule, past)}",
            }


def _last(good: Report | None, dataset: DataFolder, site: str, schedule: Schedule, past: Sequence[str]) -> str:
    text = "none before"
    if good is not None:
        ended = datetime.fromisoformat(good["ended_at"]).astimezone(schedule.zone)
        text = f"the last good one ended {ended:%Y-%m-%d %H:%M}"
    latest = next(reports(dataset, site, ids=past), None)
    if latest is None or (good is not None and latest["run_id"] == good["run_id"]):
        return f"{text}, and nothing ran since: check that the service runs (`khobor schedule list`)"
    return f"{text}; see `khobor runs {latest['run_id']}` for the latest run"


def _good_runs(
    schedule: Schedule, dataset: DataFolder, site: str, moment: datetime, past: Sequence[str]
) -> Iterator[Report]:
    # Runs after this moment had a wrong clock.
    for report in islice(reports(dataset, site, f"{moment:%Y%m%dT%H%M%SZ}~", past), _MAX_REPORTS):
        # A full run does everything that an incremental one does.
        mode = report.get("mode", "full")
        if report["verdict"]["exit_code"] in GOOD and report.get("ended_at") and mode in (schedule.mode, "full"):
            yield report
