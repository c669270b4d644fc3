"""Reads the dates of the Bengali press: one moment from a line, or the published and updated ones from a header.

What cannot be read is None, never a guess: no year is supplied, day and month are not exchanged, and one impossible
part spoils the whole. Dates of the Bangla and the Hijri calendar are passed over.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from crawler.bengali import digits, needle

# A header is short. These bounds, before and after cleaning, keep whatever else is handed in from taking long.
_LONGEST_RAW = 20_000
_LONGEST = 2_000

_YEARS = range(1990, 2101)
_OTHER_CALENDARS = range(1300, 1600)  # Bangla (1433) and Hijri (1448) years
_AHEAD = timedelta(hours=26)  # the widest distance between two zones: more than that is the future everywhere

_MONTHS = {
    needle(name): number
    for number, names in enumerate(
        (
            "জানুয়ারি জানুয়ারী জানু january jan",
            "ফেব্রুয়ারি ফেব্রুয়ারী ফেব্রু february feb",
            "মার্চ march mar",
            "এপ্রিল april apr",
            "মে may",
            "জুন june jun",
            "জুলাই july jul",
            "আগস্ট আগষ্ট অগস্ট অগাস্ট আগ august aug",
            "সেপ্টেম্বর সেপ্টেম্বার সেপ্ট september sept sep",
            "অক্টোবর অক্টোবার অক্টো october oct",
            "নভেম্বর নভেম্বার নভে november nov",
            "ডিসেম্বর ডিসেম্বার ডিসে december dec",
        ),
        start=1,
    )
    for name in names.split()
}
# The hours, of 24, that a half of the day can mean; an hour of the 12-hour clock is the one that falls inside.
_HALVES = {
    **dict.fromkeys(("এএম", "এ এম", "এ.এম", "এ. এম", "am", "a.m", "পূর্বাহ্ণ", "পূর্বাহ্ন"), (*range(12),)),
    **dict.fromkeys(("পিএম", "পি এম", "পি.এম", "পি. এম", "pm", "p.m", "অপরাহ্ণ", "অপরাহ্ন"), (*range(12, 24),)),
}
# The same for its parts. রাত ১২টা is the first minute of the date that it stands with, not of the next one.
_PARTS = {
    **dict.fromkeys(("ভোররাত", "ভোর রাত"), (*range(6),)),
    "ভোর": (*range(2, 8),),
    "সকাল": (*range(4, 12),),
    **dict.fromkeys(("দুপুর", "মধ্যাহ্ন"), (*range(11, 17),)),
    **dict.fromkeys(("বিকাল", "বিকেল"), (*range(13, 19),)),
    "সন্ধ্যা": (*range(16, 21),),
    "রাত": (*range(18, 24), *range(6)),
    "মধ্যরাত": (23, *range(5)),
}
_HOURS = {needle(name): hours for name, hours in (_HALVES | _PARTS).items()}

_WEEKDAYS = [
    *("রবিবার", "রোববার", "রবি", "সোমবার", "সোম", "মঙ্গলবার", "মঙ্গল", "বুধবার", "বুধ"),
    *("বৃহস্পতিবার", "বৃহষ্পতিবার", "বৃহস্পতি", "শুক্রবার", "শুক্র", "শনিবার", "শনি"),
    *("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"),
    *("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
]
_ERAS = [
    *("ইং", "ইংরেজি", "ইংরেজী", "সাল", "সন", "খ্রি", "খৃ"),
    *("খ্রিস্টাব্দ", "খ্রিষ্টাব্দ", "খৃস্টাব্দ", "খৃষ্টাব্দ"),
]
_FILLERS = ["সময়", "তারিখ", "রোজ", "বাংলাদেশ সময়", "স্থানীয় সময়", "at", "t"]

# In hours; the American ones are from RFC 822, which feeds are written in.
_ZONES = {"z": 0, "gmt": 0, "utc": 0, "ut": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5}
_ZONES |= {"mst": -7, "mdt": -6, "pst": -8, "pdt": -7}

_DAYS_BACK = {"আজ": 0, "গতকাল": 1, "গত পরশু": 2}
_UNITS = {
    needle(name): unit
    for name, unit in {
        "সেকেন্ড": timedelta(seconds=1),
        "মিনিট": timedelta(minutes=1),
        "ঘণ্টা": timedelta(hours=1),
        "ঘন্টা": timedelta(hours=1),
        "দিন": timedelta(days=1),
    }.items()
}


def _any(names: Iterable[str]) -> str:
    return "|".join(re.escape(needle(name)) for name in sorted(names, key=len, reverse=True))


def _compile(pattern: str) -> re.Pattern[str]:
    # ASCII, because digits are by then, and because other letters must not fold into Latin names.
    return re.compile(pattern, re.VERBOSE | re.IGNORECASE | re.ASCII)


# The sign ঃ is no letter here: it is typed for a colon.
_LETTER = r"[a-z\u0980-\u0982\u0984-\u09e5\u09f0\u09f1]"
_START, _END = rf"(?<!{_LETTER})", rf"(?!{_LETTER})"
_COLON = r"(?:\s?[:ঃ∶：]\s?)"
_CASE_ENDING = rf"(?:{_any(['ে', 'য়'])})?"

_FOREIGN_ERA = rf"(?:{_any(['বঙ্গাব্দ', 'বাংলা', 'হিজরি', 'হিজরী'])}){_END}"
_MONTH = rf"(?P<month>{_any(_MONTHS)}){_END}"
_DAY = rf"(?<!\d)(?P<day>\d{{1,2}})(?!\d) (?:[\s-]?(?:লা|রা|ঠা|ই|শে|st|nd|rd|th){_END})?"
# A year of two digits needs an apostrophe before it, or an era or a time of day after it: ১২ আগস্ট ২২ জন is no date.
_YEAR = rf"""(?P<year> \d{{4}} | ['’‘]\d\d
    | \d\d (?= \s?(?:{_any(_ERAS)}){_END} | [\s,]+ (?:(?:{_any(_PARTS)}){_CASE_ENDING}\s)? \d{{1,2}} {_COLON} \d\d) )
    (?!\d) (?!\s?{_FOREIGN_ERA})"""
_ALONE = r"(?<!\d)(?<!\d[-/.])"
_DATES = (
    _compile(rf"{_DAY} [\s,./-]* {_MONTH} [\s,./-]* {_YEAR}"),
    _compile(rf"{_START} {_MONTH} [\s.]* {_DAY} [\s,]+ {_YEAR}"),
    _compile(rf"{_ALONE} (?P<year>\d{{4}}) ([-/.]) (?P<month>\d\d?) \2 (?P<day>\d\d?) (?!\d)"),
    _compile(
        rf"""{_ALONE} (?P<day>\d\d?) \s?([-/.])\s? (?P<month>\d\d?) \s?\2\s?
        (?P<year> \d{{4}} | (?<=[-/])\d\d (?!{_COLON}) ) (?!\d) (?!\s?{_FOREIGN_ERA})"""
    ),
)
# A day, words and a year of another calendar, which may stand between a date and its time: ২৬ শ্রাবণ ১৪৩৩.
_FOREIGN = _compile(rf"(?<!\d)\d{{1,2}} [^\d:ঃ]{{2,30}} 1[345]\d\d(?!\d) (?:\s?{_FOREIGN_ERA})?")

_FILL = r"[\s,;|।·•()\[\]/.:ঃ–—-]*"
_GAP = rf"{_FILL} (?: (?:{_any([*_WEEKDAYS, *_ERAS, *_FILLERS])}){_END} {_FILL} ){{0,4}}"


def _of_day(name: str) -> str:
    # What follows এএম and পিএম is not looked at: a page's text is often run together there.
    return rf"(?P<{name}> {_any(_HALVES)} | (?:{_any(_PARTS)})(?={_CASE_ENDING}{_END}) ) (?:\.|{_CASE_ENDING})"


# A point stands for a colon unless it makes a quantity: ৩.৫০ কোটি.
_POINT = rf"""\.\s? (?=\d\d (?![\d.%]) (?!\s? (?!{_any([*_HALVES, *_PARTS, "মি"])}) {_LETTER}) )"""
_CLOCK = rf"""
    (?: {_START} {_of_day("before")} [\s,]* )?
    (?<!\d) (?P<hour>\d\d?) (?!\d) (?: \s? (?P<spoken>টা) (?:{_any(["য়", "র"])})? {_END} )?
    (?:
        (?(spoken) \s? | (?: {_COLON} | {_POINT} ) )
        (?P<minute>\d\d?) (?!\d) (?: [:ঃ] (?P<second>\d\d) (?!\d) (?:[.,]\d+)? )?
        (?: \s? (?:মিনিটে?|মি\.?) {_END} )?
    )?
    (?: \s? {_of_day("after")} )?
    (?: \s? (?P<zone>{_any(_ZONES)}) {_END} (?: \s? (?P<shift>[+-]\d\d?(?::?\d\d)?) (?!\d) )?
      | \s? (?P<offset>[+-]\d\d:?\d\d) (?![\d:]) )?
"""
_CLOCK_BEFORE = _compile(rf"{_CLOCK} {_GAP} \Z")
_CLOCK_AFTER = _compile(rf"{_GAP} {_CLOCK}")

_JUST_NOW = _compile(rf"{_START} (?:এই\s?মাত্র|এখনই) {_END}")
_AGO = _compile(
    rf"""(?<!\d)(?P<count>\d{{1,3}}) \s? (?P<unit>{_any(_UNITS)}) {_END} \s?
    (?: (?P<minutes>\d\d?) \s? মিনিট \s )? (?:আগে|পূর্বে) {_END}"""
)
_DAY_BACK = _compile(rf"{_START} (?P<day>{_any(_DAYS_BACK)}) {_END}")

_LABEL = _compile(
    rf"""(?: {_START} | (?<=এম) | (?<=[ap]m) ) (?: (?:সর্বশেষ|শেষ|প্রথম|last|first)\s? )?
    (?: (?P<published> (?:প্রকাশ|আপলোড) (?:িত|কাল)? | publish(?:ed)? | posted )
      | (?P<updated> আপডেট(?:েড)? | হালনাগাদ | updated? | modified ) )
    (?:ের)? (?: \s (?:{_any(["তারিখ", "সময়", "টাইম", "হয়েছে", "করা হয়েছে", "date", "time", "on", "at"])}) ){{0,2}}
    (?: \s? [:ঃ∶：] [\s:ঃ–—-]*
      # Without a colon it is a label only before something like a date: প্রকাশ is also a name and a verb.
      | {_END} \s? (?= \d | (?:{_any([*_MONTHS, *_WEEKDAYS, *_PARTS, *_DAYS_BACK])}){_END} | \Z ) )"""
)
# What may stand after a label that has no date.
_EMPTY = _compile(r"(?: [\s,;|।·•()\[\]/.:ঃ–—-] | (?:অনলাইন|প্রিন্ট)\s(?:সংস্করণ|ভার্সন) )*")


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
        return _EMPTY.fullmatch(self.text[:80]) is not None


def _segments(text: str) -> list[_Segment]:
    """The text cut at its labels: first what stands before any of them."""
    text = needle(text[:_LONGEST_RAW])[:_LONGEST]
    labels = list(_LABEL.finditer(digits(text)))
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
        text = _FOREIGN.sub(" ", text)
        found = [
            match for pattern in _DATES for match in pattern.finditer(text) if _year(match) not in _OTHER_CALENDARS
        ]
        if not found:
            return self._relative(text)
        first = min(found, key=lambda match: match.start())
        return self._join(_day(first), text, first)

    def _relative(self, text: str) -> datetime | None:
        if self.now is None:
            return None
        if _JUST_NOW.search(text):
            return self.now.astimezone(UTC)
        if ago := _AGO.search(text):
            distance = int(ago["count"]) * _UNITS[ago["unit"]] + timedelta(minutes=int(ago["minutes"] or 0))
            if ago["unit"] != "দিন":
                return (self.now - distance).astimezone(UTC)
            return self._join((self.now.astimezone(self.zone) - distance).date(), text, ago)
        word = _DAY_BACK.search(text)
        # আজ is also a word of prose: it is a date only beside a time, or alone.
        if word and (_clock_beside(word, text) or _EMPTY.fullmatch(text.replace(word[0], "", 1))):
            today = self.now.astimezone(self.zone).date()
            return self._join(today - timedelta(days=_DAYS_BACK[word["day"]]), text, word)
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
    for clock in (_CLOCK_BEFORE.search(text[: found.start()]), _CLOCK_AFTER.match(text, found.end())):
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
    return date(year, _MONTHS.get(month) or int(month), int(found["day"]))


def _time(clock: re.Match[str]) -> time:
    """The time of day; the hour is the only one that agrees with every half and part of the day that is named."""
    named = [_HOURS[clock[group].lower()] for group in ("before", "after") if clock[group]]
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
    distance = timedelta(hours=_ZONES[clock["zone"].lower()] if clock["zone"] else 0)
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
