"""The newest stored snapshot of each ranked list ("latest", "popular"), and the time at which it was last seen."""

from datetime import datetime

from crawler.items import Snapshot, as_row
from pipelines.ledger.connection import Connection
from pipelines.ledger.outbox import Outbox
from pipelines.storage.tables import MAX_GAP, TABLES


class Snapshots:
    def __init__(self, connection: Connection, outbox: Outbox) -> None:
        self._sql = connection
        self._outbox = outbox
        # By list: time at which this process saw the stored snapshot, and time at which it was first seen.
        self._current: dict[str, tuple[datetime, datetime]] = {}
        # By list: sightings of a snapshot that is not stored yet, since pages may be stored in another order.
        self._early: dict[str, tuple[datetime, datetime]] = {}

    def store(self, snapshot: Snapshot, digest: str) -> bool:
        """Store a snapshot of a ranked list unless it equals the last one of this list; return True if it was stored.

        If it equals the last one, only the ``last_observed_at`` of that one is updated. After more than `MAX_GAP` (24
        hours) without an observation it is stored nevertheless, because the list may have changed in between.

        :param digest: hash of the snapshot, by which it is compared with the last one
        """
        name, at = snapshot.name, snapshot.observed_at
        query = "SELECT observed_at, digest, last_observed_at FROM snapshots WHERE list = ?"
        last = self._sql.execute(query, (name,)).fetchone()
        if is_new := last is None or last[1] != digest or at - datetime.fromisoformat(last[2]) > MAX_GAP:
            for ranking in snapshot.rows:
                self._outbox.add_row("rankings", as_row(ranking))
            self.upsert(name, at, digest, at)
        first_seen = at if is_new else datetime.fromisoformat(last[0])
        self._current[name] = at, first_seen
        early, last_seen = self._early.pop(name, (at, at))
        if first_seen < (last_seen := last_seen if early == at else at):
            self._set_last_observed(name, first_seen, last_seen)
        return is_new

    def extend(self, snapshot: Snapshot, at: datetime) -> None:
        """Record that the list was still in this state at ``at``; do nothing if a newer snapshot has been stored."""
        seen_at, first_seen = self._current.get(snapshot.name, (None, None))
        if seen_at is None or seen_at < snapshot.observed_at:
            self._early[snapshot.name] = snapshot.observed_at, at
        elif first_seen is not None and seen_at == snapshot.observed_at:
            self._set_last_observed(snapshot.name, first_seen, at)

    def _set_last_observed(self, name: str, first_seen: datetime, at: datetime) -> None:
        table = TABLES["rankings"]
        part = self._outbox.part_of(table, {"observed_at": first_seen})
        self._outbox.touch_again(table, part, table.key_prefix(name, first_seen), {"last_observed_at": at})
        query = "UPDATE snapshots SET last_observed_at = max(last_observed_at, ?) WHERE list = ? AND observed_at = ?"
        self._sql.execute(query, (at.isoformat(), name, first_seen.isoformat()))

    def upsert(self, name: str, observed_at: datetime, digest: str, last_observed_at: datetime) -> None:
        row = (name, observed_at.isoformat(), digest, last_observed_at.isoformat())
        self._sql.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)", row)
