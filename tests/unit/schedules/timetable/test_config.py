"""The timetable: a mistake is found when it is read, with its line and the nearest right thing; all at once."""

import re
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

from crawler.registry import newspapers
from pipelines.storage.data_folder import DataFolder
from schedules.cli.render.timetable_text import coming, listed, show_coming, show_listed
from schedules.exit_codes import WrongUsage
from schedules.timetable.config import Timetable, TimetableError

RIGHT = """\
[schedule.night]
sentence = "The whole paper"
sites = ["kalbela"]
mode = "full"
cron = "15 2 * * *"
zone = "Asia/Dhaka"
max_pages = 2000
max_minutes = 180
max_depth = 3
jitter_minutes = 5
grace_hours = 20
expectations = { lists = ["latest"], max_rejected = 0.1 }
"""
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def read(folder: Path, text: str) -> Timetable:
    path = folder / "timetable.toml"
    path.write_text(text, encoding="utf-8")
    return Timetable.read(path)


def mistakes(folder: Path, text: str) -> list[tuple[int, str]]:
    with pytest.raises(TimetableError) as wrong:
        read(folder, text)
    return [(mistake.line, f"{mistake.place}: {mistake.sentence}") for mistake in wrong.value.mistakes]


def test_the_timetable_of_the_project_is_right_and_visits_every_newspaper_by_night_and_by_day() -> None:
    timetable = Timetable.read()
    assert {site for schedule in timetable.schedules for site in schedule.sites} == set(newspapers())
    assert {schedule.mode for schedule in timetable.schedules} == {"full", "incremental"}
    assert all(schedule.sentence for schedule in timetable.schedules)


def test_a_schedule_holds_what_was_written(tmp_path: Path) -> None:
    [schedule] = read(tmp_path, RIGHT).schedules
    assert schedule.in_words() == "every night at 02:15, Asia/Dhaka"
    assert (schedule.max_pages, schedule.max_minutes, schedule.max_depth) == (2000, 180, 3)
    assert schedule.expectations == {"lists": ("latest",), "max_rejected": 0.1}
    assert schedule.grace == timedelta(hours=20)


@pytest.mark.parametrize(
    ("line", "wrong", "said"),
    [
        (1, "[shedule.night]", ["[schedule.NAME]"]),
        (1, "[schedule.Night_1]", ["'night-1'"]),
        (2, "sentense = 'x'", ["'sentence'", "sentence is missing"]),
        (2, "sentence = ''", ["no text"]),
        (3, 'sites = "kalbela"', ["['kalbela']"]),
        (3, "sites = []", ["kalbela"]),
        (3, "sites = ['kalbla', 'klbela']", ["'kalbla'; did you mean 'kalbela'?", "'klbela'; did you mean 'kalbela'?"]),
        (4, "mode = 'ful'", ["'full'"]),
        (4, "mode = 1", ["incremental, full"]),
        (5, "cron = '15 2 * * 1-5'", ["'mon-fri'"]),
        (5, "cron = '61 25 * * *'", ["59", "23"]),
        (5, "cron = '0 2 30 2 *'", ["never comes", "29"]),
        (5, "cron = 215", ["no text"]),
        (6, "zone = 'Asia/Daka'", ["'Asia/Dhaka'"]),
        (6, "zone = 'Dhaka'", ["'Asia/Dhaka'"]),
        (6, "zone = '../../etc/passwd'", ["Asia/Dhaka"]),
        (6, "zone = '+06:00'", ["Asia/Dhaka"]),
        (7, "max_pages = 0", ["nearest is 1"]),
        (7, "max_pages = 20000", ["180 minutes", "10800"]),
        (7, "max_pages = true", ["whole number"]),
        (7, "max_pages = 10.5", ["whole number"]),
        (8, "max_minutes = -1", ["nearest is 1"]),
        (8, "max_minutes = nan", ["nearest is 1"]),
        (8, "max_minutes = 1441", ["nearest is 1440"]),
        (9, "max_depth = 0", ["nearest is 1"]),
        (9, "max_dept = 3", ["'max_depth'"]),
        (10, "jitter_minutes = 721", ["nearest is 720"]),
        (11, "grace_hours = 0.5", ["nearest is 1"]),
        (12, "expectations = { max_rejecte = 0.1 }", ["'max_rejected'"]),
        (12, "expectations = { max_failed = 20 }", ["nearest is 1"]),
        (12, "expectations = { lists = ['lates'] }", ["'latest'"]),
        (12, "expectations = 3", ["no table"]),
        (12, "expectation = {", ["TOML"]),
    ],
)
def test_a_mistake_is_named_with_its_line_and_the_nearest_right_thing(
    line: int, wrong: str, said: list[str], tmp_path: Path
) -> None:
    lines = RIGHT.splitlines()
    lines[line - 1] = wrong
    found = mistakes(tmp_path, "\n".join(lines))
    assert line in [at for at, _ in found], found
    told = "\n".join(sentence for _, sentence in found)
    assert all(each in told for each in said), told


def test_a_run_that_would_go_on_when_the_next_is_due_is_impossible(tmp_path: Path) -> None:
    often = RIGHT.replace("15 2 * * *", "*/20 * * * *").replace("= 2000", "= 100")
    [(line, said)] = mistakes(tmp_path, often)
    assert (line, said.endswith("the most is 20")) == (8, True)
    [(line, said)] = mistakes(tmp_path, often.replace("= 180", "= 18"))
    assert (line, said.endswith("the most is 2")) == (10, True)


def test_every_mistake_is_told_at_once_in_the_order_of_the_lines(tmp_path: Path) -> None:
    day = '[schedule.day]\nsentence = """\nkind = 3\n"""\nsites = [\n  "kalbla",\n]\ncron = "0 2 * * 0"\n'
    text = f'# ours\ncolour = "red"\n\n{RIGHT}\n{day}'
    text = text.replace('zone = "Asia/Dhaka"', 'zone = "Asia/Daka"').replace("max_pages = 2000", "max_pages = 0")
    found = mistakes(tmp_path, text)
    assert [line for line, _ in found] == [2, 9, 10, 17, 17, 17, 17, 21, 24]
    with pytest.raises(TimetableError, match=re.escape(f"{tmp_path}/timetable.toml:24: [schedule.day] cron: ")):
        Timetable.read(tmp_path / "timetable.toml")


@pytest.mark.parametrize("text", ["", "# nothing\n", "[schedule]\n", "schedule = 3\n", "[schedule]\nnight = 3\n"])
def test_a_timetable_without_a_schedule_is_a_mistake(text: str, tmp_path: Path) -> None:
    assert "[schedule.NAME]" in mistakes(tmp_path, text)[0][1]


def test_a_file_that_cannot_be_read_is_named_with_its_reason(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.toml", "No such file"), (tmp_path, "directory")):
        with pytest.raises(TimetableError, match=reason):
            Timetable.read(path)
    (tmp_path / "latin.toml").write_bytes(b"[schedule.night]\nsentence = '\xe9'\n")
    with pytest.raises(TimetableError, match=r"latin.toml:2: is not UTF-8"):
        Timetable.read(tmp_path / "latin.toml")


def test_a_name_that_is_none_is_answered_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match=r"'nigth'.*there are: night"):
        read(tmp_path, RIGHT).named("nigth")


def test_the_jitter_of_a_time_is_always_the_same_and_never_more_than_allowed(tmp_path: Path) -> None:
    [first], [second] = read(tmp_path, RIGHT).schedules, read(tmp_path, RIGHT).schedules
    drawn = [first.begins(due) - due.at for due in islice(first.after(NOW), 50)]
    assert drawn == [second.begins(due) - due.at for due in islice(second.after(NOW), 50)]
    assert timedelta(0) <= min(drawn) < max(drawn) <= timedelta(minutes=5)
    assert len(set(drawn)) == 50


def test_the_notice_board_says_when_in_words_and_in_local_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    timetable = read(tmp_path, RIGHT + RIGHT.replace("schedule.night", "schedule.noon").replace("15 2 *", "0 12 *"))
    rows = listed(timetable, DataFolder(tmp_path), NOW)
    assert (rows[0]["when"], rows[0]["next"]) == ("every night at 02:15, Asia/Dhaka", "2026-11-23T02:15+06:00")
    times = coming(timetable, NOW, 3)
    assert [row["name"] for row in times] == ["night", "noon", "night"]
    assert times[1]["at"] == "2026-11-23T12:00+06:00"
    assert datetime.fromisoformat(times[1]["here"]) == datetime.fromisoformat(times[1]["at"])
    show_listed(rows, NOW)
    show_coming(times, NOW)
    shown = capsys.readouterr().out
    assert "every night at 02:15, Asia/Dhaka; next Mon 23 Nov 2026 02:15, in 8 h 15 min" in shown
    assert "not run yet" in shown
