"""The past of a newspaper: the reports of its latest runs, which a new one is judged against."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from pipelines.storage.data_folder import DataFolder

MOST_REPORTS = 150
_OFTEN = 2
Report = Mapping[str, Any]


def reports_of(dataset: DataFolder, site: str, before: str | None = None) -> Iterator[Report]:
    """The reports of a newspaper's runs, or of those before one, latest first."""
    names = (path.stem for path in dataset.runs.glob(f"*-{site}-*.json"))
    # Of two newspapers the name of one may be the beginning of the other's.
    own = (name for name in names if name[17:].rpartition("-")[0] == site and (before is None or name < before))
    for name in sorted(own, reverse=True):
        with suppress(OSError, ValueError):  # a report that is damaged: `khobor runs` names it
            report = json.loads(dataset.run(name).read_bytes())
            if isinstance(report, dict) and report.get("site") == site and "verdict" in report:
                yield report


def past_of(dataset: DataFolder, site: str, run_id: str) -> list[Report]:
    """The reports of a newspaper's runs before one, latest first, as many as a judge looks at."""
    return list(islice(reports_of(dataset, site, run_id), MOST_REPORTS))


@dataclass(frozen=True, slots=True)
class Accepted:
    """A change that somebody said is right: from the run ``since`` on things are so; ``until`` is where it was said."""

    since: str
    until: str


def accepted_in(dataset: DataFolder, site: str) -> dict[str, Accepted]:
    """What was accepted, by the key of the alarm that told it."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):  # a file that may be edited
        found = json.loads(_accepted(dataset, site).read_bytes())
        return {key: Accepted(str(each["since"]), str(each["until"])) for key, each in found.items()}
    return {}


def accept(dataset: DataFolder, site: str, key: str) -> Mapping[str, Any] | None:
    """Say that what an alarm of the latest runs tells is right; returns the alarm, None where there is none."""
    for report in islice(reports_of(dataset, site), MOST_REPORTS):
        if alarm := alarm_in(report, key):
            said = Accepted(str(alarm.get("since_run") or report["run_id"]), report["run_id"])
            known = {name: asdict(each) for name, each in accepted_in(dataset, site).items()}
            dataset.write_text(_accepted(dataset, site), json.dumps({**known, key: asdict(said)}, indent=1))
            return alarm
    return None


def _accepted(dataset: DataFolder, site: str) -> Path:
    return dataset.state / f"{site}.accepted.json"


def has_alarm(report: Report, key: str) -> bool:
    """Whether the run raised an alarm of that key."""
    return alarm_in(report, key) is not None


def alarm_in(report: Report, key: str) -> Mapping[str, Any] | None:
    """The run's alarm of that key."""
    return next((alarm for alarm in report.get("alarms") or () if alarm.get("key") == key), None)


def passing(runs: Sequence[Report], key: str) -> set[str]:
    """The runs whose alarm was gone with the next one: all of them, once that happened more than once.

    What comes and goes like that is the way of the newspaper, such as a print edition that is put in all at once.
    """
    found: list[set[str]] = []
    for alarmed, group in groupby(reversed(runs), lambda run: has_alarm(run, key)):
        episode = list(group)
        shown = [run for run in episode if not (alarm_in(run, key) or {}).get("carried")]
        if alarmed and len(shown) == 1 and episode[-1] is not runs[0]:
            found.append({run["run_id"] for run in episode})
    return set[str]().union(*found) if len(found) >= _OFTEN else set()


def of_kind(past: Sequence[Report], kind: str | None) -> Iterator[Report]:
    """The runs of one kind among them."""
    return (report for report in past if report.get("kind") == kind)
