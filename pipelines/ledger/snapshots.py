"""Snapshots: how each list of a site stood when it was last seen."""

from datetime import datetime

from crawler.records import Snapshot, as_row
from pipelines.ledger.connection import Connection
from pipelines.ledger.outbox import Outbox
from pipelines.tables import TABLES


class Snapshots:
    """The newest snapshot of each list of one ledger; its writes belong to the ledger's transaction."""

    def __init__(self, connection: Connection, outbox: Outbox) -> None:
        self._sql = connection
        self._outbox = outbox

    def keep(self, snapshot: Snapshot, digest: str) -> bool:
        """Keep a list that differs from the one before it; otherwise note how long that one stood. True if kept."""
        if self.saw(snapshot.name, snapshot.observed_at, digest):
            return False
        for ranking in snapshot.rows:
            self._outbox.keep("rankings", as_row(ranking))
        self.remember(snapshot.name, snapshot.observed_at, digest)
        return True

    def saw(self, name: str, at: datetime, digest: str | None = None) -> bool:
        """Note that the newest snapshot of a list still stood; False if there is none, or not one of this digest."""
        query = "SELECT observed_at, digest FROM snapshots WHERE list = ?"
        standing = self._sql.execute(query, (name,)).fetchone()
        if standing is None or (digest is not None and standing[1] != digest):
            return False
        table, first = TABLES["rankings"], datetime.fromisoformat(standing[0])
        part = self._outbox.part_of(table, {"observed_at": first})
        self._outbox.touch_again(table, part, table.key_prefix(name, first), {"last_observed_at": at})
        return True

    def remember(self, name: str, observed_at: datetime, digest: str) -> None:
        """Know the newest snapshot of a list."""
        row = (name, observed_at.isoformat(), digest)
        self._sql.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)", row)
