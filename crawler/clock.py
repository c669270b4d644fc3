"""What time it is, in one place.

`KHOBOR_CLOCK` (a moment such as `2026-01-11T19:05+06:00`, or seconds before or after the real time) sets where the
clock of a test stands when the process starts; from there it goes on evenly. It counts only together with
`KHOBOR_TESTING=1`; set alone it is an operator's mistake, and importing this module raises :class:`ValueError`.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from time import monotonic


def start_in(environment: Mapping[str, str]) -> datetime | None:
    """Where the clock is to start, None for the real time; :class:`ValueError` for what is malformed or no test's."""
    if not (wanted := environment.get("KHOBOR_CLOCK")):
        return None
    if environment.get("KHOBOR_TESTING") != "1":
        raise ValueError("KHOBOR_CLOCK is set, which is for tests alone: unset it, or set KHOBOR_TESTING=1 too")
    try:
        return datetime.now(UTC) + timedelta(seconds=float(wanted))
    except (ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(wanted)
    except ValueError:
        raise ValueError(f"KHOBOR_CLOCK={wanted} is neither a moment nor a number of seconds") from None
    if moment.tzinfo is None:
        raise ValueError(f"KHOBOR_CLOCK={wanted} does not say its zone (+06:00, or Z)")
    return moment.astimezone(UTC)


def now() -> datetime:
    """The present moment in UTC, to the microsecond that the tables keep."""
    return datetime.now(UTC) if _start is None else _start + timedelta(seconds=monotonic() - _began)


_start, _began = start_in(os.environ), monotonic()
