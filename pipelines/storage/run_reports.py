"""Reading the reports of runs (`runs/*.json`)."""

import json
from typing import Any

from pipelines.storage.paths import DataPaths


class InvalidReport(ValueError):
    """The file is not the report of a run."""


def run_ids(data_folder: DataPaths, since: str = "") -> list[str]:
    """Return the ids of the runs that have a report, oldest first.

    :param since: omit ids that sort before this one; ids sort by the start of the run
    """
    return sorted(path.stem for path in data_folder.runs.glob("*.json") if path.stem >= since)


def read_report(data_folder: DataPaths, run_id: str) -> dict[str, Any]:
    """Return the report of a run as parsed JSON.

    Raises :class:`InvalidReport` if the file does not contain a JSON object, and OSError if it cannot be read.
    """
    path = data_folder.run(run_id)
    try:
        report = json.loads(path.read_bytes())
    except ValueError:
        report = None
    if not isinstance(report, dict):
        raise InvalidReport(f"{path} is not the report of a run; move it away, and `khobor publish` writes it again")
    return report
