"""How a page is fetched: Scrapy's handler, with bounded response headers, refusals that say why, and the mirror."""

import asyncio
from functools import cache, lru_cache

from scrapy import Request
from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
    _LenientHTTPClientParser,
)
from scrapy.crawler import Crawler
from scrapy.exceptions import CannotResolveHostError
from scrapy.http import Response
from scrapy.utils.asyncio import call_later
from scrapy.utils.httpobj import urlparse_cached
from twisted.internet import endpoints
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.web._newclient import HTTP11ClientProtocol
from twisted.web._newclient import Request as SentRequest
from twisted.web.iweb import IResponse

from crawler.downloader.allowed_hosts import PublicOnlyResolver
from crawler.downloader.errors import ResponseTooLarge, RunEnded, fetch_error_in
from crawler.downloader.graceful_stop import run_ending, run_must_end
from crawler.downloader.mirror import MirrorPool, read_mirror

LARGEST_HEADERS = 64 * 1024


class BoundedDownload(HTTP11DownloadHandler):
    """Scrapy's handler for http and https, made safe against what a server may send before the page.

    With the setting `KHOBOR_MIRROR`, every connection goes to the mirror. Refusals that Twisted wraps in failures of
    its own come out again as what they are, so that nothing asks a second time. What is under way when the run ends
    gets `KHOBOR_GRACE` seconds more.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        # Twisted asks how to make a connection for each request, on a standing connection too: once a host is enough.
        self._contextFactory.creatorForNetloc = cache(self._contextFactory.creatorForNetloc)  # type: ignore[method-assign]
        _spell_hosts_once()
        if mirror := crawler.settings.get("KHOBOR_MIRROR"):
            per_host = self._pool.maxPersistentPerHost
            self._pool = MirrorPool(self._pool._reactor, read_mirror(mirror), self._contextFactory)
            self._pool.maxPersistentPerHost = per_host
        self._pool._factory = _BoundedFactory
        self._grace = crawler.settings.getfloat("KHOBOR_GRACE", 5)
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


def _spell_hosts_once() -> None:
    """Have a host's name spelled for the network once, and not for each request to it; `endpoints` has it from Scrapy.

    What is wrong with a name is raised as before, each time.
    """
    spelled = endpoints._idnaBytes  # type: ignore[attr-defined]
    if not hasattr(spelled, "cache_info"):
        endpoints._idnaBytes = lru_cache(maxsize=256)(spelled)  # type: ignore[attr-defined]


class _BoundedParser(_LenientHTTPClientParser):
    """Fails a response whose headers do not end (`DOWNLOAD_MAXSIZE` counts the body only)."""

    headers_received = 0

    def lineReceived(self, line: bytes) -> None:  # noqa: N802
        self.headers_received += len(line) + len(self.delimiter)
        if self.headers_received > LARGEST_HEADERS:
            raise ResponseTooLarge(f"more than {LARGEST_HEADERS // 1024} KiB of response headers")
        super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802
        raise ResponseTooLarge(f"a response header of more than {self.MAX_LENGTH // 1024} KiB")


class _BoundedProtocol(_LenientHTTP11ClientProtocol):
    def request(self, request: SentRequest) -> Deferred[IResponse]:
        answer = super().request(request)
        # Twisted names its parser in the middle of `request`; Scrapy puts its own class in its place in the same way.
        if self._parser is not None:
            self._parser.__class__ = _BoundedParser
        return answer


class _BoundedFactory(_LenientHTTP11ClientFactory):
    def buildProtocol(self, addr: IAddress | None) -> HTTP11ClientProtocol:  # noqa: N802
        return _BoundedProtocol(self._quiescentCallback)  # type: ignore[no-untyped-call]
