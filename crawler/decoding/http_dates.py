"""Dates of HTTP headers and feeds (RFC 822)."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def parse_http_date(text: str) -> datetime | None:
    """Parse a date, UTC by default; None if it is malformed or outside of the years that Python knows.

    For some inputs `email.utils` raises errors other than ValueError: OverflowError for a huge year or offset.
    """
    try:
        date = parsedate_to_datetime(text)
        aware = date if date.tzinfo else date.replace(tzinfo=UTC)
        return aware.astimezone(UTC)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None
