"""Download handler with limits on response headers and on shutdown time.

It can also connect to a mirror, which is a server with copies of a site's pages.
"""

import asyncio

from scrapy import Request
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.crawler import Crawler
from scrapy.exceptions import CannotResolveHostError
from scrapy.http import Response
from scrapy.utils.asyncio import call_later
from scrapy.utils.httpobj import urlparse_cached
from twisted.web.iweb import UNKNOWN_LENGTH

from crawler.downloader.allowed_hosts import PublicOnlyResolver
from crawler.downloader.archive import ResponseCutShort
from crawler.downloader.errors import FetchError, RunEnded, fetch_error_in
from crawler.downloader.graceful_stop import run_ending, run_must_end
from crawler.downloader.mirror import MirrorPool, read_mirror
from crawler.outcomes import Outcome
from crawler.scrapy_internals import (
    HttpParseError,
    LenientParser,
    end_as_cut,
    replace_parser,
    replace_pool,
    send_urls_verbatim,
)

MAX_HEADER_BYTES = 64 * 1024


class BoundedDownload(HTTP11DownloadHandler):
    """Download handler for http and https, hardened against hostile servers.

    If the setting `KHOBOR_MIRROR` is the URL of a server, all connections go to that server. If an exception of Twisted
    contains a :class:`FetchError`, that error is raised instead, so that the request is not retried. When a run ends,
    downloads in progress are cancelled after `KHOBOR_SHUTDOWN_SECONDS`.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        if mirror := crawler.settings.get("KHOBOR_MIRROR"):
            replace_pool(self, lambda reactor, policy: MirrorPool(reactor, read_mirror(mirror), policy))
        replace_parser(self, _BoundedParser)
        send_urls_verbatim()
        seconds = crawler.settings.getfloat("KHOBOR_SHUTDOWN_SECONDS", 5)
        self._ended = False
        self._downloads: set[asyncio.Future[Response]] = set()
        # Signals hold weak references to their receivers.
        self._end_later = lambda: call_later(seconds, self._end)
        crawler.signals.connect(self._end_later, signal=run_ending)
        crawler.signals.connect(self._end, signal=run_must_end)

    async def download_request(self, request: Request) -> Response:
        """Send a request and return its response.

        `request.meta["sent"]` counts how often a URL was sent, including retries and redirects.
        """
        if self._ended:
            raise RunEnded("the run ended before the request was sent")
        request.meta["sent"] = request.meta.get("sent", 0) + 1
        download = asyncio.ensure_future(super().download_request(request))
        self._downloads.add(download)
        try:
            response = await download
        except asyncio.CancelledError as error:
            if self._ended:
                raise RunEnded("the run ended before the response was complete") from error
            raise
        except Exception as error:
            fetch_error = fetch_error_in(error)
            if isinstance(error, CannotResolveHostError):
                fetch_error = PublicOnlyResolver.error_for(urlparse_cached(request).hostname or "")
            if fetch_error:
                raise fetch_error from error
            raise
        finally:
            self._downloads.discard(download)
        if "dataloss" in response.flags:
            raise ResponseCutShort(response)
        return response

    def _end(self) -> None:
        self._ended = True
        for download in tuple(self._downloads):
            download.cancel()


class _BoundedParser(LenientParser):
    """HTTP parser that rejects a response with too large headers or an invalid status.

    It also rejects a Content-Length that is less than the length of the body. `DOWNLOAD_MAXSIZE` only applies to the
    body, so headers have a limit here.
    """

    headers_received = 0

    def statusReceived(self, status: bytes) -> None:  # noqa: N802
        super().statusReceived(status)  # type: ignore[no-untyped-call]
        if not 100 <= self.response.code <= 999:
            raise HttpParseError("the status is not a number of three digits", status)  # type: ignore[no-untyped-call]

    def _finished(self, rest: bytes) -> None:
        # A Content-Length that is too small cuts off the page; the rest of it has arrived on the connection.
        if rest.strip() and self.bodyDecoder is not None and self.response.length is not UNKNOWN_LENGTH:
            end_as_cut(self.response)
            self.bodyDecoder = None
        super()._finished(rest)  # type: ignore[no-untyped-call]

    def lineReceived(self, line: bytes) -> None:  # noqa: N802
        self.headers_received += len(line) + len(self.delimiter)
        if self.headers_received > MAX_HEADER_BYTES:
            raise FetchError(Outcome.TOO_LARGE, f"more than {MAX_HEADER_BYTES // 1024} KiB of response headers")
        super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802
        raise FetchError(Outcome.TOO_LARGE, f"a response header of more than {self.MAX_LENGTH // 1024} KiB")
