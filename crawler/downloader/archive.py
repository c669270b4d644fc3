"""Downloader middleware that passes each response on as it was received, so that it can be archived."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import ResponseDataLossError
from scrapy.http import Headers, Response

from crawler.clock import now
from crawler.items import Fetch

#: Statuses of responses that never have a body. Twisted gives them a length of 0, which the server did not send.
_BODILESS = (204, 304)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpExchange:
    """A request and its response as received: the body is neither decompressed nor converted.

    :ivar address: IP address of the server
    :ivar is_chunked: the body was sent in chunks, which are joined here
    :ivar truncated: why the body is incomplete, in the words of WARC: `length` (a limit) or `disconnect`
    """

    url: str
    received_at: datetime
    method: str
    request_headers: Sequence[tuple[bytes, bytes]]
    protocol: str
    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    address: str | None
    is_chunked: bool
    truncated: str | None


class ResponseCutShort(ResponseDataLossError):
    """Raised for a response whose body is incomplete, which is in ``response``."""

    def __init__(self, response: Response) -> None:
        super().__init__("the response was cut short")
        self.response = response


class ArchiveResponses:
    """Downloader middleware that passes each response to the function ``archive`` of the spider, if there is one.

    It is closer to the downloader than the others. It therefore gets robots.txt, each redirect, each response that is
    retried, and bodies before they are decompressed. The function returns the file, offset and length at which it
    stored the response; they become columns of the URL's record.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Clear what an earlier response for the same URL has set."""
        request.meta.pop("received_at", None)
        if (fetch := _fetch_of(request)) is not None:
            fetch.archive_file = fetch.archive_offset = fetch.archive_length = None

    def process_response(self, request: Request, response: Response) -> Response:
        self._archive(request, response)
        return response

    def process_exception(self, request: Request, exception: Exception) -> None:
        if isinstance(exception, ResponseCutShort):
            self._archive(request, exception.response)

    def _archive(self, request: Request, response: Response) -> None:
        request.meta["received_at"] = received_at = now()
        archive = getattr(self._crawler.spider, "archive", None)
        if archive is None:
            return
        place = archive(_exchange(request, response, received_at))
        if (fetch := _fetch_of(request)) is not None:
            fetch.archive_file, fetch.archive_offset, fetch.archive_length = place


def _fetch_of(request: Request) -> Fetch | None:
    fetch: Fetch | None = request.meta.get("fetch")
    return fetch


def _exchange(request: Request, response: Response, received_at: datetime) -> HttpExchange:
    headers = _pairs(response.headers)
    if response.status in _BODILESS:
        headers = [(name, value) for name, value in headers if name != b"Content-Length"]
    truncated = "length" if "download_stopped" in response.flags else None
    return HttpExchange(
        url=response.url,
        received_at=received_at,
        method=request.method,
        request_headers=_pairs(request.headers),
        protocol=response.protocol or "HTTP/1.1",
        status=response.status,
        headers=headers,
        body=response.body,
        address=str(response.ip_address) if response.ip_address else None,
        # Without a length, a body ends with its last chunk or with the connection (`partial`).
        is_chunked="Content-Length" not in response.headers and not {"partial", "download_stopped"} & {*response.flags},
        truncated="disconnect" if "dataloss" in response.flags else truncated,
    )


def _pairs(headers: Headers) -> list[tuple[bytes, bytes]]:
    values: dict[bytes, Any] = dict(headers)
    return [(name, value) for name, several in values.items() for value in several]
