"""Read the data that the dashboard shows: reports of runs, timetable, due times, and rows of the Parquet tables."""

import math
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from crawler.registry import newspapers
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DatabaseDamaged, DataDamaged
from pipelines.storage.tables import TABLES, Table, is_site
from schedules.dashboard.common_place import data_folders, hosts_of_sites, readable_run_ids
from schedules.dashboard.run_index import RunIndex
from schedules.reports.report import InvalidReport, RunReport, parse_report, read_report, site_of
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
    #: Paths that could not be read since the last page was rendered, with the reason.
    unreadable: dict[str, str] = field(default_factory=dict)
    _reports: OrderedDict[str, tuple[object, RunReport]] = field(default_factory=OrderedDict)
    _timetable: tuple[object, Timetable | None, str | None] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.folders = data_folders(self.dataset.root)
        self.index = RunIndex(self.folders)
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
            hosts = hosts_of_sites(self.folders)
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

    def occurrences(self) -> list[Occurrence]:
        """Return the latest occurrences of each schedule (due times with their results).

        The list is empty if their database cannot be read; the error is then added to ``unreadable``.
        """
        path = occurrences_file(self.dataset)
        timetable, _ = self.timetable()
        if timetable is None or not path.exists():
            return []
        try:
            with closing(Occurrences.open(path)) as stored:
                return [found for s in timetable.schedules for found in stored.latest(s.name, MAX_OCCURRENCES)]
        except (DatabaseDamaged, sqlite3.Error) as error:
            self.unreadable[path.name] = str(error)
            return []

    # Runs ------------------------------------------------------------------------------------------------------------

    def runs(self, since: datetime, site: str | None = None) -> list[RunReport]:
        """Return the reports of the runs that started after ``since``, newest first, at most `MAX_REPORTS`.

        With ``site``, only the reports of this site are returned.
        """
        # A run id begins with the start time, so that older reports need not be opened.
        folders = self.folders.values() if site is None else (self.folder(site),)
        first = f"{since.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        ids = sorted(run_id for folder in folders for run_id in readable_run_ids(folder, self.unreadable, first))
        reports = (self.run(run_id) for run_id in reversed(ids[-MAX_REPORTS:]))
        return [run for run in reports if run is not None and site in (None, run.site)]

    def run(self, run_id: str) -> RunReport | None:
        """Return the report of one run, or None if it is missing or cannot be read.

        The caller must validate the id, because it becomes part of a path.
        """
        folder = self.folder(site_of(run_id))
        version = _version(folder.run(run_id))  # None for a report that was rolled up
        with self._lock:
            if (cached := self._reports.get(run_id)) and cached[0] == version:
                return cached[1]
        timetable, _ = self.timetable()
        modes = {schedule.name: schedule.mode for schedule in timetable.schedules} if timetable else {}
        try:
            report = parse_report(read_report(folder, run_id), modes)
        except FileNotFoundError:
            return None
        except DataDamaged as error:
            self.unreadable[str(error.path)] = error.reason
            return None
        except (OSError, InvalidReport) as error:
            self.unreadable[f"runs/{run_id}.json"] = f"is not the report of a run ({error})"
            return None
        with self._lock:
            self._reports[run_id] = (version, report)
            while len(self._reports) > MAX_REPORTS:
                self._reports.popitem(last=False)
        return report

    # Rows ------------------------------------------------------------------------------------------------------------

    def rows(self, table: str, site: str, columns: Sequence[str], since: str = "", until: str = "~") -> Any:
        """Read columns of a Parquet table of a site, from the partitions ``since`` to ``until``, as an Arrow table.

        A partition is named after a month (`2026-11`) or a day (`2026-11-22`), and both limits are included. Files that
        cannot be read are skipped and added to ``unreadable``.
        """
        import pyarrow as pa

        spec = TABLES[table]
        schema = pa.schema([spec.schema.field(name) for name in columns])
        tables = [rows for _, rows in self._files(spec, site, schema, since, until)]
        return pa.concat_tables(tables) if tables else schema.empty_table()

    def _files(self, table: Table, site: str, schema: Any, since: str, until: str) -> Iterator[tuple[Path, Any]]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        folder = self.folder(site)
        for part, relative in folder.published(table, site):
            if part and not since <= part <= until:
                continue
            path = folder.root / relative
            try:
                with pq.ParquetFile(path) as file:
                    present = [name for name in schema.names if name in file.schema_arrow.names]
                    rows = file.read(columns=present, use_threads=False)
                for index, column in enumerate(schema):
                    if column.name not in present:  # the file is older than the column
                        rows = rows.add_column(index, column, pa.nulls(len(rows), column.type))
                yield path, rows.cast(schema.remove_metadata())
            except FileNotFoundError:
                continue
            except (pa.ArrowException, OSError, DataDamaged) as error:
                self.unreadable[str(relative)] = str(error).splitlines()[0]

    def rows_of_story(self, table: str, story_id: str, since: str = "", until: str = "~") -> list[dict[str, Any]]:
        """Read the rows of one story in a Parquet table, with all columns.

        The id column of each file is read first. The other columns are read only if the file contains the story.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        spec, site = TABLES[table], story_id.partition(":")[0]
        key = pa.schema([spec.schema.field("story_id")])
        found: list[dict[str, Any]] = []
        for path, ids in self._files(spec, site, key, since, until):
            if pc.any(pc.equal(ids["story_id"], story_id)).as_py():
                part = path.parent.name.partition("=")[2]
                for _, rows in self._files(spec, site, spec.schema, part, part):
                    found += rows.filter(pc.equal(rows["story_id"], story_id)).to_pylist()
        return found


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
