"""Exceptions for bodies that cannot be decoded or parsed.

:mod:`crawler.downloader.errors` maps each exception to an outcome, the recorded final state of a URL.
"""


class DecodeError(Exception):
    """Raised if a body cannot be decoded or parsed; the message is one sentence for the column `fetches.reason`."""


class PageTooLarge(DecodeError):
    """Raised if a body exceeds a limit on size, elements, memory or time."""


class PageCorrupt(DecodeError):
    """Raised if a body is truncated or its checksum is wrong."""


class ParserCrashed(DecodeError):
    """Raised if a page crashed the worker process that parses pages, or if that process could not be started."""
