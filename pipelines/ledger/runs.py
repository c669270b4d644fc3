"""The table of a site's runs in its ledger, with the start, end, close reason and counters of each run."""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.ledger.connection import Connection
from pipelines.ledger.transactions import Transactions
from pipelines.storage.fsync import keep_reserve

_COLUMNS = ("run_id", "mode", "started_at", "ended_at", "reason", "stats", "schedule")


def has_dead_run(path: Path) -> bool:
    """Return True if a ledger contains an unfinished run, and False if it contains none or is unreadable.

    Call this only while no process is running the site, so that the unfinished run must have been killed.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as ledger:
            return ledger.execute("SELECT 1 FROM runs WHERE ended_at IS NULL").fetchone() is not None
    except sqlite3.Error:
        return False


class Runs:
    def __init__(self, connection: Connection, transactions: Transactions) -> None:
        self._sql = connection
        self._transactions = transactions

    def begin(self, run_id: str, at: datetime, mode: str, schedule: str | None = None) -> None:
        """Insert and commit a new run, and reserve the disk space that is needed to record its end on a full disk.

        The parent process calls this before it starts the process of the run, so that a run which crashes at once is
        recorded too. When the process of the run calls it again, the row already exists and is not changed.

        :param mode: `full` or `incremental`
        :param schedule: name of the schedule that started the run and the time at which it was due, as JSON
        """
        keep_reserve(self._sql.path.parent)
        with self._transactions.transaction():
            query = "INSERT OR IGNORE INTO runs (run_id, mode, started_at, schedule) VALUES (?, ?, ?, ?)"
            self._sql.execute(query, (run_id, mode, at.isoformat(), schedule))
        self._sql.reached("run.begun")

    def end(self, run_id: str, at: datetime | None, reason: str, stats: str | None) -> None:
        """Record and commit the end of a run.

        :param at: end of the run, or None if its rows could not be published; the run then stays unfinished until a
            later run recovers it
        :param reason: close reason of the spider
        :param stats: Scrapy stats as JSON
        """
        values = (at and at.isoformat(), reason, stats, run_id)
        with self._transactions.transaction():
            self._sql.execute("UPDATE runs SET ended_at = ?, reason = ?, stats = ? WHERE run_id = ?", values)
        self._sql.reached("run.ended")

    def delete(self, *run_ids: str) -> None:
        with self._transactions.transaction():
            for table in ("counts", "runs"):
                self._sql.executemany(f"DELETE FROM {table} WHERE run_id = ?", ((run_id,) for run_id in run_ids))

    def ids(self, *, ended: bool) -> list[str]:
        condition = "ended_at IS NOT NULL" if ended else "ended_at IS NULL"
        return [r for (r,) in self._sql.execute(f"SELECT run_id FROM runs WHERE {condition} ORDER BY started_at")]

    def get(self, run_id: str) -> dict[str, Any] | None:
        query = f"SELECT {', '.join(_COLUMNS)} FROM runs WHERE run_id = ?"
        row = self._sql.execute(query, (run_id,)).fetchone()
        return dict(zip(_COLUMNS, row, strict=True)) if row else None

    def count(self, run_id: str, name: str, n: int = 1) -> None:
        """Add ``n`` to a counter of a run.

        The counter is written in the same transaction as the rows that it counts, so it is exact even after a crash.
        """
        query = "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n"
        self._sql.execute(query, (run_id, name, n))

    def counts(self, run_id: str) -> dict[str, int]:
        return dict(self._sql.execute("SELECT name, n FROM counts WHERE run_id = ? ORDER BY name", (run_id,)))
