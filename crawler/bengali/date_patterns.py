"""Words and regular expressions for the dates of Bengali newspapers.

The patterns match text normalised by :func:`crawler.bengali.text.search_key` in which the digits are ASCII.
"""

import re
from collections.abc import Iterable
from datetime import timedelta

from crawler.bengali.text import search_key

MONTHS = {
    search_key(name): number
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
# Hours of the 24-hour clock for each half of the day. Of the two readings of a 12-hour time, one is in this range.
_HALVES = {
    **dict.fromkeys(("এএম", "এ এম", "এ.এম", "এ. এম", "am", "a.m", "পূর্বাহ্ণ", "পূর্বাহ্ন"), (*range(12),)),
    **dict.fromkeys(("পিএম", "পি এম", "পি.এম", "পি. এম", "pm", "p.m", "অপরাহ্ণ", "অপরাহ্ন"), (*range(12, 24),)),
}
# Hours for the parts of the day. রাত ১২টা (midnight) is the first minute of the date beside it, not of the next date.
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
HOURS = {search_key(name): hours for name, hours in (_HALVES | _PARTS).items()}

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
_FILLERS = ["সময়", "তারিখ", "রোজ", "বাংলাদেশ সময়", "স্থানীয় সময়", "at", "on", "t"]

# Offsets in hours; the American zones are from RFC 822, the date format of RSS.
ZONES = (
    dict.fromkeys(("z", "gmt", "utc", "ut"), 0)
    | {"est": -5, "edt": -4, "cst": -6, "cdt": -5}
    | {"mst": -7, "mdt": -6, "pst": -8, "pdt": -7}
    | {"জিএমটি": 0, "ইউটিসি": 0, "pkt": 5, "cet": 1, "cest": 2, "sgt": 8, "hkt": 8, "jst": 9, "msk": 3}
)
# Ambiguous abbreviations: offset in hours, by the time zone of the site.
SITE_ZONES: dict[str, dict[str, float]] = {
    "bdt": {"Asia/Dhaka": 6},
    "bdst": {"Asia/Dhaka": 6},
    "bst": {"Asia/Dhaka": 6, "Europe/London": 1},
    "ist": {"Asia/Kolkata": 5.5, "Europe/Dublin": 1},
    "বিএসটি": {"Asia/Dhaka": 6},
    "আইএসটি": {"Asia/Kolkata": 5.5},
}

DAYS_BACK = {"আজ": 0, "গতকাল": 1, "গত পরশু": 2}
UNITS = {
    search_key(name): unit
    for name, unit in {
        "সেকেন্ড": timedelta(seconds=1),
        "মিনিট": timedelta(minutes=1),
        "ঘণ্টা": timedelta(hours=1),
        "ঘন্টা": timedelta(hours=1),
        "দিন": timedelta(days=1),
    }.items()
}


def _any(names: Iterable[str]) -> str:
    return "|".join(re.escape(search_key(name)) for name in sorted(names, key=len, reverse=True))


def _compile(pattern: str) -> re.Pattern[str]:
    # re.ASCII, because digits are ASCII already and case folding must not let other letters match Latin names.
    return re.compile(pattern, re.VERBOSE | re.IGNORECASE | re.ASCII)


# The sign ঃ is not a letter here: it is often typed instead of a colon.
_LETTER = r"[a-z\u0980-\u0982\u0984-\u09e5\u09f0\u09f1]"
_START, _END = rf"(?<!{_LETTER})", rf"(?!{_LETTER})"
_COLON = r"(?:\s?[:ঃ∶：]\s?)"
_CASE_ENDING = rf"(?:{_any(['ে', 'য়'])})?"

_FOREIGN_ERA = rf"(?:{_any(['বঙ্গাব্দ', 'বাংলা', 'হিজরি', 'হিজরী'])}){_END}"
_MONTH = rf"(?P<month>{_any(MONTHS)}){_END}"
_DAY = rf"(?<!\d)(?P<day>\d{{1,2}})(?!\d) (?:[\s-]?(?:লা|রা|ঠা|ই|শে|st|nd|rd|th){_END})?"
# A year of two digits needs an apostrophe before it, or an era or a time after it: ১২ আগস্ট ২২ জন is not a date.
_YEAR = rf"""(?P<year> \d{{4}} | ['’‘]\d\d
    | \d\d (?= \s?(?:{_any(_ERAS)}){_END} | [\s,]+ (?:(?:{_any(_PARTS)}){_CASE_ENDING}\s)? \d{{1,2}} {_COLON} \d\d) )
    (?!\d) (?!\s?{_FOREIGN_ERA})"""
_ALONE = r"(?<!\d)(?<!\d[-/.])"
DATES = (
    _compile(rf"{_DAY} [\s,./-]* {_MONTH} [\s,./-]* {_YEAR}"),
    _compile(rf"{_START} {_MONTH} [\s.]* {_DAY} [\s,]+ {_YEAR}"),
    _compile(rf"{_ALONE} (?P<year>\d{{4}}) ([-/.]) (?P<month>\d\d?) \2 (?P<day>\d\d?) (?!\d)"),
    _compile(
        rf"""{_ALONE} (?P<day>\d\d?) \s?([-/.])\s? (?P<month>\d\d?) \s?\2\s?
        (?P<year> \d{{4}} | (?<=[-/])\d\d (?!{_COLON}) ) (?!\d) (?!\s?{_FOREIGN_ERA})"""
    ),
)
# A date of another calendar, which may stand between a date and its time: ২৬ শ্রাবণ ১৪৩৩.
FOREIGN = _compile(rf"(?<!\d)\d{{1,2}} [^\d:ঃ]{{2,30}} 1[345]\d\d(?!\d) (?:\s?{_FOREIGN_ERA})?")

_FILLED = r"[\s,;|।·•()\[\]/.:ঃ–—-]"
_FILL = rf"{_FILLED}*+"
_GAP = rf"{_FILL} (?: (?:{_any([*_WEEKDAYS, *_ERAS, *_FILLERS])}){_END} {_FILL} ){{0,4}}"


def _of_day(name: str) -> str:
    # Any text may follow এএম and পিএম: pages often omit the space after them.
    half = f"(?:{_any(_HALVES)})(?!erica/)"
    return rf"(?P<{name}> {half} | (?:{_any(_PARTS)})(?={_CASE_ENDING}{_END}) ) (?:\.|{_CASE_ENDING})"


# A point is read as a colon unless it is part of a quantity: ৩.৫০ কোটি.
_POINT = rf"""\.\s? (?=\d\d (?![\d.%]) (?!\s? (?!{_any([*_HALVES, *_PARTS, "মি"])}) {_LETTER}) )"""
_CLOCK = rf"""
    (?: {_START} {_of_day("before")} [\s,]* )?
    (?<!\d) (?P<hour>\d\d?) (?!\d) (?: \s? (?P<spoken>টা) (?:{_any(["য়", "র"])})? {_END} )?
    (?:
        (?(spoken) \s? | (?: {_COLON} | {_POINT} ) )
        (?P<minute>\d\d?) (?!\d) (?: [:ঃ] (?P<second>\d\d) (?!\d) (?:[.,]\d+)? )?
        (?: \s? (?:মিনিটে?|মি\.?|hrs\.?|hours|h) {_END} )?
    )?
    (?: \s? {_of_day("after")} )?
    (?: \s? \(? (?P<zone>{_any(ZONES)}) {_END} (?: \s? (?P<shift>[+-]\d\d?(?::?\d\d)?) (?!\d) )?
      | \s? (?P<offset>[+-]\d\d? (?: :?\d\d )?) (?![\d:])
      # Any other abbreviation at the end of the line is taken for a zone.
      | \s? \(? (?P<local> (?:{_any(SITE_ZONES)}|(?-i:[A-Z]{{2,5}})|[a-z]{{2,20}}/[a-z_/]{{2,30}})
        (?:[+-]\d\d?(?::?\d\d)?)? ) (?= {_FILLED}*+ \Z ) )?
"""
# Formats that are rewritten as date, time and zone: Java's (Sun Jan 11 19:02:00 BDT 2026) and compact ISO 8601.
YEAR_LAST = _compile(
    rf"""{_START} ({_any(MONTHS)}) {_END} \s (\d\d?) \s (\d\d?:\d\d(?::\d\d)?(?:\s [ap]m)?)
    ((?:\s (?:[a-z]{{1,5}}(?:[+-]\d\d?(?::?\d\d)?)?|[+-]\d\d:?\d\d))?) \s (\d{{4}}) (?!\d)"""
)
COMPACT = _compile(
    r"""(?<![\d.+-]) ((?:19|20)\d\d) (-?) (0[1-9]|1[0-2]) \2 (0[1-9]|[12]\d|3[01])
    (?:T | \s?(?=\d{4,6}(?!\d)) | (?<=\d{8})\s(?=\d\d:\d\d))
    ([01]\d|2[0-3]) (:?) ([0-5]\d) (?: \6 ([0-5]\d) )? (?![\d:])"""
)

CLOCK_BEFORE = _compile(rf"{_CLOCK} {_GAP} \Z")
# A date ends in a letter or digit, and a gap is read only from its start.
CLOCK_AFTER = _compile(rf"(?<!{_FILLED}) {_GAP} {_CLOCK}")

JUST_NOW = _compile(rf"{_START} (?:এই\s?মাত্র|এখনই) {_END}")
AGO = _compile(
    rf"""(?<!\d)(?P<count>\d{{1,3}}) \s? (?P<unit>{_any(UNITS)}) {_END} \s?
    (?: (?P<minutes>\d\d?) \s? মিনিট \s )? (?:আগে|পূর্বে) {_END}"""
)
DAY_BACK = _compile(rf"{_START} (?P<day>{_any(DAYS_BACK)}) {_END}")

_UPDATED = r"আপডেট(?:েড)? | হালনাগাদ | updated? | modified"
# Found in each label of a date of update, and quickly.
UPDATE_WORD = _compile(_UPDATED)
LABEL = _compile(
    rf"""(?: {_START} | (?<=এম) | (?<=[ap]m) ) (?: (?:সর্বশেষ|শেষ|প্রথম|last|first)\s? )?
    (?: (?P<published> (?:প্রকাশ|আপলোড) (?:িত|কাল)? | publish(?:ed)? | posted )
      | (?P<updated> {_UPDATED} ) )
    (?:ের)? (?: \s (?:{_any(["তারিখ", "সময়", "টাইম", "হয়েছে", "করা হয়েছে", "date", "time", "on", "at"])}) ){{0,2}}
    (?: \s? [:ঃ∶：] [\s:ঃ–—-]*
      # Without a colon it is a label only before a date: প্রকাশ is also a name and a verb.
      | {_END} \s? (?= \d | (?:{_any([*MONTHS, *_WEEKDAYS, *_PARTS, *DAYS_BACK])}){_END} | \Z ) )"""
)
# Text after a label without a date.
EMPTY = _compile(r"(?: [\s,;|।·•()\[\]/.:ঃ–—-] | (?:অনলাইন|প্রিন্ট)\s(?:সংস্করণ|ভার্সন) )*")
