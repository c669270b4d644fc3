"""Cron: five fields that say when, read strictly, and reckoned on the clock of a place.

Two clocks a year are odd. A time that the clock leaps over is run as much later as the clock was put forward, and a
time that comes twice is run the first time only: a night has one run. A schedule of every hour (`*` or `*/n`) follows
the hours as they pass instead: none for an hour that never was, two for one that comes twice.
"""

import calendar
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from datetime import time as time_of_day
from difflib import get_close_matches
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DAY = timedelta(days=1)
# A 29 February may be eight years away.
_FAR = timedelta(days=366 * 9)
_SHORTHANDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * sun",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 jan *",
    "@annually": "0 0 1 jan *",
}
_ITEM = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?", re.ASCII)


class CronWrong(ValueError):
    """The five fields cannot be read; ``problems`` are sentences, each with the nearest right thing."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Due:
    """One time at which a schedule is due: as the clock of its place says it, and as the moment (UTC) that it is."""

    local: datetime
    at: datetime
    second: bool = False

    @property
    def key(self) -> str:
        """`2026-11-22T02:15`, and in an hour that comes twice `2026-10-25T02:15 again`. Unique within a schedule."""
        return f"{self.local:%Y-%m-%dT%H:%M}" + (" again" if self.second else "")


@dataclass(frozen=True)
class Cron:
    """Five fields, each spelled out; weekdays count from Monday as 0."""

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    every_hour: bool

    @property
    def times(self) -> list[time_of_day]:
        """The times of day, sorted."""
        return [time_of_day(hour, minute) for hour in self.hours for minute in self.minutes]

    def falls_on(self, day: date) -> bool:
        """Whether the schedule is due on that date at all."""
        return day.month in self.months and day.day in self.days and day.weekday() in self.weekdays

    def after(self, moment: datetime, zone: ZoneInfo) -> Iterator[Due]:
        """The times after a moment, soonest first."""
        # A time that the clock leapt over yesterday may be of today.
        day = moment.astimezone(zone).date() - _DAY
        last = day + _FAR
        while day <= last:
            yield from (due for due in _dues_on(self, zone, day) if due.at > moment)
            day += _DAY

    def until(self, moment: datetime, zone: ZoneInfo, since: datetime) -> Iterator[Due]:
        """The times after ``since`` up to a moment and with it, latest first."""
        day, first = moment.astimezone(zone).date(), since.astimezone(zone).date() - _DAY
        while day >= first:
            yield from (due for due in reversed(_dues_on(self, zone, day)) if since < due.at <= moment)
            day -= _DAY

    def shortest_gap(self) -> timedelta:
        """The least time between two times of the schedule, two days at the most."""
        times = [timedelta(hours=each.hour, minutes=each.minute) for each in self.times]
        gaps = [after - before for before, after in pairwise(times)]
        year = [date(2028, 1, 1) + n * _DAY for n in range(366)]
        if any(self.falls_on(day) and self.falls_on(day + _DAY) for day in year):
            gaps.append(_DAY + times[0] - times[-1])
        return min(gaps, default=2 * _DAY)

    def trigger(self, zone: ZoneInfo) -> CronTrigger:
        """The same as a trigger of APScheduler, which reckons without a zone in its own, and takes 0 for Monday."""
        return CronTrigger(
            minute=_listed(self.minutes),
            hour=_listed(self.hours),
            day=_listed(self.days),
            month=_listed(self.months),
            day_of_week=",".join(WEEKDAYS[number] for number in self.weekdays),
            timezone=zone,
        )


def _listed(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers))


@lru_cache(maxsize=256)
def _dues_on(cron: Cron, zone: ZoneInfo, day: date) -> tuple[Due, ...]:
    if not cron.falls_on(day):
        return ()
    dues = [due for each in cron.times for due in _as_moments(datetime.combine(day, each), zone, cron.every_hour)]
    return tuple(sorted(dues, key=lambda due: (due.at, due.local)))


def _as_moments(local: datetime, zone: ZoneInfo, every_hour: bool) -> Iterator[Due]:
    first = local.replace(tzinfo=zone).astimezone(UTC)
    leapt_over = first.astimezone(zone).replace(tzinfo=None) != local
    if not (leapt_over and every_hour):
        yield Due(local, first)
    second = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if every_hour and not leapt_over and second != first:
        yield Due(local, second, second=True)


# Reading ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, MONTHS),
    _Field("weekday", 0, 6, WEEKDAYS),
)


def read_cron(text: str) -> Cron:
    """Read `minute hour day month weekday`; raises :class:`CronWrong` with everything that is wrong."""
    if text.strip().startswith("@"):
        meant = _SHORTHANDS.get(text.strip().lower(), "0 0 * * *")
        raise CronWrong([f"{text!r} is shorthand that not every cron knows: write {meant!r}"])
    parts = text.lower().split()
    if len(parts) != len(_FIELDS):
        names = " ".join(field.name for field in _FIELDS)
        raise CronWrong([f"{text!r} has {len(parts)} fields in place of five ({names}): '15 2 * * *' is 02:15 daily"])
    problems: list[str] = []
    read = [_numbers(part, field, problems) for part, field in zip(parts, _FIELDS, strict=True)]
    if parts[2] != "*" and parts[4] != "*":
        problems.append(
            f"{text!r} names days of the month and weekdays, which some crons join and others cross:"
            f" write '{' '.join((*parts[:4], '*'))}' or '{' '.join((*parts[:2], '*', *parts[3:]))}'"
        )
    if problems:
        raise CronWrong(problems)
    minutes, hours, days, months, weekdays = read
    if not any(day <= _LONGEST_MONTH[month - 1] for month in months for day in days):
        longest = max(_LONGEST_MONTH[month - 1] for month in months)
        nearest = " ".join((*parts[:2], str(longest), *parts[3:]))
        raise CronWrong([f"{text!r} never comes: the month has no day {days[0]}; the nearest is {nearest!r}"])
    return Cron(text, minutes, hours, days, months, weekdays, every_hour=parts[1].startswith("*") or len(hours) == 24)


def _numbers(part: str, field: _Field, problems: list[str]) -> tuple[int, ...]:
    found: set[int] = set()
    for item in part.split(","):
        try:
            found.update(_range(item, field))
        except ValueError as error:
            problems.append(str(error))
    return tuple(sorted(found))


def _range(item: str, field: _Field) -> Iterator[int]:
    form = _ITEM.fullmatch(item)
    if form is None or (form["first"] == "*" and form["last"]):
        raise ValueError(f"{field.name} {item!r} cannot be read: write '*', '5', '1-5', '*/10' or several with commas")
    step = int(form["step"] or 1)
    size = field.high - field.low + 1
    if not 1 <= step < size:
        raise ValueError(f"{field.name} {item!r} goes in steps of {step}: write a step from 1 to {size - 1}")
    if form["first"] == "*":
        return iter(range(field.low, field.high + 1, step))
    first = _number(form["first"], field, item)
    last = _number(form["last"], field, item) if form["last"] else first
    if form["step"] and not form["last"]:
        raise ValueError(f"{field.name} {item!r} has a step and no end: write '{form['first']}-{field.high}/{step}'")
    if last < first and field.name != "weekday":
        raise ValueError(f"{field.name} {item!r} runs backwards: write '{first}-{field.high},{field.low}-{last}'")
    if last < first:  # a week has no end: sun-thu is the working week of Dhaka
        last += size
    return (field.low + (number - field.low) % size for number in range(first, last + 1, step))


def _number(text: str, field: _Field, item: str) -> int:
    if field.name == "weekday" and text.isdigit():
        meant = re.sub(r"(?<!/)\b\d+", lambda digit: WEEKDAYS[(int(digit[0]) - 1) % 7], item)
        raise ValueError(f"weekday {item!r} is a number, and who counts from Sunday or Monday differs: write {meant!r}")
    if text in field.names:
        return field.names.index(text) + field.low
    if not text.isdigit():
        nearest = get_close_matches(text, field.names, n=1, cutoff=0.5) or get_close_matches(text[:3], field.names, n=1)
        hint = f"write {nearest[0]!r}" if nearest else f"write one of {', '.join(field.names) or 'the numbers'}"
        raise ValueError(f"{field.name} {text!r} is none: {hint}")
    number = int(text)
    if not field.low <= number <= field.high:
        nearest_number = min(max(number, field.low), field.high)
        raise ValueError(
            f"{field.name} {text} is not between {field.low} and {field.high}: the nearest is {nearest_number}"
        )
    return number


_MINUTES_IN_A_DAY = 24 * 60
_MOST_TIMES_TO_NAME = 6
_NIGHT_BEGINS, _NIGHT_ENDS = time(21), time(5)


def in_words(cron: Cron) -> str:
    """`every night at 02:15`, `every day, every 30 minutes from 06:00 to 23:30`, `on Friday at 10:00`."""
    times = cron.times
    days = _days(cron, at_night=len(times) == 1 and not _NIGHT_ENDS <= times[0] < _NIGHT_BEGINS)
    if len(times) <= _MOST_TIMES_TO_NAME:
        return f"{days} at {_joined([_said(each) for each in times])}"
    return f"{days}, {_often(times)}"


def _days(cron: Cron, *, at_night: bool) -> str:
    months = "" if len(cron.months) == 12 else " in " + _joined([calendar.month_name[n] for n in cron.months])
    if len(cron.days) < 31:
        return f"on the {_joined([_ordinal(day) for day in cron.days])} of {months[4:] or 'every month'}"
    if len(cron.weekdays) < 7:
        return f"on {_weekdays(cron.weekdays)}{months}"
    return ("every night" if at_night else "every day") + months


def _weekdays(numbers: Sequence[int]) -> str:
    """Named one by one, or from the first to the last where at least three follow each other around the week."""
    begins = [n for n in numbers if (n - 1) % 7 not in numbers]
    if len(begins) == 1 and len(numbers) >= 3:
        return f"{calendar.day_name[begins[0]]} to {calendar.day_name[(begins[0] + len(numbers) - 1) % 7]}"
    return _joined([calendar.day_name[n] for n in numbers])


def _often(times: Sequence[time]) -> str:
    minutes = [each.hour * 60 + each.minute for each in times]
    gaps = {after - before for before, after in pairwise(minutes)}
    if len(gaps) > 1:
        return f"{len(times)} times between {_said(times[0])} and {_said(times[-1])}"
    [gap] = gaps
    every = "every minute" if gap == 1 else "every hour" if gap == 60 else f"every {_span(gap)}"
    if minutes[0] + _MINUTES_IN_A_DAY - minutes[-1] == gap:
        return every if not minutes[0] else f"{every} from {_said(times[0])}"
    return f"{every} from {_said(times[0])} to {_said(times[-1])}"


def _span(minutes: int) -> str:
    return f"{minutes // 60} hours" if minutes % 60 == 0 else f"{minutes} minutes"


def _said(each: time) -> str:
    return f"{each:%H:%M}"


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number not in (11, 12, 13) else 0, "th")
    return f"{number}{ending}"


def _joined(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
