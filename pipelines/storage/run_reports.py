"""Reading of the reports of runs.

The report of a recent run is the file `runs/<run_id>.json`. That of an old run is a row of the file
`runs/site=<site>/runs.parquet`; functions that need it raise :class:`DataDamaged` if it cannot be read.
"""

import json
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipelines.storage.errors import DataDamaged
from pipelines.storage.paths import DataPaths

_FOLDER = "site="


class InvalidReport(ValueError):
    """The file does not contain the report of a run."""


def run_ids(data_folder: DataPaths, since: str = "", site: str | None = None) -> list[str]:
    """Return the ids of the runs that have a report, oldest first.

    :param since: leave out ids that sort before this one; ids sort by the start of the run
    :param site: only the runs of this site
    """
    ids = {*file_ids(data_folder, site), *_rolled_up(data_folder, site)}
    return sorted(run_id for run_id in ids if run_id >= since)


def run_ids_of_sites(data_folder: DataPaths, on_damage: Callable[[DataDamaged], None]) -> dict[str, list[str]]:
    """Return the ids of the runs of each site, oldest first; the folder is listed once for all sites.

    :param on_damage: function that is called for each unreadable file of old reports, whose ids are missing
    """
    names = _names(data_folder)
    found: dict[str, set[str]] = defaultdict(set)
    for run_id in _json_ids(names):
        found[site_of(run_id)].add(run_id)
    for path in _rolled_up_files(data_folder, names):
        try:
            found[path.parent.name.removeprefix(_FOLDER)] |= _ids_in(path)
        except DataDamaged as error:
            on_damage(error)
    return {site: sorted(ids) for site, ids in found.items()}


def report_listing_state(data_folder: DataPaths, sites: Iterable[str]) -> tuple[object, ...]:
    """Return a value that changes when a report of the given sites is added, replaced or removed.

    :param sites: the known sites; a new site is noticed by the change of the folder
    """
    files = [data_folder.runs, *(_rolled_up_file(data_folder, site) for site in sites)]
    return tuple(_state(path) for path in files)


def file_ids(data_folder: DataPaths, site: str | None = None) -> list[str]:
    """Return the ids of the runs, or those of one site, whose report is a JSON file (not a row of a Parquet file)."""
    ids = _json_ids(_names(data_folder))
    return [*ids] if site is None else [run_id for run_id in ids if f"-{site}-" in run_id and site_of(run_id) == site]


def _names(data_folder: DataPaths) -> list[str]:
    with suppress(FileNotFoundError, NotADirectoryError):
        return os.listdir(data_folder.runs)  # noqa: PTH208 - much faster for some 100,000 reports
    return []


def _json_ids(names: Iterable[str]) -> Iterator[str]:
    return (name.removesuffix(".json") for name in names if name.endswith(".json"))


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
    for site in {site_of(run_id) for run_id in wanted}:
        rolled_up = _rolled_up(data_folder, site)
        for path in {rolled_up[run_id] for run_id in wanted if run_id in rolled_up}:
            rows = _read(path, ["run_id", "report"], [("run_id", "in", list(wanted))])
            for run_id, report in zip(rows["run_id"].to_pylist(), rows["report"].to_pylist(), strict=True):
                yield run_id, json.loads(report)


def rolled_up_ids(data_folder: DataPaths, site: str) -> set[str]:
    """Return the ids of the runs of a site whose report has been moved to a Parquet file."""
    return set(_rolled_up(data_folder, site))


def _rolled_up(data_folder: DataPaths, site: str | None) -> dict[str, Path]:
    files = _rolled_up_files(data_folder, _names(data_folder)) if site is None else [_rolled_up_file(data_folder, site)]
    return {run_id: path for path in files for run_id in _ids_in(path)}


def _rolled_up_files(data_folder: DataPaths, names: Iterable[str]) -> list[Path]:
    sites = sorted(name.removeprefix(_FOLDER) for name in names if name.startswith(_FOLDER))
    return [_rolled_up_file(data_folder, site) for site in sites]


def _rolled_up_file(data_folder: DataPaths, site: str) -> Path:
    return data_folder.runs / f"{_FOLDER}{site}" / "runs.parquet"


def _state(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        stat = path.stat()
        return stat.st_mtime_ns, stat.st_size
    return None


def _ids_in(path: Path) -> frozenset[str]:
    state = _state(path)
    return frozenset() if state is None else _ids(path, *state)


# More than the sites of one machine, so that a pass over all of them does not read each file again.
@lru_cache(1024)
def _ids(path: Path, _modified: int, _size: int) -> frozenset[str]:
    return frozenset(_read(path, ["run_id"])["run_id"].to_pylist())


def _read(path: Path, columns: Sequence[str], filters: Any = None) -> Any:
    from pipelines.storage.parquet import read_columns

    root = path.parents[2]
    return read_columns(root, path.relative_to(root), columns, filters)
