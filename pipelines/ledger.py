"""The ledger: what the crawl remembers of one site, in one SQLite file.

Everything that one page brings is written between two commits, and a commit comes at the latest a second or four
answers later (whoever owns the ledger calls :meth:`Ledger.commit`). So a row is either in the outbox together with what
makes the crawl remember it, or neither is there and the page is asked for again. Everything here but the outbox can be
rebuilt from the Parquet, and between runs the outbox is empty.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from crawler.records import Alias, Fetch, Outcome, Reject, Sighting, Snapshot, Story, as_row
from pipelines.clusters import Clusters
from pipelines.connection import REMEDY, Connection
from pipelines.connection import LedgerDamaged as LedgerDamaged
from pipelines.durable import StorageRefused, keep_reserve
from pipelines.notices import Notices
from pipelines.outbox import Outbox
from pipelines.schema import create, examine, is_blank
from pipelines.tables import TABLES

PAGES_PER_COMMIT = 50
ANSWERS_PER_COMMIT = 4  # with the one that is under way, five pages at most are asked for again after a kill


@dataclass(frozen=True, slots=True)
class KnownStory:
    """What is remembered of a story: enough to tell whether a page brings anything new."""

    story_id: str
    url: str
    part: str
    revision: int
    content_hash: str
    state_hash: str | None
    cluster_id: str
    first_seen_at: datetime
    discovered_via: str
    depth: int


@dataclass(frozen=True, slots=True)
class KnownAddress:
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
    open: bool


class Ledger:
    """One site's memory. Not thread-safe: it belongs to the thread that opened it."""

    def __init__(self, connection: Connection, site: str, zone: ZoneInfo) -> None:
        self.site = site
        self.zone = zone
        self._sql = connection
        self._pages = self._answers = 0
        self._depth = 0
        self.outbox = Outbox(connection)
        self.clusters = Clusters(connection)
        self.notices = Notices(connection)

    @classmethod
    def open(cls, path: Path, site: str, zone: ZoneInfo, *, expected: bool = False) -> Self:
        """Open or create a ledger; ``expected`` says that there must be one (something of the site is published).

        Raises :class:`LedgerDamaged` for a file that is missing, damaged, foreign or of a later version. It is never
        replaced by an empty one: that would fetch and keep everything a second time.
        """
        missing = f"{path} is missing or empty, though stories of {site} are published; {REMEDY}"
        if expected and not (path.exists() and path.stat().st_size):
            raise LedgerDamaged(missing)
        connection = Connection(path)
        try:
            if not is_blank(connection):
                examine(connection, path)
                connection.make_durable()
            elif expected:
                raise LedgerDamaged(missing)
            else:
                connection.make_durable()
                create(connection)
        except BaseException:
            connection.close()
            raise
        return cls(connection, site, zone)

    @property
    def fault(self) -> StorageRefused | None:
        """What the disk refused first, if it ever did: a crawl that finds one asks for nothing more, and ends."""
        return self._sql.fault

    # Transactions ----------------------------------------------------------------------------------------------------

    @contextmanager
    def page(self) -> Iterator[None]:
        """Everything written inside is kept or lost as one."""
        if not self._sql.in_transaction:
            self._sql.execute("BEGIN IMMEDIATE")
        self._sql.execute("SAVEPOINT page")
        self._depth += 1
        try:
            self._sql.reached("page.begun")
            yield
            self._sql.reached("page.written")
        except BaseException:
            if self._sql.in_transaction:  # when the disk is full, SQLite has taken back all of it
                self._sql.execute("ROLLBACK TO page")
                self._sql.execute("RELEASE page")
            raise
        finally:
            self._depth -= 1
        self._sql.execute("RELEASE page")
        self._pages += 1
        if self._pages >= PAGES_PER_COMMIT or self._answers >= ANSWERS_PER_COMMIT:
            self.commit()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything written inside is durable on leaving, or lost as one; inside a page, as one with the page."""
        with self.page():
            yield
        self.commit()

    def commit(self) -> None:
        """Make everything written so far durable."""
        if self._depth:  # in the middle of a page there is nothing that could be kept alone
            return
        self._pages = self._answers = 0
        if self._sql.in_transaction:
            self._sql.reached("accept.due")
            self._sql.execute("COMMIT")
            self._sql.reached("accept.done")

    def close(self) -> None:
        """Commit and let go of the file."""
        try:
            self.commit()
            self._sql.reached("ledger.closing")
            self._sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self._sql.close()

    # Runs ------------------------------------------------------------------------------------------------------------

    def begin_run(self, run_id: str, at: datetime) -> None:
        """Enter a run, durably, and keep what it will need to end even on a full disk."""
        keep_reserve(self._sql.path.parent)
        with self.transaction():
            self._sql.execute("INSERT INTO runs (run_id, started_at) VALUES (?, ?)", (run_id, at.isoformat()))
        self._sql.reached("run.begun")

    def end_run(self, run_id: str, at: datetime, reason: str, stats: str | None) -> None:
        """Close a run, durably; a run without an end was killed."""
        with self.transaction():
            self._sql.execute(
                "UPDATE runs SET ended_at = ?, reason = ?, stats = ? WHERE run_id = ?",
                (at.isoformat(), reason, stats, run_id),
            )
        self._sql.reached("run.ended")

    def leave_run(self, run_id: str, reason: str, stats: str | None) -> None:
        """Say why a run went no further, and leave its end to whoever recovers it."""
        with self.transaction():
            self._sql.execute("UPDATE runs SET reason = ?, stats = ? WHERE run_id = ?", (reason, stats, run_id))

    def forget_run(self, run_id: str) -> None:
        """Take a run back that did nothing."""
        self._sql.execute("DELETE FROM runs WHERE run_id = ?", (run_id,))

    def unfinished_runs(self) -> list[str]:
        """Runs that never ended, oldest first."""
        return [r for (r,) in self._sql.execute("SELECT run_id FROM runs WHERE ended_at IS NULL ORDER BY started_at")]

    def ended_runs(self) -> list[str]:
        """Runs that ended, in whatever way, oldest first."""
        query = "SELECT run_id FROM runs WHERE ended_at IS NOT NULL ORDER BY started_at"
        return [r for (r,) in self._sql.execute(query)]

    def run(self, run_id: str) -> dict[str, Any] | None:
        """A run's row, or None."""
        names = ("run_id", "started_at", "ended_at", "reason", "stats")
        row = self._sql.execute(f"SELECT {', '.join(names)} FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        return dict(zip(names, row, strict=True)) if row else None

    def count(self, run_id: str, name: str, n: int = 1) -> None:
        """Add to one of a run's counters, in the transaction of what is counted: so they are exact after a kill."""
        self._sql.execute(
            "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n", (run_id, name, n)
        )

    def counts(self, run_id: str) -> dict[str, int]:
        """All counters of a run."""
        return dict(self._sql.execute("SELECT name, n FROM counts WHERE run_id = ? ORDER BY name", (run_id,)))

    # Addresses -------------------------------------------------------------------------------------------------------

    def address(self, key: str) -> KnownAddress | None:
        row = self._sql.execute(f"SELECT {_ADDRESS} FROM addresses WHERE key = ?", (key,)).fetchone()
        return _known_address(row) if row else None

    def was_known(self, key: str, run_id: str) -> bool:
        """Whether an address had an outcome before this run, and this run has not asked for it again."""
        query = "SELECT 1 FROM addresses WHERE key = ? AND run_id <> ? AND outcome IS NOT NULL"
        return self._sql.execute(query, (key, run_id)).fetchone() is not None

    def is_open(self, key: str) -> bool:
        """Whether an address was discovered in the present run and has no outcome yet."""
        row = self._sql.execute("SELECT open FROM addresses WHERE key = ?", (key,)).fetchone()
        return row is not None and row[0] == _ASKED

    def discover(self, fetch: Fetch) -> None:
        """Open an address: until :meth:`finish`, every later run asks for it again."""
        self._sql.reached("address.found")
        self._sql.execute(
            "INSERT INTO addresses (key, url, story_id, via, referrer, depth, open, run_id)"
            " VALUES (?, ?, ?, ?, ?, ?, 1, ?)"
            " ON CONFLICT DO UPDATE SET open = 1, run_id = excluded.run_id",
            (fetch.key, fetch.url, fetch.story_id, fetch.via, fetch.referrer, fetch.depth, fetch.run_id),
        )
        self._sql.reached("address.opened")

    def abandon(self, key: str) -> None:
        """Close an address without an outcome of this run: its own run has given it one."""
        self._sql.execute("UPDATE addresses SET open = 0 WHERE key = ?", (key,))

    def remember_address(self, fetch: Fetch, due_at: datetime | None, born_at: datetime | None) -> None:
        """Know a story's address that was asked for, and when it is due again."""
        self._sql.execute(
            "INSERT OR REPLACE INTO addresses (key, url, story_id, via, depth, open, run_id, born_at, due_at,"
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

    def leftovers(self) -> list[KnownAddress]:
        """Addresses that earlier runs left open."""
        query = f"SELECT {_ADDRESS} FROM addresses WHERE open ORDER BY depth, key"
        return [_known_address(row) for row in self._sql.execute(query)]

    def due(self, at: datetime, most: int) -> list[KnownAddress]:
        """Stories that were read and are due again, whether anything names them or not, the youngest first.

        Also those that are kept and were found taken down: a site in trouble says that of all of them.
        """
        read = f"outcome IN ('{Outcome.STORY}', '{Outcome.UNCHANGED}', '{Outcome.COPY}')"
        away = f"outcome IN ('{Outcome.GONE}', '{Outcome.REDIRECTED}') AND story_id IN (SELECT story_id FROM stories)"
        due = f"due_at <= ? AND story_id IS NOT NULL AND NOT open AND ({read} OR {away})"
        query = f"SELECT {_ADDRESS} FROM addresses WHERE {due} ORDER BY born_at DESC LIMIT ?"
        return [_known_address(row) for row in self._sql.execute(query, (at.isoformat(), most))]

    def let_be_due(self, key: str, at: datetime) -> None:
        """Let an address be due from a moment on, if it is not due earlier."""
        query = "UPDATE addresses SET due_at = min(coalesce(due_at, ?1), ?1) WHERE key = ?2 AND NOT open"
        self._sql.execute(query, (at.isoformat(), key))

    def unfinished(self, run_id: str) -> list[KnownAddress]:
        """The addresses of one run that have no outcome yet."""
        query = f"SELECT {_ADDRESS} FROM addresses WHERE open = {_ASKED} AND run_id = ? ORDER BY key"
        return [_known_address(row) for row in self._sql.execute(query, (run_id,))]

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
            "UPDATE addresses SET open = ?, due_at = ?, born_at = coalesce(?, born_at), outcome = ?,"
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
        self._put("fetches", as_row(fetch))
        self.count(fetch.run_id, f"outcome/{fetch.outcome}")
        self._answers += fetch.attempts > 0

    # Stories ---------------------------------------------------------------------------------------------------------

    def knows_any(self) -> bool:
        """Whether any story is remembered."""
        return bool(self._sql.execute("SELECT EXISTS (SELECT 1 FROM stories)").fetchone()[0])

    def size(self) -> int:
        """How many stories are remembered."""
        return int(self._sql.execute("SELECT count(*) FROM stories").fetchone()[0])

    def story(self, story_id: str) -> KnownStory | None:
        return self._story("story_id = ?", story_id)

    def story_with_content(self, content_hash: str) -> KnownStory | None:
        """The first story kept with this headline and body."""
        return self._story("content_hash = ? ORDER BY first_seen_at, story_id", content_hash)

    def story_with_body(self, body_hash: str) -> KnownStory | None:
        """The first story kept with this body."""
        return self._story("body_hash = ? ORDER BY first_seen_at, story_id", body_hash)

    def _story(self, condition: str, value: str) -> KnownStory | None:
        row = self._sql.execute(f"SELECT {_STORY} FROM stories WHERE {condition} LIMIT 1", (value,)).fetchone()
        if row is None:
            return None
        values = list(row)
        values[7] = datetime.fromisoformat(values[7])
        return KnownStory(*values)

    def keep_story(self, story: Story, *, body_hash: str | None, state_hash: str, known: KnownStory | None) -> None:
        """Put a new story, or a new revision of a known one, into the outbox and remember it."""
        row = as_row(story)
        table = TABLES["stories"]
        part = table.part_of(row, self.zone)
        if known is not None and known.part != part:
            self.outbox.drop(table, known.part, story.story_id)
        self.outbox.put(table, part, row)
        self.remember_story(story, part, body_hash=body_hash, state_hash=state_hash)

    def remember_story(self, story: Story, part: str, *, body_hash: str | None, state_hash: str) -> None:
        """Know a story that stands, or will stand, in a partition of `stories`."""
        self._sql.execute(
            "INSERT OR REPLACE INTO stories VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                story.story_id,
                story.url,
                part,
                story.revision,
                story.content_hash,
                body_hash,
                state_hash,
                story.cluster_id,
                story.first_seen_at and story.first_seen_at.isoformat(),
                story.discovered_via,
                story.depth,
            ),
        )

    def saw_story(self, known: KnownStory, at: datetime) -> None:
        """Note that a story still stood unchanged."""
        self.outbox.touch(TABLES["stories"], known.part, known.story_id, {"fetched_at": at, "gone_at": None})

    def story_gone(self, known: KnownStory, at: datetime) -> None:
        """Note that a story was taken down; its row stays."""
        self.outbox.touch(TABLES["stories"], known.part, known.story_id, {"gone_at": at})

    def move_to_cluster(self, story_id: str, cluster_id: str) -> None:
        """Let a story that is kept be of another cluster."""
        known = self.story(story_id)
        if known is not None and known.cluster_id != cluster_id:
            self.outbox.touch(TABLES["stories"], known.part, story_id, {"cluster_id": cluster_id})
            self._sql.execute("UPDATE stories SET cluster_id = ? WHERE story_id = ?", (cluster_id, story_id))

    def story_ids(self) -> set[str]:
        """Every story that is remembered."""
        return {story_id for (story_id,) in self._sql.execute("SELECT story_id FROM stories")}

    def withdraw_story(self, story_id: str, standing: str | None) -> None:
        """Take back what was remembered of a story whose row turned out bad; ``standing`` is where it still stands."""
        if standing is None:
            self._sql.execute("DELETE FROM stories WHERE story_id = ? AND revision = 1", (story_id,))
            for other, head in self.clusters.forget(story_id).items():
                self.move_to_cluster(other, head)
        else:
            self._sql.execute("UPDATE stories SET part = ? WHERE story_id = ?", (standing, story_id))

    def keep_alias(self, alias: Alias) -> None:
        """Remember another address or id of a kept story; the first sighting stands."""
        if self.remember_alias(alias):
            self._put("aliases", as_row(alias))

    def remember_alias(self, alias: Alias) -> bool:
        """Know another address or id of a story; True if it was not known."""
        query = "INSERT OR IGNORE INTO aliases VALUES (?, ?, ?)"
        return bool(self._sql.execute(query, (alias.url, alias.story_id, alias.kind)).rowcount)

    def keep_sighting(self, sighting: Sighting) -> None:
        """Remember that a place named a story; the first time stands."""
        if self.remember_sighting(sighting.story_id, sighting.via):
            self._put("sightings", as_row(sighting))

    def remember_sighting(self, story_id: str, via: str) -> bool:
        """Know that a place named a story; True if it was not known."""
        query = "INSERT OR IGNORE INTO sightings VALUES (?, ?)"
        return bool(self._sql.execute(query, (story_id, via)).rowcount)

    # Lists and rejects -----------------------------------------------------------------------------------------------

    def keep_snapshot(self, snapshot: Snapshot, digest: str) -> bool:
        """Keep a list that differs from the one before it; otherwise note how long that one stood. True if kept."""
        if self.saw_snapshot(snapshot.name, snapshot.observed_at, digest):
            return False
        for ranking in snapshot.rows:
            self._put("rankings", as_row(ranking))
        self.remember_snapshot(snapshot.name, snapshot.observed_at, digest)
        return True

    def saw_snapshot(self, name: str, at: datetime, digest: str | None = None) -> bool:
        """Note that the newest snapshot of a list still stood; False if there is none, or not one of this digest."""
        query = "SELECT observed_at, digest FROM snapshots WHERE list = ?"
        standing = self._sql.execute(query, (name,)).fetchone()
        if standing is None or (digest is not None and standing[1] != digest):
            return False
        table, first = TABLES["rankings"], datetime.fromisoformat(standing[0])
        part = table.part_of({"observed_at": first}, self.zone)
        self.outbox.touch_again(table, part, table.key_prefix(name, first), {"last_observed_at": at})
        return True

    def remember_snapshot(self, name: str, observed_at: datetime, digest: str) -> None:
        """Know the newest snapshot of a list."""
        row = (name, observed_at.isoformat(), digest)
        self._sql.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)", row)

    def keep_reject(self, reject: Reject) -> None:
        """Keep a refused record and count its reason."""
        self._put("rejects", as_row(reject))
        self.count(reject.run_id, f"reject/{reject.reason}")

    def _put(self, name: str, row: dict[str, Any]) -> None:
        table = TABLES[name]
        self.outbox.put(table, table.part_of(row, self.zone), row)


# An address is open from its discovery to its outcome; an outcome that may be better next time leaves it open.
_CLOSED, _ASKED, _LEFT = range(3)
_ADDRESS = "key, url, story_id, via, referrer, depth, born_at, due_at, fetched_at, etag, last_modified, failures, open"
_STORY = "story_id, url, part, revision, content_hash, state_hash, cluster_id, first_seen_at, discovered_via, depth"


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _known_address(row: tuple[Any, ...]) -> KnownAddress:
    values = list(row)
    values[6:9] = [moment and datetime.fromisoformat(moment) for moment in values[6:9]]
    values[-1] = bool(values[-1])
    return KnownAddress(*values)
