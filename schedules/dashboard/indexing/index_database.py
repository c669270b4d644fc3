"""SQLite database with a row for each run, alarm and day of disk usage, made from the reports of runs.

It is a cache: a file that is damaged, or of another version of this program, is deleted and made again.
"""

import logging
import os
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.storage.errors import StorageError
from pipelines.storage.fsync import make_folder, private_file
from schedules.reports.report import RunReport

#: To be increased with each change of the schema or of what a row contains.
VERSION = 1
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_DISK = ("tables", "archive", "ledger", "free")
_SCHEMA = """
CREATE TABLE runs (
    site TEXT, run_id TEXT, host TEXT, started TEXT, mode TEXT, exit_code INTEGER, word TEXT, problem TEXT,
    new INTEGER, revised INTEGER, rejected INTEGER, requests INTEGER, seconds REAL, alarms INTEGER, version INTEGER,
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
CREATE INDEX episodes_site ON episodes (site, first_at);
CREATE INDEX episodes_first ON episodes (first_at);
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

_RUN = "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ALARM = "INSERT OR REPLACE INTO alarms VALUES (?, ?, ?, ?, ?, ?)"
_DAY_OF_DISK = (
    "INSERT INTO disk VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET run_id = excluded.run_id,"
    " host = excluded.host, tables = excluded.tables, archive = excluded.archive, ledger = excluded.ledger,"
    " free = excluded.free WHERE excluded.run_id >= run_id"
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IndexedReport:
    """Report of a run with its host and the modification time of its file, which is None for an old one."""

    host: str
    version: int | None
    run: RunReport
    content: Mapping[str, Any]

    def row(self) -> tuple[object, ...]:
        run = self.run
        about = (run.site, run.run_id, self.host, run.started_at, run.mode or "", run.exit_code, run.word)
        counts = (run.new, run.revised, run.rejected, run.requests, run.seconds, len(run.alarms))
        return (*about, "; ".join(run.problems)[:500], *counts, self.version)

    def alarms(self) -> Iterable[tuple[object, ...]]:
        key = (self.run.site, self.run.mode or "")
        return ((*key, each["key"], self.run.run_id, each["kind"], each["sentence"][:500]) for each in self.run.alarms)

    def disk(self) -> Iterable[tuple[object, ...]]:
        sizes = self.content.get("disk")
        if isinstance(sizes, Mapping) and all(isinstance(sizes.get(name), int) for name in _DISK):
            day = self.run.started.date().toordinal()
            yield self.run.site, day, self.run.run_id, self.host, *(sizes[name] for name in _DISK)


class IndexDatabase:
    """Database of the index, in a file or in memory; one thread writes while others read.

    If the file cannot be used, for example in a read-only folder, the database is in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()  # of the connection for readers
        self._open()

    def _open(self) -> None:
        if self._path is not None:
            try:
                self._writer, self._reader = _opened(self._path), _connection(self._path)
                return
            except (OSError, StorageError, sqlite3.Error) as error:
                logger.warning("%s cannot be used (%s): all reports are read after each start", self._path, error)
                self._path = None
        self._writer = self._reader = _connection(None)
        self._reader.executescript(_SCHEMA)

    def query(self, statement: str, values: Mapping[str, Any] = {}) -> list[dict[str, Any]]:
        with self._lock:
            rows = self._reader.execute(statement, values).fetchall()
        return [dict(row) for row in rows]

    def files(self) -> dict[str, tuple[str, int | None]]:
        """Return the host of each run and the modification time of its report, which is None for an old report."""
        with self._lock:
            rows = self._reader.execute("SELECT run_id, host, version FROM runs").fetchall()
        return {run_id: (host, version) for run_id, host, version in rows}

    def add(self, reports: Sequence[IndexedReport], replaced: Iterable[tuple[str, str]] = ()) -> None:
        """Add reports in one transaction, and replace those of the runs ``replaced`` (pairs of site and run id)."""
        with self._transaction() as sql:
            _delete(sql, replaced)
            sql.executemany(_RUN, [each.row() for each in reports])
            sql.executemany(_ALARM, [row for each in reports for row in each.alarms()])
            sql.executemany(_DAY_OF_DISK, [row for each in reports for row in each.disk()])

    def delete(self, runs: Iterable[tuple[str, str]]) -> None:
        """Delete the reports of runs, as pairs of site and run id."""
        with self._transaction() as sql:
            _delete(sql, runs)

    def find_episodes(self, sites: Iterable[str]) -> None:
        """Find the episodes of the alarms of some sites again, after reports of these sites were added or deleted."""
        for site in sites:
            with self._transaction() as sql:
                sql.execute("DELETE FROM episodes WHERE site = ?", (site,))
                sql.execute(_EPISODES, {"site": site})

    def reset(self, error: sqlite3.DatabaseError) -> bool:
        """Delete the file of the database and make it again if an error shows that it is damaged; else return False."""
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGE or self._path is None:
            return False
        with self._lock:
            self._reader.close()
            self._writer.close()
            _remove(self._path)
            self._open()
        return True

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._writer, self._lock if self._writer is self._reader else None)


class _Transaction:
    """Context manager of one transaction for writing; ``lock`` is that of readers of the same connection, if any."""

    def __init__(self, sql: sqlite3.Connection, lock: "threading.Lock | None") -> None:
        self._sql, self._lock = sql, lock

    def __enter__(self) -> sqlite3.Connection:
        if self._lock is not None:
            self._lock.acquire()
        self._sql.execute("BEGIN IMMEDIATE")
        return self._sql

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            self._sql.execute("COMMIT" if kind is None else "ROLLBACK")
        finally:
            if self._lock is not None:
                self._lock.release()


def _delete(sql: sqlite3.Connection, runs: Iterable[tuple[str, str]]) -> None:
    for site, run_id in runs:
        for table in ("runs", "alarms", "disk"):
            sql.execute(f"DELETE FROM {table} WHERE site = ? AND run_id = ?", (site, run_id))


def _opened(path: Path) -> sqlite3.Connection:
    """Open the file of the database for writing; an unusable one is replaced by a new one."""
    make_folder(path.parent)
    for attempt in range(2):
        with suppress(FileExistsError):
            os.close(private_file(str(path), os.O_RDWR | os.O_CREAT | os.O_EXCL))
        sql = _connection(path)
        try:
            version = sql.execute("PRAGMA user_version").fetchone()[0]
            sql.execute("PRAGMA journal_mode = WAL")
            sql.execute("PRAGMA synchronous = NORMAL")
            if version == 0 and not sql.execute("SELECT 1 FROM sqlite_schema").fetchone():
                sql.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
                version = VERSION
            if version == VERSION:
                return sql
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGE or attempt:
                raise
        sql.close()
        _remove(path)
    raise sqlite3.DatabaseError("another version of this program uses it")


def _connection(path: Path | None) -> sqlite3.Connection:
    sql = sqlite3.connect(path or ":memory:", timeout=15, isolation_level=None, check_same_thread=False)
    sql.row_factory = sqlite3.Row
    return sql


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
