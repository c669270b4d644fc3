"""Cron expressions with five fields, computed by the library cronsim with the semantics of Debian's cron.

When daylight saving time begins or ends, a fixed time is due exactly once. A time that the clock skips is due when the
clock resumes (02:30 becomes 03:00), and a time that occurs twice is due only the first time. An expression whose minute
or hour begins with `*` follows elapsed time instead: it is not due in a skipped hour, and due twice in a repeated hour.

APScheduler is used only to wake the service. Its own CronTrigger is not used, because it can fire twice or not at all
in a night in which the clock changes, and because it counts weekdays from Monday.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from crawler.suggestions import closest

WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# For each field: valid values, an example of a range, and the largest step.
_FIELDS = {
    "minute": ("0-59", "0-29", 59),
    "hour": ("0-23", "6-22", 23),
    "day": ("1-31", "1-7", 31),
    "month": ("1-12, jan-dec", "mar-may", 12),
    "weekday": ("sun, mon, tue, wed, thu, fri, sat", "sun-thu", 6),
}
_ITEM = re.compile(r"(?:\*|(?:\d+|[a-z]{3})(?:-(?:\d+|[a-z]{3}))?)(?:/(?P<step>\d+))?", re.ASCII)
_START = datetime(2027, 12, 31, 23, 59, tzinfo=UTC)  # before a leap year
_YEAR = timedelta(days=366)
# More than the minutes of a day, and therefore enough to find the shortest gap.
_MAX_SAMPLES = 1500
# No time zone puts its clock back by more than this.
_MAX_REPEATED = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Due:
    """Time at which a schedule is due, in the time zone of the schedule (``local``) and in UTC (``at``)."""

    local: datetime
    at: datetime

    @property
    def key(self) -> str:
        """Local due time as text, such as `2026-11-22T02:15`, by which it is identified in the database.

        If the clock is set back and the time occurs twice, the second one is `2026-10-25T02:15 again`.
        """
        return f"{self.local:%Y-%m-%dT%H:%M}" + (" again" if self.local.fold else "")


def check_cron(text: str) -> str:
    """Validate a cron expression, and return it in lower case with single spaces.

    Raises `ValueError` with every error found and an example of a valid expression.
    """
    fields = text.lower().split()
    if len(fields) != len(_FIELDS):
        names = " ".join(_FIELDS)
        raise ValueError(f"{text!r} has {len(fields)} fields instead of five ({names}), such as '15 2 * * *'")
    problems = [
        problem for name, field in zip(_FIELDS, fields, strict=True) if (problem := _field_problem(name, field))
    ]
    if fields[2] != "*" and fields[4] != "*":
        problems.append("day and weekday cannot be combined, because crons differ in what it means: write * for one")
    if problems:
        raise ValueError("; ".join(problems))
    try:
        next(CronSim(" ".join(fields), _START))
    except (CronSimError, StopIteration):
        raise ValueError(f"{text!r} is never due: no such month has a day {fields[2]}") from None
    return " ".join(fields)


def _field_problem(name: str, field: str) -> str | None:
    values, example, max_step = _FIELDS[name]
    items = [_ITEM.fullmatch(item) for item in field.split(",")]
    if name == "weekday" and all(items) and re.search(r"(?<!/)\b\d", field):
        named = re.sub(r"(?<!/)\b\d+", lambda digits: WEEKDAYS[int(digits[0]) % 7], field)
        return f"weekday {field!r} is a number, which crons count differently: write {named!r}"
    try:
        if not all(item and 1 <= int(item["step"] or 1) <= max_step for item in items):
            raise CronSimError
        CronSim(" ".join(field if name == other else "*" for other in _FIELDS), _START)
    except CronSimError:
        return f"{name} {field!r} is invalid: write *, */5, {example}, or {values} with commas in between"
    return None


def zone_named(name: Any) -> ZoneInfo:
    """Return the time zone with this IANA name, such as `Asia/Dhaka`.

    Raises `ValueError` for an unknown name. The message suggests a zone; if the name is a city, it is the zone of that
    city.
    """
    known = available_timezones()
    if name in known:
        return ZoneInfo(name)
    city = re.sub(r"\W+", "_", str(name).rpartition("/")[2]).lower()
    of_city = (zone for zone in sorted(known) if "/" in zone and zone.rpartition("/")[2].lower() == city)
    near = next(of_city, None) or closest(name, sorted(known)) or "Asia/Dhaka"
    raise ValueError(f"there is no time zone {name!r}; did you mean {near!r}?")


def due_after(cron: str, zone: ZoneInfo, moment: datetime) -> Iterator[Due]:
    """Yield the due times of a cron expression after ``moment``, soonest first, without end."""
    for local in CronSim(cron, moment.astimezone(zone)):
        # In a repeated hour, cronsim starts with the first pass, which may already be over.
        if (at := local.astimezone(UTC)) > moment:
            yield Due(local, at)


def due_until(cron: str, zone: ZoneInfo, moment: datetime, since: datetime) -> Iterator[Due]:
    """Yield the due times of a cron expression after ``since`` and up to ``moment``, latest first."""
    for local in CronSim(cron, (moment + _MAX_REPEATED).astimezone(zone), reverse=True):
        at = local.astimezone(UTC)
        if at <= since:
            return
        if at <= moment:
            yield Due(local, at)


def shortest_gap(cron: str) -> timedelta:
    """Return the shortest time between two consecutive due times of a cron expression, at most a year."""
    times = islice(takewhile(lambda time: time < _START + _YEAR, CronSim(cron, _START)), _MAX_SAMPLES)
    return min((later - earlier for earlier, later in pairwise(times)), default=_YEAR)


def describe_cron(cron: str) -> str:
    """Describe a cron expression in words, such as `at 02:15 every day`."""
    words = CronSim(cron, _START).explain()
    return words[0].lower() + words[1:]
