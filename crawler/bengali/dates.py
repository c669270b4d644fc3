"""Parsing of the dates in Bengali newspapers, from a single line or from a story header with labelled dates.

The labels are প্রকাশ (published) and আপডেট (updated). Dates are never guessed: a missing year is not added, day and
month are not exchanged, and a date with one impossible part is unreadable. Dates of the Bangla and Hijri calendars are
skipped.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crawler.bengali.date_patterns import (
    AGO,
    CLOCK_AFTER,
    CLOCK_BEFORE,
    COMPACT,
    DATES,
    DAY_BACK,
    DAYS_BACK,
    EMPTY,
    FOREIGN,
    HOURS,
    JUST_NOW,
    LABEL,
    MONTHS,
    SITE_ZONES,
    UNITS,
    UPDATE_WORD,
    YEAR_LAST,
    ZONES,
)
from crawler.bengali.text import ascii_digits, search_key

# Headers are short. These maximum lengths, before and after cleaning, limit the time for other input.
_MAX_RAW_LENGTH = 20_000
_MAX_LENGTH = 2_000

_YEARS = range(1990, 2101)
_OTHER_CALENDARS = range(1300, 1600)  # Bangla (1433) and Hijri (1448) years
_MAX_AHEAD = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class LabelledDates:
    """The published and updated dates of a story's header, in UTC; each is None if it is absent or unreadable.

    :ivar unreadable: the text after each label that cannot be parsed as a date, cut to 80 characters
    """

    published: datetime | None = None
    updated: datetime | None = None
    unreadable: tuple[str, ...] = ()


def parse_datetime(text: str, *, zone: ZoneInfo, now: datetime) -> datetime | None:
    """Return the first date and time in a text, in UTC, or None if there is none or it is not plausible.

    A date without a time is rejected, because midnight would look like a time from the page.

    :param zone: time zone of the text; an offset in the text overrides it
    :param now: aware time of the fetch, to which relative times such as ২ ঘণ্টা আগে (2 hours ago) refer; a date more
        than 24 hours after it is rejected
    """
    try:
        return next(filter(None, (_parse_segment(segment, zone, now) for _, segment in _segments(text))), None)
    except ValueError:
        return None


def parse_labelled_dates(text: str, *, zone: ZoneInfo, now: datetime) -> LabelledDates:
    """Return the dates after the labels প্রকাশ (published) and আপডেট (updated), which may be in any order.

    If there is no date after প্রকাশ, the first date before any label is returned as the published date. If a label
    occurs twice, its first readable date counts. A label followed by nothing, or only by the name of an edition, has no
    date but does not count as unreadable. The arguments are those of :func:`parse_datetime`.
    """
    segments = _segments(text)
    if any(label == "published" and not _is_empty(segment) for label, segment in segments):
        segments = segments[1:]
    dates: dict[str, datetime] = {}
    unreadable: dict[str, None] = {}
    for label, segment in segments:
        try:
            moment = _parse_segment(segment, zone, now)
            damaged = moment is None and label is not None and not _is_empty(segment)
        except ValueError:
            moment, damaged = None, True
        if moment:
            dates.setdefault(label or "published", moment)
        if damaged:
            unreadable[segment[:80]] = None
    return LabelledDates(dates.get("published"), dates.get("updated"), tuple(unreadable))


def may_name_update(text: str) -> bool:
    """Return True if a text may contain a label for the date of an update.

    This is far faster than parsing the dates of the text, so it is checked first.
    """
    return UPDATE_WORD.search(search_key(text[:_MAX_RAW_LENGTH])) is not None


def _is_empty(segment: str) -> bool:
    return EMPTY.fullmatch(segment[:80]) is not None


def _segments(text: str) -> list[tuple[str | None, str]]:
    """Split a text at its labels into pairs of (label, text after it).

    The label of the first pair is None, and its text is the part before any label.
    """
    text = search_key(text[:_MAX_RAW_LENGTH])[:_MAX_LENGTH]
    labels = list(LABEL.finditer(ascii_digits(text)))
    names = [None, *(label.lastgroup for label in labels)]
    starts = [0, *(label.end() for label in labels)]
    ends = [*(label.start() for label in labels), len(text)]
    return [(name, text[start:end].strip()) for name, start, end in zip(names, starts, ends, strict=True)]


def _parse_segment(text: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    """Return the date in a segment, or None if it contains no date.

    :raises ValueError: the date is not plausible
    """
    text = FOREIGN.sub(" ", ascii_digits(text).replace("−", "-"))
    text = YEAR_LAST.sub(r"\1 \2, \5 \3\4", text)
    text = COMPACT.sub(lambda m: f"{m[1]}-{m[3]}-{m[4]} {m[5]}:{m[7]}:{m[8] or '00'}", text)
    matches = [match for pattern in DATES for match in pattern.finditer(text) if _year(match) not in _OTHER_CALENDARS]
    if not matches:
        return _parse_relative(text, zone, now)
    first = min(matches, key=lambda match: match.start())
    if (year := _year(first)) not in _YEARS:
        raise ValueError("year out of range")
    month = first["month"].lower()
    return _add_time(date(year, MONTHS.get(month) or int(month), int(first["day"])), first, zone, now)


def _parse_relative(text: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    if JUST_NOW.search(text):
        return now.astimezone(UTC)
    if ago := AGO.search(text):
        distance = int(ago["count"]) * UNITS[ago["unit"]] + timedelta(minutes=int(ago["minutes"] or 0))
        if ago["unit"] != "দিন":
            return (now - distance).astimezone(UTC)
        return _add_time((now.astimezone(zone) - distance).date(), ago, zone, now)
    word = DAY_BACK.search(text)
    # আজ (today) also occurs in sentences. It counts as a date only beside a time, or alone.
    if word and (_time_beside(word) or EMPTY.fullmatch(text.replace(word[0], "", 1))):
        day = now.astimezone(zone).date() - timedelta(days=DAYS_BACK[word["day"]])
        return _add_time(day, word, zone, now)
    return None


def _add_time(day: date, match: re.Match[str], zone: ZoneInfo, now: datetime) -> datetime:
    if (clock := _time_beside(match)) is None:
        raise ValueError("date without a time")
    moment = datetime.combine(day, _time(clock), _offset(clock, zone) or zone).astimezone(UTC)
    if moment > now + _MAX_AHEAD:
        raise ValueError("date in the future")
    return moment


def _time_beside(match: re.Match[str]) -> re.Match[str] | None:
    """Return the match of the time directly before a date or, if there is none, directly after it."""
    for clock in (CLOCK_BEFORE.search(match.string[: match.start()]), CLOCK_AFTER.match(match.string, match.end())):
        if clock and any(clock[group] for group in ("minute", "spoken", "before", "after")):  # more than a bare number
            return clock
    return None


def _year(match: re.Match[str]) -> int:
    year = int(match["year"].lstrip("'’‘"))
    return year if len(match["year"]) == 4 else year + (2000 if year < 90 else 1900)


def _time(clock: re.Match[str]) -> time:
    """Return the time of day from a match.

    Words such as "am" or "morning" limit the possible hours.

    :raises ValueError: these words contradict the hour or each other, or the time is ambiguous
    """
    named = [HOURS[clock[group].lower()] for group in ("before", "after") if clock[group]]
    hour = int(clock["hour"])
    if clock["spoken"] and not named and hour <= 12:
        raise ValueError("ambiguous half of the day")
    if not clock["spoken"] and len(clock["minute"] or "00") != 2:
        raise ValueError("minutes of one digit")
    candidates = {hour, (hour + 12) % 24} if named and 1 <= hour <= 12 else {hour}
    candidates.intersection_update(*named)
    if len(candidates) != 1:
        raise ValueError("hour contradicts the part of the day")
    return time(candidates.pop(), int(clock["minute"] or 0), int(clock["second"] or 0))


def _offset(clock: re.Match[str], zone: ZoneInfo) -> tzinfo | None:
    if local := clock["local"]:
        return _named_zone(local, zone)
    offset = clock["offset"] or clock["shift"]
    if not offset and not clock["zone"]:
        return None
    distance = timedelta(hours=ZONES[clock["zone"].lower()] if clock["zone"] else 0)
    if offset:
        follows_t = clock.string[clock.start("hour") - 1] in "tT"
        if (
            offset.startswith("-")
            and (":" in offset or len(offset) < 4)
            and not (clock["second"] or clock["zone"] or follows_t)
        ):
            raise ValueError("range of hours, not an offset")
        number = offset[1:].replace(":", "")
        hours, minutes = (int(number), 0) if len(number) < 3 else (int(number[:-2]), int(number[-2:]))
        if hours > 14 or minutes not in (0, 15, 30, 45):
            raise ValueError("offset of no zone")
        distance += timedelta(hours=hours, minutes=minutes) * (-1 if offset.startswith("-") else 1)
    return timezone(distance)


def _named_zone(name: str, zone: ZoneInfo) -> tzinfo:
    """Return the time zone for an IANA name, or for an abbreviation that is used in the site's own time zone.

    :raises ValueError: the name is not known
    """
    if (hours := SITE_ZONES.get(name.lower(), {}).get(zone.key)) is not None:
        return timezone(timedelta(hours=hours))
    try:
        if "/" in name:
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError):
        pass
    raise ValueError("unknown time zone")
