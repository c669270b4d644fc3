"""Parsing of the dates in HTTP headers and feeds (RFC 822)."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_WORD = re.compile(r"[A-Za-z]{2,}")
_DAY_OR_MONTH = re.compile(
    r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?|(?:jan|febr)(?:uary)?|feb|mar(?:ch)?|apr(?:il)?|may"
    r"|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|(?:nov|dec)(?:ember)?|at|[ap]m",
    re.IGNORECASE,
)


def parse_http_date(text: str) -> datetime | None:
    """Return a date in UTC, which is also its default zone, or None if it is malformed or outside Python's range.

    A zone with an unknown name, which `email.utils` takes for UTC, makes the date None. `email.utils` may raise other
    exceptions than ValueError, such as OverflowError for a huge year or offset.
    """
    try:
        date = parsedate_to_datetime(text)
        if date.tzinfo is None:
            if not all(map(_DAY_OR_MONTH.fullmatch, _WORD.findall(text[:200]))):
                return None
            date = date.replace(tzinfo=UTC)
        return date.astimezone(UTC)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None
