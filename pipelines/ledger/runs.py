"""The runs of a site in the ledger, with start, end and counters of each."""

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
    """Report if a ledger has an unfinished run; no process may be running the site. An unreadable ledger has none."""
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
        """Insert and commit a new run, and reserve the disk space that it needs to end properly on a full disk.

        The process that starts a run calls this first, so that a run which dies at once is known too; the call by the
        run itself then changes nothing.

        :param schedule: name and due time of its schedule, as JSON
        """
        keep_reserve(self._sql.path.parent)
        with self._transactions.transaction():
            query = "INSERT OR IGNORE INTO runs (run_id, mode, started_at, schedule) VALUES (?, ?, ?, ?)"
            self._sql.execute(query, (run_id, mode, at.isoformat(), schedule))
        self._sql.reached("run.begun")

    def end(self, run_id: str, at: datetime | None, reason: str, stats: str | None) -> None:
        """Commit the end of a run.

        :param at: None for a run that could not publish; it stays unfinished until it is recovered
        """
        values = (at and at.isoformat(), reason, stats, run_id)
        with self._transactions.transaction():
            self._sql.execute("UPDATE runs SET ended_at = ?, reason = ?, stats = ? WHERE run_id = ?", values)
        self._sql.reached("run.ended")

    def delete(self, *run_ids: str) -> None:
        """Delete runs and their counters."""
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

        The counter is written in the transaction of the rows that it counts, so it is exact even after a crash.
        """
        query = "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n"
        self._sql.execute(query, (run_id, name, n))

    def counts(self, run_id: str) -> dict[str, int]:
        return dict(self._sql.execute("SELECT name, n FROM counts WHERE run_id = ? ORDER BY name", (run_id,)))
