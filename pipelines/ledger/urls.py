"""Addresses: what was discovered on one site, what came of it, and when it is due again.

An address is open from its discovery to its outcome; an outcome that may be better next time leaves it open.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crawler.items import Fetch, as_row
from crawler.outcomes import Outcome
from pipelines.ledger.connection import Connection
from pipelines.ledger.outbox import Outbox
from pipelines.ledger.runs import Runs
from pipelines.ledger.transactions import Transactions

_CLOSED, _ASKED, _LEFT = range(3)
_COLUMNS = (
    "key, url, story_id, via, referrer, depth, born_at, due_at, fetched_at, etag, last_modified, failures, outcome,"
    " door, open"
)
# What is least deep comes first; then, as stories are numbered, what is newest.
_IN_TURN = "depth, length(key) DESC, key DESC"
_BEHIND = "(length(key) < length(:key) OR length(key) = length(:key) AND key < :key)"


@dataclass(frozen=True, slots=True)
class KnownUrl:
    """What is remembered of an address."""

    key: str
    url: str
    story_id: str | None
    via: str
    referrer: str | None
    depth: int
    born_at: datetime | None
    due_at: datetime | None
    fetched_at: datetime | None
    etag: str | None
    last_modified: str | None
    failures: int
    outcome: str | None
    door: str | None
    open: bool


class Urls:
    """The addresses of one ledger; its writes belong to the ledger's transaction."""

    def __init__(self, connection: Connection, transactions: Transactions, runs: Runs, outbox: Outbox) -> None:
        self._sql = connection
        self._transactions = transactions
        self._runs = runs
        self._outbox = outbox

    def get(self, key: str) -> KnownUrl | None:
        row = self._sql.execute(f"SELECT {_COLUMNS} FROM urls WHERE key = ?", (key,)).fetchone()
        return _known_url(row) if row else None

    def was_known(self, key: str, run_id: str) -> bool:
        """Whether an address had an outcome before this run, and this run has not asked for it again."""
        query = "SELECT 1 FROM urls WHERE key = ? AND run_id <> ? AND outcome IS NOT NULL"
        return self._sql.execute(query, (key, run_id)).fetchone() is not None

    def is_open(self, key: str) -> bool:
        """Whether an address was discovered in the present run and has no outcome yet."""
        row = self._sql.execute("SELECT open FROM urls WHERE key = ?", (key,)).fetchone()
        return row is not None and row[0] == _ASKED

    def discover(self, fetch: Fetch, door: str | None = None) -> None:
        """Open an address: until :meth:`finish`, every later run asks for it again."""
        self._sql.reached("url.discovering")
        self._sql.execute(
            "INSERT INTO urls (key, url, story_id, via, referrer, depth, open, run_id, door)"
            " VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?)"
            " ON CONFLICT DO UPDATE SET open = 1, run_id = excluded.run_id, door = excluded.door",
            (fetch.key, fetch.url, fetch.story_id, fetch.via, fetch.referrer, fetch.depth, fetch.run_id, door),
        )
        self._sql.reached("url.discovered")

    def close(self, key: str) -> None:
        """Close an address without an outcome of this run: its own run has given it one."""
        self._sql.execute("UPDATE urls SET open = 0 WHERE key = ?", (key,))

    def upsert(self, fetch: Fetch, due_at: datetime | None, born_at: datetime | None) -> None:
        """Know a story's address that was asked for, and when it is due again."""
        self._sql.execute(
            "INSERT OR REPLACE INTO urls (key, url, story_id, via, depth, open, run_id, born_at, due_at,"
            " fetched_at, outcome) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?)",
            (
                fetch.key,
                fetch.url,
                fetch.story_id,
                fetch.via,
                fetch.depth,
                fetch.run_id,
                _iso(born_at),
                _iso(due_at),
                _iso(fetch.fetched_at),
                fetch.outcome,
            ),
        )

    def leftovers(self, run_id: str, most: int, after: KnownUrl | None = None) -> list[KnownUrl]:
        """Urls that runs before this one left open, in turn; as many as are wanted, behind the one ``after``."""
        if after is None:
            return [*self._open("run_id <> :run", _IN_TURN, run=run_id, most=most)]
        which = f"run_id <> :run AND (depth > :depth OR depth = :depth AND {_BEHIND})"
        return [*self._open(which, _IN_TURN, run=run_id, most=most, depth=after.depth, key=after.key)]

    def spilled(self, run_id: str) -> Iterator[KnownUrl]:
        """Urls of one run that have no outcome yet, in turn; none of them may change meanwhile."""
        return self._open(f"run_id = :run AND open = {_ASKED}", _IN_TURN, run=run_id, most=-1)

    def unfinished(self, run_id: str, most: int, after: str = "") -> list[KnownUrl]:
        """The same by their keys, behind one of these: however many there are, each is come by once."""
        which = f"run_id = :run AND open = {_ASKED} AND key > :key"
        return [*self._open(which, "key", run=run_id, most=most, key=after)]

    def _open(self, which: str, order: str, **values: Any) -> Iterator[KnownUrl]:
        query = f"SELECT {_COLUMNS} FROM urls WHERE open AND {which} ORDER BY {order} LIMIT :most"
        return map(_known_url, self._sql.execute(query, values))

    def due(self, at: datetime, most: int) -> list[KnownUrl]:
        """Stories that were read and are due again, whether anything names them or not, the youngest first.

        Also those that are kept and were found taken down: a site in trouble says that of all of them.
        """
        read = f"outcome IN ('{Outcome.STORY}', '{Outcome.UNCHANGED}', '{Outcome.EXACT_DUPLICATE}')"
        away = f"outcome IN ('{Outcome.GONE}', '{Outcome.REDIRECTED}') AND story_id IN (SELECT story_id FROM stories)"
        due = f"due_at <= ? AND story_id IS NOT NULL AND NOT open AND ({read} OR {away})"
        query = f"SELECT {_COLUMNS} FROM urls WHERE {due} ORDER BY born_at DESC LIMIT ?"
        return [_known_url(row) for row in self._sql.execute(query, (at.isoformat(), most))]

    def make_due(self, key: str, at: datetime) -> None:
        """Let an address be due from a moment on, if it is not due earlier."""
        query = "UPDATE urls SET due_at = min(coalesce(due_at, ?1), ?1) WHERE key = ?2 AND NOT open"
        self._sql.execute(query, (at.isoformat(), key))

    def finish(
        self,
        fetch: Fetch,
        *,
        due_at: datetime | None = None,
        born_at: datetime | None = None,
        again: bool = False,
        failed: bool | None = None,
    ) -> None:
        """Write what came of an address: ``again`` keeps it open for the next run, ``due_at`` is when it is due.

        ``failed`` counts it among the failures in a row, as ``again`` does where nothing is said.
        """
        self._sql.execute(
            "UPDATE urls SET open = ?, due_at = ?, born_at = coalesce(?, born_at), outcome = ?,"
            " fetched_at = coalesce(?, fetched_at), etag = coalesce(?, etag),"
            " last_modified = coalesce(?, last_modified), failures = CASE WHEN ? THEN failures + 1 ELSE 0 END"
            " WHERE key = ?",
            (
                _LEFT if again else _CLOSED,
                _iso(due_at),
                _iso(born_at),
                fetch.outcome,
                _iso(fetch.fetched_at) if fetch.attempts else None,
                fetch.etag,
                fetch.last_modified,
                (again if failed is None else failed) and fetch.attempts > 0,
                fetch.key,
            ),
        )
        self.record(fetch)

    def record(self, fetch: Fetch) -> None:
        """Keep a fetch and count its outcome; for addresses that are not remembered (offsite, not due)."""
        self._outbox.keep("fetches", as_row(fetch))
        self._runs.count(fetch.run_id, f"outcome/{fetch.outcome}")
        if fetch.attempts:
            self._transactions.count_response()


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _known_url(row: tuple[Any, ...]) -> KnownUrl:
    values = list(row)
    values[6:9] = [moment and datetime.fromisoformat(moment) for moment in values[6:9]]
    values[-1] = bool(values[-1])
    return KnownUrl(*values)
