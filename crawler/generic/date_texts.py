"""Parsing of dates in the formats of many countries, to a moment or, if no time is given, to a day.

Nothing is guessed. 03/04/2016, for example, is a date only if the language of the page determines the order of day and
month.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from crawler.bengali.date_patterns import ZONES
from crawler.bengali.dates import parse_labelled_dates
from crawler.bengali.text import ascii_digits, search_key
from crawler.decoding.http_dates import parse_http_date
from crawler.generic.month_names import MONTHS, PUBLISHED_WORDS, UPDATED_WORDS

_MAX_LENGTH = 400
_DIGITS = re.compile(r"\d\D?\d")  # of any script; no date has only single ones
_BENGALI = re.compile("[\u0980-\u09ff]")
_FIRST_YEAR = 1990
_MAX_AHEAD = timedelta(hours=24)
#: Languages in which 03/04/2016 is in April, if the region does not say otherwise; "en" alone leaves it open.
_MONTH_FIRST = frozenset(("en-us", "en-ph"))
_CJK = re.compile(r"(?<!\d)(?P<y>\d{4})\s?[年년]\s?(?P<m>\d\d?)\s?[月월]\s?(?P<d>\d\d?)\s?[日일号]?")
_ISO = re.compile(
    r"(?<![\d-])(?P<y>(?:19|20)\d\d)(?P<s>[-/.]?)(?P<m>0[1-9]|1[0-2])(?P=s)(?P<d>0[1-9]|[12]\d|3[01])"
    r"(?:(?:T|\s+|(?<=\d)-)(?P<hour>[01]\d|2[0-3]):?(?P<minute>[0-5]\d)(?::?(?P<second>[0-5]\d))?(?:[.,]\d{1,9})?"
    r"\s?(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d)?|(?!\d))",
    re.IGNORECASE,
)
_MONTH = "|".join(sorted(map(re.escape, MONTHS), key=len, reverse=True))
_DAY = r"(?<![\d.,/-])(?P<d>\d{1,2})(?:st|nd|rd|th|er|º|ª|\.)?"
_NAMED = (
    re.compile(
        rf"{_DAY}[\s\-/.,]*+(?:de\s++|of\s++|d')?(?P<month>{_MONTH})(?![^\W\d_])\.?"
        r"[\s\-/.,']*+(?:del?\s++)?(?P<y>\d{4})(?!\d)"
    ),
    re.compile(
        rf"(?<![^\W\d_])(?P<month>{_MONTH})(?![^\W\d_])\.?\s*+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?[\s,.]++(?P<y>\d{{4}})(?!\d)"
    ),
    re.compile(rf"(?<!\d)(?P<y>\d{{4}})[\s,.\-/]++(?P<month>{_MONTH})(?![^\W\d_])\.?[\s\-/]*+(?P<d>\d{{1,2}})(?!\d)"),
)
_LOOSE_YMD = re.compile(r"(?<![\d/.-])(?P<y>(?:19|20)\d\d)(?P<s>[-/.])\s?(?P<m>\d\d?)(?P=s)\s?(?P<d>\d\d?)(?![\d/-])")
_DOTTED = re.compile(r"(?<![\d.])(?P<d>\d\d?)\.\s?(?P<m>\d\d?)\.\s?(?P<y>(?:19|20)\d\d|\d\d)(?![\d.]\d)")
_SLASHED = re.compile(r"(?<![\d/-])(?P<a>\d\d?)\s?([/-])\s?(?P<b>\d\d?)\s?\2\s?(?P<y>(?:19|20)\d\d)(?![\d/-])")
_CLOCK = re.compile(
    r"\A[^\w\n]{0,6}(?:(?:um|at|à|às|a las|alle|alle ore|ore|om|kl|klo|o|v|в|saat|pukul)(?!\w)[^\w\n]{0,3})?"
    r"(?P<hour>\d\d?)(?:[:h]|\.(?=\d\d(?![\d.])))(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?!\d)"
    rf"\s?(?P<half>[ap]\.?m\.?)?(?:\s?\(?(?P<zone>{'|'.join(ZONES)}|[a-z]{{1,3}}t)\b)?"
)
_HTTP = re.compile(r"(?:[A-Z][a-z]{2},? )?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d")
_LABEL = re.compile(
    rf"(?<![^\W\d_])(?:(?P<updated>{UPDATED_WORDS})|(?P<published>{PUBLISHED_WORDS}))(?![^\W\d_])", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class FoundDate:
    """A date found in a text.

    :ivar day: the day of the date
    :ivar moment: date and time with the offset given in the text, or None if only a day is given
    :ivar is_update: the text calls it the date of an update
    :ivar is_labelled: the text calls it a date of publication or update
    """

    day: date
    moment: datetime | None = None
    is_update: bool = False
    is_labelled: bool = False


@dataclass(frozen=True, slots=True)
class DateReader:
    """Parser of the dates of one page.

    :param zone: time zone of a time without an offset
    :param now: time of the download; a date more than a day later is rejected
    :param language: language of the page, in lower case, such as `en-us`
    :param knows_zone: True if ``zone`` is the time zone of the site. If False, a date and time without an offset is
        reduced to its day.
    """

    zone: ZoneInfo
    now: datetime
    language: str = ""
    knows_zone: bool = True

    def machine_date(self, text: str) -> FoundDate | None:
        """Return the date in an attribute's value, or None.

        Formats are ISO 8601, an HTTP date, seconds or milliseconds since 1970, and the formats of visible text.
        """
        text = text.strip()[:_MAX_LENGTH]
        if re.fullmatch(r"1\d{9}(?:\d{3})?", text):
            return self._plausible(datetime.fromtimestamp(int(text[:10]), UTC))
        if match := _ISO.match(text):
            return self._iso(match)
        if _HTTP.match(text):
            return self._plausible(parse_http_date(text))
        return next((found for found in self.written_dates(text) if not found.is_update), None)

    def written_dates(self, text: str) -> Iterator[FoundDate]:
        """Yield the dates in a visible text, in their order.

        A label before a date, such as "updated", sets ``is_labelled`` and ``is_update``.
        """
        if not _DIGITS.search(text):
            return
        if _BENGALI.search(text):
            yield from self._bengali_dates(text)
        shown = search_key(ascii_digits(text[:_MAX_LENGTH])).lower()
        labels = [(match.end(), match.lastgroup == "updated") for match in _LABEL.finditer(shown)]
        for start, end, day in self._days(shown):
            if day is None or not self._is_plausible(day):
                continue
            label = next(((at, is_update) for at, is_update in reversed(labels) if at <= start), None)
            moment = self._time_after(day, shown[end:])
            yield FoundDate(day, moment, label is not None and label[1], label is not None)

    def _bengali_dates(self, text: str) -> Iterator[FoundDate]:
        """Yield the dates that have a time in a Bengali text.

        Bengali has words for parts of the day, which a general parser does not know.
        """
        dates = parse_labelled_dates(text, zone=self.zone, now=self.now)
        has_label = _LABEL.search(search_key(text)) is not None
        for moment, is_update in ((dates.published, False), (dates.updated, True)):
            if moment is not None:
                local = moment.astimezone(self.zone)
                yield FoundDate(local.date(), local if self.knows_zone else None, is_update, has_label)

    def _days(self, text: str) -> list[tuple[int, int, date | None]]:
        found: list[tuple[int, int, date | None]] = []
        for pattern in (_ISO, _CJK, *_NAMED, _LOOSE_YMD, _DOTTED, _SLASHED):
            for match in pattern.finditer(text):
                start, end = match.start(), match.end("d") if pattern is _ISO else match.end()
                if all(end <= other or start >= until for other, until, _ in found):
                    found.append((start, end, self._day(match)))
        return sorted(found, key=lambda each: each[:2])

    def _day(self, match: re.Match[str]) -> date | None:
        parts = match.groupdict()
        year = int(parts["y"])
        if year < 100:
            year += 2000 if year < 70 else 1900
        if "a" in parts:
            first, second = int(parts["a"]), int(parts["b"])
            if (is_month_first := self._is_month_first(first, second)) is None:
                return None
            month, day = (first, second) if is_month_first else (second, first)
        else:
            month, day = MONTHS.get(parts.get("month") or "", 0) or int(parts.get("m") or 0), int(parts["d"])
        try:
            return date(year, month, day)
        except ValueError:
            return None

    def _is_month_first(self, first: int, second: int) -> bool | None:
        if first > 12 or first == second:
            return False
        if second > 12 or self.language in _MONTH_FIRST:
            return True
        return None if self.language in ("", "en") else False

    def _time_after(self, day: date, rest: str) -> datetime | None:
        if (clock := _CLOCK.match(rest[:60].lstrip("t"))) is None:
            return None
        hour, half = int(clock["hour"]), clock["half"]
        if half and 1 <= hour <= 12:
            hour = hour % 12 + (12 if half.startswith("p") else 0)
        if hour > 23 or (clock["zone"] and clock["zone"] not in ZONES):
            return None
        if not clock["zone"] and not self.knows_zone:
            return None
        zone = timezone(timedelta(hours=ZONES[clock["zone"]])) if clock["zone"] else self.zone
        return datetime.combine(day, time(hour, int(clock["minute"]), int(clock["second"] or 0)), zone)

    def _iso(self, match: re.Match[str]) -> FoundDate | None:
        day = self._day(match)
        offset = _offset(match["zone"])
        if day is None or match["hour"] is None or (offset is None and not self.knows_zone):
            return self._plausible(day)
        clock = time(int(match["hour"]), int(match["minute"]), int(match["second"] or 0))
        return self._plausible(datetime.combine(day, clock, offset or self.zone))

    def _plausible(self, value: datetime | date | None) -> FoundDate | None:
        moment = value if isinstance(value, datetime) else None
        day = moment.date() if moment else value
        return FoundDate(day, moment) if day is not None and self._is_plausible(day) else None

    def _is_plausible(self, day: date) -> bool:
        return day.year >= _FIRST_YEAR and day <= (self.now + _MAX_AHEAD).date()


def _offset(text: str | None) -> tzinfo | None:
    if not text:
        return None
    if text[0] not in "+-":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes)) if minutes < 15 * 60 else None
