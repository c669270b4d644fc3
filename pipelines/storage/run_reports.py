"""Reading of the reports of runs.

The report of a recent run is the file `runs/<run_id>.json`. That of an old run is a row of the file
`runs/site=<site>/runs.parquet`; functions that need it raise :class:`DataDamaged` if it cannot be read.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipelines.storage.paths import DataPaths


class InvalidReport(ValueError):
    """The file does not contain the report of a run."""


def run_ids(data_folder: DataPaths, since: str = "") -> list[str]:
    """Return the ids of the runs that have a report, oldest first.

    :param since: leave out ids that sort before this one; ids sort by the start of the run
    """
    return sorted(run_id for run_id in {*file_ids(data_folder), *_rolled_up(data_folder)} if run_id >= since)


def file_ids(data_folder: DataPaths) -> list[str]:
    """Return the ids of the runs whose report is a JSON file (not a row of a Parquet file)."""
    return [path.stem for path in data_folder.runs.glob("*.json")]


def site_of(run_id: str) -> str:
    """Return the name of the site that a run id contains; its form is `<time>-<site>-<random>`."""
    return run_id[17:].rpartition("-")[0]


def read_report(data_folder: DataPaths, run_id: str) -> dict[str, Any]:
    """Return the report of a run as parsed JSON.

    Raises :class:`InvalidReport` if the file does not contain a JSON object, and OSError if it is missing or
    unreadable.
    """
    path = data_folder.run(run_id)
    try:
        report = json.loads(path.read_bytes())
    except ValueError:
        report = None
    except FileNotFoundError:
        report = next((report for _, report in rolled_up_reports(data_folder, [run_id])), None)
        if report is None:
            raise
    if not isinstance(report, dict):
        raise InvalidReport(f"{path} is not the report of a run; move it away, and `khobor publish` writes it again")
    return report


def rolled_up_reports(data_folder: DataPaths, wanted: Collection[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the id and report of each run in ``wanted`` whose report has been moved to a Parquet file."""
    rolled_up = _rolled_up(data_folder)
    for path in {rolled_up[run_id] for run_id in wanted if run_id in rolled_up}:
        rows = _read(path, ["run_id", "report"], [("run_id", "in", list(wanted))])
        for run_id, report in zip(rows["run_id"].to_pylist(), rows["report"].to_pylist(), strict=True):
            yield run_id, json.loads(report)


def rolled_up_ids(data_folder: DataPaths, site: str) -> set[str]:
    """Return the ids of the runs of a site whose report has been moved to a Parquet file."""
    return {run_id for run_id in _rolled_up(data_folder) if site_of(run_id) == site}


def _rolled_up(data_folder: DataPaths) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in data_folder.runs.glob("site=*/runs.parquet"):
        stat = path.stat()
        found |= dict.fromkeys(_ids(path, stat.st_mtime_ns, stat.st_size), path)
    return found


@lru_cache(64)
def _ids(path: Path, _modified: int, _size: int) -> frozenset[str]:
    return frozenset(_read(path, ["run_id"])["run_id"].to_pylist())


def _read(path: Path, columns: Sequence[str], filters: Any = None) -> Any:
    from pipelines.storage.parquet import read_columns

    root = path.parents[2]
    return read_columns(root, path.relative_to(root), columns, filters)
