"""The ledger: the crawl state of one site in one SQLite file. May import ``storage`` and ``similarity``.

All writes of one page are one savepoint; a commit follows after four responses or, by the ledger's owner
(:meth:`Ledger.commit`), after a second. So the outbox has a row together with the state that marks it as known, or
neither exists and the page is requested again. All tables but the outbox can be rebuilt from the Parquet files, and
between runs the outbox is empty.
"""

from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from crawler.items import Reject, as_row
from pipelines.ledger.change_hints import ChangeHints
from pipelines.ledger.connection import Connection
from pipelines.ledger.near_duplicates import Clusters
from pipelines.ledger.outbox import Outbox
from pipelines.ledger.runs import Runs
from pipelines.ledger.schema import FORMAT, REMEDY, check, create
from pipelines.ledger.snapshots import Snapshots
from pipelines.ledger.stories import KnownStory as KnownStory
from pipelines.ledger.stories import Stories
from pipelines.ledger.transactions import Transactions
from pipelines.ledger.urls import KnownUrl as KnownUrl
from pipelines.ledger.urls import Urls
from pipelines.storage.errors import DatabaseDamaged, StorageError


class Ledger(Transactions):
    """An open ledger, for the thread that opened it.

    :ivar clusters: the index of near-duplicates
    """

    def __init__(self, connection: Connection, site: str, zone: ZoneInfo) -> None:
        super().__init__(connection)
        self.site = site
        self.zone = zone
        self.outbox = Outbox(connection, zone)
        self.runs = Runs(connection, self)
        self.urls = Urls(connection, self, self.runs, self.outbox)
        self.clusters = Clusters(connection)
        self.stories = Stories(connection, self.outbox, self.clusters)
        self.snapshots = Snapshots(connection, self.outbox)
        self.change_hints = ChangeHints(connection)

    @classmethod
    def open(cls, path: Path, site: str, zone: ZoneInfo, *, expected: bool = False) -> Self:
        """Open or create a ledger.

        Raises :class:`DatabaseDamaged` for a file that is damaged, foreign or of a later version, or missing although
        ``expected`` (stories of the site are published): an empty ledger would fetch and store all of them again.
        """
        missing = f"{path} is missing or empty, though stories of {site} are published; {REMEDY}"
        if expected and not (path.exists() and path.stat().st_size):
            raise DatabaseDamaged(missing)
        connection = Connection(path, FORMAT)
        try:
            blank = connection.is_blank()
            if blank and expected:
                raise DatabaseDamaged(missing)
            if not blank:
                check(connection)
            connection.make_durable()
            if blank:
                create(connection)
        except BaseException:
            connection.close()
            raise
        return cls(connection, site, zone)

    @property
    def fault(self) -> StorageError | None:
        """The first error of the disk, if any: the crawl must end."""
        return self._sql.fault

    def add_reject(self, reject: Reject) -> None:
        self.outbox.add_row("rejects", as_row(reject))
        self.runs.count(reject.run_id, f"reject/{reject.reason}")

    def close(self) -> None:
        """Commit, merge the write-ahead log into the file, and close it."""
        try:
            self.commit()
            self._sql.reached("ledger.closing")
            self._sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self._sql.close()
