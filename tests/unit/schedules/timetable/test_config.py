"""The timetable: every problem is found when it is read, with its line and a suggestion."""

import re
import subprocess
import sys
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

from pipelines.storage.data_folder import DataFolder
from schedules.cli.render.timetable_text import next_occurrences, schedule_rows, show_next, show_schedules
from schedules.exit_codes import WrongUsage
from schedules.monitoring.expectations import Expectations
from schedules.timetable.config import Timetable, TimetableError
from schedules.timetable.expectation_changes import ExpectationChanges
from tests.support.project import PROJECT

VALID = """\
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


def problems(folder: Path, text: str) -> list[tuple[int, str]]:
    with pytest.raises(TimetableError) as refused:
        read(folder, text)
    return [(problem.line, f"{problem.place}: {problem.message}") for problem in refused.value.problems]


def test_own_timetable_runs_kalbela_in_both_modes() -> None:
    runs = [(schedule.mode, schedule.sites) for schedule in Timetable.read().schedules]
    assert runs == [("full", ("kalbela",)), ("incremental", ("kalbela",))]


def test_schedule_holds_written_values(tmp_path: Path) -> None:
    [schedule] = read(tmp_path, VALID).schedules
    assert (schedule.name, schedule.max_pages, schedule.max_minutes, schedule.max_depth) == ("night", 2000, 180, 3)
    assert schedule.expectations.as_dict() == {"lists": ("latest",), "max_rejected": 0.1}
    assert schedule.grace == timedelta(hours=20)


def test_every_expectation_can_be_changed() -> None:
    assert ExpectationChanges.model_fields.keys() == {field.name for field in fields(Expectations)}


def test_run_process_does_without_pydantic() -> None:
    program = "import sys, schedules.scrapy_commands.crawl; from crawler.registry import newspapers, project_settings;"
    program += "newspapers(); [__import__(n.rpartition('.')[0]) for n in project_settings()['EXTENSIONS_BASE']];"
    subprocess.run([sys.executable, "-c", f"{program} assert 'pydantic' not in sys.modules"], cwd=PROJECT, check=True)


@pytest.mark.parametrize(
    ("line", "wrong", "subjects"),
    [(1, "[shedule.night]", ["[schedule.NAME]"]), (1, "[schedule.Night_1]", ["'night-1'"]),
     (2, "sentense = 'x'", ["'sentence'", "sentence is missing"]), (2, "sentence = ''", ["character"]),
     (2, "sentence = 'x'\nname = 'y'", ["'name'"]), (3, 'sites = "kalbela"', ["list"]), (3, "sites = []", ["kalbela"]),
     (3, "sites = ['kalbla', 'klbela']", ["'kalbla'; did you mean 'kalbela'?", "'klbela'; did you mean 'kalbela'?"]),
     (4, "mode = 'ful'", ["'full'"]), (4, "mode = 1", ["'incremental'", "'full'"]),
     (5, "cron = '15 2 * * 1-5'", ["'mon-fri'"]), (5, "cron = '61 25 * * *'", ["59", "23"]),
     (5, "cron = 215", ["string"]), (6, "zone = 'Asia/Daka'", ["'Asia/Dhaka'"]),
     (6, "zone = 'Dhaka'", ["'Asia/Dhaka'"]), (6, "zone = '../../etc/passwd'", ["time zone"]),
     (6, "zone = '+06:00'", ["time zone"]), (6, "zone = 6", ["time zone"]), (7, "max_pages = 0", ["equal to 1"]),
     (7, "max_pages = 20000", ["180 minutes", "10800"]), (7, "max_pages = true", ["integer"]),
     (7, "max_pages = 10.5", ["integer"]), (8, "max_minutes = -1", ["equal to 1"]),
     (8, "max_minutes = nan", ["finite"]), (8, "max_minutes = true", ["number"]),
     (8, "max_minutes = 1441", ["equal to 1440"]), (9, "max_depth = 0", ["equal to 1"]),
     (9, "max_dept = 3", ["'max_depth'"]), (10, "jitter_minutes = 721", ["equal to 720"]),
     (11, "grace_hours = 0.5", ["equal to 1"]), (12, "expectations = { max_rejecte = 0.1 }", ["'max_rejected'"]),
     (12, "expectations = { max_failed = 20 }", ["equal to 1"]),
     (12, "expectations = { lists = ['lates'] }", ["'latest'"]), (12, "expectations = 3", ["table"]),
     (12, "expectation = {", ["TOML"])],
)  # fmt: skip
def test_problem_names_line_and_suggestion(line: int, wrong: str, subjects: list[str], tmp_path: Path) -> None:
    lines = VALID.splitlines()
    lines[line - 1] = wrong
    found = problems(tmp_path, "\n".join(lines))
    messages = "\n".join(message for _, message in found)
    assert line in [at for at, _ in found] or line + 1 in [at for at, _ in found], found
    assert all(subject in messages for subject in subjects), messages


def test_overlapping_runs_are_refused(tmp_path: Path) -> None:
    often = VALID.replace("15 2 * * *", "*/20 * * * *").replace("= 2000", "= 100")
    for text, line, limit in ((often, 8, "20"), (often.replace("= 180", "= 18"), 10, "2")):
        [(at, message)] = problems(tmp_path, text)
        assert (at, message.endswith(f" {limit}")) == (line, True)


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    day = '[schedule.day]\nsentence = """\nkind = 3\n"""\nsites = [\n  "kalbla",\n]\ncron = "0 2 * * 0"\n'
    text = f'# ours\ncolour = "red"\n\n{VALID}\n{day}'
    text = text.replace('zone = "Asia/Dhaka"', 'zone = "Asia/Daka"').replace("max_pages = 2000", "max_pages = 0")
    assert [line for line, _ in problems(tmp_path, text)] == [2, 9, 10, 17, 17, 17, 17, 21, 24]
    with pytest.raises(TimetableError, match=re.escape(f"{tmp_path}/timetable.toml:24: [schedule.day] cron: ")):
        Timetable.read(tmp_path / "timetable.toml")


@pytest.mark.parametrize("text", ["", "# nothing\n", "[schedule]\n", "schedule = 3\n", "[schedule]\nnight = 3\n"])
def test_timetable_without_schedule_is_refused(text: str, tmp_path: Path) -> None:
    assert "[schedule.NAME]" in problems(tmp_path, text)[0][1]


def test_unreadable_file_is_named_with_reason(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"[schedule.night]\nsentence = '\xe9'\n")
    for path, reason in (("none.toml", "No such file"), ("", "directory"), ("latin.toml", "latin.toml:2: .*UTF-8")):
        with pytest.raises(TimetableError, match=reason):
            Timetable.read(tmp_path / path)


def test_unknown_schedule_gets_suggestion(tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match=r"'nigth'.*'night'"):
        read(tmp_path, VALID).named("nigth")


def test_schedule_of_several_sites_is_one_for_each(tmp_path: Path) -> None:
    several = VALID.replace('["kalbela"]', '["kalbela", "samakal"]').replace(
        "jitter_minutes = 5", "jitter_minutes = 300"
    )
    timetable = read(tmp_path, several)
    assert [(each.name, each.sites) for each in timetable.group("night")] == [
        *(("night-kalbela", ("kalbela",)), ("night-samakal", ("samakal",)))
    ]
    assert timetable.group("night-samakal") == timetable.group("night")[1:]
    starts = {each.start_of(next(each.after(NOW))) for each in timetable.schedules}
    assert len(starts) == 2
    same_name = VALID.replace("[schedule.night]", "[schedule.night-samakal]")
    assert "rename" in problems(tmp_path, several + same_name)[0][1]


def test_jitter_is_bounded_and_repeatable(tmp_path: Path) -> None:
    [first], [second] = read(tmp_path, VALID).schedules, read(tmp_path, VALID).schedules
    delays = [first.start_of(due) - due.at for due in islice(first.after(NOW), 50)]
    assert delays == [second.start_of(due) - due.at for due in islice(second.after(NOW), 50)]
    assert timedelta(0) <= min(delays) < max(delays) <= timedelta(minutes=5)
    assert len(set(delays)) == 50


def test_schedules_show_next_times_locally(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    timetable = read(tmp_path, VALID + VALID.replace("schedule.night", "schedule.noon").replace("15 2 *", "0 12 *"))
    rows = schedule_rows(timetable, DataFolder(tmp_path), NOW)
    assert (rows[0]["when"], rows[0]["next"]) == ("at 02:15 every day, Asia/Dhaka", "2026-11-23T02:15+06:00")
    times = next_occurrences(timetable, NOW, 3)
    assert [row["name"] for row in times] == ["night", "noon", "night"]
    assert times[1]["at"] == "2026-11-23T12:00+06:00"
    assert datetime.fromisoformat(times[1]["here"]) == datetime.fromisoformat(times[1]["at"])
    show_schedules(rows, NOW)
    show_next(times, NOW)
    shown = capsys.readouterr().out
    assert "at 02:15 every day, Asia/Dhaka; next Mon 23 Nov 2026 02:15, in 8 h 15 min" in shown
