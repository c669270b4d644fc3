"""Snapshots: how each list of a site stood when it was last seen."""

from datetime import datetime

from crawler.items import Snapshot, as_row
from pipelines.ledger.connection import Connection
from pipelines.ledger.outbox import Outbox
from pipelines.ledger.transactions import Transactions
from pipelines.storage.tables import TABLES


class Snapshots:
    """The newest snapshot of each list of one ledger; its writes belong to the ledger's transaction."""

    def __init__(self, connection: Connection, transactions: Transactions, outbox: Outbox) -> None:
        self._sql = connection
        self._transactions = transactions
        self._outbox = outbox
        # Of each list that this process kept: when it saw it, and since when it stands.
        self._kept: dict[str, tuple[datetime, datetime]] = {}
        # Of each list that stood before it was kept, which one, and when: of two pages the later may come first.
        self._early: dict[str, tuple[datetime, datetime]] = {}

    def store(self, snapshot: Snapshot, digest: str) -> bool:
        """Keep a list that differs from the one before it; otherwise note how long that one stood. True if kept."""
        name, at = snapshot.name, snapshot.observed_at
        query = "SELECT observed_at, digest FROM snapshots WHERE list = ?"
        standing = self._sql.execute(query, (name,)).fetchone()
        if is_new := standing is None or standing[1] != digest:
            for ranking in snapshot.rows:
                self._outbox.keep("rankings", as_row(ranking))
            self.upsert(name, at, digest)
        first = at if is_new else datetime.fromisoformat(standing[0])
        self._kept[name] = at, first
        early, last = self._early.pop(name, (at, at))
        if first < (last := last if early == at else at):
            self._transactions.defer(self._touch, (name, first, last))
        return is_new

    def extend(self, snapshot: Snapshot, at: datetime) -> None:
        """Note that a list which this process keeps stood unchanged at a later moment; one that is not kept is none."""
        seen, first = self._kept.get(snapshot.name, (None, None))
        if seen == snapshot.observed_at:
            self._transactions.defer(self._touch, (snapshot.name, first, at))
        elif seen is None or seen < snapshot.observed_at:
            self._early[snapshot.name] = snapshot.observed_at, at

    def _touch(self, every: list[tuple[str, datetime, datetime]]) -> None:
        table = TABLES["rankings"]
        for (name, first), at in {(name, first): at for name, first, at in every}.items():
            part = self._outbox.part_of(table, {"observed_at": first})
            self._outbox.touch_again(table, part, table.key_prefix(name, first), {"last_observed_at": at})

    def upsert(self, name: str, observed_at: datetime, digest: str) -> None:
        """Know the newest snapshot of a list."""
        row = (name, observed_at.isoformat(), digest)
        self._sql.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)", row)
