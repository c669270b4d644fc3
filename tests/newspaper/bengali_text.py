"""Bengali writing: digits, dates, word endings, and the stored form in which the truth is told."""

import re
import unicodedata
from datetime import datetime, timedelta, timezone
from typing import Final

DHAKA: Final = timezone(timedelta(hours=6), "Asia/Dhaka")

ZWNJ, ZWJ, VIRAMA, NUKTA = "\u200c", "\u200d", "\u09cd", "\u09bc"
_MONTHS = """জানুয়ারি ফেব্রুয়ারি মার্চ এপ্রিল মে জুন
    জুলাই আগস্ট সেপ্টেম্বর অক্টোবর নভেম্বর ডিসেম্বর"""
MONTHS: Final = _MONTHS.split()
WEEKDAYS: Final = ["সোমবার", "মঙ্গলবার", "বুধবার", "বৃহস্পতিবার", "শুক্রবার", "শনিবার", "রোববার"]
BANGLA_MONTHS: Final = ["বৈশাখ", "জ্যৈষ্ঠ", "আষাঢ়", "শ্রাবণ", "ভাদ্র", "আশ্বিন", "কার্তিক", "অগ্রহায়ণ", "পৌষ", "মাঘ", "ফাল্গুন", "চৈত্র"]

_DIGITS = str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")
_VOWEL_SIGNS = "ািীুূৃেৈোৌঅআইঈউঊএঐওঔ"
_INVISIBLE = dict.fromkeys([*range(0x20), 0x7F, 0xAD, 0x200B, 0x2060, 0xFEFF], None)
_LONE_JOINER = re.compile(f"(?<!{VIRAMA})[{ZWNJ}{ZWJ}](?!{VIRAMA})")


def stored(text: str) -> str:
    """Text as the dataset keeps it: NFC, joiners only beside a virama, one ordinary space wherever there is space."""
    text = unicodedata.normalize("NFC", re.sub(r"\s+", " ", text).translate(_INVISIBLE))
    return _LONE_JOINER.sub("", text).strip()


def digits(number: int | str) -> str:
    """The number in Bengali digits."""
    return str(number).translate(_DIGITS)


def grouped(number: int) -> str:
    """The number in Bengali digits, in the groups of the subcontinent: ১২,৩৪,৫৬৭."""
    head, tail = divmod(number, 1000)
    if not head:
        return digits(tail)
    pairs = []
    while head:
        head, pair = divmod(head, 100)
        pairs.append(f"{pair:02d}" if head else str(pair))
    return digits(",".join([*reversed(pairs), f"{tail:03d}"]))


def long_date(moment: datetime) -> str:
    """The date as article headers print it: ৩১ ডিসেম্বর ২০২৪."""
    local = moment.astimezone(DHAKA)
    return f"{digits(f'{local.day:02d}')} {MONTHS[local.month - 1]} {digits(local.year)}"


def long_moment(moment: datetime) -> str:
    """Date and time as article headers print them, on a clock of twelve hours: ৩১ ডিসেম্বর ২০২৪, ০৮:২২ পিএম."""
    local = moment.astimezone(DHAKA)
    half = "এএম" if local.hour < 12 else "পিএম"
    return f"{long_date(local)}, {digits(f'{local.hour % 12 or 12:02d}:{local.minute:02d}')} {half}"


def bangla_date(moment: datetime) -> str:
    """The date of the Bangla calendar as reformed in Bangladesh in 2019: ২৭ পৌষ ১৪৩২."""
    local = moment.astimezone(DHAKA)
    year = local.year - 593 if (local.month, local.day) >= (4, 14) else local.year - 594
    leap = (year + 594) % 4 == 0
    day = (local.date() - datetime(year + 593, 4, 14, tzinfo=DHAKA).date()).days
    for month, length in zip(BANGLA_MONTHS, [31] * 6 + [30] * 4 + [30 if leap else 29, 30], strict=True):
        if day < length:
            return f"{digits(day + 1)} {month} {digits(year)}"
        day -= length
    raise ValueError(f"no Bangla date for {moment}")


def genitive(word: str) -> str:
    """‘of the word’: ঢাকার, টাঙ্গাইলের."""
    return word + ("র" if word[-1] in _VOWEL_SIGNS else "ের")


def locative(word: str) -> str:
    """‘in the word’: ঢাকায়, ফেনীতে, সিলেটে."""
    if word.endswith("া"):
        return word + "য়"
    return word + ("তে" if word[-1] in _VOWEL_SIGNS else "ে")


def objective(word: str) -> str:
    """‘the word’ as an object: কমিশনকে."""
    return word + "কে"
