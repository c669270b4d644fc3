"""The current time, which tests can set.

The environment variable `KHOBOR_CLOCK` sets the time at which the process starts, as an ISO 8601 datetime with a zone
or as a number of seconds to add to the real time. Importing this module raises :class:`ValueError` if `KHOBOR_CLOCK` is
set without `KHOBOR_TESTING=1`.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic


def start_in(environment: Mapping[str, str]) -> datetime | None:
    """Return the time at which the clock starts according to environment variables, or None for the real time.

    :raises ValueError: `KHOBOR_CLOCK` is not valid, or not allowed outside tests
    """
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


def clock_offset() -> float:
    """Return the difference in seconds between the wall clock and a monotonic clock that includes system suspension.

    It changes only if the wall clock is set.
    """
    steady = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.time() - time.clock_gettime(steady)


@contextmanager
def stopped_at(moment: datetime) -> Iterator[None]:
    """Let :func:`now` return ``moment`` during the block, which must not await anything.

    Everything that a page shows is then seen at one time, and is seen at the same time if the page is read again.
    """
    global _stopped
    before, _stopped = _stopped, moment
    try:
        yield
    finally:
        _stopped = before


def stop(moment: datetime) -> None:
    """Let :func:`now` return ``moment`` until the next call, as the replay of a run does at each recorded response."""
    global _stopped
    _stopped = moment


def now() -> datetime:
    """Return the current time in UTC."""
    if _stopped is not None:
        return _stopped
    return datetime.now(UTC) if _start is None else _start + timedelta(seconds=monotonic() - _began)


_start, _began = start_in(os.environ), monotonic()
_stopped: datetime | None = None
