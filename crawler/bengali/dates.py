"""Reads the dates of the Bengali press: one moment from a line, or the published and updated ones from a header.

What cannot be read is None, never a guess: no year is supplied, day and month are not exchanged, and one impossible
part spoils the whole. Dates of the Bangla and the Hijri calendar are passed over.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from crawler.bengali.date_patterns import (
    AGO,
    CLOCK_AFTER,
    CLOCK_BEFORE,
    DATES,
    DAY_BACK,
    DAYS_BACK,
    EMPTY,
    FOREIGN,
    HOURS,
    JUST_NOW,
    LABEL,
    MONTHS,
    UNITS,
    ZONES,
)
from crawler.bengali.text import digits, needle

# A header is short. These bounds, before and after cleaning, keep whatever else is handed in from taking long.
_LONGEST_RAW = 20_000
_LONGEST = 2_000

_YEARS = range(1990, 2101)
_OTHER_CALENDARS = range(1300, 1600)  # Bangla (1433) and Hijri (1448) years
_AHEAD = timedelta(hours=26)  # the widest distance between two zones: more than that is the future everywhere


@dataclass(frozen=True, slots=True)
class Header:
    """What the labels of a story's header say: moments in UTC, None where absent or unreadable.

    ``unreadable`` holds the texts that stand where a date should and cannot be read, each cut to 80 characters, so that
    they can be counted and shown.
    """

    published: datetime | None = None
    updated: datetime | None = None
    unreadable: tuple[str, ...] = ()


def read_moment(
    text: str, *, zone: ZoneInfo, now: datetime | None = None, allow_date_only: bool = False
) -> datetime | None:
    """The first date and time of the text, in UTC; None when there is none, or none that can be trusted.

    ``zone`` is where the text was written; an offset in the text overrules it. ``now`` (aware) is when the page was
    fetched: it makes ২ ঘণ্টা আগে readable, to the precision of its unit, and refuses what lies more than 26 hours
    ahead. A date without a time is refused, since midnight would look like a time that the page gave; with
    ``allow_date_only`` it is the start of that day. Raises ValueError for a naive ``now``.
    """
    reader = _Reader(zone, _aware(now), allow_date_only)
    for segment in _segments(text):
        try:
            moment = reader.moment(digits(segment.text))
        except ValueError:
            return None
        if moment:
            return moment
    return None


def read_labelled(text: str, *, zone: ZoneInfo, now: datetime | None = None, allow_date_only: bool = False) -> Header:
    """The dates that প্রকাশ and আপডেট name in a header, in any order; arguments as for ``read_moment``.

    Where প্রকাশ names none, the first date before any label is the published one. A label with nothing after it, or
    with the edition only, is empty and not unreadable. Of a label that occurs twice, the first readable date counts.
    """
    reader = _Reader(zone, _aware(now), allow_date_only)
    segments = _segments(text)
    if any(segment.label == "published" and not segment.is_empty for segment in segments):
        segments = segments[1:]
    found: dict[str, datetime] = {}
    unreadable: dict[str, None] = {}
    for segment in segments:
        try:
            moment = reader.moment(digits(segment.text))
            damaged = moment is None and segment.label is not None and not segment.is_empty
        except ValueError:
            moment, damaged = None, True
        if moment:
            found.setdefault(segment.label or "published", moment)
        if damaged:
            unreadable[segment.text[:80]] = None
    return Header(found.get("published"), found.get("updated"), tuple(unreadable))


class _Segment(NamedTuple):
    label: str | None
    text: str

    @property
    def is_empty(self) -> bool:
        return EMPTY.fullmatch(self.text[:80]) is not None


def _segments(text: str) -> list[_Segment]:
    """The text cut at its labels: first what stands before any of them."""
    text = needle(text[:_LONGEST_RAW])[:_LONGEST]
    labels = list(LABEL.finditer(digits(text)))
    ends = [label.start() for label in labels[1:]] + [len(text)]
    first = _Segment(None, text[: labels[0].start()] if labels else text)
    return [first] + [
        _Segment(label.lastgroup, text[label.end() : end].strip()) for label, end in zip(labels, ends, strict=False)
    ]


def _aware(now: datetime | None) -> datetime | None:
    if now is not None and now.tzinfo is None:
        raise ValueError("now must be an aware datetime")
    return now


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads segments whose digits are ASCII; a ValueError means that a date is there and cannot be trusted."""

    zone: ZoneInfo
    now: datetime | None
    allow_date_only: bool

    def moment(self, text: str) -> datetime | None:
        text = FOREIGN.sub(" ", text)
        found = [match for pattern in DATES for match in pattern.finditer(text) if _year(match) not in _OTHER_CALENDARS]
        if not found:
            return self._relative(text)
        first = min(found, key=lambda match: match.start())
        return self._join(_day(first), text, first)

    def _relative(self, text: str) -> datetime | None:
        if self.now is None:
            return None
        if JUST_NOW.search(text):
            return self.now.astimezone(UTC)
        if ago := AGO.search(text):
            distance = int(ago["count"]) * UNITS[ago["unit"]] + timedelta(minutes=int(ago["minutes"] or 0))
            if ago["unit"] != "দিন":
                return (self.now - distance).astimezone(UTC)
            return self._join((self.now.astimezone(self.zone) - distance).date(), text, ago)
        word = DAY_BACK.search(text)
        # আজ is also a word of prose: it is a date only beside a time, or alone.
        if word and (_clock_beside(word, text) or EMPTY.fullmatch(text.replace(word[0], "", 1))):
            today = self.now.astimezone(self.zone).date()
            return self._join(today - timedelta(days=DAYS_BACK[word["day"]]), text, word)
        return None

    def _join(self, day: date, text: str, found: re.Match[str]) -> datetime:
        if clock := _clock_beside(found, text):
            moment = datetime.combine(day, _time(clock), _offset(clock) or self.zone).astimezone(UTC)
        elif self.allow_date_only:
            moment = datetime.combine(day, time(), self.zone).astimezone(UTC)
        else:
            raise ValueError("a date without a time")
        if self.now and moment > self.now + _AHEAD:
            raise ValueError("a date in the future")
        return moment


def _clock_beside(found: re.Match[str], text: str) -> re.Match[str] | None:
    """The time that belongs to a date: the one just before it or, where none is, just after it."""
    for clock in (CLOCK_BEFORE.search(text[: found.start()]), CLOCK_AFTER.match(text, found.end())):
        if clock and any(clock[group] for group in ("minute", "spoken", "before", "after")):  # more than a bare number
            return clock
    return None


def _year(found: re.Match[str]) -> int:
    year = int(found["year"].lstrip("'’‘"))
    if len(found["year"]) == 4:
        return year
    return year + (2000 if year < 90 else 1900)


def _day(found: re.Match[str]) -> date:
    if (year := _year(found)) not in _YEARS:
        raise ValueError("a year that no page is from")
    month = found["month"].lower()
    return date(year, MONTHS.get(month) or int(month), int(found["day"]))


def _time(clock: re.Match[str]) -> time:
    """The time of day; the hour is the only one that agrees with every half and part of the day that is named."""
    named = [HOURS[clock[group].lower()] for group in ("before", "after") if clock[group]]
    hour = int(clock["hour"])
    if clock["spoken"] and not named and hour <= 12:
        raise ValueError("an hour of either half of the day")
    if not clock["spoken"] and len(clock["minute"] or "00") != 2:
        raise ValueError("minutes of one digit")
    candidates = {hour, (hour + 12) % 24} if named and 1 <= hour <= 12 else {hour}
    candidates.intersection_update(*named)
    if len(candidates) != 1:
        raise ValueError("an hour that contradicts its part of the day")
    return time(candidates.pop(), int(clock["minute"] or 0), int(clock["second"] or 0))


def _offset(clock: re.Match[str]) -> tzinfo | None:
    """The zone that the text itself names, if it does."""
    written = clock["offset"] or clock["shift"]
    if not written and not clock["zone"]:
        return None
    distance = timedelta(hours=ZONES[clock["zone"].lower()] if clock["zone"] else 0)
    if written:
        follows_t = clock.string[clock.start("hour") - 1] in "tT"
        if written.startswith("-") and ":" in written and not (clock["second"] or clock["zone"] or follows_t):
            raise ValueError("a range of hours rather than an offset")
        number = written[1:].replace(":", "")
        hours, minutes = (int(number), 0) if len(number) < 3 else (int(number[:-2]), int(number[-2:]))
        if hours > 14 or minutes not in (0, 15, 30, 45):
            raise ValueError("an offset that no zone has")
        distance += timedelta(hours=hours, minutes=minutes) * (-1 if written.startswith("-") else 1)
    return timezone(distance)
