"""Outcomes of failures: one outcome and one safe sentence each."""

import gzip
import zlib
from typing import Any

import pytest
from OpenSSL import SSL
from scrapy import exceptions
from twisted.internet import defer, error
from twisted.python.failure import Failure
from twisted.web._newclient import ParseError, RequestTransmissionFailed, ResponseFailed, ResponseNeverReceived

from crawler.downloader.errors import FetchError, RunEnded, outcome_of
from crawler.outcomes import Outcome
from crawler.safe_text import one_line


def caused(outer: BaseException, inner: BaseException) -> BaseException:
    outer.__cause__ = inner
    return outer


def wrapped(kind: type[Any], *inner: BaseException) -> BaseException:
    return kind([Failure(each) for each in inner])


HEADERS_TOO_LARGE = FetchError(Outcome.TOO_LARGE, "headers")
UNREACHABLE = (
    *(exceptions.CannotResolveHostError("x"), exceptions.DownloadTimeoutError("x"), error.DNSLookupError("x")),
    *(exceptions.DownloadConnectionRefusedError("x"), error.TimeoutError(), error.ConnectionLost()),
    *(error.NoRouteError(), OSError("x")),
)


@pytest.mark.parametrize(
    ("raised", "outcome"),
    [
        (FetchError(Outcome.OFFSITE, "elsewhere"), "offsite"),
        (RunEnded("later"), "pending"),
        (exceptions.IgnoreRequest("something else"), "rejected"),
        (wrapped(ResponseNeverReceived, error.ConnectionDone()), "unreachable"),
        (wrapped(RequestTransmissionFailed, error.ConnectionLost()), "unreachable"),
        (wrapped(ResponseNeverReceived, SSL.Error([("SSL routines", "", "certificate verify failed")])), "unreachable"),
        *((raised, "unreachable") for raised in UNREACHABLE),
        (caused(exceptions.DownloadFailedError(), wrapped(ResponseFailed, ParseError("x", b""))), "corrupt"),
        (caused(exceptions.DownloadFailedError(), wrapped(ResponseFailed, ValueError("length"))), "corrupt"),
        (caused(exceptions.DownloadFailedError(), wrapped(ResponseFailed, HEADERS_TOO_LARGE)), "too_large"),
        *((kind("x"), "corrupt") for kind in (exceptions.ResponseDataLossError, gzip.BadGzipFile, zlib.error)),
        *((kind(), "too_large") for kind in (exceptions.DownloadCancelledError, defer.CancelledError)),
        (exceptions.StopDownload(), "too_large"),
        *((kind("x"), "invalid_url") for kind in (exceptions.UnsupportedURLSchemeError, exceptions.NotSupported)),
        (KeyError("internal mistake"), "unreadable"),
    ],
)
def test_failure_has_outcome(raised: BaseException, outcome: str) -> None:
    found, reason = outcome_of(Failure(raised))
    assert found == outcome
    assert reason


def test_internal_error_is_named_by_class() -> None:
    assert outcome_of(KeyError("x")) == (Outcome.UNREADABLE, "KeyError: 'x'")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\x1b[2J\r\n2026-01-01 CRITICAL: forged", "a [2J 2026-01-01 CRITICAL: forged"),
        ("বাংলা \u202eলেখা", "বাংলা লেখা"),
        ("  many   blanks\t", "many blanks"),
        ("x" * 300, "x" * 199 + "…"),
        ("", ""),
    ],
)
def test_one_line_removes_control_characters(text: str, line: str) -> None:
    assert one_line(text) == line
