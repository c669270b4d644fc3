"""Results of the last full check of each site's files (command `khobor check`), for alarms and metrics."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crawler.clock import now
from pipelines.storage.data_folder import DataFolder
from schedules.reports.site_alarms import site_alarms

#: The service checks a site again after this time.
CHECK_INTERVAL = timedelta(days=7)
_SUFFIX = ".check.json"


@dataclass(frozen=True, slots=True)
class LastCheck:
    """Result of the last full check of a site's files: the time, the number of faults, and the first fault."""

    site: str
    at: datetime
    faults: int
    first: str | None


def write_check(dataset: DataFolder, site: str, faults: Sequence[str]) -> None:
    values = {"at": now().isoformat(), "faults": len(faults), "first": next(iter(faults), None)}
    dataset.write_text(dataset.state / f"{site}{_SUFFIX}", json.dumps(values, ensure_ascii=False))


def last_checks(dataset: DataFolder) -> list[LastCheck]:
    """Return the result of the last full check of each site; sites without a readable result are left out."""
    checks = []
    for path in sorted(dataset.state.glob(f"*{_SUFFIX}")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            values = json.loads(path.read_bytes())
            at = min(datetime.fromisoformat(values["at"]), now())
            checks.append(LastCheck(path.name.removesuffix(_SUFFIX), at, int(values["faults"]), values["first"]))
    return checks


def check_alarms(dataset: DataFolder) -> list[dict[str, Any]]:
    """Return an alarm for each site whose last full check (`khobor check`) found faults in its files."""
    sentences = {
        check.site: f"`khobor check` found {check.faults} faults in the data: {check.first}"
        for check in last_checks(dataset)
        if check.faults
    }
    return site_alarms("damaged", sentences, name="damaged/check")
