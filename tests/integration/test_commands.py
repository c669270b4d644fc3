"""The commands: exit codes, errors in one line, and data left unchanged by wrong usage."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.metadata import version as installed_version
from pathlib import Path

import pandas as pd
import pytest

from crawler.downloader.politeness import impolite_settings
from crawler.registry import project_settings
from khobor import main
from tests.newspaper import Newspaper
from tests.support.commands import QUICK, FinishedCrawl, khobor
from tests.support.processes import KHOBOR, TERM, crawl_command, start_command
from tests.support.project import PROJECT

SILENT = "http://127.0.0.1:9"  # the discard port; nothing listens


@pytest.fixture(scope="module")
def mirror() -> Iterator[str]:
    with Newspaper(stories=60).serve() as url:
        yield url


@pytest.mark.parametrize(
    ("arguments", "named"),
    [("crawl kalbla", ["'kalbla'", "kalbela"]),
     ("crawl kalbela --seed www.kalbela.com/national/1", ["www.kalbela.com/national/1", "scheme"]),
     ("crawl kalbela --seed https://www.prothomalo.com/x/1", ["www.prothomalo.com"]),
     ("crawl kalbela --seed http://[", ["http://["]),
     ("crawl kalbela --seed ftp://a/1 --seed javascript:0", ["ftp://a/1", "javascript:0"]),
     ("crawl kalbela --mirror 127.0.0.1:80", ["127.0.0.1:80", "http://"]),
     ("crawl kalbela --mirror http://127.0.0.1/x", ["/x"]),
     ("crawl kalbela --mirror http://127.0.0.1:9 -s DOWNLOAD_DELAY", ["NAME=VALUE"]),
     ("crawl kalbela -s DOWNLOAD_DELAY=0.2", ["DOWNLOAD_DELAY=0.2"]),
     ("crawl kalbela -s DOWNLOAD_DELAY=soon", ["DOWNLOAD_DELAY=soon"]),
     ("crawl kalbela -s ROBOTSTXT_OBEY=False", ["ROBOTSTXT_OBEY"]),
     ("crawl kalbela -s CONCURRENT_REQUESTS_PER_DOMAIN=8", ["CONCURRENT_REQUESTS_PER_DOMAIN"]),
     ("crawl kalbela -s DOWNLOAD_DELAYY=2", ["DOWNLOAD_DELAYY", "did you mean DOWNLOAD_DELAY?"]),
     ("crawl kalbela -s KHOBOR_SHUTDOWN_SECONDS=-1 -s LOG_LEVEL=LOUD", ["KHOBOR_SHUTDOWN_SECONDS=-1", "0 or", "INFO"]),
     ("crawl kalbela -s RETRY_TIMES=two -s ROBOTSTXT_OBEY=no", ["RETRY_TIMES=two", "True or"]),
     ("crawl kalbela -s KHOBOR_DATA=/srv", ["KHOBOR_DATA", "--data"]),
     ("crawl kalbela -s FTP_PASSWORD=hunter2", ["FTP_PASSWORD", "could read the value"]),
     ('crawl kalbela -s EXTENSIONS={"scrapy.extensions.throttle.AutoThrottle":null}', ["EXTENSIONS must stay"]),
     ("crawl kalbela --max-minutes -5", ["--max-minutes", "'-5'"]),
     ("crawl kalbela --max-minutes nan", ["--max-minutes", "'nan'"]), ("crawl kalbela --max-pages 0", ["--max-pages"]),
     ("crawl kalbela --max-depth two", ["--max-depth", "'two'"]),
     ("crawl kalbela --seed http://127.0.0.1/world/1 --seed /a", ["http://127.0.0.1/world/1", "/a"]),
     ("crawl kalbela" + 2 * " --seed https://www.kalbela.com/world/1", ["world/1", "twice"]),
     ("crawl", ["SITE"]), ("runs --data /nonexistent/data", ["/nonexistent/data"]),
     ("runs 20200101T000000Z-kalbela-0000", ["20200101T000000Z-kalbela-0000"]),
     ("runs ../../etc/passwd", ["../../etc/passwd"]), (f"runs {'x' * 5000}", ["there is no run"]),
     ("runs \x1b[2J", ["there is no run"]), ("runs --last \x1b[2J", ["--last"]),
     ("history 154313", ["'154313'", "kalbela:154313"]), ("history kalbela:154313", ["'kalbela:154313'"]),
     ("ranks 154313", ["'154313'", "kalbela:154313"]),
     ("publish --data /nonexistent/data", ["there is no folder /nonexistent/data"]),
     ("check --data /nonexistent/data", ["there is no folder /nonexistent/data"]),
     ("reindex --data /nonexistent/data", ["there is no folder /nonexistent/data"]),
     ("tables --data /nonexistent/data", ["there is no folder /nonexistent/data"]),
     ("crawl kalbela -s KHOBOR_MODE=ful", ["KHOBOR_MODE=ful", "full, incremental"]),
     ("schedule list --timetable /nonexistent.toml", ["/nonexistent.toml", "No such file"]),
     ("schedule run", ["schedule run NAME"]), ("fly", ["fly"])],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)  # fmt: skip
def test_wrong_usage_is_named_and_starts_nothing(
    arguments: str, named: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    where = [] if "--data" in arguments.split() or arguments == "fly" else ["--data", str(data)]
    # In this process: a process per case would take half a minute.
    with pytest.raises(SystemExit) as ended:
        sys.exit(main([*arguments.split(), *where]))
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert all(part in err for part in named), err
    assert "Traceback" not in err
    assert err.count("\n") == 1
    assert "hunter2" not in err
    assert "\x1b" not in err
    assert not out
    assert not list(data.iterdir())


def test_crawl_without_contact_starts_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KHOBOR_CONTACT", raising=False)
    done = khobor("crawl", "kalbela", "--data", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert "KHOBOR_CONTACT" in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("contact", ["me", "reader@example.org\nX-Other: 1", "https://example.org/\x1b[2J"])
def test_invalid_contact_is_named(contact: str) -> None:
    settings = project_settings()
    settings.set("USER_AGENT", f"Khobor/1 (+{contact})")
    [fault] = impolite_settings(settings)
    assert repr(contact)[1:-1] in fault
    assert "KHOBOR_CONTACT" in fault


@pytest.mark.parametrize("command", ["publish", "check", "reindex"])
def test_maintenance_without_data_creates_nothing(command: str, tmp_path: Path) -> None:
    done = khobor(command, "--data", str(tmp_path))
    assert done.returncode == 0
    assert f"no data of any site in {tmp_path}" in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "value"), [("KHOBOR_FAILPOINT", "stage.written=kill"), ("KHOBOR_CLOCK", "2026-01-11T19:05+06:00")]
)
def test_variables_of_tests_are_rejected(name: str, value: str, tmp_path: Path) -> None:
    environment = {key: text for key, text in os.environ.items() if key != "KHOBOR_TESTING"} | {name: value}
    command = [sys.executable, "-m", "khobor", "crawl", "kalbela", "--mirror", SILENT, "--data", str(tmp_path / "data")]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True)
    assert (done.returncode, (tmp_path / "data").exists()) == (2, False)
    assert name in done.stderr
    assert done.stderr.count("\n") == 1


def test_unusable_data_folder_is_named(mirror: str, tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("not a folder")
    for data in ("/proc/khobor", str(file)):
        done = khobor("crawl", "kalbela", "--mirror", mirror, "--data", data)
        assert (done.returncode, "Traceback" in done.stderr, data in done.stderr) == (7, False, True)
        assert f"(as user {os.geteuid()})" in done.stderr
    assert file.read_text() == "not a folder"


def test_damaged_ledger_is_refused_and_unchanged(mirror: str, tmp_path: Path) -> None:
    ledger = tmp_path / "state" / "kalbela.sqlite"
    ledger.parent.mkdir()
    ledger.write_bytes(before := b"a diary, and no database at all" * 99)
    done = khobor("crawl", "kalbela", "--data", str(tmp_path), "--mirror", mirror)
    assert done.returncode == 8, done
    assert all(part in done.stderr for part in ("reindex", str(ledger))), done.stderr
    assert "Traceback" not in done.stderr
    assert ledger.read_bytes() == before
    assert not list((tmp_path / "runs").iterdir())


@pytest.mark.parametrize("empty", [True, False])
def test_foreign_parquet_is_refused_and_unchanged(empty: bool, mirror: str, tmp_path: Path) -> None:
    stranger = tmp_path / "stories" / "site=kalbela" / "month=2026-01" / "stories.parquet"
    stranger.parent.mkdir(parents=True)
    pd.DataFrame({"id": [1], "title": ["x"]}).to_parquet(stranger)
    if empty:
        (tmp_path / "state").mkdir()
        (tmp_path / "state" / "kalbela.sqlite").touch()
    done = khobor("crawl", "kalbela", "--data", str(tmp_path), "--mirror", mirror)
    assert done.returncode == 8
    assert "khobor reindex" in done.stderr
    rebuilt = khobor("reindex", "kalbela", "--data", str(tmp_path))
    assert rebuilt.returncode == 8
    assert str(stranger.relative_to(tmp_path)) in rebuilt.stderr
    assert "Traceback" not in done.stderr + rebuilt.stderr
    assert list(pd.read_parquet(stranger)["title"]) == ["x"]


def test_invalid_report_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    report = tmp_path / "runs" / "20260101T000000Z-kalbela-0000.json"
    report.write_text('{"run_id": ')
    for arguments in ((), (report.stem,)):
        done = khobor("runs", *arguments, "--data", str(tmp_path))
        assert done.returncode == 8
        assert str(report) in done.stderr


def test_one_of_twenty_simultaneous_runs_starts(mirror: str, tmp_path: Path) -> None:
    command = crawl_command(mirror, tmp_path, "-sDOWNLOAD_DELAY=0.5")
    with ExitStack() as stack:
        started = [stack.enter_context(start_command(command, tmp_path)) for _ in range(20)]
        while len(running := [run for run in started if run.process.poll() is None]) > 1:
            time.sleep(0.05)
        running[0].until(running[0].progress)
        ended = [run.ends(*([TERM] if run in running else [])) for run in started]
    assert sorted(code for code, *_ in ended) == [*19 * [6], 143], ended
    assert sum("kalbela is held by " in said for _, _, said, _ in ended) == 19
    assert len(list((tmp_path / "runs").iterdir())) == 1


@pytest.mark.parametrize("arguments", [["dictionary"], ["dictionary", "--json"], ["tables"]])
def test_closed_stdout_is_no_error(arguments: list[str], tmp_path: Path) -> None:
    with start_command([*KHOBOR, *arguments, "--data", str(tmp_path)], tmp_path) as run:
        run.process.stdout.close()
        said = run.process.stderr.read()
        assert (run.process.wait(), said) == (0, "")


def test_check_prints_remedy_of_each_fault(tmp_path: Path) -> None:
    stranger = tmp_path / "stories" / "notes.txt"
    stranger.parent.mkdir()
    stranger.write_text("mine")
    shown = khobor("check", "kalbela", "--data", str(tmp_path))
    assert shown.returncode == 8
    assert shown.stdout.startswith("stories/notes.txt: ")
    assert shown.stdout.count("\n") == 1
    [fault] = json.loads(khobor("check", "kalbela", "--json", "--data", str(tmp_path)).stdout)["faults"]
    assert fault["damage"] == "foreign"
    assert fault["remedy"] in shown.stdout


def test_interrupted_run_excludes_others_and_keeps_rows(mirror: str, tmp_path: Path) -> None:
    with start_command(crawl_command(mirror, tmp_path, "-sDOWNLOAD_DELAY=0.5"), tmp_path) as first:
        first.until(lambda: first.progress().get("stories", 0) >= 3)
        second = khobor("crawl", "kalbela", "--mirror", mirror, "--data", str(tmp_path))
        assert (second.returncode, "by process" in second.stderr) == (6, True)
        code, out, _, _ = first.ends(TERM)
    report = json.loads(out)
    assert code == report["exit_code"] == 143
    assert report["urls"]["complete"]
    assert report["urls"]["outcomes"]["pending"] > 0
    crawl = FinishedCrawl(Newspaper(stories=60), mirror, tmp_path)
    assert len(crawl.table("stories")) == report["stories"]["new"] >= 3
    after = crawl.crawl()
    assert after["exit_code"] == 0
    assert after["stories"]["new"] + report["stories"]["new"] == len(crawl.table("stories"))


def test_reports_are_available_as_json(mirror: str, tmp_path: Path) -> None:
    done = khobor("crawl", "kalbela", "--mirror", mirror, "--data", str(tmp_path), "--json", *QUICK, "--max-pages", "3")
    report = json.loads(done.stdout)
    assert done.returncode == report["exit_code"]
    assert report["requests"] <= 3
    for command in ("runs", "tables", "sites", "dictionary", "check", "publish", "reindex"):
        answer = khobor(command, "--json", "--data", str(tmp_path))
        assert answer.returncode == 0, (command, answer.stderr)
        json.loads(answer.stdout)
    assert json.loads(khobor("runs", report["run_id"], "--json", "--data", str(tmp_path)).stdout)["urls"]["complete"]


@pytest.mark.parametrize(
    "command",
    ["crawl", "demo", "sites", "runs", "publish", "check", "reindex", "schedule", "serve", "report", "alerts", "ack",
     "metrics", "history", "ranks", "tables", "query", "export", "dictionary"],
)  # fmt: skip
def test_every_command_has_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert f"example:\n  khobor {command}" in capsys.readouterr().out


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"khobor {installed_version('khobor')}\n"
