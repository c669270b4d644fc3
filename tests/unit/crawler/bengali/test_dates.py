"""Dates of the Bengali press."""

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.bengali.dates import LabelledDates, parse_datetime, parse_labelled_dates
from tests.support.properties import examples, holds

DHAKA, KOLKATA, NEW_YORK = ZoneInfo("Asia/Dhaka"), ZoneInfo("Asia/Kolkata"), ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 5, 6, 0, tzinfo=UTC)  # 12:00 in Dhaka
MONTHS = [
    *("জানুয়ারি", "ফেব্রুয়ারি", "মার্চ", "এপ্রিল", "মে", "জুন"),
    *("জুলাই", "আগস্ট", "সেপ্টেম্বর", "অক্টোবর", "নভেম্বর", "ডিসেম্বর"),
]
TO_BENGALI = str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")
ZWNJ = "\u200c"


def local(moment: datetime | None, zone: ZoneInfo = DHAKA) -> str | None:
    if moment is None:
        return None
    assert moment.tzinfo is UTC
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S").removesuffix(":00")


def parsed(text: str, zone: ZoneInfo = DHAKA, now: datetime = NOW) -> datetime | None:
    return parse_datetime(text, zone=zone, now=now)


def in_dhaka(year: int, month: int, day: int, hour: int, minute: int) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=DHAKA).astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Kalbela's own form, alone and in its surroundings
        ("৩১ ডিসেম্বর ২০২৪, ০৮:২২ পিএম", "2024-12-31 20:22"),
        ("প্রকাশ : ৩১ মার্চ ২০২৪, ০৩:৩২ এএম", "2024-03-31 03:32"),
        ("আপডেট : ৩১ মার্চ ২০২৪, ১২:০২ এএম", "2024-03-31 00:02"),
        ("কালবেলা ডেস্ক ০৮ জুলাই ২০২৬, ১০:৩৬ এএম", "2026-07-08 10:36"),
        ("১৫ জুলাই ২০২৩, ০৮:২২ পিএমআপডেট : ১৮ জুলাই", "2023-07-15 20:22"),
        # other papers
        ("১৫ জুলাই ২০২৩, ১৭:০০আপডেট : ১৮ জুলাই ২০২৩, ১৫:৩৮", "2023-07-15 17:00"),
        ("প্রকাশ: ০০:০০, রবিবার, ১২ মার্চ, ২০১৭ আপডেট:", "2017-03-12 00:00"),
        ("আপডেট : ১৩ জুন ২০২৪, ১২: ০০", "2024-06-13 12:00"),
        # signs and spaces
        ("১৩ জুন ২০২৪, ৯ঃ৩০", "2024-06-13 09:30"),
        ("প্রকাশঃ ১৩ জুন ২০২৪, ৯ঃ৩০", "2024-06-13 09:30"),
        ("১৩\u00a0জুন\u00a0২০২৪,\u2003০৯:৩০\n", "2024-06-13 09:30"),
        ("১৩ জুন ২০২৪\u200e ০৯\u200b:৩০", "2024-06-13 09:30"),
        ("13 জুন 2024 09:30:15", "2024-06-13 09:30:15"),
        ("১৩ জুন ২০২৪ (বৃহস্পতিবার) ০৯:৩০", "2024-06-13 09:30"),
        ("বৃহষ্পতিবার, ১৩ জুন, ২০২৪, ০৯:৩০", "2024-06-13 09:30"),
        ("১৩ জুন ২০২৪ বৃহস্পতিবার, ০৯:৩০ পিএম", "2024-06-13 21:30"),
        ("সময়: ১০:৩০, তারিখ: ১৩ জুন ২০২৪", "2024-06-13 10:30"),
        ("১৩ জুন ২০২৪, বাংলাদেশ সময় ১০:৩০", "2024-06-13 10:30"),
        # ordinals and eras
        ("১লা মার্চ ২০২৬ ০৯:০০", "2026-03-01 09:00"),
        ("৪ঠা মার্চ ২০২৬ ০৯:০০", "2026-03-04 09:00"),
        ("২১শে ফেব্রুয়ারি ২০২৬ ০৯:০০", "2026-02-21 09:00"),
        ("৩১-শে মার্চ ২০২৬ ০৯:০০", "2026-03-31 09:00"),
        ("৮এপ্রিল ২০২৬ ১০:৩০", "2026-04-08 10:30"),
        ("১২ মার্চ ২০২৬ইং, ০৯:০০", "2026-03-12 09:00"),
        ("১২ মার্চ ২০২৬ খ্রিস্টাব্দ, ০৯:০০", "2026-03-12 09:00"),
        # month first, numbers alone
        ("আগস্ট ১২, ২০২৬, ১০:৩০ পিএম", "2026-08-12 22:30"),
        ("Aug 12, 2026 10:30 AM", "2026-08-12 10:30"),
        ("August 12th, 2026 10:30 p.m.", "2026-08-12 22:30"),
        ("12-Aug-2026 10:30", "2026-08-12 10:30"),
        ("১২/০৩/২০২৬ ১০:৩০", "2026-03-12 10:30"),
        ("১২.০৩.২০২৬ ১০:৩০", "2026-03-12 10:30"),
        ("১ / ৩ / ২০২৬ ১০:৩০", "2026-03-01 10:30"),
        ("২০২৬-০৩-১২ ১০:৩০", "2026-03-12 10:30"),
        ("১২/০৩/২৬ ১০:৩০", "2026-03-12 10:30"),
        ("১২ আগস্ট ’২৬, ১০:৩০", "2026-08-12 10:30"),
        ("১২ আগস্ট ২৬, রাত ৮:৩০", "2026-08-12 20:30"),
        ("১২ আগস্ট ৯৮, ১০:৩০", "1998-08-12 10:30"),
        ("৫ আগ ২০২৬ ১০:৩০", "2026-08-05 10:30"),
    ],
)
def test_date_with_time_is_parsed(text: str, expected: str) -> None:
    assert local(parsed(text)) == expected


@pytest.mark.parametrize(
    ("name", "month"),
    [
        *zip(MONTHS, range(1, 13), strict=True),
        ("জানু\u09dfারি", 1),
        ("জানু\u09af\u09bcারি", 1),
        ("ফেব্রু\u09dfারী", 2),
        ("আগষ্ট", 8),
        (f"অক্{ZWNJ}টোবর", 10),
        ("Sept.", 9),
    ],
)
def test_month_is_parsed_in_every_spelling(name: str, month: int) -> None:
    assert parsed(f"৫ {name} ২০২৫, ০৮:০০") == in_dhaka(2025, month, 5, 8, 0)


@pytest.mark.parametrize(
    ("time_of_day", "expected"),
    [
        ("১২:৩০ এএম", "00:30"),
        ("১২:৩০ পিএম", "12:30"),
        ("৯:০৫ পি.এম.", "21:05"),
        ("9:05PM", "21:05"),
        ("১৭:০০ পিএম", "17:00"),
        ("৯:০৫ অপরাহ্ন", "21:05"),
        ("অপরাহ্ণ ৩:৩০", "15:30"),
        ("ভোর ৪টা", "04:00"),
        ("ভোররাত ৩টা", "03:00"),
        ("সকাল ১০টা ৩০ মিনিট", "10:30"),
        ("সকাল ১০.৩০ মিনিট", "10:30"),
        ("দুপুর ১২টা", "12:00"),
        ("দুপুর ২টা ৫ মিনিটে", "14:05"),
        ("বিকেলে ৫টায়", "17:00"),
        ("সন্ধ্যা ৭টা ১৫", "19:15"),
        ("রাত ৮", "20:00"),
        ("রাত ১২:০৫", "00:05"),
        ("রাত ১টা", "01:00"),
        ("মধ্যরাত ১২টা", "00:00"),
        ("৮:৩০ রাত", "20:30"),
        ("রাত ০৮:২২ পিএম", "20:22"),
        ("১০.৩০", "10:30"),
        ("২৩:৫৯:৫৯", "23:59:59"),
    ],
)
@pytest.mark.parametrize("form", ["১২ মার্চ ২০২৬, {}", "{}, ১২ মার্চ ২০২৬", "{}, বৃহস্পতিবার ১২ মার্চ ২০২৬", "১২/৩/২০২৬ {}"])
def test_time_is_parsed_before_or_after_date(form: str, time_of_day: str, expected: str) -> None:
    assert local(parsed(form.format(time_of_day))) == f"2026-03-12 {expected}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " : ",
        "কালবেলা ডেস্ক",
        # impossible
        "৩২ ফেব্রুয়ারি ২০২৬, ১০:৩০",
        "২৯ ফেব্রুয়ারি ২০২৫, ১০:৩০",
        "১২/১৩/২০২৬ ১০:৩০",
        "০৮/৩১/২০২৬ ১০:৩০",
        "১২ মার্চ ২০২৬, ২৫:৬১",
        "১২ মার্চ ২০২৬, ১০:৫",
        "১২ মার্চ ২০২৬, ১৭:০০ এএম",
        "১২ মার্চ ২০২৬, রাত ০৮:২২ এএম",
        "১২ মার্চ ২০২৬, সকাল ৩:৩০",
        "2026-03-12T10:30:00+19:00",
        # ambiguous half of the day or day, or a range
        "১২ মার্চ ২০২৬, ৮টা",
        "১২ মার্চ ২০২৬, দিবাগত রাত ১টা",
        "১২ মার্চ ২০২৬ ১০:৩০-১১:৩০",
        # no time, no year
        "১২ মার্চ ২০২৬",
        "সোমবার, ১০ আগস্ট ২০২৬, ২৬ শ্রাবণ ১৪৩৩",
        "১২ মার্চ ২০২৬, ৫ জন নিহত",
        "১২ মার্চ ২০২৬, ৩.৫০ কোটি টাকা",
        "১২ আগস্ট, ১০:৩০",
        "১২ আগস্ট ২২ জন",
        # not a month
        "১২ মেসি ২০২৬, ১০:৩০",
        "১২ আগে ২০২৬, ১০:৩০",
        "১২ মার্চের ২০২৬, ১০:৩০",
        "12 Marching 2026, 10:30",
        # other calendars
        "২৬ শ্রাবণ ১৪৩৩ বঙ্গাব্দ, ১০:৩০",
        "১২ মার্চ ২৬ বঙ্গাব্দ, ১০:৩০",
        # implausible, or an unknown unit
        "১ জানুয়ারি ১৯৭০, ০৬:০০ এএম",
        "১২ মার্চ ২০২৭, ১০:৩০",
        "৬ নভেম্বর ২০২৬, ০২:০১ পিএম",
        "৩ মাস আগে",
    ],
)
def test_untrusted_date_is_none(text: str) -> None:
    assert parsed(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "সোমবার, ১০ আগস্ট ২০২৬, ২৬ শ্রাবণ ১৪৩৩, ১০:৩০",
        "২৬ শ্রাবণ ১৪৩৩ বঙ্গাব্দ, ২৬ সফর ১৪৪৮ হিজরি, ১০ আগস্ট ২০২৬ খ্রিষ্টাব্দ, ১০:৩০",
        "২৬-০৪-১৪৩৩ বাংলা, ১০-০৮-২০২৬ ১০:৩০",
    ],
)
def test_gregorian_date_is_chosen_among_calendars(text: str) -> None:
    assert local(parsed(text)) == "2026-08-10 10:30"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-12T10:30:00Z", datetime(2026, 3, 12, 10, 30, tzinfo=UTC)),
        ("২০২৬-০৩-১২T১০:৩০:০০+০৬:০০", datetime(2026, 3, 12, 4, 30, tzinfo=UTC)),
        ("2026-03-12T10:30:00.123456+0530", datetime(2026, 3, 12, 5, 0, tzinfo=UTC)),
        ("2026-03-12T10:30-05:00", datetime(2026, 3, 12, 15, 30, tzinfo=UTC)),
        ("2026-03-12T10:30", datetime(2026, 3, 12, 4, 30, tzinfo=UTC)),
        ("Sun, 21 Dec 2025 20:15:34 +0600", datetime(2025, 12, 21, 14, 15, 34, tzinfo=UTC)),
        ("Sun, 21 Dec 25 20:15:34 EST", datetime(2025, 12, 22, 1, 15, 34, tzinfo=UTC)),
        ("12 August 2026, 10:30 GMT+6", datetime(2026, 8, 12, 4, 30, tzinfo=UTC)),
        ("12 August 2026, 10:30 UTC -3:30", datetime(2026, 8, 12, 14, 0, tzinfo=UTC)),
    ],
)
def test_offset_in_text_overrides_zone(text: str, expected: datetime) -> None:
    assert parsed(text) == expected


@pytest.mark.parametrize(
    ("zone", "text", "expected"),
    [
        (DHAKA, "১ জুলাই ২০০৮, ১২:০০", "2008-07-01 06:00"),
        (DHAKA, "১ জুলাই ২০০৯, ১২:০০", "2009-07-01 05:00"),
        (DHAKA, "৩১ ডিসেম্বর ২০০৯, ২৩:৩০", "2009-12-31 16:30"),
        (DHAKA, "১ জানুয়ারি ২০১০, ০০:০০", "2009-12-31 18:00"),
        (NEW_YORK, "১ জুলাই ২০২৫, ১২:০০", "2025-07-01 16:00"),
        (NEW_YORK, "১ জানুয়ারি ২০২৫, ১২:০০", "2025-01-01 17:00"),
    ],
)
def test_local_time_follows_daylight_saving(zone: ZoneInfo, text: str, expected: str) -> None:
    assert local(parsed(text, zone), ZoneInfo("UTC")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("এইমাত্র", "2026-11-05 12:00"),
        ("৩০ সেকেন্ড আগে", "2026-11-05 11:59:30"),
        ("১ ঘন্টা ২০ মিনিট আগে", "2026-11-05 10:40"),
        ("প্রকাশ : ২ ঘণ্টা আগে", "2026-11-05 10:00"),
        ("আজ, ১০:৩০ এএম", "2026-11-05 10:30"),
        ("গতকাল রাত ৮টা", "2026-11-04 20:00"),
        ("গত পরশু ১০:৩০", "2026-11-03 10:30"),
        ("৩ দিন আগে, ১০:৩০", "2026-11-02 10:30"),
    ],
)
def test_relative_time_counts_from_fetch(text: str, expected: str) -> None:
    assert local(parsed(text)) == expected


def test_today_is_the_day_in_the_zone() -> None:
    late = datetime(2026, 11, 5, 20, 0, tzinfo=UTC)  # the 6th in Dhaka
    assert local(parsed("আজ ০১:০০", now=late)) == "2026-11-06 01:00"


PUBLISHED, UPDATED = in_dhaka(2024, 12, 31, 20, 22), in_dhaka(2024, 12, 31, 20, 23)
FIRST, SECOND = "৩১ ডিসেম্বর ২০২৪, ০৮:২২ পিএম", "৩১ ডিসেম্বর ২০২৪, ০৮:২৩ পিএম"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"কালবেলা ডেস্ক প্রকাশ : {FIRST} আপডেট : {SECOND} অনলাইন সংস্করণ", LabelledDates(PUBLISHED, UPDATED)),
        (f"কালবেলা ডেস্ক\nপ্রকাশ : {FIRST}\nআপডেট : {SECOND}\nঅনলাইন সংস্করণ", LabelledDates(PUBLISHED, UPDATED)),
        (f"কালবেলা ডেস্কপ্রকাশ : {FIRST}আপডেট : {SECOND}অনলাইন সংস্করণ", LabelledDates(PUBLISHED, UPDATED)),
        (f"আপডেট : {SECOND} প্রকাশ : {FIRST}", LabelledDates(PUBLISHED, UPDATED)),
        (f"প্রকাশঃ {FIRST} আপডেটঃ{SECOND}", LabelledDates(PUBLISHED, UPDATED)),
        (f"প্রকাশিত:{FIRST} | শেষ আপডেট:{SECOND}", LabelledDates(PUBLISHED, UPDATED)),
        (f"প্রথম প্রকাশ: {FIRST}, হালনাগাদ: {SECOND}", LabelledDates(PUBLISHED, UPDATED)),
        (f"প্রকাশের সময় : {FIRST} আপডেটের সময় : {SECOND}", LabelledDates(PUBLISHED, UPDATED)),
        (f"Published: {FIRST} Last Updated: {SECOND}", LabelledDates(PUBLISHED, UPDATED)),
        (f"{FIRST}আপডেট : {SECOND}", LabelledDates(PUBLISHED, UPDATED)),
        (f"আপডেট: {SECOND}", LabelledDates(None, UPDATED)),
        (f"প্রকাশ : {FIRST} আপডেট : {SECOND} " * 2, LabelledDates(PUBLISHED, UPDATED)),
        # a labelled date takes precedence over one without a label
        (f"সোমবার, ১০ আগস্ট ২০২৬, ১০:৩০ প্রকাশ : {FIRST}", LabelledDates(PUBLISHED)),
        # the word as a verb or a name is not a label
        (f"প্রকাশ বড়ুয়া প্রকাশ : {FIRST}", LabelledDates(PUBLISHED)),
        (f"দলের আত্মপ্রকাশ আজ, আশা প্রকাশ করলেন নেতারা। প্রকাশ : {FIRST}", LabelledDates(PUBLISHED)),
        ("সম্পাদক ও প্রকাশক : সন্তোষ শর্মা ২০২৪", LabelledDates()),
        # empty is not unreadable
        ("", LabelledDates()),
        (f"প্রকাশ : {FIRST} আপডেট :", LabelledDates(PUBLISHED)),
        (f"প্রকাশ : {FIRST} আপডেট : অনলাইন সংস্করণ", LabelledDates(PUBLISHED)),
        (f"প্রকাশ : আপডেট : {SECOND}", LabelledDates(None, UPDATED)),
        # unreadable
        ("প্রকাশ : ৩২ মার্চ ২০২৪, ০৮:২২ পিএম", LabelledDates(unreadable=("৩২ মার্চ ২০২৪, ০৮:২২ পিএম",))),
        (f"প্রকাশ : {FIRST} আপডেট : Invalid date", LabelledDates(PUBLISHED, unreadable=("Invalid date",))),
        (f"প্রকাশ : কিছুক্ষণ আগে আপডেট : {SECOND}", LabelledDates(None, UPDATED, ("কিছুক্ষণ আগে",))),
        ("প্রকাশ : ২ ঘণ্টা আগে", LabelledDates(NOW - timedelta(hours=2))),
        ("প্রকাশ : ১২ মার্চ ২০২৪", LabelledDates(unreadable=("১২ মার্চ ২০২৪",))),
        ("৩২ মার্চ ২০২৪, ০৮:২২ পিএম", LabelledDates(unreadable=("৩২ মার্চ ২০২৪, ০৮:২২ পিএম",))),
        ("প্রকাশ : ক" + "খ" * 500, LabelledDates(unreadable=("ক" + "খ" * 79,))),
    ],
)
def test_header_gives_published_and_updated_dates(text: str, expected: LabelledDates) -> None:
    assert parse_labelled_dates(text, zone=DHAKA, now=NOW) == expected


def as_kalbela_prints(moment: datetime) -> str:
    half = "এএম" if moment.hour < 12 else "পিএম"
    numbers = f"{moment:%d} {MONTHS[moment.month - 1]} {moment:%Y}, {moment:%I:%M}"
    return f"{numbers.translate(TO_BENGALI)} {half}"


START, END = datetime(2000, 1, 1, tzinfo=DHAKA), datetime(2036, 1, 1, tzinfo=DHAKA)
wall_clocks = st.integers(0, (END - START) // timedelta(minutes=1) - 1).map(lambda n: START + timedelta(minutes=n))


@given(wall_clocks, st.sampled_from([DHAKA, KOLKATA, NEW_YORK]))
@settings(deadline=None, max_examples=300)
def test_printed_date_is_parsed_back(wall: datetime, zone: ZoneInfo) -> None:
    expected = wall.replace(tzinfo=zone).astimezone(UTC)
    printed = as_kalbela_prints(wall)
    assert parsed(printed, zone, END) == expected
    header = f"কালবেলা প্রতিবেদক প্রকাশ : {printed} আপডেট : {printed} প্রিন্ট সংস্করণ"
    assert parse_labelled_dates(header, zone=zone, now=END) == LabelledDates(expected, expected)


fragments = st.sampled_from(
    [*MONTHS, "প্রকাশ", "আপডেট", "১", "৩১", "২০২৪", "১৪৩৩", "99", ":", "ঃ", " ", ",", "-", "/", ".", "T", "Z", "+06:00"]
    + ["টা", "রাত", "দুপুর", "এএম", "pm", "আগে", "মিনিট", "দিন", "আজ", "রবিবার", "ইং", "বঙ্গাব্দ", "’", "ſept", "est", "১০:৩০"]
)


@given(st.lists(fragments, max_size=25).map("".join) | st.text(st.characters(exclude_categories=[])))
@settings(deadline=None, max_examples=600)
def test_no_text_makes_the_parser_fail(text: str) -> None:
    header = parse_labelled_dates(text, zone=DHAKA, now=NOW)
    for moment in (parsed(text), header.published, header.updated):
        assert moment is None or (moment.tzinfo is UTC and moment.year >= 1989 and moment <= NOW + timedelta(hours=26))


@pytest.mark.parametrize(
    "piece",
    ["১", "১ ", "প্রকাশ : ", "প্রকাশ", "১০:৩০ ", "১ আগস্ট ", "রবিবার, ", "রাত ", "১২/", "ক ১৪", " ", "\u200d\u09bc\u09cd"],
)
def test_long_text_is_cut_before_parsing(piece: str) -> None:
    flood = piece * (200_000 // len(piece))
    assert parsed(flood + f" প্রকাশ : {FIRST}") is None
    assert parse_labelled_dates(flood + f" প্রকাশ : {FIRST}", zone=DHAKA, now=NOW).published is None


@pytest.mark.parametrize(
    "text",
    [
        *("2026-01-11 13:02:00+00", "2026-01-11 19:02:00.123456+06", "2026-01-11T19:02+06", "2026-01-11T08:02-05"),
        *("20260111T130200Z", "20260111T1302Z", "20260111190200", "20260111 190200", "2026-01-11T190200+0600"),
        *("20260111T19:02:00", "20260111T130200,5Z", "২০২৬-০১-১১ ১৩:০২:০০+০০", "2026-01-11T08:02:00−05:00"),
        *("Sun Jan 11 19:02:00 BDT 2026", "Sun Jan 11 13:02:00 UTC 2026", "Sun Jan 11 19:02:00 2026"),
        *("Sun, 11 Jan 2026 19:02:00 BDT", "Jan 11, 2026 7:02 PM BST", "2026-01-11 19:02:00 (BST)"),
        *("Sun Jan 11 2026 19:02:00 GMT+0600 (Bangladesh Standard Time)", "2026-01-11 19:02 Asia/Dhaka"),
        *("Sun Jan 11 18:02:00 PKT 2026", "2026-01-11 14:02 CET", "Sun Jan 11 7:02:00 PM GMT+06:00 2026"),
        *("2026-01-11 08:02:00 Etc/GMT+5", "2026-01-11 08:02 America/New_York", "2026-01-11T08:02 US/Eastern"),
        *("2026-01-11T19:02:00+6", "2026-01-11T19:02:00 +6:00", "7:02 PM BST, 11 January 2026"),
        *("11 January 2026 19:02 hrs", "১১ জানুয়ারি ২০২৬, ১৩:০২ জিএমটি", "১১ জানুয়ারি ২০২৬, ০৭:০২ পিএম বিএসটি"),
    ],
)
def test_machine_date_is_parsed(text: str) -> None:
    now = datetime(2026, 1, 11, 14, 0, tzinfo=UTC)
    assert parse_datetime(text, zone=DHAKA, now=now) == datetime(2026, 1, 11, 13, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "2026-01-11 19:02 XYZ",
            "Sun Jan 11 19:02:00 QQT 2026",
            "2026-01-11 19:02 Asia/Nowhere",
            "Jan 11, 2026 7:02 PM IST",
            "11 January 2026 19:02 hrs IST",
            "2026-01-11T19:02:00 IST+5:30",
            "2026-01-11T13:02:60Z",
            "2026-01-11 19:02 -6",
        ),
        *(
            "0001-01-01T00:00:00Z",
            "0001-01-01 00:00:00",
            "2026-01-12T14:00:01Z",
            "20260230T101010Z",
            "2026-01-11 10:30-12",
        ),
    ],
)
def test_doubtful_machine_date_is_none(text: str) -> None:
    assert parse_datetime(text, zone=DHAKA, now=datetime(2026, 1, 11, 14, 0, tzinfo=UTC)) is None


def test_abbreviation_is_read_in_its_own_zone_only() -> None:
    now = datetime(2026, 7, 12, tzinfo=UTC)
    for name, zone, hour in (("BST", "Europe/London", 18), ("BST", "Asia/Dhaka", 13), ("IST", "Asia/Kolkata", None)):
        moment = parse_datetime(f"2026-07-11 19:02 {name}", zone=ZoneInfo(zone), now=now)
        assert moment == datetime(2026, 7, 11, *((hour, 2) if hour else (13, 32)), tzinfo=UTC)
    assert parse_datetime("2026-07-11 19:02 BDT", zone=ZoneInfo("Europe/London"), now=now) is None


MACHINE_FORMATS = st.sampled_from(
    ("%Y-%m-%dT%H:%M:%S{}", "%Y-%m-%d %H:%M:%S{}", "%Y%m%dT%H%M%S{}", "%Y-%m-%dT%H%M%S{}", "%a, %d %b %Y %H:%M:%S {}")
    + ("%a %b %d %H:%M:%S {} %Y", "%d %b %Y %H:%M:%S {}", "%Y-%m-%dT%H:%M:%S.%f{}")
)
OFFSETS = st.sampled_from(
    ((0, "Z"), (0, "+00"), (6, "+06"), (6, "+0600"), (-5, "-05:00"), (6, "BDT"), (6, "BST"), (0, "UTC"))
)


def reads_back(moment: datetime, form: str, offset: tuple[int, str]) -> bool:
    hours, name = offset
    if name in ("+00", "+06") and " {}" in form:
        name += "00"
    separator = " " if name.isalpha() and len(name) > 1 and "{}" in form and " {}" not in form else ""
    text = (moment + timedelta(hours=hours)).strftime(form.replace("{}", separator + name))
    return parse_datetime(text, zone=DHAKA, now=moment + timedelta(hours=1)) == moment


MOMENTS = st.integers(0, 3 * 10**9).map(lambda seconds: datetime(1991, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))


@settings(deadline=None, max_examples=100)
@given(MOMENTS, MACHINE_FORMATS, OFFSETS)
def test_machine_date_reads_back(moment: datetime, form: str, offset: tuple[int, str]) -> None:
    assert reads_back(moment, form, offset)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(deadline=None, max_examples=10_000)
@given(MOMENTS, MACHINE_FORMATS, OFFSETS)
def test_machine_date_reads_back_soak(moment: datetime, form: str, offset: tuple[int, str]) -> None:
    assert reads_back(moment, form, offset)


OFFSET_ZONES = st.sampled_from([timezone(timedelta(minutes=minutes)) for minutes in (0, 330, 345, 360, -300, -570)])
AWARE = st.builds(lambda moment, zone: moment.astimezone(zone), MOMENTS, OFFSET_ZONES)


def check_against_email_utils(moment: datetime, two_digits: bool, name: str) -> None:
    """Compare with `email.utils` on dates of RFC 822.

    Known disagreements: `email.utils` reads an unknown zone name, and `BST`, as UTC (here null, and +06 in Dhaka), and
    `-0000` as a time without a zone (here UTC, as in RFC 2822). A year `69` to `89` is of the last century there.
    """
    text = format_datetime(moment)
    if two_digits and 1990 <= moment.year <= 2068:
        text = text.replace(str(moment.year), f"{moment.year % 100:02}", 1)
    if name:
        text = f"{text[:-5]}{name}"
    expected = parsedate_to_datetime(text).astimezone(UTC)
    assert parse_datetime(text, zone=DHAKA, now=expected) == expected, text


@examples
def test_rfc_date_equals_email_utils(examples: int) -> None:
    names = st.sampled_from(["", "", "GMT", "UTC", "UT", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT"])
    holds(check_against_email_utils, AWARE, st.booleans(), names, examples=examples)


def check_against_fromisoformat(moment: datetime, separator: str, timespec: str, compact: int, naive: bool) -> None:
    """Compare with `datetime.fromisoformat`.

    Known disagreements: `fromisoformat` also reads week dates, hours without minutes and dates without a time (here
    null: midnight would look like a time from the page), and `10:30-12:00` after a space as an offset (here null: it
    may be a range of hours).
    """
    local = moment.astimezone(DHAKA).replace(tzinfo=None) if naive else moment
    text = local.isoformat(separator, timespec)
    date, time = text[:10], text[11:]
    if compact:
        date = date.replace("-", "")
        time = time.replace(":", "") if compact > 1 and "." not in time else time
    text = f"{date}{separator}{time}"
    read = datetime.fromisoformat(text)
    expected: datetime | None
    expected = (read if read.tzinfo else read.replace(tzinfo=DHAKA)).astimezone(UTC).replace(microsecond=0)
    if re.search(r"-\d\d \d\d:\d\d-\d\d:\d\d$", text):
        expected = None
    assert parse_datetime(text, zone=DHAKA, now=moment) == expected, text


@examples
def test_iso_date_equals_fromisoformat(examples: int) -> None:
    holds(
        check_against_fromisoformat,
        AWARE,
        st.sampled_from("T "),
        st.sampled_from(["minutes", "seconds", "milliseconds", "microseconds"]),
        st.integers(0, 2),
        st.booleans(),
        examples=examples,
    )
