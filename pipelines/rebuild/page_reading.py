"""Reading of archived pages by several processes: the pages are requested, and received in the same order."""

from collections.abc import Callable
from functools import partial
from typing import Any

from scrapy.utils.misc import load_object

from crawler.items import Fetch
from crawler.parsing.parser import ParsedPage
from crawler.spider import NewspaperSpider
from crawler.urls import SiteUrl
from pipelines import TEXT_STEPS
from pipelines.ledger import Ledger
from pipelines.rebuild.archived_pages import ArchivedPage, ArchivedPages, PastResponse, meta_of
from pipelines.rebuild.reading_process import PageUnreadable, ReadingProcess
from pipelines.storage.data_folder import DataFolder

Row = dict[str, Any]
#: Waits for a page; returns it, or None if it cannot be read from the archive, and the parsed page or the error.
Reading = Callable[[], tuple[ArchivedPage | None, ParsedPage | Exception | None]]
# Columns of a fetch that do not depend on how its response is read today.
_KEPT = (
    *("url", "via", "referrer", "depth", "fetched_at", "run_id"),
    *("archive_file", "archive_offset", "archive_length"),
)


class PageReading:
    """Reader of the archived pages of a site in child processes, of which each reads every n-th page.

    :param old: ledger of the site, which knows the place of each listing page in its pagination
    :param mode_of: function from the id of a run to its mode
    :param processes: number of child processes
    """

    def __init__(
        self,
        data_folder: DataFolder,
        spider: type[NewspaperSpider],
        old: Ledger,
        mode_of: Callable[[str], str],
        processes: int,
    ) -> None:
        self._old, self._mode_of, self._spider, self._requests = old, mode_of, spider(), 0
        self._pages, steps = ArchivedPages(data_folder, spider), [load_object(name) for name in TEXT_STEPS]
        self._processes = [ReadingProcess(self._pages, self._spider.page_parser, steps) for _ in range(processes)]

    def begin(self, row: Row) -> Reading:
        """Begin to read the page of a fetch; the results must be taken in this order.

        :param row: row of `fetches`
        """
        target, mode = self._spider.url_rules.identify(row["url"]), self._mode_of(row["run_id"])
        is_story = isinstance(target, SiteUrl) and target.story_id is not None
        known = None if is_story else self._old.urls.get(target.key)
        position = known.position if known else None
        process = self._processes[self._requests % len(self._processes)]
        self._requests += 1
        process.request(row, mode, position)
        return partial(self._end, process, row, mode, position)

    def _end(
        self, process: ReadingProcess, row: Row, mode: str, position: str | None
    ) -> tuple[ArchivedPage | None, ParsedPage | Exception | None]:
        try:
            reply = process.reply()
        except PageUnreadable as error:
            return self._pages.get(row, mode, position), error.cause
        if reply is None:
            return None, None
        found, url, parsed = reply
        fetch = Fetch(site=self._spider.name, **{name: row[name] for name in _KEPT}, **found)
        return ArchivedPage(fetch, PastResponse(url, meta_of(self._spider, fetch, position)), None, position), parsed

    def close(self) -> None:
        for process in self._processes:
            process.close()
        self._pages.close()
