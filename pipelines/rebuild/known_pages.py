"""The pages that an import knows, in a temporary database on disk, so that memory does not depend on their number."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from crawler.spider import NewspaperSpider
from pipelines.archive.records import ArchivedResponse, Original
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import TABLES

Place = tuple[str, int, int]
_TABLES = (
    "CREATE TABLE pages (site, at, url, file, start, length, PRIMARY KEY (site, at, url)) WITHOUT ROWID",
    "CREATE TABLE records (id PRIMARY KEY, at, url) WITHOUT ROWID",
    "CREATE TABLE revisits (site, at, url, page_id, page_at, page_url)",
)


@dataclass(frozen=True, slots=True)
class Revisit:
    """Record without a body, because the server sent that of an earlier response again."""

    site: str
    url: str
    fetched_at: datetime
    original: Original


class KnownPages:
    """The URLs, times and places of the pages of a data folder and of an import."""

    def __init__(self, data_folder: DataFolder) -> None:
        self._data_folder = data_folder
        self._sql = sqlite3.connect("", isolation_level=None)
        for table in _TABLES:
            self._sql.execute(table)
        self._loaded: set[tuple[str, str]] = set()

    def add(self, spider: NewspaperSpider, response: ArchivedResponse) -> bool:
        """Add a page; return False if it is known."""
        self._load(spider, response.fetched_at)
        at, url = response.fetched_at.isoformat(), response.url
        if response.record_id:
            self._sql.execute("INSERT OR IGNORE INTO records VALUES (?, ?, ?)", (response.record_id, at, url))
        query = "INSERT OR IGNORE INTO pages (site, at, url) VALUES (?, ?, ?)"
        return bool(self._sql.execute(query, (spider.name, at, url)).rowcount)

    def set_place(self, site: str, response: ArchivedResponse, place: Place) -> None:
        """Record where a page has been archived."""
        query = "UPDATE pages SET file = ?, start = ?, length = ? WHERE (site, at, url) = (?, ?, ?)"
        self._sql.execute(query, (*place, site, response.fetched_at.isoformat(), response.url))

    def place(self, spider: NewspaperSpider, original: Original) -> tuple[str, Place] | None:
        """Return the URL of a page to which a revisit record refers, and where it is archived, or None."""
        query = "SELECT at, url FROM records WHERE id = ?"
        at, url = self._sql.execute(query, (original.record_id,)).fetchone() or (None, original.url)
        date = datetime.fromisoformat(at) if at else original.fetched_at
        if date is None or url is None:
            return None
        self._load(spider, date)
        query = "SELECT file, start, length FROM pages WHERE (site, at, url) = (?, ?, ?) AND file NOT NULL"
        found = self._sql.execute(query, (spider.name, date.isoformat(), url)).fetchone()
        return (url, found) if found else None

    def defer(self, revisit: Revisit) -> None:
        """Keep a revisit record until all pages are known: its page can be in a file that is read later."""
        page = revisit.original
        page_at = page.fetched_at and page.fetched_at.isoformat()
        row = (revisit.site, revisit.fetched_at.isoformat(), revisit.url, page.record_id, page_at, page.url)
        self._sql.execute("INSERT INTO revisits VALUES (?, ?, ?, ?, ?, ?)", row)

    def revisits(self) -> Iterator[Revisit]:
        """Yield the revisit records in the order of time, and forget them."""
        for site, at, url, *page in self._sql.execute("SELECT * FROM revisits ORDER BY site, at"):
            page_id, page_at, page_url = page
            original = Original(page_id, page_url, datetime.fromisoformat(page_at) if page_at else None)
            yield Revisit(site, url, datetime.fromisoformat(at), original)
        self._sql.execute("DELETE FROM revisits")

    def close(self) -> None:
        self._sql.close()

    def _load(self, spider: NewspaperSpider, at: datetime) -> None:
        """Add the pages that the data folder has of a day or month."""
        table, site = TABLES["fetches"], spider.name
        part = table.part_of({"fetched_at": at}, spider.zone)
        if (site, part) in self._loaded:
            return
        self._loaded.add((site, part))
        rows = self._data_folder.read(table, site, part)
        columns = ("fetched_at", "url", "archive_file", "archive_offset", "archive_length")
        for row in [] if rows is None else rows.select(columns).to_pylist():
            place = (row["archive_file"], row["archive_offset"], row["archive_length"])
            values = (site, row["fetched_at"].isoformat(), row["url"], *place)
            self._sql.execute("INSERT OR IGNORE INTO pages VALUES (?, ?, ?, ?, ?, ?)", values)
