"""How a page is fetched: Scrapy's handler, with bounded response headers, refusals that say why, and the mirror."""

import asyncio

from scrapy import Request
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.crawler import Crawler
from scrapy.exceptions import CannotResolveHostError
from scrapy.http import Response
from scrapy.utils.asyncio import call_later
from scrapy.utils.httpobj import urlparse_cached

from crawler.downloader.allowed_hosts import PublicOnlyResolver
from crawler.downloader.errors import ResponseTooLarge, RunEnded, fetch_error_in
from crawler.downloader.graceful_stop import run_ending, run_must_end
from crawler.downloader.mirror import MirrorPool, read_mirror
from crawler.scrapy_internals import LenientParser, cache_tls_options, replace_parser, replace_pool

LARGEST_HEADERS = 64 * 1024


class BoundedDownload(HTTP11DownloadHandler):
    """Scrapy's handler for http and https, made safe against what a server may send before the page.

    With the setting `KHOBOR_MIRROR`, every connection goes to the mirror. Refusals that Twisted wraps in failures of
    its own come out again as what they are, so that nothing asks a second time. What is under way when the run ends
    gets `KHOBOR_SHUTDOWN_SECONDS` seconds more.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        cache_tls_options(self)
        if mirror := crawler.settings.get("KHOBOR_MIRROR"):
            replace_pool(self, lambda reactor, policy: MirrorPool(reactor, read_mirror(mirror), policy))
        replace_parser(self, _BoundedParser)
        self._grace = crawler.settings.getfloat("KHOBOR_SHUTDOWN_SECONDS", 5)
        self._ended = False
        self._downloads: set[asyncio.Future[Response]] = set()
        crawler.signals.connect(self._end_soon, signal=run_ending)
        crawler.signals.connect(self._end, signal=run_must_end)

    async def download_request(self, request: Request) -> Response:
        """The answer to a request; a `FetchError` where we, not the network, ended it.

        `meta["sent"]` counts the requests that were sent for it, retries and redirects among them.
        """
        if self._ended:
            raise RunEnded("the run ended before its turn came")
        request.meta["sent"] = request.meta.get("sent", 0) + 1
        download = asyncio.ensure_future(super().download_request(request))
        self._downloads.add(download)
        try:
            return await download
        except asyncio.CancelledError as error:
            if self._ended:
                raise RunEnded("the run ended before the whole answer came") from error
            raise
        except Exception as error:
            refusal = fetch_error_in(error)
            if isinstance(error, CannotResolveHostError):
                refusal = PublicOnlyResolver.url_error(urlparse_cached(request).hostname or "")
            if refusal:
                raise refusal from error
            raise
        finally:
            self._downloads.discard(download)

    def _end_soon(self) -> None:
        call_later(self._grace, self._end)

    def _end(self) -> None:
        self._ended = True
        for download in tuple(self._downloads):
            download.cancel()


class _BoundedParser(LenientParser):
    """Fails a response whose headers do not end (`DOWNLOAD_MAXSIZE` counts the body only)."""

    headers_received = 0

    def lineReceived(self, line: bytes) -> None:  # noqa: N802
        self.headers_received += len(line) + len(self.delimiter)
        if self.headers_received > LARGEST_HEADERS:
            raise ResponseTooLarge(f"more than {LARGEST_HEADERS // 1024} KiB of response headers")
        super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802
        raise ResponseTooLarge(f"a response header of more than {self.MAX_LENGTH // 1024} KiB")
