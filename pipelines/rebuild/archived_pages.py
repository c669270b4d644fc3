"""From a row of `fetches` with an archived response to the page that a run would parse."""

from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from scrapy.http import Headers, Request, Response

from crawler.clock import stopped_at
from crawler.decoding.decode_errors import DecodeError
from crawler.entry_points import CrawlPosition, load_position
from crawler.items import Fetch
from crawler.outcomes import Outcome
from crawler.parsing.parser import PageResponse
from crawler.spider import NewspaperSpider
from crawler.urls import SiteUrl
from pipelines.archive.lookup import decoded_body
from pipelines.archive.records import ArchivedResponse
from pipelines.archive.warc_reader import read_response
from pipelines.storage.data_folder import DataFolder

Row = dict[str, Any]
_MAX_OPEN = 16


@dataclass(slots=True)
class PastRequest:
    """The parts of a request that the check of its response uses."""

    meta: dict[str, Any]
    headers: dict[str, str]


@dataclass(slots=True)
class PastResponse:
    """The parts of a response that a spider uses after the page has been parsed."""

    url: str
    meta: dict[str, Any]


@dataclass(slots=True)
class ArchivedPage:
    """A response of the past.

    :ivar page: the page to parse, or None if the response is not one; ``fetch`` has the outcome then
    :ivar position: JSON with the entry point and the place in its pagination, as in the ledger
    """

    fetch: Fetch
    response: Response | PastResponse
    page: PageResponse | None
    position: str | None


class ArchivedPages:
    """Reader of the archived responses of a site; the WARC files that were used last stay open."""

    def __init__(self, data_folder: DataFolder, spider: type[NewspaperSpider]) -> None:
        self._root = data_folder.root.resolve()
        self._spiders = {mode: spider() for mode in ("full", "incremental")}
        for mode, each in self._spiders.items():
            each.is_incremental = mode == "incremental"
        self._open: OrderedDict[str, BinaryIO | None] = OrderedDict()

    def get(self, row: Row, mode: str, position: str | None) -> ArchivedPage | None:
        """Return the page of a fetch, or None if its archived response is missing, damaged or no longer of the site.

        :param row: row of `fetches` :param mode: mode of its run
        :param position: JSON with the entry point from which the crawl reached the page and its place in the pagination
        """
        if not row["archive_file"] or (archived := self._read(row)) is None:
            return None
        spider = self._spiders.get(mode, self._spiders["full"])
        target = spider.url_rules.identify(row["url"])
        if not isinstance(target, SiteUrl):
            return None
        fetch = spider.new_fetch(target, via=row["via"], referrer=row["referrer"], depth=row["depth"])
        for name in ("url", "run_id", "archive_file", "archive_offset", "archive_length"):
            setattr(fetch, name, row[name])
        arrived = spider.url_rules.identify(archived.url)
        if archived.url != row["url"] and isinstance(arrived, SiteUrl) and arrived.key == target.key:
            fetch.moved_to = arrived.url if arrived.story_id else None
        try:
            response = self._response(spider, row, archived, fetch, position)
        except DecodeError:
            return None
        with stopped_at(row["fetched_at"]):
            spider.fetch_of(response)
            page = spider.page_of(response, fetch)
        fetch.milliseconds = row["milliseconds"]
        return ArchivedPage(fetch, response, page, position)

    def close(self) -> None:
        for file in self._open.values():
            if file is not None:
                file.close()

    def _response(
        self, spider: NewspaperSpider, row: Row, archived: ArchivedResponse, fetch: Fetch, position: str | None
    ) -> Response:
        # A run takes a 304 for an error if it sent no condition.
        condition = {"If-None-Match": "*"} if row["outcome"] == Outcome.UNCHANGED else {}
        request = PastRequest(meta_of(spider, fetch, position) | {"sent": row["attempts"]}, condition)
        headers: dict[bytes, list[bytes]] = {}
        for name, value in archived.headers:
            headers.setdefault(name.title(), []).append(value)
        flags = {None: ["partial"], False: ["dataloss"], True: []}[row["complete"]]
        body = _decoded(archived)
        return Response(archived.url, archived.status, Headers(headers), body, flags, cast(Request, request))

    def _read(self, row: Row) -> ArchivedResponse | None:
        name = row["archive_file"]
        if name not in self._open:
            path = (self._root / name).resolve()
            self._open[name] = None
            with suppress(OSError, ValueError):
                self._open[name] = path.open("rb") if path.is_relative_to(self._root) else None
            if len(self._open) > _MAX_OPEN and (oldest := self._open.popitem(last=False)[1]):
                oldest.close()
        file = self._open[name]
        if file is None:
            return None
        return read_response(file, name, row["archive_offset"], row["archive_length"], row["run_id"])


def meta_of(spider: NewspaperSpider, fetch: Fetch, position: str | None) -> dict[str, Any]:
    """Return the metadata that the request of a fetch had: its entry point and the place in its pagination."""
    loaded = position and load_position(position, spider.entry_points)
    if not loaded and not fetch.story_id:
        loaded = next(((each, CrawlPosition()) for each in spider.entry_points if each.name == fetch.via), None)
    entry_point, place = loaded or (None, CrawlPosition())
    return {"fetch": fetch, "entry_point": entry_point, "position": place}


def _decoded(archived: ArchivedResponse) -> bytes:
    """Return a body without content encoding, as :class:`crawler.downloader.compression.StrictDecompression` does."""
    try:
        return decoded_body(archived)
    except DecodeError:
        if archived.status < 400:
            raise
        return b""
