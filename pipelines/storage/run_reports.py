"""Reading the reports of runs (`runs/*.json`)."""

import json
from typing import Any

from pipelines.storage.paths import DataPaths


class InvalidReport(ValueError):
    """The file is not the report of a run."""


def run_ids(data_folder: DataPaths, since: str = "") -> list[str]:
    """List the ids of the runs that have a report, oldest first.

    :param since: the smallest id wanted; ids sort by the start of the run
    """
    return sorted(path.stem for path in data_folder.runs.glob("*.json") if path.stem >= since)


def read_report(data_folder: DataPaths, run_id: str) -> dict[str, Any]:
    """Read the report of a run as it is in the file.

    Raises :class:`InvalidReport` for a file without a JSON object, OSError if it cannot be read.
    """
    path = data_folder.run(run_id)
    try:
        report = json.loads(path.read_bytes())
    except ValueError:
        report = None
    if not isinstance(report, dict):
        raise InvalidReport(f"{path} is not the report of a run; move it away, and `khobor publish` writes it again")
    return report
