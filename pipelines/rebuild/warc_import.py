"""Import of WARC files that other programs have written.

The pages of stories of known sites are copied into the archive, dated by `WARC-Date`, with a row of `fetches` each.
From there they are read like any archived page. The tables become those of runs that had fetched the pages at these
times, and remain so whenever they are rebuilt. A page that is in `fetches` already is not copied again.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import NoReturn, Self
from urllib.parse import urlsplit

from crawler.clock import stopped_at
from crawler.downloader.archive import HttpExchange
from crawler.items import Fetch, as_row
from crawler.outcomes import Outcome
from crawler.spider import NewspaperSpider
from crawler.urls import SiteUrl
from pipelines.archive.records import ArchivedResponse
from pipelines.archive.warc_reader import WarcReader
from pipelines.archive.writer import ArchiveWriter
from pipelines.ledger import Ledger
from pipelines.publishing.exchange import open_ledger
from pipelines.publishing.publisher import publish
from pipelines.rebuild.selection import Selection
from pipelines.runtime.recovery import recover_runs
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.failpoint import reached
from pipelines.storage.run_ids import new_run_id
from pipelines.storage.site_lock import SiteLock
from pipelines.storage.tables import TABLES

#: Value of `via` for imported pages.
VIA = "import"
#: The imported pages that have not been read yet.
UNREAD = Selection(outcome=Outcome.PENDING)
_BATCH_BYTES, _BATCH_PAGES = 32 * 2**20, 2_000


class Import:
    """Copying of pages from WARC files into a data folder.

    As a context manager, it holds the locks of the sites of which it has found pages.

    :param spiders: the sites whose pages are taken
    :ivar records: number of records in the files
    :ivar skipped: number of records that were not imported, by reason
    :ivar pages: number of pages copied, by site
    """

    def __init__(self, data_folder: DataFolder, spiders: Sequence[type[NewspaperSpider]]) -> None:
        self._data_folder = data_folder
        self._sites: dict[str, list[NewspaperSpider]] = {}
        for spider in spiders:
            for host in spider.hosts:
                self._sites.setdefault(host, []).append(spider())
        self._known = _KnownPages(data_folder)
        self._batch: list[tuple[NewspaperSpider, ArchivedResponse]] = []
        self._bytes = 0
        self._locks = ExitStack()
        self._removed: dict[str, set[str]] = {}
        self.records = 0
        self.skipped: Counter[str] = Counter()
        self.pages: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._locks.close()
        self._known.close()

    def read(self, path: Path, progress: Callable[[int], None] = lambda position: None) -> None:
        """Copy the pages of stories of a WARC file into the archive; the last of them wait for :meth:`store`.

        :param progress: function that is called with the position in the file
        :raises NotWarc: the file has no WARC record :raises OSError: the file cannot be read
        """
        reader = WarcReader(path, self._is_known_host)
        try:
            for response in reader:
                self._take(response)
                progress(reader.position)
        finally:
            self.records += reader.records
            self.skipped.update(reader.skipped)

    def _is_known_host(self, url: str) -> bool:
        try:
            return urlsplit(url).hostname in self._sites
        except ValueError:
            return False

    def _take(self, response: ArchivedResponse) -> None:
        host = urlsplit(response.url).hostname or ""
        targets = [(spider, spider.url_rules.identify(response.url)) for spider in self._sites[host]]
        spider = next((each for each, target in targets if isinstance(target, SiteUrl) and target.story_id), None)
        if spider is None:
            self.skipped["not_a_story"] += 1
        elif not 200 <= response.status < 300:
            self.skipped[f"status_{response.status}"] += 1
        else:
            self._lock(spider)
            if spider.url_rules.identify(response.url).key in self._removed[spider.name]:
                self.skipped["removed_on_request"] += 1
                return
            if not self._known.add(spider, response):
                self.skipped["known"] += 1
                return
            self._batch.append((spider, response))
            self._bytes += len(response.body)
            if self._bytes >= _BATCH_BYTES or len(self._batch) >= _BATCH_PAGES:
                self.store()

    def _lock(self, spider: NewspaperSpider) -> None:
        if (site := spider.name) not in self.pages:
            self._data_folder.prepare()
            self._locks.enter_context(SiteLock.take(self._data_folder.lock(site)))
            self.pages[site] = 0
            with closing(open_ledger(self._data_folder, site, spider.zone)) as ledger:
                recover_runs(self._data_folder, ledger)  # also publishes what a killed import has archived
                self._removed[site] = ledger.stories.removed()

    def store(self) -> None:
        """Copy the pages read so far into the archive, and publish their rows of `fetches`."""
        by_site: dict[str, list[tuple[NewspaperSpider, ArchivedResponse]]] = {}
        for spider, response in self._batch:
            by_site.setdefault(spider.name, []).append((spider, response))
        for site, taken in by_site.items():
            spider = taken[0][0]
            with closing(open_ledger(self._data_folder, site, spider.zone)) as ledger:
                _archive(self._data_folder, ledger, spider, [response for _, response in taken])
                publish(self._data_folder, ledger)
            self.pages[site] += len(taken)
        self._batch.clear()
        self._bytes = 0


def _archive(
    data_folder: DataFolder, ledger: Ledger, spider: NewspaperSpider, responses: Sequence[ArchivedResponse]
) -> None:
    """Write responses to new files of the archive, and store a fetch for each.

    A run fetches a URL once, so several captures of one URL become those of several runs.
    """
    groups: dict[tuple[str, int], list[ArchivedResponse]] = {}
    seen: Counter[tuple[str, str]] = Counter()
    for response in sorted(responses, key=lambda each: each.fetched_at):
        day = format(response.fetched_at.astimezone(spider.zone), "%Y-%m-%d")
        groups.setdefault((day, seen[day, response.url]), []).append(response)
        seen[day, response.url] += 1
    for _, group in sorted(groups.items()):
        with stopped_at(group[0].fetched_at):
            run_id = new_run_id(spider.name)
        with closing(ArchiveWriter(data_folder, ledger, run_id, give_up=_stop)) as writer:
            for response in group:
                with ledger.savepoint():
                    fetch = _fetch(spider, response, run_id)
                    place = writer.write(_exchange(response))
                    fetch.archive_file, fetch.archive_offset, fetch.archive_length = place
                    ledger.outbox.add_row("fetches", as_row(fetch))
        reached("import.archived")


def _stop(error: BaseException) -> NoReturn:
    raise error


def _exchange(response: ArchivedResponse) -> HttpExchange:
    return HttpExchange(
        url=response.url,
        received_at=response.fetched_at,
        method="GET",
        request_headers=(),
        protocol="HTTP/1.1",
        status=response.status,
        headers=response.headers,
        body=response.body,
        address=None,
        is_chunked=False,
        truncated=None,
    )


def _fetch(spider: NewspaperSpider, response: ArchivedResponse, run_id: str) -> Fetch:
    target = spider.url_rules.identify(response.url)
    assert isinstance(target, SiteUrl)
    fetch = spider.new_fetch(target, via=VIA, referrer=None, depth=0)
    fetch.url, fetch.run_id, fetch.fetched_at = response.url, run_id, response.fetched_at
    fetch.status, fetch.attempts, fetch.complete = response.status, 1, True
    fetch.outcome, fetch.reason = Outcome.PENDING, "imported, and not read yet"
    return fetch


class _KnownPages:
    """The URLs and times of the pages that a data folder has already, in a temporary database on disk."""

    def __init__(self, data_folder: DataFolder) -> None:
        self._data_folder = data_folder
        self._sql = sqlite3.connect("", isolation_level=None)
        self._sql.execute(
            "CREATE TABLE pages (site TEXT, at TEXT, url TEXT, PRIMARY KEY (site, at, url)) WITHOUT ROWID"
        )
        self._loaded: set[tuple[str, str]] = set()

    def add(self, spider: NewspaperSpider, response: ArchivedResponse) -> bool:
        """Add a page; return False if it is known."""
        table, site = TABLES["fetches"], spider.name
        part = table.part_of({"fetched_at": response.fetched_at}, spider.zone)
        if (site, part) not in self._loaded:
            self._loaded.add((site, part))
            rows = self._data_folder.read(table, site, part)
            for row in [] if rows is None else rows.select(["fetched_at", "url"]).to_pylist():
                self._insert(site, row["fetched_at"], row["url"])
        return self._insert(site, response.fetched_at, response.url)

    def _insert(self, site: str, at: datetime, url: str) -> bool:
        query = "INSERT OR IGNORE INTO pages VALUES (?, ?, ?)"
        return bool(self._sql.execute(query, (site, at.isoformat(), url)).rowcount)

    def close(self) -> None:
        self._sql.close()
