"""Data folders that one dashboard shows: a single one, or those of several hosts in a common folder."""

import threading
import time
from collections.abc import Mapping
from pathlib import Path

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DataDamaged
from pipelines.storage.run_reports import report_listing_state, run_ids_of_sites

# A change within the resolution of a file system's times after a listing would not be noticed.
_RESOLUTION, _COARSE_RESOLUTION = 100_000_000, 2_000_000_000
#: Some network file systems have no time of change for a folder.
MAX_LISTING_SECONDS = 60.0
_SECOND = 1_000_000_000


def data_folders(root: Path) -> dict[str, DataFolder]:
    """Return the data folders in a common folder by the name of their host, which is that of the subfolder.

    A folder that is a data folder itself, such as the mirror of a bucket, is the only one, and its host has no name.
    """
    if (root / "runs").is_dir():
        return {"": DataFolder(root)}
    hosts = sorted(path for path in root.glob("*") if (path / "runs").is_dir())
    return {path.name: DataFolder(path) for path in hosts} or {"": DataFolder(root)}


class ReportListing:
    """Thread-safe list of the ids of the runs in a data folder, read again only if the folder has changed.

    A hundred sites have some 100,000 reports in one folder, too many to be listed for each page.
    """

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._state: tuple[object, ...] | None = None
        self._ids: dict[str, list[str]] = {}
        self._listed_at = 0.0
        #: Files with old reports that could not be read, with the reason.
        self.unreadable: dict[str, str] = {}

    def ids(self) -> Mapping[str, list[str]]:
        """Return the ids of the runs of each site, oldest first; the same object as before if nothing has changed."""
        with self._lock:
            state = report_listing_state(self._folder, self._ids)
            if state != self._state or time.monotonic() - self._listed_at > MAX_LISTING_SECONDS:
                self._list()
            return self._ids

    def _list(self) -> None:
        listed_at, before = time.time_ns(), report_listing_state(self._folder, ())[0]
        damaged: dict[str, str] = {}

        def on_damage(error: DataDamaged) -> None:
            damaged[str(error.path)] = error.reason

        found = run_ids_of_sites(self._folder, on_damage)
        self.unreadable, self._listed_at = damaged, time.monotonic()
        if found != self._ids:
            self._ids = found
        self._state = report_listing_state(self._folder, self._ids)
        if not isinstance(before, tuple) or before != self._state[0] or not _is_settled(before[0], listed_at):
            self._state = None


def _is_settled(changed_at: int, listed_at: int) -> bool:
    resolution = _RESOLUTION if changed_at % _SECOND else _COARSE_RESOLUTION
    return listed_at - changed_at > resolution


def hosts_of_sites(folders: Mapping[str, DataFolder], listings: Mapping[str, ReportListing]) -> dict[str, str]:
    """Return the host of each site; if a site moved between hosts, that of its latest run."""
    latest: dict[str, tuple[str, str]] = {}
    for host, folder in folders.items():
        for path in (folder.root / "stories").glob("site=*"):
            latest.setdefault(path.name.removeprefix("site="), ("", host))
        for site, ids in listings[host].ids().items():
            latest[site] = max(latest.get(site, ("", "")), (ids[-1] if ids else "", host))
    return {site: host for site, (_, host) in latest.items()}
