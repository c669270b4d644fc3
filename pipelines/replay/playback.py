"""Scrapy components of a replay: responses from the archive, a clock that follows them, and no waiting."""

import asyncio
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Self

from scrapy import Request, signals
from scrapy.core.downloader import Slot
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes
from scrapy.utils.httpobj import urlparse_cached

from crawler import clock
from crawler.downloader.archive import ArchiveResponses, HttpExchange, ResponseCutShort
from crawler.downloader.errors import FetchError
from crawler.downloader.retry import PatientRetry
from crawler.downloader.robots import PoliteRobots
from crawler.outcomes import Outcome
from crawler.spider import NewspaperSpider
from pipelines.archive.records import ArchivedResponse
from pipelines.replay.recorded_run import CONDITIONS, Conditions, Place, Record, RecordedRun
from pipelines.replay.repeated_errors import repeated_error
from pipelines.storage.data_folder import DataFolder

#: Reason in `fetches` of a URL for which no response is archived.
NOT_ARCHIVED = "not in the archive"
#: Reasons with which a run closes by its own decision, so that a replay comes to the same end.
_OWN_ENDS = ("finished", "unreachable", "blocked", "deferred")
_ROBOTS_ERROR = "robots.txt could not be read: "
_TIME = "replayed_at"
_NOT_SENT = (b"x-crawler-transfer-encoding",)


class Playback:
    """Scrapy extension with the responses of the run that is replayed; it starts the clock at the start of that run.

    It must precede the extension :class:`pipelines.runtime.run.Run`. Nothing is archived again: the places in the
    tables are those in the archive of the data folder that is replayed.
    """

    def __init__(self, crawler: Crawler, spider: NewspaperSpider, data_folder: Path) -> None:
        self._crawler = crawler
        self._run = RecordedRun(DataFolder(data_folder), crawler.settings["KHOBOR_RUN_ID"], type(spider))
        self._asked: Counter[str] = Counter()
        self._left = sum(map(len, self._run.records.values()))
        self._places: dict[str, Place] = {}
        self._closing: asyncio.Future[None] | None = None
        self._count("lost", self._run.lost)
        clock.stop(self._run.started_at)
        spider.archive = self._place_of

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not crawler.settings["KHOBOR_REPLAY"] or not isinstance(crawler.spider, NewspaperSpider):
            raise NotConfigured("no run to replay")
        playback = cls(crawler, crawler.spider, Path(crawler.settings["KHOBOR_REPLAY"]))
        crawler.signals.connect(playback.spider_closed, signals.spider_closed)
        return playback

    def spider_closed(self) -> None:
        clock.stop(max(clock.now(), self._run.ended_at))

    def answer(self, request: Request) -> Response:
        """Return the response that the run received, and set the clock to its time; raise the error of a failed one.

        The n-th request for a URL gets the n-th response, and further ones the last. A URL that the run did not request
        gets the last response of an earlier run.
        """
        url = request.url
        self._asked[url] += 1
        records, n = self._run.records.get(url, []), self._asked[url]
        if failure := self._run.failures.get(url):
            n -= 0 if failure.is_last else failure.count
            if n < 1 or (failure.is_last and n > len(records)):
                self._count("failed")
                self._set_time(request, failure.at)
                raise repeated_error(failure.outcome, failure.reason)
        if not records:
            return self._unrecorded(request)
        self._left -= n <= len(records)
        record = records[min(n, len(records)) - 1]
        if (archived := self._run.read(record.place)) is None:
            raise self._missing(request)
        self._set_time(request, archived.fetched_at)
        self._count("recorded")
        return self._as_asked(request, record, archived)

    def _set_time(self, request: Request, at: datetime) -> None:
        request.meta[_TIME] = request.meta["received_at"] = at
        clock.stop(at)

    def _as_asked(self, request: Request, record: Record, archived: ArchivedResponse) -> Response:
        """Return a response for a request that may have other conditions than that of the past."""
        conditions = _conditions(request)
        if conditions == record.conditions:
            return self._response(request, archived)
        current, place = archived, record.place
        if archived.status == 304:
            earlier = self._run.earlier(request.url, status=200)
            body = earlier and self._run.read(earlier)
            if not earlier or body is None:
                raise self._missing(request)
            current, place = body, earlier
        if any(conditions) and current.status == 200 and _is_met(conditions, current):
            return self._response(request, archived, place=place, status=304)
        return self._response(request, current)

    def _unrecorded(self, request: Request) -> Response:
        host = urlparse_cached(request).netloc
        if "robots" in request.meta and host in self._run.robots:
            reason, at = self._run.robots[host]
            self._set_time(request, at)
            raise repeated_error(Outcome.UNREACHABLE, reason.removeprefix(_ROBOTS_ERROR))
        if not self._left and self._run.report["reason"] not in _OWN_ENDS:
            self._end_as_then(request)
        place = self._run.earlier(request.url)
        archived = place and self._run.read(place)
        if not archived:
            raise self._missing(request)
        self._count("earlier")
        conditions = _conditions(request)
        is_same = any(conditions) and archived.status == 200 and _is_met(conditions, archived)
        return self._response(request, archived, status=304 if is_same else None)

    def _end_as_then(self, request: Request) -> None:
        """Close the spider for the reason for which the run of the past was stopped."""
        if self._closing is None:
            self._count("stopped")
            reason = self._run.report["reason"]
            self._closing = asyncio.ensure_future(self._crawler.engine.close_spider_async(reason=reason))
        request.meta["sent"] -= 1
        raise FetchError(Outcome.PENDING, "the run ended before the request was sent")

    def _missing(self, request: Request) -> FetchError:
        self._count("not_archived")
        request.meta["sent"] -= 1
        return FetchError(Outcome.PENDING, NOT_ARCHIVED)

    def _response(
        self, request: Request, archived: ArchivedResponse, *, place: Place | None = None, status: int | None = None
    ) -> Response:
        self._places[request.url] = place or (archived.file, archived.offset, archived.length)
        milliseconds = self._run.milliseconds.get(self._places[request.url], 0)
        request.meta["download_latency"] = milliseconds / 1000
        headers = Headers()
        for name, value in archived.headers:
            if name.lower() not in _NOT_SENT:
                headers.appendlist(name, value)
        body = b"" if status == 304 else archived.body
        kind = responsetypes.from_args(headers=headers, url=request.url, body=body)
        flags = _flags(archived)
        response = kind(
            request.url, status=status or archived.status, headers=headers, body=body, flags=flags, protocol="HTTP/1.1"
        )
        if "dataloss" in flags:
            raise ResponseCutShort(response)
        return response

    def _place_of(self, exchange: HttpExchange) -> Place:
        return self._places[exchange.url]

    def _count(self, name: str, n: int = 1) -> None:
        assert self._crawler.stats is not None
        self._crawler.stats.inc_value(f"khobor/replay/{name}", n)


class RecordedDownload(BaseDownloadHandler):
    """Download handler that answers from the archive; it has no access to the network."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        playback = crawler.get_extension(Playback)
        if playback is None:
            raise NotConfigured("no run to replay")
        self._playback = playback

    async def download_request(self, request: Request) -> Response:
        request.meta["sent"] = request.meta.get("sent", 0) + 1
        return self._playback.answer(request)


class ArchivedAtRecordedTime(ArchiveResponses):
    """ArchiveResponses that sets the clock to the time of each response, as one of another host may be in between."""

    def process_response(self, request: Request, response: Response) -> Response:
        self._set_clock(request)
        return super().process_response(request, response)

    def process_exception(self, request: Request, exception: Exception) -> None:
        self._set_clock(request)
        super().process_exception(request, exception)

    def _set_clock(self, request: Request) -> None:
        if (at := request.meta.pop(_TIME, None)) is not None:
            clock.stop(at)


class RetryAtOnce(PatientRetry):
    """Retries with the same decisions as in a crawl, and without its pauses."""

    def hold(self, slot: Slot, seconds: float) -> None:
        """Do nothing, because no host is waiting."""


class RobotsWithoutDelay(PoliteRobots):
    """The same rules as in a crawl, without a Crawl-delay between requests that are not sent."""

    def slow_down(self, request: Request, delay: float) -> None:
        """Do nothing, because no host is asked."""


def _conditions(request: Request) -> Conditions:
    etag, date = (request.headers.get(name) for name in CONDITIONS)
    return etag.decode("latin-1") if etag else None, date.decode("latin-1") if date else None


def _is_met(conditions: Conditions, archived: ArchivedResponse) -> bool:
    """Return True if a server with this response would answer 304: the ETag decides, if the request has one."""
    etag, date = conditions
    name, value = (b"etag", etag) if etag is not None else (b"last-modified", date)
    return value is not None and archived.header(name) == value.encode("latin-1")


def _flags(archived: ArchivedResponse) -> list[str]:
    if archived.truncated:
        return ["download_stopped" if archived.truncated == "length" else "dataloss"]
    has_end = archived.status in (204, 304) or any(
        archived.header(name) is not None for name in (b"content-length", b"x-crawler-transfer-encoding")
    )
    return [] if has_end else ["partial"]
