"""Data folders that one dashboard shows: a single one, or those of several hosts in a common folder."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.run_reports import site_of

MAX_HOSTS = 500


def data_folders(root: Path) -> dict[str, DataFolder]:
    """Return the data folders in a common folder by the name of their host, which is that of the subfolder.

    A folder that is a data folder itself, such as the mirror of a bucket, is the only one, and its host has no name.
    """
    if not (root / "runs").is_dir():
        hosts = sorted(path for path in root.glob("*") if (path / "runs").is_dir())[:MAX_HOSTS]
        if hosts:
            return {path.name: DataFolder(path) for path in hosts}
    return {"": DataFolder(root)}


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
