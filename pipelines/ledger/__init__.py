"""The ledger: what the crawl remembers of one site, in one SQLite file.

Everything that one page brings is written between two commits, and a commit comes at the latest a second or four
answers later (whoever owns the ledger calls :meth:`Ledger.commit`). So a row is either in the outbox together with what
makes the crawl remember it, or neither is there and the page is asked for again. Everything here but the outbox can be
rebuilt from the Parquet, and between runs the outbox is empty.
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
from pipelines.ledger.transactions import RESPONSES_PER_COMMIT as RESPONSES_PER_COMMIT
from pipelines.ledger.transactions import SAVEPOINTS_PER_COMMIT as SAVEPOINTS_PER_COMMIT
from pipelines.ledger.transactions import Transactions
from pipelines.ledger.urls import KnownUrl as KnownUrl
from pipelines.ledger.urls import Urls
from pipelines.storage.errors import DatabaseDamaged, StorageError


class Ledger(Transactions):
    """One site's memory. Not thread-safe: it belongs to the thread that opened it.

    :ivar runs: what ran, and what each run counted
    :ivar urls: every address that was asked for, or is to be
    :ivar stories: the stories that are kept, and by what other names each was seen
    :ivar snapshots: how each list stood when it was last seen
    :ivar clusters: which stories are nearly the same words
    :ivar change_hints: what lists and feeds last said of stories
    :ivar outbox: what is accepted and not in Parquet yet
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
        self.snapshots = Snapshots(connection, self, self.outbox)
        self.change_hints = ChangeHints(connection)

    @classmethod
    def open(cls, path: Path, site: str, zone: ZoneInfo, *, expected: bool = False) -> Self:
        """Open or create a ledger; ``expected`` says that there must be one (something of the site is published).

        Raises :class:`DatabaseDamaged` for a file that is missing, damaged, foreign or of a later version. It is never
        replaced by an empty one: that would fetch and keep everything a second time.
        """
        missing = f"{path} is missing or empty, though stories of {site} are published; {REMEDY}"
        if expected and not (path.exists() and path.stat().st_size):
            raise DatabaseDamaged(missing)
        connection = Connection(path, FORMAT)
        try:
            if not connection.is_blank():
                check(connection)
                connection.make_durable()
            elif expected:
                raise DatabaseDamaged(missing)
            else:
                connection.make_durable()
                create(connection)
        except BaseException:
            connection.close()
            raise
        return cls(connection, site, zone)

    @property
    def fault(self) -> StorageError | None:
        """What the disk refused first, if it ever did: a crawl that finds one asks for nothing more, and ends."""
        return self._sql.fault

    def add_reject(self, reject: Reject) -> None:
        """Keep a refused record and count its reason."""
        self.outbox.keep("rejects", as_row(reject))
        self.runs.count(reject.run_id, f"reject/{reject.reason}")

    def close(self) -> None:
        """Commit and let go of the file."""
        try:
            self.commit()
            self._sql.reached("ledger.closing")
            self._sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self._sql.close()
