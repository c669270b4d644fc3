"""Parsing of the dates in HTTP headers and feeds (RFC 822)."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def parse_http_date(text: str) -> datetime | None:
    """Return a date in UTC, which is also its default zone, or None if it is malformed or outside Python's range.

    `email.utils` may raise other exceptions than ValueError, such as OverflowError for a huge year or offset.
    """
    try:
        date = parsedate_to_datetime(text)
        aware = date if date.tzinfo else date.replace(tzinfo=UTC)
        return aware.astimezone(UTC)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None
