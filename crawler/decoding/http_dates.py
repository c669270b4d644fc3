"""Parsing of dates in HTTP headers and feeds (RFC 822)."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# `email.utils` takes +06 for six minutes, +06:00 for UTC, and ignores the halves of the day.
_OFFSET = re.compile(r"(:\d\d\s{0,9}[+-])(\d\d?)(?::?(\d\d))?(?![\d:])")
_HALF = re.compile(r"\b[ap]\.?m\b", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z]{2,}")
_DAY_OR_MONTH = re.compile(
    r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?|(?:jan|febr)(?:uary)?|feb|mar(?:ch)?|apr(?:il)?|may"
    r"|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|(?:nov|dec)(?:ember)?",
    re.IGNORECASE,
)


def parse_http_date(text: str) -> datetime | None:
    """Return a date in UTC, or None if it is malformed or outside Python's range.

    A date without a time zone is read as UTC. A date with an unknown zone name, AM or PM gives None, because
    `email.utils` would ignore these. `email.utils` may raise other exceptions than ValueError, such as OverflowError
    for a huge year or offset.
    """
    if _HALF.search(text):
        return None
    try:
        date = parsedate_to_datetime(_OFFSET.sub(lambda offset: f"{offset[1]}{offset[2]:>02}{offset[3] or '00'}", text))
        if date.tzinfo is None:
            if not all(map(_DAY_OR_MONTH.fullmatch, _WORD.findall(text[:200]))):
                return None
            date = date.replace(tzinfo=UTC)
        return date.astimezone(UTC)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None
