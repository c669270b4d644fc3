"""Conditional requests: the validators of a response, and whether a request had a condition."""

from scrapy.http import Response

MAX_VALIDATOR_LENGTH = 200


def validator(response: Response, name: str) -> str | None:
    """Return an ETag or Last-Modified header, for use in a later conditional request.

    Return None if it is absent, longer than 200 characters or not printable ASCII, because such a value might not be
    sent back unchanged.
    """
    value = response.headers.get(name) or b""
    text = value.decode("latin-1")
    return text if 0 < len(text) <= MAX_VALIDATOR_LENGTH and text.isascii() and text.isprintable() else None


def is_conditional(response: Response) -> bool:
    headers = response.request.headers if response.request else {}
    return "If-None-Match" in headers or "If-Modified-Since" in headers
