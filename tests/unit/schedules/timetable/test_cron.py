"""Cron expressions: validation, and the times at which they are due through changes of the clock."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.timetable.cron import WEEKDAYS, check_cron, describe_cron, due_after, due_until, shortest_gap

DHAKA, BERLIN = ZoneInfo("Asia/Dhaka"), ZoneInfo("Europe/Berlin")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "subjects"),
    [("61 24 * * *", ["minute '61'", "0-59", "hour '24'", "0-23"]), ("0 2 * *", ["4 fields", "15 2 * * *"]),
     ("0 0 2 * * *", ["6 fields"]), ("", ["0 fields"]), ("@daily", ["1 fields", "15 2 * * *"]),
     ("0 2 * * 0", ["'0'", "'sun'"]), ("0 2 * * 7", ["'sun'"]), ("0 2 * * 1-5", ["'mon-fri'"]),
     ("0 2 * * */2,1", ["'*/2,mon'"]), ("0 2 * * friday", ["'friday'", "sat"]), ("0 2 * * mon#1", ["'mon#1'"]),
     ("0 2 * * fri-mon", ["'fri-mon'"]), ("0 2 * janury *", ["'janury'", "jan-dec"]),
     ("0 2 * 0 *", ["month '0'", "1-12"]), ("0 2 31 2 *", ["never", "31"]), ("0 2 31 apr,jun *", ["never"]),
     ("0 2 1 * mon", ["day", "weekday"]), ("*/0 * * * *", ["'*/0'"]), ("*/90 * * * *", ["'*/90'"]),
     ("0 22-6 * * *", ["'22-6'"]), ("? 2 * * *", ["'?'"]), ("0 2 L * *", ["'l'"]), ("-5 2 * * *", ["'-5'"]),
     ("٣ 2 * * *", ["'٣'"])],
)  # fmt: skip
def test_invalid_expressions_are_refused(cron: str, subjects: list[str]) -> None:
    with pytest.raises(ValueError) as refused:
        check_cron(cron)
    assert all(subject in str(refused.value) for subject in subjects), str(refused.value)


@pytest.mark.parametrize(
    ("cron", "words"),
    [("15 2 * * *", "at 02:15 every day"), ("0 9 * * sun-thu", "at 09:00 on Sunday through Thursday")],
)
def test_expressions_are_described_in_words(cron: str, words: str) -> None:
    assert describe_cron(cron) == words


@pytest.mark.parametrize("name", WEEKDAYS)
def test_weekdays_follow_the_calendar(name: str) -> None:
    due = next(due_after(check_cron(f"0 2 * * {name}"), DHAKA, utc("2026-11-22T00:00")))
    assert f"{due.local:%a}".lower() == name


@pytest.mark.parametrize(
    ("cron", "zone", "start", "times"),
    [
        # A repeated hour: once a night, twice for an hourly schedule.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),
        ("15 2 * * *", "Europe/Berlin", "2026-10-25T00:50", ["2026-10-26T01:15"]),
        ("0 2,3 * * *", "Europe/Berlin", "2026-10-24T12:00", ["2026-10-25T00:00", "2026-10-25T02:00"]),
        ("0 * * * *", "Europe/Berlin", "2026-10-25T00:30", ["2026-10-25T01:00", "2026-10-25T02:00"]),
        # A skipped hour: due when the clock resumes, and not at all for an hourly schedule.
        ("30 2 * * *", "Europe/Berlin", "2027-03-27T12:00", ["2027-03-28T01:00", "2027-03-29T00:30"]),
        ("15,30 2 * * *", "Europe/Berlin", "2027-03-27T12:00", ["2027-03-28T01:00", "2027-03-29T00:15"]),
        ("0 * * * *", "Europe/Berlin", "2027-03-28T00:30", ["2027-03-28T01:00", "2027-03-28T02:00"]),
        # Half an hour, and an evening in UTC.
        ("45 1 * * *", "Australia/Lord_Howe", "2027-04-03T00:00", ["2027-04-03T14:45", "2027-04-04T15:15"]),
        ("30 1 * * *", "America/New_York", "2026-10-31T12:00", ["2026-11-01T05:30", "2026-11-02T06:30"]),
        # Dhaka repeated the last hour of 2009.
        ("30 23 * * *", "Asia/Dhaka", "2009-12-31T00:00", ["2009-12-31T16:30", "2010-01-01T17:30"]),
        ("0 2 29 feb *", "Asia/Dhaka", "2097-01-01T00:00", ["2104-02-28T20:00"]),
    ],
)
def test_times_follow_changes_of_the_clock(cron: str, zone: str, start: str, times: list[str]) -> None:
    dues = list(islice(due_after(cron, ZoneInfo(zone), utc(start)), len(times)))
    assert [due.at for due in dues] == [utc(each) for each in times]
    assert len({due.key for due in dues}) == len(dues)


@pytest.mark.parametrize("year", [2009, 2026, 2027])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Dhaka"])
@pytest.mark.parametrize("clock", ["30 1", "15 2", "30 2", "30 23", "5 0"])
def test_nightly_schedule_is_due_once_a_night(zone: str, clock: str, year: int) -> None:
    times = [due.at for due in islice(due_after(f"{clock} * * *", ZoneInfo(zone), utc(f"{year - 1}-12-20T00:00")), 390)]
    assert all(timedelta(hours=22) < later - earlier < timedelta(hours=26) for earlier, later in pairwise(times))
    assert timedelta(days=388) < times[-1] - times[0] < timedelta(days=390)


crons = st.tuples(
    st.sampled_from(["0", "15", "*/20", "5,50", "*"]),
    st.sampled_from(["2", "0-5", "*/6", "*", "8,20"]),
    st.sampled_from(["*", "1", "31", "10-20/5"]),
    st.sampled_from(["*", "2,7", "mar-may", "jan"]),
    st.sampled_from(["*", "sun-thu", "fri", "mon,sat"]),
).filter(lambda fields: fields[2] == "*" or fields[4] == "*")


@settings(max_examples=60, deadline=None)
@given(crons, st.integers(0, 15 * 366 * 24 * 60))
def test_looking_back_equals_looking_ahead(fields: tuple[str, ...], minutes: int) -> None:
    cron, start = check_cron(" ".join(fields)), utc("2020-01-01T00:00") + timedelta(minutes=minutes)
    ahead = list(islice(due_after(cron, BERLIN, start), 5))
    assert list(due_until(cron, BERLIN, ahead[-1].at, start))[::-1] == ahead


@pytest.mark.parametrize(
    ("cron", "minutes"),
    [("15 2 * * *", 24 * 60), ("*/30 6-23 * * *", 30), ("0 0,23 * * *", 60), ("0 0,23 * * mon", 23 * 60),
     ("0 2 * * mon", 7 * 24 * 60), ("* * * * *", 1)],
)  # fmt: skip
def test_shortest_gap_spans_midnight(cron: str, minutes: int) -> None:
    assert shortest_gap(cron) == timedelta(minutes=minutes)
