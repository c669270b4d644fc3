"""What the page reads of one data folder: no more than it must, and nothing twice that did not change."""

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

from crawler.registry import newspapers
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DatabaseDamaged, DataDamaged
from pipelines.storage.tables import TABLES, Table, is_site
from schedules.reports.report import InvalidReport, RunReport, parse_report, read_report, run_ids
from schedules.timetable.config import ACCEPTED, Timetable, TimetableError
from schedules.timetable.occurrences import Occurrence, Occurrences, occurrences_file

MOST_REPORTS = 5_000
MAX_OCCURRENCES = 200


@dataclass(frozen=True, slots=True)
class Site:
    """A newspaper as the page names it; `title` is its own name for itself, where it is known."""

    name: str
    title: str
    zone: ZoneInfo


@dataclass
class Reading:
    """The data folder of a page. Several threads may read at once; memory is bounded by what `MOST_REPORTS` take."""

    dataset: DataFolder
    timetable_path: Path
    #: What could not be read since it was last asked for, by path.
    unreadable: dict[str, str] = field(default_factory=dict)
    _reports: OrderedDict[str, tuple[tuple[int, int], RunReport]] = field(default_factory=OrderedDict)
    _timetable: tuple[object, Timetable | None, str | None] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _papers: dict[str, Site] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, paper in newspapers().items():
            self._papers[name] = Site(name, paper.title, paper.zone)

    # Newspapers and the timetable ------------------------------------------------------------------------------------

    def sites(self) -> list[Site]:
        """The newspapers that there is something of, in the data or in the timetable."""
        tables = (self.dataset.root / name for name in ("stories", "fetches"))
        found = {path.name.partition("=")[2] for folder in tables for path in folder.glob("site=*")}
        found |= {run_id.split("-")[1] for run_id in run_ids(self.dataset) if run_id.count("-") > 1}
        timetable, _ = self.timetable()
        found |= {site for schedule in (timetable.schedules if timetable else ()) for site in schedule.sites}
        return [self.site(name) for name in sorted(found) if is_site(name)]

    def site(self, name: str) -> Site:
        """A newspaper by name; one that is no longer known is told in UTC."""
        return self._papers.get(name) or Site(name, name, ZoneInfo("UTC"))

    def timetable(self) -> tuple[Timetable | None, str | None]:
        """The timetable that is kept, and what is wrong with the one that is written."""
        accepted = self.dataset.root / ACCEPTED
        marks = (_mark(self.timetable_path), _mark(accepted))
        if self._timetable is None or self._timetable[0] != marks:
            self._timetable = (marks, *_timetable(self.timetable_path, accepted))
        return self._timetable[1:]

    def occurrences(self) -> list[Occurrence]:
        """The latest occurrences of each schedule."""
        path = occurrences_file(self.dataset)
        if not path.exists():
            return []
        timetable, _ = self.timetable()
        names = [schedule.name for schedule in timetable.schedules] if timetable else []
        try:
            with closing(Occurrences.open(path)) as occurrences:
                return [occurrence for name in names for occurrence in occurrences.latest(name, MAX_OCCURRENCES)]
        except (DatabaseDamaged, sqlite3.Error) as error:
            self.unreadable[path.name] = str(error)
            return []

    # Runs ------------------------------------------------------------------------------------------------------------

    def runs(self, since: datetime, site: str | None = None) -> list[RunReport]:
        """The runs that began after a moment, newest first, at most `MOST_REPORTS`."""
        timetable, _ = self.timetable()
        modes = {schedule.name: schedule.mode for schedule in timetable.schedules} if timetable else {}
        # A run's id begins with its start time, so older reports are not opened.
        ids = run_ids(self.dataset, f"{since.astimezone(UTC):%Y%m%dT%H%M%SZ}")
        found = (self._report(run_id, modes) for run_id in reversed(ids[-MOST_REPORTS:]))
        return [run for run in found if run is not None and site in (None, run.site)]

    def run(self, run_id: str) -> RunReport | None:
        """One run; the caller has looked at the name."""
        timetable, _ = self.timetable()
        modes = {schedule.name: schedule.mode for schedule in timetable.schedules} if timetable else {}
        return self._report(run_id, modes)

    def _report(self, run_id: str, modes: Mapping[str, str]) -> RunReport | None:
        if (mark := _mark(self.dataset.run(run_id))) is None:
            return None
        with self._lock:
            if (kept := self._reports.get(run_id)) and kept[0] == mark:
                return kept[1]
        try:
            found = parse_report(read_report(self.dataset, run_id), modes)
        except FileNotFoundError:
            return None
        except (OSError, InvalidReport) as error:
            self.unreadable[f"runs/{run_id}.json"] = f"is not the report of a run ({error})"
            return None
        with self._lock:
            self._reports[run_id] = (mark, found)
            while len(self._reports) > MOST_REPORTS:
                self._reports.popitem(last=False)
        return found

    # Rows ------------------------------------------------------------------------------------------------------------

    def partitions(self, table: str, site: str) -> list[tuple[str, PurePosixPath]]:
        """The parts of a table with their files, oldest first."""
        return self.dataset.published(TABLES[table], site)

    def rows(self, table: str, site: str, columns: Sequence[str], since: str = "", until: str = "~") -> Any:
        """An Arrow table of some columns, of the partitions from ``since`` to ``until`` (`2026-11`, `2026-11-22`).

        A file that cannot be read is left out and named in ``unreadable``.
        """
        import pyarrow as pa

        spec = TABLES[table]
        schema = pa.schema([spec.schema.field(name) for name in columns])
        found = [rows for _, rows in self._files(spec, site, schema, since, until)]
        return pa.concat_tables(found) if found else schema.empty_table()

    def _files(self, table: Table, site: str, schema: Any, since: str, until: str) -> Iterator[tuple[Path, Any]]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        for part, relative in self.dataset.published(table, site):
            if part and not since <= part <= until:
                continue
            path = self.dataset.root / relative
            try:
                with pq.ParquetFile(path) as file:
                    there = [name for name in schema.names if name in file.schema_arrow.names]
                    rows = file.read(columns=there, use_threads=False)
                for place, column in enumerate(schema):
                    if column.name not in there:  # the file is from before the column was added
                        rows = rows.add_column(place, column, pa.nulls(len(rows), column.type))
                yield path, rows.cast(schema.remove_metadata())
            except FileNotFoundError:
                continue
            except (pa.ArrowException, OSError, DataDamaged) as error:
                self.unreadable[str(relative)] = str(error).splitlines()[0]

    def rows_of_story(self, table: str, story_id: str, since: str = "", until: str = "~") -> list[dict[str, Any]]:
        """All columns of the rows of one story; texts are read from the files alone in which it stands."""
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


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def _timetable(written: Path, accepted: Path) -> tuple[Timetable | None, str | None]:
    try:
        return Timetable.read(written), None
    except TimetableError as error:
        with suppress(TimetableError):
            return Timetable.read(accepted), str(error)
        return None, str(error)
