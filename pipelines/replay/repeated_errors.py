"""Errors of requests without a response, made from the outcome and the reason that the run of the past recorded.

The error must be the one that the download handler raised, because its type decides if the request is repeated.
"""

from collections.abc import Callable, Mapping

from OpenSSL import SSL
from scrapy import exceptions as scrapy_errors
from twisted.internet import error as twisted_errors

from crawler.downloader.errors import FetchError
from crawler.outcomes import Outcome


def _failed(cause: BaseException | None = None) -> scrapy_errors.DownloadFailedError:
    error = scrapy_errors.DownloadFailedError()
    error.__cause__ = cause
    return error


_ERRORS: Mapping[str, Callable[[], Exception]] = {
    "": scrapy_errors.DownloadTimeoutError,
    "timeout before the response was complete": scrapy_errors.DownloadTimeoutError,
    "the connection was refused": scrapy_errors.DownloadConnectionRefusedError,
    "the host's name was not found": scrapy_errors.CannotResolveHostError,
    "the connection broke off": lambda: _failed(twisted_errors.ConnectionLost()),
    "the certificate is not the host's": lambda: _failed(twisted_errors.VerifyError()),
    "the certificate or the encryption is not valid": lambda: _failed(SSL.Error()),
    "the response is not HTTP": _failed,
    "the response was cut short": scrapy_errors.ResponseDataLossError,
    "larger than the limit": scrapy_errors.DownloadCancelledError,
}


def repeated_error(outcome: Outcome, reason: str) -> Exception:
    """Return the error with which a request failed; an unknown reason gives one that is not repeated.

    :param reason: reason in `fetches`, or an empty string if the request succeeded when it was repeated
    """
    if outcome in (Outcome.UNREACHABLE, Outcome.CORRUPT, Outcome.TOO_LARGE) and reason in _ERRORS:
        return _ERRORS[reason]()
    return FetchError(outcome, reason)
