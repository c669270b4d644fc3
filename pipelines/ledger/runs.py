"""Runs: what ran on one site, how it ended, and what it counted."""

from collections import Counter
from datetime import datetime
from typing import Any

from pipelines.ledger.connection import Connection
from pipelines.ledger.transactions import Transactions
from pipelines.storage.fsync import keep_reserve


class Runs:
    """The runs of one ledger; only their beginnings and ends are durable at once."""

    def __init__(self, connection: Connection, transactions: Transactions) -> None:
        self._sql = connection
        self._transactions = transactions

    def begin(self, run_id: str, at: datetime) -> None:
        """Enter a run, durably, and keep what it will need to end even on a full disk."""
        keep_reserve(self._sql.path.parent)
        with self._transactions.transaction():
            self._sql.execute("INSERT INTO runs (run_id, started_at) VALUES (?, ?)", (run_id, at.isoformat()))
        self._sql.reached("run.begun")

    def end(self, run_id: str, at: datetime, reason: str, stats: str | None) -> None:
        """Close a run, durably; a run without an end was killed."""
        with self._transactions.transaction():
            self._sql.execute(
                "UPDATE runs SET ended_at = ?, reason = ?, stats = ? WHERE run_id = ?",
                (at.isoformat(), reason, stats, run_id),
            )
        self._sql.reached("run.ended")

    def interrupt(self, run_id: str, reason: str, stats: str | None) -> None:
        """Say why a run went no further, and leave its end to whoever recovers it."""
        with self._transactions.transaction():
            self._sql.execute("UPDATE runs SET reason = ?, stats = ? WHERE run_id = ?", (reason, stats, run_id))

    def delete(self, run_id: str) -> None:
        """Take a run back that did nothing."""
        self._sql.execute("DELETE FROM runs WHERE run_id = ?", (run_id,))

    def unfinished(self) -> list[str]:
        """Runs that never ended, oldest first."""
        return [r for (r,) in self._sql.execute("SELECT run_id FROM runs WHERE ended_at IS NULL ORDER BY started_at")]

    def ended(self) -> list[str]:
        """Runs that ended, in whatever way, oldest first."""
        query = "SELECT run_id FROM runs WHERE ended_at IS NOT NULL ORDER BY started_at"
        return [r for (r,) in self._sql.execute(query)]

    def get(self, run_id: str) -> dict[str, Any] | None:
        """A run's row, or None."""
        names = ("run_id", "started_at", "ended_at", "reason", "stats")
        row = self._sql.execute(f"SELECT {', '.join(names)} FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        return dict(zip(names, row, strict=True)) if row else None

    def count(self, run_id: str, name: str, n: int = 1) -> None:
        """Add to one of a run's counters, in the transaction of what is counted: so they are exact after a kill."""
        self._transactions.defer(self._add, (run_id, name, n))

    def _add(self, every: list[tuple[str, str, int]]) -> None:
        sums = Counter[tuple[str, str]]()
        for run_id, name, n in every:
            sums[run_id, name] += n
        query = "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n"
        self._sql.executemany(query, ((*counter, n) for counter, n in sums.items()))

    def counts(self, run_id: str) -> dict[str, int]:
        """All counters of a run."""
        found = Counter(dict(self._sql.execute("SELECT name, n FROM counts WHERE run_id = ?", (run_id,))))
        for of, name, n in self._transactions.deferred(self._add):
            found[name] += n if of == run_id else 0
        return dict(sorted(found.items()))
