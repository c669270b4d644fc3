"""Why an address yields no page: our own refusals and every failure of the network, as an outcome and a sentence."""

import gzip
import zlib
from collections.abc import Iterator
from typing import ClassVar

from OpenSSL import SSL
from scrapy import exceptions as scrapy_errors
from scrapy.exceptions import IgnoreRequest
from scrapy.spidermiddlewares.httperror import HttpError
from service_identity.exceptions import CertificateError, VerificationError
from twisted.internet import defer
from twisted.internet import error as twisted_errors
from twisted.python.failure import Failure

from crawler.decoding.decode_errors import DecodeError, PageCorrupt, PageTooLarge, ParserCrashed
from crawler.outcomes import Outcome
from crawler.safe_text import one_line
from crawler.scrapy_internals import HttpParseError


class FetchError(IgnoreRequest):
    """A request or an answer that we refuse.

    It is an `IgnoreRequest`, so Scrapy logs no traceback and never retries it. `outcome` is the row's outcome and
    `reason` one sentence without control characters.
    """

    outcome: ClassVar[Outcome] = Outcome.REJECTED

    def __init__(self, reason: str) -> None:
        self.reason = one_line(reason)
        super().__init__(self.reason)


class OffsiteUrl(FetchError):
    """The address lies on another host or another port."""

    outcome = Outcome.OFFSITE


class PrivateAddress(OffsiteUrl):
    """The host's name leads to a machine that is not on the public internet."""


class InvalidUrl(FetchError):
    """The address is not one that we ask for."""

    outcome = Outcome.INVALID_URL


class RedirectLoop(FetchError):
    """The address leads in a circle, or from one address to the next for too long."""

    outcome = Outcome.REDIRECT_LOOP


class RobotsForbidden(FetchError):
    """The host's robots.txt forbids the address, or could not be read."""

    outcome = Outcome.ROBOTS


class ResponseTooLarge(FetchError):
    """The answer is larger than the limit."""

    outcome = Outcome.TOO_LARGE


class ResponseCorrupt(FetchError):
    """The answer was cut short or is corrupt."""

    outcome = Outcome.CORRUPT


class HostUnreachable(FetchError):
    """The host failed so often in a row that it is left alone for the rest of the run."""

    outcome = Outcome.UNREACHABLE


class HostBlocked(FetchError):
    """The host turned us away, so it is left alone for the rest of the run."""

    outcome = Outcome.BLOCKED


class RunEnded(FetchError):
    """The run ended before the address was answered; it is due in the next one."""

    outcome = Outcome.PENDING


def outcome_of(failure: Failure | BaseException) -> tuple[Outcome, str]:
    """What a failure means for the address: its outcome and a reason in one sentence.

    Takes whatever Scrapy or Twisted hands to an errback. What we do not know is an error of ours: `UNREADABLE`.
    """
    error: BaseException = failure.value if isinstance(failure, Failure) else failure  # type: ignore[assignment]
    if refusal := fetch_error_in(error):
        return refusal.outcome, refusal.reason
    if isinstance(error, DecodeError):
        return _DECODE_OUTCOMES[type(error)], one_line(str(error))
    if isinstance(error, HttpError):
        return outcome_of_status(error.response.status), f"status {error.response.status}"
    if isinstance(error, IgnoreRequest):
        return _ignored(error)
    behind = list(_causes(error))
    for kinds, outcome, reason in _MEANINGS:
        if any(isinstance(cause, kinds) for cause in behind):
            return outcome, one_line(reason)
    return Outcome.UNREADABLE, one_line(f"{type(error).__name__}: {error}".removesuffix(": "))


_DECODE_OUTCOMES = {
    PageTooLarge: Outcome.TOO_LARGE,
    PageCorrupt: Outcome.CORRUPT,
    ParserCrashed: Outcome.UNREADABLE,
}


def outcome_of_status(status: int) -> Outcome:
    """What an HTTP status other than a success means for the address."""
    if status in (404, 410):
        return Outcome.GONE
    if status in (401, 403, 429):
        return Outcome.BLOCKED
    return Outcome.HTTP_ERROR


def fetch_error_in(error: BaseException) -> FetchError | None:
    """The refusal that an exception is or carries, however deeply the network code wrapped it."""
    return next((cause for cause in _causes(error) if isinstance(cause, FetchError)), None)


def _causes(error: BaseException, depth: int = 0) -> Iterator[BaseException]:
    """The exception and everything it wraps, outermost first (Twisted wraps failures in lists of `reasons`)."""
    yield error
    if depth == 5:
        return
    for reason in getattr(error, "reasons", None) or ():
        if isinstance(reason, Failure) and reason.value is not None:
            yield from _causes(reason.value, depth + 1)
    if error.__cause__ is not None:
        yield from _causes(error.__cause__, depth + 1)


def _ignored(error: IgnoreRequest) -> tuple[Outcome, str]:
    message = str(error)
    for phrase, outcome in _IGNORED:
        if phrase in message:
            return outcome, one_line(message)
    return Outcome.REJECTED, one_line(message or type(error).__name__)


# Scrapy's own middlewares tell why they ignore a request by nothing but the message.
_IGNORED = (
    ("max redirections reached", Outcome.REDIRECT_LOOP),
    ("Filtered offsite request", Outcome.OFFSITE),
    ("Forbidden by robots.txt", Outcome.ROBOTS),
    ("exceeded DOWNLOAD_MAXSIZE", Outcome.TOO_LARGE),
)

# From the special to the general; the first kind found anywhere in the chain of causes wins.
_MEANINGS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Outcome, str], ...] = (
    ((scrapy_errors.UnsupportedURLSchemeError, scrapy_errors.NotSupported), Outcome.INVALID_URL, "unknown scheme"),
    (
        (CertificateError, VerificationError, twisted_errors.CertificateError, twisted_errors.VerifyError),
        Outcome.UNREACHABLE,
        "the certificate is not the host's",
    ),
    ((SSL.Error, twisted_errors.SSLError), Outcome.UNREACHABLE, "the certificate or the encryption is not valid"),
    (scrapy_errors.ResponseDataLossError, Outcome.CORRUPT, "the answer was cut short"),
    (HttpParseError, Outcome.CORRUPT, "the answer is not HTTP"),
    ((gzip.BadGzipFile, zlib.error, EOFError), Outcome.CORRUPT, "the compressed answer is corrupt"),
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
        "no whole answer in time",
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
    # What is left of Twisted's parser: a header, a length or a chunk that is none (it raises ValueError, KeyError …).
    (scrapy_errors.DownloadFailedError, Outcome.CORRUPT, "the answer is not HTTP"),
)
