"""Read the data that the dashboard shows: reports of runs, timetable, due times, and rows of the Parquet tables."""

import math
import sqlite3
import threading
import time
from bisect import bisect_left
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from crawler.registry import newspapers
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DatabaseDamaged, DataDamaged
from pipelines.storage.tables import TABLES, is_site
from schedules.dashboard.common_place import ReportListing, data_folders, hosts_of_sites
from schedules.dashboard.indexing.run_index import RunIndex
from schedules.dashboard.table_rows import TableRows
from schedules.reports.report import (
    InvalidReport,
    RunReport,
    parse_report,
    read_report,
    rolled_up_reports,
    site_of,
)
from schedules.timetable.config import ACCEPTED, Timetable, TimetableError
from schedules.timetable.occurrences import Occurrence, Occurrences, occurrences_file

MAX_REPORTS = 5_000
MAX_OCCURRENCES = 200
#: How long the list of sites is kept, with the host of each.
HOSTS_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Site:
    """Site for display: its short name, the title of the newspaper, and its time zone."""

    name: str
    title: str
    zone: ZoneInfo


@dataclass
class DataSource:
    """Thread-safe reader of data folders for the dashboard, with a cache of up to `MAX_REPORTS` parsed reports.

    ``dataset`` is a data folder, or a common folder with the data folders of several hosts.
    """

    dataset: DataFolder
    timetable_path: Path
    #: File in which the index of all runs is kept between starts; without it, the index is in memory.
    index_file: Path | None = None
    #: Paths that could not be read since the last page was rendered, with the reason.
    unreadable: dict[str, str] = field(default_factory=dict)
    _reports: OrderedDict[str, tuple[object, RunReport]] = field(default_factory=OrderedDict)
    _timetable: tuple[object, Timetable | None, str | None] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.folders = data_folders(self.dataset.root)
        self.listings = {host: ReportListing(folder) for host, folder in self.folders.items()}
        self.index = RunIndex(self.folders, self.listings, self.index_file)
        self._hosts: tuple[float, dict[str, str]] = (-math.inf, {})
        self._sites = {name: Site(name, spider.title, spider.zone) for name, spider in newspapers().items()}

    # Sites and the timetable -----------------------------------------------------------------------------------------

    def sites(self) -> list[Site]:
        """Return the sites that have stored data, reports of runs or a schedule, ordered by name."""
        names = set(self._hosts_of_sites())
        timetable, _ = self.timetable()
        names |= {site for schedule in (timetable.schedules if timetable else ()) for site in schedule.sites}
        return [self.site(name) for name in sorted(names) if is_site(name)]

    def site(self, name: str) -> Site:
        """Return the site with this name.

        Without a spider of this name, the title is the name, and the time zone is UTC.
        """
        return self._sites.get(name) or Site(name, name, ZoneInfo("UTC"))

    def host(self, site: str) -> str:
        """Return the name of the host of a site; it is empty in a data folder that has no hosts."""
        return self._hosts_of_sites().get(site, next(iter(self.folders)))

    def folder(self, site: str) -> DataFolder:
        return self.folders[self.host(site)]

    def _hosts_of_sites(self) -> dict[str, str]:
        read_at, hosts = self._hosts
        if time.monotonic() - read_at > HOSTS_SECONDS:
            hosts = hosts_of_sites(self.folders, self.listings)
            self._hosts = (time.monotonic(), hosts)
        return hosts

    def timetable(self) -> tuple[Timetable | None, str | None]:
        """Return the timetable in effect, and the error message for the timetable file (None if the file is valid).

        If the file is invalid, the timetable in effect is the last valid one, or None if there is none. For several
        hosts there is none.
        """
        if "" not in self.folders:  # each host has a timetable of its own
            return None, None
        accepted = self.dataset.root / ACCEPTED
        version = (_version(self.timetable_path), _version(accepted))
        if self._timetable is None or self._timetable[0] != version:
            self._timetable = (version, *_read_timetable(self.timetable_path, accepted))
        return self._timetable[1:]

    def occurrences(self, site: str) -> list[Occurrence]:
        """Return the latest occurrences of each schedule of a site (due times with their results).

        The list is empty if their database cannot be read; the error is then added to ``unreadable``.
        """
        path = occurrences_file(self.dataset)
        timetable, _ = self.timetable()
        if timetable is None or not path.exists():
            return []
        names = [schedule.name for schedule in timetable.schedules if site in schedule.sites]
        try:
            with closing(Occurrences.open(path)) as stored:
                return [found for name in names for found in stored.latest(name, MAX_OCCURRENCES)]
        except (DatabaseDamaged, sqlite3.Error) as error:
            self.unreadable[path.name] = str(error)
            return []

    # Runs ------------------------------------------------------------------------------------------------------------

    def runs(self, since: datetime, site: str | None = None) -> list[RunReport]:
        """Return the reports of the runs that started after ``since``, newest first, at most `MAX_REPORTS`.

        With ``site``, only the reports of this site are returned.
        """
        # A run id begins with the start time, so that older reports need not be opened.
        first = f"{since.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        hosts = self.folders if site is None else (self.host(site),)
        found = [(run_id, host) for host in hosts for run_id in self._ids(host, site, first)]
        found.sort(reverse=True)
        if len(found) > MAX_REPORTS:
            self.unreadable["runs"] = f"only the latest {MAX_REPORTS:,} of {len(found):,} reports are read for a page"
        of_host: dict[str, list[str]] = defaultdict(list)
        for run_id, host in found[:MAX_REPORTS]:
            of_host[host].append(run_id)
        reports = [report for host, ids in of_host.items() for report in self._read(self.folders[host], ids)]
        return sorted(reports, key=lambda run: run.run_id, reverse=True)

    def ids_of(self, site: str) -> list[str]:
        """Return the ids of the runs of a site that have a report, oldest first."""
        return self._ids(self.host(site), site)

    def _ids(self, host: str, site: str | None, first: str = "") -> list[str]:
        listing = self.listings[host]
        ids = listing.ids()
        self.unreadable |= listing.unreadable
        of_sites = ids.values() if site is None else (ids.get(site, []),)
        return [run_id for of_site in of_sites for run_id in of_site[bisect_left(of_site, first) :]]

    def run(self, run_id: str) -> RunReport | None:
        """Return the report of one run, or None if it is missing or cannot be read.

        The caller must validate the id, because it becomes part of a path.
        """
        return next(iter(self._read(self.folder_of_run(run_id), [run_id])), None)

    def folder_of_run(self, run_id: str) -> DataFolder:
        """Return the data folder with the report of a run, also of a site that has moved to another host."""
        site = site_of(run_id)
        for host, listing in self.listings.items() if len(self.folders) > 1 else ():
            ids = listing.ids().get(site, [])
            if run_id in ids[bisect_left(ids, run_id) :][:1]:
                return self.folders[host]
        return self.folder(site)

    def _read(self, folder: DataFolder, ids: Sequence[str]) -> Iterator[RunReport]:
        """Yield the reports of runs that can be read; those that were rolled up are read from their file at once."""
        versions = {run_id: _version(folder.run(run_id)) for run_id in ids}  # None for a report that was rolled up
        with self._lock:
            kept = {run_id: self._reports[run_id] for run_id in ids if run_id in self._reports}
        kept = {run_id: each for run_id, each in kept.items() if each[0] == versions[run_id]}
        rolled_up: dict[str, Any] = {}
        try:
            missing = [run_id for run_id, version in versions.items() if version is None and run_id not in kept]
            rolled_up.update(rolled_up_reports(folder, missing))
        except DataDamaged as error:
            self.unreadable[str(error.path)] = error.reason
        for run_id in ids:
            if run_id in kept:
                yield kept[run_id][1]
            elif (versions[run_id] is not None or run_id in rolled_up) and (
                report := self._parse(folder, run_id, rolled_up.get(run_id))
            ):
                yield report
                self._keep(run_id, versions[run_id], report)

    def _parse(self, folder: DataFolder, run_id: str, content: Mapping[str, Any] | None) -> RunReport | None:
        timetable, _ = self.timetable()
        modes = {schedule.name: schedule.mode for schedule in timetable.schedules} if timetable else {}
        try:
            return parse_report(content or read_report(folder, run_id), modes)
        except FileNotFoundError:
            pass
        except (OSError, InvalidReport, DataDamaged) as error:
            self.unreadable[f"runs/{run_id}.json"] = f"is not the report of a run ({error})"
        return None

    def _keep(self, run_id: str, version: object, report: RunReport) -> None:
        with self._lock:
            self._reports[run_id] = (version, report)
            while len(self._reports) > MAX_REPORTS:
                self._reports.popitem(last=False)

    # Rows ------------------------------------------------------------------------------------------------------------

    def rows(self, table: str, site: str, columns: Sequence[str], since: str = "", until: str = "~") -> Any:
        """Read columns of a Parquet table of a site, from the partitions ``since`` to ``until``, as an Arrow table.

        A partition is named after a month (`2026-11`) or a day (`2026-11-22`), and both limits are included. Files that
        cannot be read are skipped and added to ``unreadable``.
        """
        return TableRows(self.folder(site), site, self.unreadable).read(TABLES[table], columns, since, until)

    def rows_of_story(self, table: str, story_id: str, since: str = "") -> dict[str, Any]:
        """Read the rows of one story in a Parquet table, with all columns, as an Arrow table for each partition."""
        site = story_id.partition(":")[0]
        return TableRows(self.folder(site), site, self.unreadable).of_story(TABLES[table], story_id, since, "~")


def _version(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def _read_timetable(path: Path, accepted: Path) -> tuple[Timetable | None, str | None]:
    try:
        return Timetable.read(path), None
    except TimetableError as error:
        with suppress(TimetableError):
            return Timetable.read(accepted), str(error)
        return None, str(error)
