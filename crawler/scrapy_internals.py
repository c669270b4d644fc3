"""Access to private attributes of Scrapy and Twisted; no other module uses them.

Scrapy's minor version is pinned in pyproject.toml. Check this module whenever that version is raised.
"""

from collections.abc import Callable
from typing import Any

from scrapy import Request
from scrapy.core.downloader import Slot
from scrapy.core.downloader.handlers import http11
from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
    _LenientHTTPClientParser,
)
from scrapy.core.engine import ExecutionEngine
from scrapy.crawler import Crawler
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.python.failure import Failure
from twisted.web import _newclient, http
from twisted.web.client import HTTPConnectionPool
from twisted.web.iweb import IPolicyForHTTPS, IResponse

LenientParser = _LenientHTTPClientParser
HttpParseError = _newclient.ParseError


def end_as_cut(response: _newclient.Response) -> None:
    """Fail a response whose body is incomplete, so that Scrapy raises ResponseDataLossError."""
    cause = _newclient.ResponseFailed([Failure(http._DataLoss())], response)  # type: ignore[no-untyped-call]
    response._bodyDataFinished(Failure(cause))  # type: ignore[no-untyped-call]


def engine_of(crawler: Crawler) -> ExecutionEngine | None:
    """Return the engine of a crawl, or None if it is not created yet."""
    return crawler._engine


def is_closing(crawler: Crawler) -> bool:
    engine = engine_of(crawler)
    return engine is not None and engine._slot is not None and engine._slot.closing is not None


def schedule_next_request(crawler: Crawler) -> None:
    """Make Scrapy's engine ask the scheduler for a request at once, instead of at its next heartbeat (every 5 s)."""
    engine = engine_of(crawler)
    if engine is not None and engine._slot is not None:
        engine._slot.nextcall.schedule()


def slot_of(crawler: Crawler, request: Request) -> tuple[str, Slot]:
    """Return (key, slot) of the download slot of a request, and create the slot if there is none."""
    return crawler.engine.downloader._get_slot(request)


class _VerbatimAgent(http11._BindAddressAgent):
    """Twisted Agent that sends the path and query of a URL unchanged.

    Twisted's own class drops a `?` or `;` at the end.
    """

    def request(self, method: bytes, uri: bytes, *others: Any) -> Deferred[IResponse]:
        self._target = b"/" + uri.split(b"/", 3)[3]
        return super().request(method, uri, *others)  # type: ignore[no-untyped-call,no-any-return,unused-ignore]

    def _requestWithEndpoint(self, *arguments: Any) -> Deferred[IResponse]:  # noqa: N802
        return super()._requestWithEndpoint(*arguments[:-1], self._target)  # type: ignore[call-arg,no-untyped-call,no-any-return,unused-ignore]


def send_urls_verbatim() -> None:
    http11._BindAddressAgent = _VerbatimAgent  # type: ignore[misc]


def replace_pool(
    handler: HTTP11DownloadHandler, new_pool: Callable[[Any, IPolicyForHTTPS], HTTPConnectionPool]
) -> None:
    """Replace the connection pool of a download handler, and keep its maximum number of connections per host."""
    pool = new_pool(handler._pool._reactor, handler._contextFactory)
    pool.maxPersistentPerHost = handler._pool.maxPersistentPerHost
    handler._pool = pool


def replace_parser(handler: HTTP11DownloadHandler, parser: type[LenientParser]) -> None:
    """Make a download handler parse its responses with ``parser``, a subclass of Scrapy's parser."""

    class Protocol(_LenientHTTP11ClientProtocol):
        def request(self, request: _newclient.Request) -> Deferred[IResponse]:
            response = super().request(request)
            # Twisted creates its parser inside `request`; Scrapy replaces the parser's class in the same way.
            if self._parser is not None:
                self._parser.__class__ = parser
            return response

    class Factory(_LenientHTTP11ClientFactory):
        def buildProtocol(self, addr: IAddress | None) -> _newclient.HTTP11ClientProtocol:  # noqa: N802
            return Protocol(self._quiescentCallback)  # type: ignore[no-untyped-call]

    handler._pool._factory = Factory
