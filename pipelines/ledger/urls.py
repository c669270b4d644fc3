"""The table of URLs discovered on a site, with the last outcome, HTTP validators and next visit of each URL.

A URL is open from its discovery until the result of its request (its outcome) is recorded. If a later request may
succeed, as after a time-out, the URL stays open, so that the next run requests it again.
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

# Values of the column `open`: has an outcome; was discovered and has none; is to be requested again by the next run.
_CLOSED, _PENDING, _RETRY = range(3)
_COLUMNS = (
    "key, url, story_id, via, referrer, depth, born_at, due_at, fetched_at, etag, last_modified, failures, outcome,"
    " position, alive_at, missing_since, open"
)
_ALIVE = f"'{Outcome.STORY}', '{Outcome.UNCHANGED}', '{Outcome.EXACT_DUPLICATE}'"
# Smallest depth first, then the newest story, because story ids increase.
_ORDER = "depth, length(key) DESC, key DESC"
_AFTER = (
    "depth > :depth OR depth = :depth AND (length(key) < length(:key) OR length(key) = length(:key) AND key < :key)"
)


@dataclass(frozen=True, slots=True)
class KnownUrl:
    """Ledger row of a URL.

    :ivar key: identity of the URL: the id of its story, or the normalised URL of any other page
    :ivar url: URL to request, exactly as it was linked; of several URLs of one story, the last one that returned the
        story
    :ivar story_id: id of the story at this URL; None for a list, feed or other page that is not a story
    :ivar via: entry point (list, feed or sitemap) that first linked to the URL
    :ivar born_at: time of publication of the story, from which the times of revisits are computed
    :ivar due_at: time from which the URL is to be requested again
    :ivar alive_at: time at which the story was last seen online
    :ivar missing_since: time of the first response 404 or 410 after ``alive_at``; None if the story is online
    :ivar position: JSON with the entry point from which the crawl reached this page and its place in the pagination
    """

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
    position: str | None
    alive_at: datetime | None
    missing_since: datetime | None
    open: bool


class Urls:
    def __init__(self, connection: Connection, transactions: Transactions, runs: Runs, outbox: Outbox) -> None:
        self._sql = connection
        self._transactions = transactions
        self._runs = runs
        self._outbox = outbox

    def get(self, key: str) -> KnownUrl | None:
        row = self._sql.execute(f"SELECT {_COLUMNS} FROM urls WHERE key = ?", (key,)).fetchone()
        return _known_url(row) if row else None

    def was_known(self, key: str, run_id: str) -> bool:
        """Return True if an earlier run recorded an outcome for a URL and this run has not yet requested it."""
        query = "SELECT 1 FROM urls WHERE key = ? AND run_id <> ? AND outcome IS NOT NULL"
        return self._sql.execute(query, (key, run_id)).fetchone() is not None

    def is_pending(self, key: str) -> bool:
        """Return True if a URL was discovered and the result of its request has not been recorded yet."""
        row = self._sql.execute("SELECT open FROM urls WHERE key = ?", (key,)).fetchone()
        return row is not None and row[0] == _PENDING

    def discover(self, fetch: Fetch, position: str | None = None) -> None:
        """Insert a URL that is to be requested; later runs request it too, until :meth:`finish` records an outcome.

        :param position: JSON with the entry point from which the crawl reached the URL and its place in the pagination
        """
        self._sql.reached("url.discovering")
        self._sql.execute(
            "INSERT INTO urls (key, url, story_id, via, referrer, depth, open, run_id, position)"
            f" VALUES (?, ?, ?, ?, ?, ?, {_PENDING}, ?, ?) ON CONFLICT DO UPDATE SET open = excluded.open,"
            " run_id = excluded.run_id, position = excluded.position",
            (fetch.key, fetch.url, fetch.story_id, fetch.via, fetch.referrer, fetch.depth, fetch.run_id, position),
        )
        self._sql.reached("url.discovered")

    def close(self, key: str) -> None:
        """Undo :meth:`discover` for a URL that is not to be requested after all."""
        self._sql.execute("DELETE FROM urls WHERE key = ? AND outcome IS NULL", (key,))
        self._sql.execute(f"UPDATE urls SET open = {_CLOSED} WHERE key = ?", (key,))

    def upsert(
        self,
        fetch: Fetch,
        *,
        due_at: datetime | None,
        born_at: datetime | None,
        missing_since: datetime | None = None,
    ) -> None:
        """Insert or replace the URL of a story that was online when it was fetched.

        :param due_at: time at which to request it again, or None
        :param born_at: time of publication of the story
        :param missing_since: time of the first response 404 or 410 after the fetch
        """
        self._sql.execute(
            "INSERT OR REPLACE INTO urls (key, url, story_id, via, depth, open, run_id, born_at, due_at,"
            f" fetched_at, outcome, alive_at, missing_since) VALUES (?, ?, ?, ?, ?, {_CLOSED}, ?, ?, ?, ?, ?, ?, ?)",
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
                _iso(fetch.fetched_at),
                _iso(missing_since),
            ),
        )

    def left_open(self, run_id: str, limit: int, after: KnownUrl | None = None) -> list[KnownUrl]:
        """Return at most ``limit`` URLs that earlier runs did not finish, sorted by depth and then newest story first.

        :param after: last URL of the previous call, after which the results start
        """
        condition, values = "run_id <> :run", dict[str, Any]()
        if after is not None:
            condition, values = f"{condition} AND ({_AFTER})", {"depth": after.depth, "key": after.key}
        return [*self._open(condition, _ORDER, run=run_id, limit=limit, **values)]

    def pending(self, run_id: str) -> Iterator[KnownUrl]:
        """Iterate over the URLs of a run that have no outcome yet; the caller must not change them while iterating."""
        return self._open(f"run_id = :run AND open = {_PENDING}", _ORDER, run=run_id, limit=-1)

    def pending_by_key(self, run_id: str, limit: int, after: str = "") -> list[KnownUrl]:
        """Return at most ``limit`` URLs of a run without an outcome, sorted by key, with keys greater than ``after``.

        The caller may record outcomes between two calls; no URL is then skipped or returned twice.
        """
        condition = f"run_id = :run AND open = {_PENDING} AND key > :key"
        return [*self._open(condition, "key", run=run_id, limit=limit, key=after)]

    def _open(self, condition: str, order: str, **values: Any) -> Iterator[KnownUrl]:
        query = f"SELECT {_COLUMNS} FROM urls WHERE open AND {condition} ORDER BY {order} LIMIT :limit"
        return map(_known_url, self._sql.execute(query, values))

    def due(self, at: datetime, limit: int) -> list[KnownUrl]:
        """Return at most ``limit`` stories whose next visit is due, including those to which no list links any more.

        Stories that returned 404 or 410 at the last visit come first, then the newest stories. Stored stories that were
        found taken down are visited again, because a faulty site may return 404 for every story.
        """
        read = f"outcome IN ({_ALIVE}) AND key NOT IN (SELECT story_id FROM removed)"
        away = f"outcome IN ('{Outcome.GONE}', '{Outcome.REDIRECTED}') AND story_id IN (SELECT story_id FROM stories)"
        due = f"due_at <= ? AND story_id IS NOT NULL AND NOT open AND ({read} OR {away})"
        query = f"SELECT {_COLUMNS} FROM urls WHERE {due} ORDER BY missing_since IS NULL, born_at DESC LIMIT ?"
        return [_known_url(row) for row in self._sql.execute(query, (at.isoformat(), limit))]

    def make_due(self, key: str, at: datetime) -> None:
        """Make the next visit of a URL due at ``at``, unless it is due earlier; ignore a URL that is still open."""
        query = "UPDATE urls SET due_at = min(coalesce(due_at, ?1), ?1) WHERE key = ?2 AND NOT open"
        self._sql.execute(query, (at.isoformat(), key))

    def finish(
        self,
        fetch: Fetch,
        *,
        due_at: datetime | None = None,
        born_at: datetime | None = None,
        retry: bool = False,
        failed: bool = False,
        missing_since: datetime | None = None,
    ) -> None:
        """Record the outcome of a URL (the result of its request), and store a row for the `fetches` table.

        :param due_at: time at which to request the URL again, or None
        :param born_at: time of publication of its story, if known
        :param retry: leave the URL open, so that the next run requests it again
        :param failed: add one to the URL's number of failures in a row if it was requested; otherwise that number
            becomes 0
        :param missing_since: time of the response if its status was 404 or 410
        """
        self._sql.execute(
            "UPDATE urls SET open = :open, due_at = :due_at, born_at = coalesce(:born_at, born_at), outcome = :outcome,"
            f" url = CASE WHEN :outcome IN ({_ALIVE}) THEN :url ELSE url END,"
            " fetched_at = coalesce(:fetched_at, fetched_at), etag = coalesce(:etag, etag),"
            " last_modified = coalesce(:last_modified, last_modified),"
            " failures = CASE WHEN :failed THEN failures + 1 ELSE 0 END,"
            f" alive_at = CASE WHEN :outcome IN ({_ALIVE}) THEN :fetched_at ELSE alive_at END,"
            f" missing_since = CASE WHEN :outcome NOT IN ({_ALIVE}) THEN coalesce(missing_since, :missing_since) END"
            " WHERE key = :key",
            {
                "open": _RETRY if retry else _CLOSED,
                "due_at": _iso(due_at),
                "born_at": _iso(born_at),
                "outcome": fetch.outcome,
                "fetched_at": _iso(fetch.fetched_at) if fetch.attempts else None,
                "etag": fetch.etag,
                "last_modified": fetch.last_modified,
                "failed": failed and fetch.attempts > 0,
                "missing_since": _iso(missing_since),
                "url": fetch.url,
                "key": fetch.key,
            },
        )
        self.record(fetch)

    def record(self, fetch: Fetch) -> None:
        """Store a row for the `fetches` table, and add one to the run's counter of its outcome.

        Call this instead of :meth:`finish` for a URL that is not requested, because it is offsite or not due.
        """
        self._outbox.add_row("fetches", as_row(fetch))
        self._runs.count(fetch.run_id, f"outcome/{fetch.outcome}")
        if fetch.story_id and (fetch.attempts or Outcome(fetch.outcome).is_failed):
            self._runs.count(fetch.run_id, f"story_outcome/{fetch.outcome}")
        if fetch.attempts:
            self._transactions.count_response()


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _known_url(row: tuple[Any, ...]) -> KnownUrl:
    values = list(row)
    for place in (6, 7, 8, 14, 15):
        values[place] = values[place] and datetime.fromisoformat(values[place])
    values[-1] = bool(values[-1])
    return KnownUrl(*values)
