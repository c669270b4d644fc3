"""Data folders that one dashboard shows: a single one, or those of several hosts in a common folder."""

import os
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from pathlib import Path

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DataDamaged
from pipelines.storage.run_reports import file_ids, run_ids, site_of


def data_folders(root: Path) -> dict[str, DataFolder]:
    """Return the data folders in a common folder by the name of their host, which is that of the subfolder.

    A folder that is a data folder itself, such as the mirror of a bucket, is the only one, and its host has no name.
    """
    if (root / "runs").is_dir():
        return {"": DataFolder(root)}
    hosts = sorted(path for path in root.glob("*") if (path / "runs").is_dir())
    return {path.name: DataFolder(path) for path in hosts} or {"": DataFolder(root)}


def hosts_of_sites(folders: Mapping[str, DataFolder]) -> dict[str, str]:
    """Return the host of each site; if a site moved between hosts, that of its latest run."""
    latest: dict[str, tuple[str, str]] = {}
    for host, folder in folders.items():
        for path in (folder.root / "stories").glob("site=*"):
            latest.setdefault(path.name.removeprefix("site="), ("", host))
        with suppress(FileNotFoundError):
            for name in os.listdir(folder.runs):  # noqa: PTH208 - much faster for many thousands
                if name.endswith(".json"):
                    site = site_of(name.removesuffix(".json"))
                    latest[site] = max(latest.get(site, ("", "")), (name, host))
    return {site: host for site, (_, host) in latest.items()}


def readable_run_ids(folder: DataFolder, unreadable: MutableMapping[str, str], since: str = "") -> list[str]:
    """Return the ids of the runs that have a report, oldest first.

    If a file with old reports is damaged, it is added to ``unreadable``, and only the recent reports are returned.
    """
    try:
        return run_ids(folder, since)
    except DataDamaged as error:
        unreadable[str(error.path)] = error.reason
        return sorted(run_id for run_id in file_ids(folder) if run_id >= since)
