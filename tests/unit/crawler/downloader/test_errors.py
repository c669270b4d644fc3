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


@pytest.mark.parametrize(
    ("raised", "outcome"),
    [
        (FetchError(Outcome.OFFSITE, "elsewhere"), "offsite"),
        (RunEnded("later"), "pending"),
        (exceptions.IgnoreRequest("something else"), "rejected"),
        (exceptions.CannotResolveHostError("x"), "unreachable"),
        (error.DNSLookupError("x"), "unreachable"),
        (exceptions.DownloadTimeoutError("x"), "unreachable"),
        (error.TimeoutError(), "unreachable"),
        (exceptions.DownloadConnectionRefusedError("x"), "unreachable"),
        (error.ConnectionLost(), "unreachable"),
        (error.NoRouteError(), "unreachable"),
        (wrapped(ResponseNeverReceived, error.ConnectionDone()), "unreachable"),
        (wrapped(RequestTransmissionFailed, error.ConnectionLost()), "unreachable"),
        (wrapped(ResponseNeverReceived, SSL.Error([("SSL routines", "", "certificate verify failed")])), "unreachable"),
        (caused(exceptions.DownloadFailedError(), wrapped(ResponseFailed, ParseError("x", b""))), "corrupt"),
        (caused(exceptions.DownloadFailedError(), wrapped(ResponseFailed, ValueError("length"))), "corrupt"),
        (
            caused(exceptions.DownloadFailedError(), wrapped(ResponseFailed, FetchError(Outcome.TOO_LARGE, "headers"))),
            "too_large",
        ),
        (exceptions.ResponseDataLossError(), "corrupt"),
        (gzip.BadGzipFile("x"), "corrupt"),
        (zlib.error("x"), "corrupt"),
        (exceptions.DownloadCancelledError("x"), "too_large"),
        (defer.CancelledError(), "too_large"),
        (exceptions.StopDownload(), "too_large"),
        (exceptions.UnsupportedURLSchemeError("x"), "invalid_url"),
        (exceptions.NotSupported("x"), "invalid_url"),
        (OSError("x"), "unreachable"),
        (KeyError("our own mistake"), "unreadable"),
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
