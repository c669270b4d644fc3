"""Errors of decoding and parsing; :mod:`crawler.downloader.errors` gives each its outcome."""


class DecodeError(Exception):
    """A body that cannot be decoded or parsed; the message is one sentence for the `reason` column."""


class PageTooLarge(DecodeError):
    """A body that exceeds a limit of size, elements, memory or time."""


class PageCorrupt(DecodeError):
    """A body that was cut short or whose checksum fails."""


class ParserCrashed(DecodeError):
    """A page that ended the parse worker, or for which no worker could be started."""
