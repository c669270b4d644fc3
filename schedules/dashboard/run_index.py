"""Index of all run reports of a dashboard, in memory, for lists over many sites and long periods.

The reports of a hundred sites are too many to read for a page. A thread reads each of them once, newest first, and
looks for new ones every few seconds; pages query the index and show how many reports it still lacks.
"""

import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from crawler.safe_text import one_line
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DataDamaged
from schedules.dashboard.common_place import readable_run_ids
from schedules.reports.report import RunReport, parse_report, read_report, rolled_up_reports

#: Runs that are indexed, the latest of all sites; two years of a hundred sites with a run each hour.
MAX_RUNS = 1_800_000
REFRESH_SECONDS = 10.0
_BATCH = 500
_DISK = ("tables", "archive", "ledger", "free")
_SCHEMA = """
CREATE TABLE runs (
    site TEXT, run_id TEXT, host TEXT, started TEXT, mode TEXT, exit_code INTEGER, word TEXT, problem TEXT,
    new INTEGER, revised INTEGER, rejected INTEGER, requests INTEGER, seconds REAL, alarms INTEGER,
    PRIMARY KEY (site, run_id)
) WITHOUT ROWID;
CREATE INDEX runs_started ON runs (started);
CREATE INDEX runs_mode ON runs (site, mode, run_id);
CREATE TABLE alarms (
    site TEXT, mode TEXT, key TEXT, run_id TEXT, kind TEXT, sentence TEXT, PRIMARY KEY (site, mode, key, run_id)
) WITHOUT ROWID;
CREATE TABLE episodes (
    site TEXT, mode TEXT, key TEXT, kind TEXT, sentence TEXT, first_run TEXT, last_run TEXT, runs INTEGER,
    first_at TEXT, last_at TEXT, cleared_at TEXT
);
CREATE INDEX episodes_site ON episodes (site);
CREATE TABLE disk (
    site TEXT, day INTEGER, run_id TEXT, host TEXT, tables INTEGER, archive INTEGER, ledger INTEGER,
    free INTEGER, PRIMARY KEY (site, day)
) WITHOUT ROWID;
"""
# An episode of an alarm: the runs of one mode, one after another, that have it.
_EPISODES = """
INSERT INTO episodes
WITH edges AS (
    SELECT a.*,
        (SELECT max(run_id) FROM runs r WHERE r.site = a.site AND r.mode = a.mode AND r.run_id < a.run_id) AS before,
        (SELECT min(run_id) FROM runs r WHERE r.site = a.site AND r.mode = a.mode AND r.run_id > a.run_id) AS after
    FROM alarms a WHERE a.site = :site
), marked AS (
    SELECT e.*,
        before IS NULL OR NOT EXISTS (
            SELECT 1 FROM alarms p WHERE (p.site, p.mode, p.key, p.run_id) = (e.site, e.mode, e.key, e.before)
        ) AS begins
    FROM edges e
), numbered AS (
    SELECT *, sum(begins) OVER (PARTITION BY mode, key ORDER BY run_id) AS number FROM marked
), grouped AS (
    SELECT site, mode, key, kind, sentence, min(run_id) AS first_run, max(run_id) AS last_run, count(*) AS runs,
        max(after) AS after
    FROM numbered GROUP BY mode, key, number
)
SELECT site, mode, key, kind, sentence, first_run, last_run, runs,
    (SELECT started FROM runs r WHERE r.site = g.site AND r.run_id = first_run),
    (SELECT started FROM runs r WHERE r.site = g.site AND r.run_id = last_run),
    (SELECT started FROM runs r WHERE r.site = g.site AND r.run_id = after AND g.after > g.last_run)
FROM grouped g
"""


class RunIndex:
    """Index of the reports in several data folders, kept up to date by a thread."""

    def __init__(self, folders: Mapping[str, DataFolder]) -> None:
        self._folders = folders
        self._sql = sqlite3.connect(":memory:", check_same_thread=False)
        self._sql.row_factory = sqlite3.Row
        self._sql.executescript(_SCHEMA)
        self._lock = threading.Lock()
        self._known: set[str] = set()
        self._unreadable = 0
        self._thread: threading.Thread | None = None
        #: Reports that are not read yet, and those that cannot be read or are too many.
        self.waiting = self.left_out = 0
        #: Files that the last reading could not read, with the reason.
        self.unreadable: dict[str, str] = {}

    def start(self) -> None:
        """Start the thread, unless it runs already; the first call waits a moment for the newest reports."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._follow, daemon=True)
                self._thread.start()
        deadline = time.monotonic() + 2.0
        while self.waiting and not self._known and time.monotonic() < deadline:
            time.sleep(0.01)

    def query(self, statement: str, values: Mapping[str, Any] = {}) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(row) for row in self._sql.execute(statement, values)]

    def _follow(self) -> None:
        while True:
            try:
                self.refresh()
            except Exception as error:  # noqa: BLE001 - shown on the pages, and tried again
                self.unreadable = {"runs": one_line(str(error))}
            time.sleep(REFRESH_SECONDS)

    def refresh(self) -> None:
        """Read the reports that are not in the index yet, newest first."""
        unreadable: dict[str, str] = {}
        found = sorted(
            (
                (run_id, host)
                for host, folder in self._folders.items()
                for run_id in readable_run_ids(folder, unreadable)
            ),
            reverse=True,
        )
        self.unreadable = unreadable
        new = [(run_id, host) for run_id, host in found[:MAX_RUNS] if run_id not in self._known]
        self.waiting, too_many = len(new), max(0, len(found) - MAX_RUNS)
        self.left_out = too_many + self._unreadable
        changed: set[str] = set()
        for start in range(0, len(new), _BATCH):
            batch = new[start : start + _BATCH]
            reports = [(host, report) for host, report in self._read(batch) if report is not None]
            with self._lock, self._sql:
                for host, report in reports:
                    self._add(host, *report)
            changed |= {report[0].site for _, report in reports}
            self._known |= {run_id for run_id, _ in batch}
            self.waiting -= len(batch)
            self._unreadable += len(batch) - len(reports)
            self.left_out = too_many + self._unreadable
            if start == 0 or not self.waiting:
                self._find_episodes(changed)
                changed.clear()

    def _find_episodes(self, sites: Iterable[str]) -> None:
        for site in sites:
            with self._lock, self._sql:
                self._sql.execute("DELETE FROM episodes WHERE site = ?", (site,))
                self._sql.execute(_EPISODES, {"site": site})

    def _read(self, batch: Sequence[tuple[str, str]]) -> list[tuple[str, tuple[RunReport, Mapping[str, Any]] | None]]:
        read: list[tuple[str, tuple[RunReport, Mapping[str, Any]] | None]] = []
        for host, folder in self._folders.items():
            ids = [run_id for run_id, of in batch if of == host]
            rolled_up = [run_id for run_id in ids if not folder.run(run_id).exists()]
            raw: dict[str, Any] = {}
            with suppress(DataDamaged):  # counted below
                raw.update(rolled_up_reports(folder, rolled_up))
            for run_id in ids:
                report = None
                with suppress(OSError, ValueError, DataDamaged):
                    content = raw[run_id] if run_id in raw else read_report(folder, run_id)
                    report = parse_report(content, {}), content
                read.append((host, report))
        return read

    def _add(self, host: str, run: RunReport, content: Mapping[str, Any]) -> None:
        mode, site = run.mode or "", run.site
        self._sql.execute(
            "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(site, run.run_id, host, run.started_at, mode, run.exit_code, run.word, "; ".join(run.problems)[:500]),
                *(run.new, run.revised, run.rejected, run.requests, run.seconds, len(run.alarms)),
            ),
        )
        self._sql.executemany(
            "INSERT OR REPLACE INTO alarms VALUES (?, ?, ?, ?, ?, ?)",
            [(site, mode, each["key"], run.run_id, each["kind"], each["sentence"][:500]) for each in run.alarms],
        )
        disk = content.get("disk")
        if isinstance(disk, Mapping) and all(isinstance(disk.get(n), int) for n in _DISK):
            self._sql.execute(
                "INSERT INTO disk VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET run_id = excluded.run_id,"
                " host = excluded.host, tables = excluded.tables, archive = excluded.archive, ledger = excluded.ledger,"
                " free = excluded.free"
                " WHERE excluded.run_id > run_id",
                (site, run.started.date().toordinal(), run.run_id, host, *(disk[n] for n in _DISK)),
            )
