"""Import of WARC files that other programs have written.

The pages of stories of known sites are copied into the archive, dated by `WARC-Date`, with a row of `fetches` each.
From there they are read like any archived page. The tables become those of runs that had fetched the pages at these
times, and remain so whenever they are rebuilt. A page that is in `fetches` already is not copied again.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import NoReturn, Self

from crawler.clock import stopped_at
from crawler.decoding.charset import MARKUP, sniff
from crawler.decoding.decode_errors import DecodeError, PageTooLarge
from crawler.downloader.archive import HttpExchange
from crawler.items import Fetch, as_row
from crawler.outcomes import Outcome
from crawler.spider import NewspaperSpider
from crawler.urls import SiteUrl, SkippedUrl
from pipelines.archive.lookup import decoded_body
from pipelines.archive.records import ArchivedResponse
from pipelines.archive.warc_reader import WarcReader, read_response
from pipelines.archive.writer import ArchiveWriter
from pipelines.ledger import Ledger
from pipelines.publishing.exchange import open_ledger
from pipelines.publishing.publisher import publish
from pipelines.rebuild.known_pages import KnownPages, Place, Revisit
from pipelines.rebuild.selection import Selection
from pipelines.runtime.recovery import recover_runs
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.failpoint import reached
from pipelines.storage.run_ids import new_run_id
from pipelines.storage.site_lock import SiteLock

#: Value of `via` for imported pages.
VIA = "import"
#: The imported pages that have not been read yet.
UNREAD = Selection(outcome=Outcome.PENDING)
_HOST = re.compile(r"https?:/*(?:[^/?#@]*@)?([^/?#:]*)", re.IGNORECASE)  # urlsplit takes three times as long
_SKIPPED = {Outcome.OFFSITE: "other_url", Outcome.INVALID_URL: "invalid_url"}
_BATCH_BYTES, _BATCH_PAGES = 32 * 2**20, 2_000


class Import:
    """Copying of pages from WARC files into a data folder.

    As a context manager, it holds the locks of the sites of which it has found pages.

    :param spiders: the sites whose pages are taken
    :ivar records: number of records in the files, of any type
    :ivar skipped: number of records that were not imported, by reason
    :ivar pages: number of pages copied, by site
    """

    def __init__(self, data_folder: DataFolder, spiders: Sequence[type[NewspaperSpider]]) -> None:
        self._data_folder = data_folder
        self._sites: dict[str, list[NewspaperSpider]] = {}
        for spider in spiders:
            for host in spider.hosts:
                self._sites.setdefault(host, []).append(spider())
        self._known = KnownPages(data_folder)
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
        """Copy the pages of stories of a WARC file into the archive; the last of them wait for :meth:`finish`.

        :param progress: function that is called now and then with the position in the file
        :raises NotWarc: the file has no WARC record :raises OSError: the file cannot be read
        """
        reader = WarcReader(path, lambda url: _host(url) in self._sites, progress)
        try:
            for response in reader:
                if (reason := self._take(response)) is not None:
                    self.skipped[reason] += 1
        finally:
            self.records += reader.records
            self.skipped.update(reader.skipped)

    def finish(self) -> None:
        """Copy the rest of the pages into the archive, and those to which revisit records refer once more."""
        self.store()
        for revisit in self._known.revisits():
            if (reason := self._repeat(revisit)) is not None:
                self.skipped[reason] += 1
        self.store()

    def _take(self, response: ArchivedResponse) -> str | None:
        """Add a page to the batch, or return the reason why it is not imported."""
        found = [(each, each.url_rules.identify(response.url)) for each in self._sites[_host(response.url)]]
        spider, target = next((each for each in found if isinstance(each[1], SiteUrl) and each[1].story_id), found[0])
        if isinstance(target, SkippedUrl):
            return _SKIPPED.get(target.outcome, "not_a_story")
        if not target.story_id:
            return "not_a_story"
        response = replace(response, url=target.request_url)
        if response.original is not None:
            self._known.defer(Revisit(spider.name, response.url, response.fetched_at, response.original))
            return None
        if not 200 <= response.status < 300:
            return f"status_{response.status}"
        if response.complete is False:
            return "truncated"
        try:
            response = _as_sent(response)
            decoded_body(response)
        except DecodeError as error:
            return "too_large" if isinstance(error, PageTooLarge) else "undecodable"
        return self._add(spider, target, response)

    def _repeat(self, revisit: Revisit) -> str | None:
        """Add the page of a revisit record to the batch, with the time of the revisit."""
        spider = next(each for each in self._sites[_host(revisit.url)] if each.name == revisit.site)
        target, found = spider.url_rules.identify(revisit.url), self._known.place(spider, revisit.original)
        assert isinstance(target, SiteUrl)
        if found is None or spider.url_rules.identify(found[0]).key != target.key:
            return "revisit"
        name, offset, length = found[1]
        with (self._data_folder.root / name).open("rb") as file:
            original = read_response(file, name, offset, length)
        if original is None:
            return "revisit"
        page = replace(original, url=revisit.url, fetched_at=revisit.fetched_at, record_id="")
        return self._add(spider, target, page)

    def _add(self, spider: NewspaperSpider, target: SiteUrl, response: ArchivedResponse) -> str | None:
        self._lock(spider)
        if target.key in self._removed[spider.name]:
            return "removed_on_request"
        if not self._known.add(spider, response):
            return "known"
        self._batch.append((spider, response))
        self._bytes += len(response.body)
        if self._bytes >= _BATCH_BYTES or len(self._batch) >= _BATCH_PAGES:
            self.store()
        return None

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
            spider, responses = taken[0][0], [response for _, response in taken]
            with closing(open_ledger(self._data_folder, site, spider.zone)) as ledger:
                for response, place in archive_responses(self._data_folder, ledger, spider, responses):
                    self._known.set_place(site, response, place)
                publish(self._data_folder, ledger)
            self.pages[site] += len(taken)
        self._batch.clear()
        self._bytes = 0


def archive_responses(
    data_folder: DataFolder, ledger: Ledger, spider: NewspaperSpider, responses: Sequence[ArchivedResponse]
) -> Iterator[tuple[ArchivedResponse, Place]]:
    """Write responses to new files of the archive, store a fetch for each, and yield each with its place.

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
        with ledger.transaction():  # so that what a killed import leaves is removed
            path = data_folder.archive_file(spider.name, group[0].fetched_at.astimezone(spider.zone), run_id)
            ledger.archive_files.announce(str(path))
        with closing(ArchiveWriter(data_folder, ledger, run_id, give_up=_stop)) as writer:
            for response in group:
                with ledger.savepoint():
                    fetch = _fetch(spider, response, run_id)
                    place = writer.write(_exchange(response))
                    fetch.archive_file, fetch.archive_offset, fetch.archive_length = place
                    ledger.outbox.add_row("fetches", as_row(fetch))
                yield response, place
        reached("import.archived")


def _host(url: str) -> str:
    match = _HOST.match(url)
    return match[1].lower().rstrip(".") if match else ""


def _as_sent(response: ArchivedResponse) -> ArchivedResponse:
    """Rename the headers that do not fit a body which the program has decompressed, as Common Crawl does since 2019."""
    if response.header(b"content-encoding") is None or sniff(response.body) not in MARKUP:
        return response
    renamed = (b"content-encoding", b"content-length")
    headers = [(b"X-Crawler-" * (name.lower() in renamed) + name, value) for name, value in response.headers]
    return replace(response, headers=headers)


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
        is_chunked=b"chunked" in (response.header(b"transfer-encoding") or b"").lower(),
        truncated=None,
    )


def _fetch(spider: NewspaperSpider, response: ArchivedResponse, run_id: str) -> Fetch:
    target = spider.url_rules.identify(response.url)
    assert isinstance(target, SiteUrl)
    fetch = spider.new_fetch(target, via=VIA, referrer=None, depth=0)
    fetch.url, fetch.run_id, fetch.fetched_at = response.url, run_id, response.fetched_at
    fetch.status, fetch.attempts, fetch.complete = response.status, 1, response.complete
    fetch.outcome, fetch.reason = Outcome.PENDING, "imported, and not read yet"
    return fetch
