"""Rebuilding of a ledger (the site's SQLite crawl state): how far it has come, and what is taken from the old one."""

import json
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from crawler.spider import NewspaperSpider
from pipelines.ledger import Ledger
from pipelines.ledger.connection import Connection
from pipelines.ledger.runs import Runs
from pipelines.ledger.urls import Urls
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DatabaseDamaged

_WHOLE = ("change_hints", "changes", "runs", "counts", "archive_files")
_URLS = (
    "key, url, story_id, via, referrer, depth, open, run_id, born_at, due_at, fetched_at, outcome, etag, last_modified,"
    " failures, position, alive_at, missing_since"
)
_BY_DATE = ("born_at", "due_at")


class _Uncounted(Runs):
    """Table of runs without their counters, which are taken from the old ledger, or not needed."""

    def count(self, run_id: str, name: str, n: int = 1) -> None:
        pass


class RebuiltLedger(Ledger):
    """Ledger that is being rebuilt; it has one more table, with the state of this work."""

    def __init__(self, connection: Connection, site: str, zone: ZoneInfo) -> None:
        super().__init__(connection, site, zone)
        self.runs = _Uncounted(connection, self)
        self.urls = Urls(connection, self, self.runs, self.outbox)

    @classmethod
    def of(cls, data_folder: DataFolder, spider: type[NewspaperSpider]) -> Self:
        return cls.open(data_folder.ledger(spider.name), spider.name, spider.zone)

    def begin(self, state: dict[str, Any]) -> None:
        """Record the first state; a power cut may undo commits from now on, but not damage the file."""
        self._sql.execute("PRAGMA synchronous = NORMAL")
        with self.transaction():
            self._sql.execute("CREATE TABLE IF NOT EXISTS rebuilding (state TEXT)")
            if self.state() is None:
                self._sql.execute("INSERT INTO rebuilding VALUES (?)", (json.dumps(state),))

    def state(self) -> dict[str, Any] | None:
        """Return the state that was saved last, or None if this ledger is not being rebuilt."""
        query = "SELECT 1 FROM sqlite_schema WHERE name = 'rebuilding'"
        row = self._sql.execute(query).fetchone() and self._sql.execute("SELECT state FROM rebuilding").fetchone()
        return dict(json.loads(row[0])) if row else None

    def save(self, state: dict[str, Any]) -> None:
        """Save how far the rebuild has come, in the transaction of the rows that it has stored."""
        self._sql.execute("UPDATE rebuilding SET state = ?", (json.dumps(state),))

    def end(self) -> None:
        self._sql.execute("DROP TABLE IF EXISTS rebuilding")

    def carry_over(self, old: Path) -> None:
        """Copy the crawl state that does not depend on how pages are parsed from the ledger file ``old``.

        The state of a URL is that of the old ledger, unless the same fetch has another outcome now. If its story has
        another date now, its next visit follows from that date.
        """
        is_dated = "new.key IS NOT NULL AND new.born_at IS NOT old.born_at"
        columns = ", ".join(
            f"CASE WHEN {is_dated} THEN new.{name} ELSE old.{name} END" if name in _BY_DATE else f"old.{name}"
            for name in _URLS.split(", ")
        )
        is_other = "new.key IS NOT NULL AND new.outcome IS NOT old.outcome AND new.fetched_at IS old.fetched_at"
        self._sql.execute("ATTACH ? AS before", (str(old),))
        try:
            with self.transaction():
                for table in _WHOLE:
                    self._sql.execute(f"DELETE FROM {table}")
                    self._sql.execute(f"INSERT INTO {table} SELECT * FROM before.{table}")
                self._sql.execute(
                    f"INSERT OR REPLACE INTO urls ({_URLS}) SELECT {columns}"
                    f" FROM before.urls AS old LEFT JOIN urls AS new ON new.key = old.key WHERE NOT ({is_other})"
                )
        finally:
            self._sql.execute("DETACH before")


def is_rebuilding(data_folder: DataFolder, spider: type[NewspaperSpider]) -> bool:
    """Return True if a data folder is the result of a rebuild of a site that is not finished."""
    with suppress(DatabaseDamaged), closing(RebuiltLedger.of(data_folder, spider)) as ledger:
        return ledger.state() is not None
    return False
