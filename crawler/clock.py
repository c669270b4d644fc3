"""The current time, which tests can shift.

`KHOBOR_CLOCK` sets the time at which the process starts: an ISO 8601 datetime with a zone, or a number of seconds to
add to the real time. It needs `KHOBOR_TESTING=1`; otherwise importing this module raises :class:`ValueError`.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from time import monotonic


def start_in(environment: Mapping[str, str]) -> datetime | None:
    """Return the start of the clock, None for the real time; raises :class:`ValueError` for an invalid value."""
    if not (value := environment.get("KHOBOR_CLOCK")):
        return None
    if environment.get("KHOBOR_TESTING") != "1":
        raise ValueError("KHOBOR_CLOCK is for tests only: unset it, or set KHOBOR_TESTING=1 too")
    try:
        return datetime.now(UTC) + timedelta(seconds=float(value))
    except (ValueError, OverflowError):
        pass
    try:
        start = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"KHOBOR_CLOCK={value} must be a datetime or a number of seconds") from None
    if start.tzinfo is None:
        raise ValueError(f"KHOBOR_CLOCK={value} needs a zone (+06:00, or Z)")
    return start.astimezone(UTC)


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC) if _start is None else _start + timedelta(seconds=monotonic() - _began)


_start, _began = start_in(os.environ), monotonic()
