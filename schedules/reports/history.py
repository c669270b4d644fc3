"""Past runs (crawls) of a site, for comparison with a new one, and the alarms that an operator has acknowledged."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from pipelines.storage.data_folder import DataFolder
from schedules.reports.report import read_report, run_ids

MAX_REPORTS = 150
_MIN_EPISODES = 2
Report = Mapping[str, Any]


def reports(
    dataset: DataFolder, site: str, before: str | None = None, ids: Sequence[str] | None = None
) -> Iterator[Report]:
    """Yield the reports of the runs of a site, latest first.

    With ``before``, only runs with a smaller id are yielded; ids sort by start time. Damaged reports are skipped; the
    command `khobor runs` lists them.

    :param ids: ids of the runs of the site, oldest first, if they are known; by default, the folder is listed
    """
    for run_id in reversed(run_ids(dataset, site=site) if ids is None else ids):
        if before is None or run_id < before:
            with suppress(OSError, ValueError):
                report = read_report(dataset, run_id)
                if report.get("site") == site and "verdict" in report:
                    yield report


def past_reports(dataset: DataFolder, site: str, run_id: str) -> list[Report]:
    """Return the reports of the last 150 runs of a site before the run ``run_id``, latest first."""
    return list(islice(reports(dataset, site, run_id), MAX_REPORTS))


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Statement by an operator that the change reported by an alarm is intended.

    ``since`` is the id of the first run with the change, and ``until`` the id of the latest run that had the alarm
    when it was acknowledged.
    """

    since: str
    until: str


def acknowledgements(dataset: DataFolder, site: str) -> dict[str, Acknowledgement]:
    """Return the alarms of a site that an operator has acknowledged, by alarm key.

    The result is empty if their file is missing or invalid.
    """
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        entries = json.loads(_acknowledged(dataset, site).read_bytes())
        return {key: Acknowledgement(str(e["since"]), str(e["until"])) for key, e in entries.items()}
    return {}


def acknowledge(dataset: DataFolder, site: str, key: str) -> Mapping[str, Any] | None:
    """Record that an operator accepts the latest alarm with this key as an intended change, and return the alarm.

    Returns None if no recent run has such an alarm.
    """
    for report in islice(reports(dataset, site), MAX_REPORTS):
        if alarm := alarm_in(report, key):
            new = Acknowledgement(str(alarm.get("since_run") or report["run_id"]), report["run_id"])
            entries = {name: asdict(entry) for name, entry in (acknowledgements(dataset, site) | {key: new}).items()}
            dataset.write_text(_acknowledged(dataset, site), json.dumps(entries, indent=1))
            return alarm
    return None


def copy_acknowledgements(source: DataFolder, target: DataFolder, site: str) -> None:
    """Copy the acknowledged alarms of a site to another data folder."""
    with suppress(FileNotFoundError):
        shutil.copy(_acknowledged(source, site), _acknowledged(target, site))


def _acknowledged(dataset: DataFolder, site: str) -> Path:
    return dataset.state / f"{site}.acknowledged.json"


def alarm_in(report: Report, key: str) -> Mapping[str, Any] | None:
    return next((alarm for alarm in report.get("alarms") or () if alarm.get("key") == key), None)


def transient_runs(runs: Sequence[Report], key: str) -> set[str]:
    """Return the ids of the runs in which the alarm lasted for one run only, if this happened at least twice.

    Otherwise the result is empty. A deviation that repeatedly lasts for one run is normal for the site; an example is a
    print edition that is published all at once.

    :param runs: reports, latest first
    :param key: key of the alarm
    """
    episodes: list[set[str]] = []
    for has_alarm, group in groupby(reversed(runs), lambda run: alarm_in(run, key) is not None):
        episode = list(group)
        raised = [run for run in episode if not (alarm_in(run, key) or {}).get("carried")]
        if has_alarm and len(raised) == 1 and episode[-1] is not runs[0]:
            episodes.append({run["run_id"] for run in episode})
    return set[str]().union(*episodes) if len(episodes) >= _MIN_EPISODES else set()


def of_mode(past: Sequence[Report], mode: str | None) -> Iterator[Report]:
    return (report for report in past if report.get("mode") == mode)
