"""Words: a cron's five fields as a person would say them."""

import calendar
from collections.abc import Sequence
from datetime import time
from itertools import pairwise

from schedules.timetable.cron import Cron

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
