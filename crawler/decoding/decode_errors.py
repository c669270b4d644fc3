"""Exceptions of decoding and parsing; :mod:`crawler.downloader.errors` maps each to an outcome."""


class DecodeError(Exception):
    """Raised if a body cannot be decoded or parsed; the message is one sentence for the `reason` column."""


class PageTooLarge(DecodeError):
    """Raised if a body exceeds a limit on size, elements, memory or time."""


class PageCorrupt(DecodeError):
    """Raised if a body is truncated or its checksum is wrong."""


class ParserCrashed(DecodeError):
    """Raised if a page ended the parse worker process, or if no worker process could be started for it."""
