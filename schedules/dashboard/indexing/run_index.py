"""Index of all run reports of a dashboard, kept up to date by a thread.

The reports of a hundred sites are too many to read for a page, or after each start. The thread reads each of them once,
newest first, and looks for new and replaced ones every few seconds; pages show how many reports it still lacks.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from crawler.clock import now
from crawler.safe_text import one_line
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DataDamaged
from schedules.dashboard.common_place import ReportListing
from schedules.dashboard.indexing.index_database import IndexDatabase, IndexedReport
from schedules.reports.report import parse_report, read_report, rolled_up_reports, site_of

#: Runs that are indexed, the latest of all sites; two years of a hundred sites with a run each hour.
MAX_RUNS = 1_800_000
REFRESH_SECONDS = 10.0
#: A scheduled run writes its report twice. Older reports are compared with their files only after a start.
RECENT = timedelta(days=2)
FIRST_SECONDS = 2.0
_BATCH = 500


class RunIndex:
    """Index of the reports in several data folders.

    :param path: file in which it is kept between starts; without it, the index is in memory
    """

    def __init__(
        self, folders: Mapping[str, DataFolder], listings: Mapping[str, ReportListing], path: Path | None = None
    ) -> None:
        self._folders, self._listings = folders, listings
        self._database = IndexDatabase(path)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._has_first = threading.Event()
        self._load()
        #: Reports that are not read yet, and those that cannot be read or are too many.
        self.waiting = self.left_out = 0
        #: Files that the last reading could not read, with the reason.
        self.unreadable: dict[str, str] = {}

    def _load(self) -> None:
        # Host and modification time of each report that may be replaced: of all after a start, then of recent ones.
        self._watched = self._database.files()
        self._known = set(self._watched)
        self._unreadable: set[str] = set()
        self._listed: list[Mapping[str, list[str]]] = []
        self._too_many = 0

    @property
    def is_listed(self) -> bool:
        """True if the reports have been counted, so that ``waiting`` is right."""
        return self._has_first.is_set()

    def start(self) -> None:
        """Start the thread, unless it runs already; the first calls wait a moment for the newest reports."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._follow, daemon=True)
                self._thread.start()
        self._has_first.wait(FIRST_SECONDS)

    def query(self, statement: str, values: Mapping[str, Any] = {}) -> list[dict[str, Any]]:
        return self._database.query(statement, values)

    def _follow(self) -> None:
        while True:
            try:
                self.refresh()
            except Exception as error:  # noqa: BLE001 - shown on the pages, and tried again
                self.unreadable = {"runs": one_line(str(error))}
                if isinstance(error, sqlite3.DatabaseError) and self._database.reset(error):
                    self._load()
            time.sleep(REFRESH_SECONDS)

    def refresh(self) -> None:
        """Read the reports that are not in the index yet or were replaced, newest first, and drop deleted ones."""
        listed = [listing.ids() for listing in self._listings.values()]
        self.unreadable = {path: why for each in self._listings.values() for path, why in each.unreadable.items()}
        wanted = dict(self._replaced())
        replaced = set(wanted)
        if len(listed) != len(self._listed) or any(a is not b for a, b in zip(listed, self._listed, strict=True)):
            found = self._found(listed)
            self._drop(self._known - found.keys())
            wanted |= {run_id: found[run_id] for run_id in found.keys() - self._known}
        self._read_all(sorted(wanted.items(), reverse=True), replaced)
        self._listed = listed
        first = f"{now() - RECENT:%Y%m%dT%H%M%SZ}"
        self._watched = {
            run_id: file for run_id, file in self._watched.items() if run_id >= first or run_id in self._unreadable
        }

    def _replaced(self) -> Iterator[tuple[str, str]]:
        """Yield the reports whose file was replaced since it was read, with their host."""
        for run_id, (host, version) in self._watched.items():
            if version is not None and _version(self._folders.get(host), run_id) not in (None, version):
                yield run_id, host

    def _found(self, listed: Sequence[Mapping[str, list[str]]]) -> dict[str, str]:
        """Return the ids of all runs with their host, at most the latest `MAX_RUNS`."""
        hosts = zip(self._listings, listed, strict=True)
        found = {run_id: host for host, ids in hosts for of_site in ids.values() for run_id in of_site}
        self._too_many = max(0, len(found) - MAX_RUNS)
        return found if not self._too_many else {each: found[each] for each in sorted(found, reverse=True)[:MAX_RUNS]}

    def _drop(self, run_ids: set[str]) -> None:
        if run_ids:
            self._database.delete([(site_of(run_id), run_id) for run_id in run_ids])
            self._database.find_episodes({site_of(run_id) for run_id in run_ids})
            self._known -= run_ids
            self._unreadable -= run_ids

    def _read_all(self, wanted: Sequence[tuple[str, str]], replaced: set[str]) -> None:
        changed: set[str] = set()
        self._count(len(wanted))
        for start in range(0, len(wanted), _BATCH):
            batch = wanted[start : start + _BATCH]
            read = [*self._read(batch)]
            again = [(site_of(run_id), run_id) for run_id, _ in batch if run_id in replaced]
            self._database.add(read, again)
            changed |= {each.run.site for each in read} | {site for site, _ in again}
            ids = {run_id for run_id, _ in batch}
            self._known |= ids
            self._unreadable = (self._unreadable - ids) | (ids - {each.run.run_id for each in read})
            if start == 0 or start + _BATCH >= len(wanted):
                self._database.find_episodes(changed)
                changed.clear()
            self._count(max(0, len(wanted) - start - _BATCH))

    def _count(self, waiting: int) -> None:
        self.waiting, self.left_out = waiting, self._too_many + len(self._unreadable)
        if self._known or not waiting:
            self._has_first.set()

    def _read(self, batch: Sequence[tuple[str, str]]) -> Iterator[IndexedReport]:
        """Yield the reports in a batch that can be read; the others are counted by the caller."""
        for host, folder in self._folders.items():
            ids = [run_id for run_id, of in batch if of == host]
            versions = {run_id: _version(folder, run_id) for run_id in ids}
            self._watched |= {run_id: (host, version) for run_id, version in versions.items()}
            raw: dict[str, Any] = {}
            with suppress(DataDamaged):
                raw.update(rolled_up_reports(folder, [run_id for run_id in ids if versions[run_id] is None]))
            for run_id in ids:
                with suppress(OSError, ValueError, DataDamaged):
                    content = raw[run_id] if run_id in raw else read_report(folder, run_id)
                    run = parse_report(content, {})
                    if run.run_id == run_id:
                        yield IndexedReport(host, versions[run_id], run, content)


def _version(folder: DataFolder | None, run_id: str) -> int | None:
    with suppress(OSError):
        return os.stat(f"{folder.runs}/{run_id}.json").st_mtime_ns if folder else None  # noqa: PTH116 - many files
    return None
