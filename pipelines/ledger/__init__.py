"""The ledger, an SQLite file with the crawl state of one site: its URLs, stories, lists and runs.

Modules here may import ``pipelines.storage`` and ``pipelines.similarity``.

One table of the ledger is the outbox, which holds the rows that are not yet in Parquet. All writes for one page are in
one savepoint. They are committed every four responses. In addition, the run calls :meth:`Ledger.commit` every second.
After a crash, the ledger therefore contains either both the row of a page and the state that marks its URL as known, or
neither of them. In the second case, the page is requested again. All tables except the outbox can be rebuilt from the
Parquet files. The outbox is empty between runs.
"""

from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from crawler.items import Reject, as_row
from pipelines.ledger.archive_files import ArchiveFiles
from pipelines.ledger.change_hints import ChangeHints
from pipelines.ledger.changes import Changes
from pipelines.ledger.connection import Connection
from pipelines.ledger.future_times import correct_future_times
from pipelines.ledger.near_duplicates import Clusters
from pipelines.ledger.outbox import FileRecord, Outbox
from pipelines.ledger.runs import Runs
from pipelines.ledger.schema import ADDED, FORMAT, REMEDY, check, create
from pipelines.ledger.snapshots import Snapshots
from pipelines.ledger.stories import KnownStory as KnownStory
from pipelines.ledger.stories import Stories
from pipelines.ledger.transactions import Transactions
from pipelines.ledger.urls import KnownUrl as KnownUrl
from pipelines.ledger.urls import Urls
from pipelines.storage.errors import DatabaseDamaged, StorageError

_OF_STORY = (
    *(("stories", "story_id"), ("aliases", "story_id"), ("sightings", "story_id")),
    *(("urls", "key"), ("change_hints", "key")),
)


class Ledger(Transactions):
    """The open SQLite file with the crawl state of one site; only the thread that opened it may use it.

    :ivar clusters: index of near-duplicate stories
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
        self.changes = Changes(connection, zone)
        self.archive_files = ArchiveFiles(connection)

    @classmethod
    def open(cls, path: Path, site: str, zone: ZoneInfo, *, expected: bool = False) -> Self:
        """Open the ledger (the site's SQLite crawl state), or create it if the file does not exist.

        Raises :class:`DatabaseDamaged` if the file is damaged, or was made by another program or a later version.

        :param expected: also raise :class:`DatabaseDamaged` if the file is missing or empty. Pass True if stories of
            the site are already published, because a new ledger would make the run fetch and store all of them again.
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
            else:
                for statement in ADDED:
                    connection.execute(statement)
        except BaseException:
            connection.close()
            raise
        return cls(connection, site, zone)

    @classmethod
    def read_only(cls, path: Path, site: str, zone: ZoneInfo) -> Self:
        """Open an existing ledger (the site's SQLite crawl state) on a read-only file system, such as a mounted backup.

        Close it by :meth:`close_unchanged`. Raises :class:`DatabaseDamaged` if the file is damaged or missing.
        """
        if not path.exists():
            raise DatabaseDamaged(f"{path} is missing; {REMEDY}")
        connection = Connection(path, FORMAT, mode="ro&immutable=1")
        try:
            check(connection)
        except BaseException:
            connection.close()
            raise
        return cls(connection, site, zone)

    def close_unchanged(self) -> None:
        self._sql.close()

    @property
    def fault(self) -> StorageError | None:
        """The first disk error since the ledger was opened, or None; after a disk error the crawl must end."""
        return self._sql.fault

    def add_reject(self, reject: Reject) -> None:
        self.outbox.add_row("rejects", as_row(reject))
        self.runs.count(reject.run_id, f"reject/{reject.reason}")

    def delete_story(self, story_id: str) -> None:
        """Delete everything about a story except that it was removed; the other stories of its cluster may move."""
        for table, column in _OF_STORY:
            self._sql.execute(f"DELETE FROM {table} WHERE {column} = ?", (story_id,))
        for other, head in self.clusters.forget(story_id).items():
            self.stories.move_to_cluster(other, head)

    def compact(self) -> None:
        """Rewrite the file, so that it does not contain deleted rows any more."""
        self.commit()
        self._sql.execute("VACUUM")

    def correct_future_times(self, now: datetime) -> int:
        """Correct the stored times that lie more than 60 seconds after ``now``; return the number of changed rows.

        Most of them are replaced by ``now``; see :mod:`pipelines.ledger.future_times`.
        """
        with self.transaction():
            return correct_future_times(self._sql, now)

    def close(self) -> None:
        """Commit the open transaction, merge SQLite's write-ahead log into the database file, and close the file."""
        try:
            self.commit()
            self._sql.reached("ledger.closing")
            self._sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self._sql.close()


def published_files(path: Path) -> list[FileRecord]:
    """Return the published files that a ledger (a site's SQLite crawl state) records, also while a run has it open.

    Raises :class:`DatabaseDamaged` if the file is damaged. A ledger that does not exist has no files.
    """
    if not path.exists():
        return []
    with closing(Connection(path, FORMAT, mode="ro")) as connection:
        connection.check_format()
        return Outbox(connection, ZoneInfo("UTC")).files()
