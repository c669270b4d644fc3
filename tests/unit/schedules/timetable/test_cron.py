"""Cron: what is refused and with which hint, what it says in words, and when it comes on odd days of the clock."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.timetable.cron import WEEKDAYS, CronWrong, in_words, read_cron

DHAKA, BERLIN = ZoneInfo("Asia/Dhaka"), ZoneInfo("Europe/Berlin")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "hints"),
    [
        ("61 24 * * *", ["minute 61", "59", "hour 24", "23"]),
        ("0 2 * *", ["4 fields", "15 2 * * *"]),
        ("0 0 2 * * *", ["6 fields"]),
        ("", ["0 fields"]),
        ("@daily", ["'0 0 * * *'"]),
        ("0 2 * * 0", ["'0'", "'sun'"]),
        ("0 2 * * 7", ["'sun'"]),
        ("0 2 * * 1-5", ["'mon-fri'"]),
        ("0 2 * * */2,1", ["'mon'"]),
        ("0 2 * * friday", ["'fri'"]),
        ("0 2 * janury *", ["'jan'"]),
        ("0 2 * 0 *", ["month 0", "1 and 12"]),
        ("0 2 31 2 *", ["never comes", "'0 2 29 2 *'"]),
        ("0 2 31 apr,jun *", ["never comes", "'0 2 30 apr,jun *'"]),
        ("0 2 1 * mon", ["'0 2 1 * *'", "'0 2 * * mon'"]),
        ("5/10 * * * *", ["'5-59/10'"]),
        ("*/0 * * * *", ["step from 1 to 59"]),
        ("*/90 * * * *", ["step from 1 to 59"]),
        ("0 22-6 * * *", ["'22-23,0-6'"]),
        ("? 2 * * *", ["'?'"]),
        ("0 2 L * *", ["'l'"]),
        ("-5 2 * * *", ["'-5'"]),
        ("٣ 2 * * *", ["'٣'"]),
    ],
)
def test_fields_that_cannot_be_meant_are_refused_with_the_nearest_that_can(text: str, hints: list[str]) -> None:
    with pytest.raises(CronWrong) as wrong:
        read_cron(text)
    assert all(hint in str(wrong.value) for hint in hints), str(wrong.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("15 2 * * *", "every night at 02:15"),
        ("0 22 * * *", "every night at 22:00"),
        ("0 10 * * *", "every day at 10:00"),
        ("30 6,12,18 * * *", "every day at 06:30, 12:30 and 18:30"),
        ("*/30 6-23 * * *", "every day, every 30 minutes from 06:00 to 23:30"),
        ("*/15 * * * *", "every day, every 15 minutes"),
        ("10,40 * * * *", "every day, every 30 minutes from 00:10"),
        ("0 * * * *", "every day, every hour"),
        ("0 */2 * * *", "every day, every 2 hours"),
        ("0,10 8-12 * * *", "every day, 10 times between 08:00 and 12:10"),
        ("0 9 * * sun-thu", "on Sunday to Thursday at 09:00"),
        ("0 9 * * fri,sat", "on Friday and Saturday at 09:00"),
        ("0 3 1,15 * *", "on the 1st and 15th of every month at 03:00"),
        ("0 3 2,3,11 jan,jul *", "on the 2nd, 3rd and 11th of January and July at 03:00"),
        ("0 3 * feb *", "every night in February at 03:00"),
    ],
)
def test_a_cron_is_said_as_a_person_would_say_it(text: str, said: str) -> None:
    assert in_words(read_cron(text)) == said


def test_weekdays_are_those_of_the_calendar() -> None:
    for name in WEEKDAYS:
        due = next(read_cron(f"0 2 * * {name}").after(utc("2026-11-22T00:00"), DHAKA))
        assert f"{due.local:%a}".lower() == name


@pytest.mark.parametrize(
    ("text", "zone", "start", "moments"),
    [
        # The hour that comes twice: a night has one run, an hourly schedule has both hours.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),
        ("0 2,3 * * *", "Europe/Berlin", "2026-10-24T12:00", ["2026-10-25T00:00", "2026-10-25T02:00"]),
        (
            "0 * * * *",
            "Europe/Berlin",
            "2026-10-24T23:30",
            ["2026-10-25T00:00", "2026-10-25T01:00", "2026-10-25T02:00"],
        ),
        # The hour that never is: the night comes an hour later, the hour does not come.
        ("30 2 * * *", "Europe/Berlin", "2027-03-27T12:00", ["2027-03-28T01:30", "2027-03-29T00:30"]),
        (
            "0 * * * *",
            "Europe/Berlin",
            "2027-03-27T23:30",
            ["2027-03-28T00:00", "2027-03-28T01:00", "2027-03-28T02:00"],
        ),
        # Half an hour only, and in New York by evening of UTC.
        ("45 1 * * *", "Australia/Lord_Howe", "2027-04-03T00:00", ["2027-04-03T14:45", "2027-04-04T15:15"]),
        ("30 1 * * *", "America/New_York", "2026-10-31T12:00", ["2026-11-01T05:30", "2026-11-02T06:30"]),
        # Dhaka had summer time once: 23:00 to midnight of the last evening of 2009 came twice.
        ("30 23 * * *", "Asia/Dhaka", "2009-12-31T00:00", ["2009-12-31T16:30", "2010-01-01T17:30"]),
        # Samoa left out 30 December 2011 altogether.
        ("0 2 * * *", "Pacific/Apia", "2011-12-29T00:00", ["2011-12-29T12:00", "2011-12-30T12:00", "2011-12-30T12:00"]),
        ("0 2 29 feb *", "Asia/Dhaka", "2097-01-01T00:00", ["2104-02-28T20:00"]),
    ],
)
def test_times_follow_the_clock_of_the_place(text: str, zone: str, start: str, moments: list[str]) -> None:
    dues = list(islice(read_cron(text).after(utc(start), ZoneInfo(zone)), len(moments)))
    assert [due.at for due in dues] == [utc(each) for each in moments]
    assert len({due.key for due in dues}) == len(dues)


@pytest.mark.parametrize("year", [2009, 2026, 2027])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Dhaka"])
@pytest.mark.parametrize("clock", ["30 1", "30 2", "30 23", "5 0"])
def test_a_nightly_schedule_comes_once_on_each_date_of_a_year(zone: str, clock: str, year: int) -> None:
    dues = read_cron(f"{clock} * * *").after(utc(f"{year - 1}-12-20T00:00"), ZoneInfo(zone))
    dates = [due.local.date() for due in islice(dues, 390)]
    assert dates == [dates[0] + timedelta(days=n) for n in range(390)]


moments = st.integers(0, 15 * 366 * 24 * 60).map(lambda minutes: utc("2020-01-01T00:00") + timedelta(minutes=minutes))
fields = st.tuples(
    st.sampled_from(["0", "15", "*/20", "5,50", "*"]),
    st.sampled_from(["2", "0-5", "*/6", "*", "8,20"]),
    st.sampled_from(["*", "1", "31", "10-20/5"]),
    st.sampled_from(["*", "2,7", "mar-may", "jan"]),
    st.sampled_from(["*", "sun-thu", "fri", "mon,sat"]),
).filter(lambda each: each[2] == "*" or each[4] == "*")


@settings(max_examples=60, deadline=None)
@given(fields, moments)
def test_where_the_clock_never_changes_the_times_are_those_of_the_trigger(
    fields: tuple[str, ...], at: datetime
) -> None:
    cron = read_cron(" ".join(fields))
    trigger, fired = cron.trigger(DHAKA), at
    for due in islice(cron.after(at, DHAKA), 5):
        fired = trigger.get_next_fire_time(None, fired.astimezone(DHAKA) + timedelta(microseconds=1)).astimezone(UTC)
        assert due.at == fired


@settings(max_examples=60, deadline=None)
@given(fields, moments)
def test_looking_back_finds_what_looking_ahead_found(fields: tuple[str, ...], at: datetime) -> None:
    cron = read_cron(" ".join(fields))
    ahead = list(islice(cron.after(at, BERLIN), 5))
    assert list(cron.until(ahead[-1].at, BERLIN, at))[::-1][:5] == ahead


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("15 2 * * *", 1440),
        ("*/30 6-23 * * *", 30),
        ("0 0,23 * * *", 60),
        ("0 0,23 * * mon", 23 * 60),
        ("0 2 * * mon", 2880),
    ],
)
def test_the_shortest_gap_is_that_between_two_times_that_do_follow_each_other(text: str, minutes: int) -> None:
    assert read_cron(text).shortest_gap() == timedelta(minutes=minutes)
