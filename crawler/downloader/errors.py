"""Errors of requests and responses, and the outcome (final state of a URL) to record for each."""

import gzip
import zlib
from collections.abc import Iterator
from functools import partial

from OpenSSL import SSL
from scrapy import exceptions as scrapy_errors
from scrapy.exceptions import IgnoreRequest
from service_identity.exceptions import CertificateError, VerificationError
from twisted.internet import defer
from twisted.internet import error as twisted_errors
from twisted.python.failure import Failure

from crawler.decoding.decode_errors import DecodeError, PageCorrupt, PageTooLarge, ParserCrashed
from crawler.outcomes import Outcome
from crawler.safe_text import one_line
from crawler.scrapy_internals import HttpParseError


class FetchError(IgnoreRequest):
    """Raised if a request is not sent or a response is not accepted; holds the outcome (final state) of the URL.

    It is a subclass of `IgnoreRequest`, so that Scrapy neither logs a traceback nor retries the request.
    """

    def __init__(self, outcome: Outcome, reason: str) -> None:
        self.outcome, self.reason = outcome, one_line(reason)
        super().__init__(self.reason)


RobotsForbidden = partial(FetchError, Outcome.ROBOTS)
#: Raised for a request that was not complete when the run ended; the next run repeats it.
RunEnded = partial(FetchError, Outcome.PENDING)


def outcome_of(failure: Failure | BaseException) -> tuple[Outcome, str]:
    """Return the outcome (final state of a URL) and the reason for a failed request.

    An unknown exception is an internal error and gives the outcome `unreadable`.
    """
    error: BaseException = failure.value if isinstance(failure, Failure) else failure  # type: ignore[assignment]
    if fetch_error := fetch_error_in(error):
        return fetch_error.outcome, fetch_error.reason
    causes = list(_causes(error))
    for kinds, outcome, reason in _OUTCOMES:
        if match := next((cause for cause in causes if isinstance(cause, kinds)), None):
            return outcome, one_line(reason or str(match) or type(match).__name__)
    return Outcome.UNREADABLE, one_line(f"{type(error).__name__}: {error}".removesuffix(": "))


def outcome_of_status(status: int) -> Outcome:
    if status in (404, 410):
        return Outcome.GONE
    return Outcome.BLOCKED if status in (401, 403, 429) else Outcome.HTTP_ERROR


def fetch_error_in(error: BaseException) -> FetchError | None:
    return next((cause for cause in _causes(error) if isinstance(cause, FetchError)), None)


def _causes(error: BaseException, depth: int = 0) -> Iterator[BaseException]:
    """Yield an exception and the exceptions that it wraps, with the outermost first.

    Some exceptions of Twisted have the wrapped ones in their attribute `reasons`.
    """
    yield error
    if depth == 5:
        return
    for reason in getattr(error, "reasons", None) or ():
        if isinstance(reason, Failure) and reason.value is not None:
            yield from _causes(reason.value, depth + 1)
    if error.__cause__ is not None:
        yield from _causes(error.__cause__, depth + 1)


# Ordered from specific to general; the first entry that matches the error or one of its causes applies. An entry with
# an empty reason uses the message of the matching exception.
_OUTCOMES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Outcome, str], ...] = (
    (PageTooLarge, Outcome.TOO_LARGE, ""),
    (PageCorrupt, Outcome.CORRUPT, ""),
    ((ParserCrashed, DecodeError), Outcome.UNREADABLE, ""),
    ((scrapy_errors.UnsupportedURLSchemeError, scrapy_errors.NotSupported), Outcome.INVALID_URL, "unknown scheme"),
    (
        (CertificateError, VerificationError, twisted_errors.CertificateError, twisted_errors.VerifyError),
        Outcome.UNREACHABLE,
        "the certificate is not the host's",
    ),
    ((SSL.Error, twisted_errors.SSLError), Outcome.UNREACHABLE, "the certificate or the encryption is not valid"),
    (scrapy_errors.ResponseDataLossError, Outcome.CORRUPT, "the response was cut short"),
    (HttpParseError, Outcome.CORRUPT, "the response is not HTTP"),
    ((gzip.BadGzipFile, zlib.error, EOFError), Outcome.CORRUPT, "the compressed response is corrupt"),
    (
        (scrapy_errors.CannotResolveHostError, twisted_errors.DNSLookupError, twisted_errors.UnknownHostError),
        Outcome.UNREACHABLE,
        "the host's name was not found",
    ),
    (
        (
            scrapy_errors.DownloadTimeoutError,
            twisted_errors.TimeoutError,
            twisted_errors.TCPTimedOutError,
            TimeoutError,
        ),
        Outcome.UNREACHABLE,
        "timeout before the response was complete",
    ),
    (
        (
            scrapy_errors.DownloadConnectionRefusedError,
            twisted_errors.ConnectionRefusedError,
            ConnectionRefusedError,
        ),
        Outcome.UNREACHABLE,
        "the connection was refused",
    ),
    (
        (scrapy_errors.DownloadCancelledError, scrapy_errors.StopDownload, defer.CancelledError),
        Outcome.TOO_LARGE,
        "larger than the limit",
    ),
    (
        (twisted_errors.ConnectionClosed, twisted_errors.ConnectError, OSError),
        Outcome.UNREACHABLE,
        "the connection broke off",
    ),
    # Twisted's parser also raises ValueError or KeyError for a malformed header, length or chunk.
    (scrapy_errors.DownloadFailedError, Outcome.CORRUPT, "the response is not HTTP"),
    # Raised by middlewares of Scrapy.
    (IgnoreRequest, Outcome.REJECTED, ""),
)
