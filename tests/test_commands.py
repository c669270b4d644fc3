"""The commands: a mistake is answered in one sentence with its exit code, and nothing is started or changed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crawling import PROJECT, QUICK, Crawled, khobor
from tests.newspaper import Newspaper

SILENT = "http://127.0.0.1:9"  # the discard port: nobody listens


@pytest.fixture(scope="module")
def mirror() -> Iterator[str]:
    with Newspaper(stories=60).serve() as url:
        yield url


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["crawl", "kalbla"], 2, ["'kalbla'", "kalbela"]),
        (["crawl", "kalbela"], 2, ["KHOBOR_CONTACT"]),
        (["crawl", "kalbela", "--seed", "www.kalbela.com/national/1"], 2, ["www.kalbela.com/national/1", "scheme"]),
        (["crawl", "kalbela", "--seed", "https://www.prothomalo.com/x/1"], 2, ["www.prothomalo.com"]),
        (["crawl", "kalbela", "--seed", "http://["], 2, ["http://["]),
        (["crawl", "kalbela", "--seed", "ftp://a/1", "--seed", "javascript:0"], 2, ["ftp://a/1", "javascript:0"]),
        (["crawl", "kalbela", "--mirror", "127.0.0.1:80"], 2, ["127.0.0.1:80", "http://"]),
        (["crawl", "kalbela", "--mirror", "http://127.0.0.1/x"], 2, ["/x"]),
        (["crawl", "kalbela", "--mirror", SILENT], 4, [SILENT]),
        (["crawl", "kalbela", "--mirror", SILENT, "-s", "DOWNLOAD_DELAY"], 2, ["NAME=VALUE"]),
        (["crawl", "kalbela", "-s", "DOWNLOAD_DELAY=0.2"], 2, ["DOWNLOAD_DELAY=0.2"]),
        (["crawl", "kalbela", "-s", "DOWNLOAD_DELAY=soon"], 2, ["DOWNLOAD_DELAY=soon"]),
        (["crawl", "kalbela", "-s", "ROBOTSTXT_OBEY=False"], 2, ["ROBOTSTXT_OBEY"]),
        (["crawl", "kalbela", "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=8"], 2, ["CONCURRENT_REQUESTS_PER_DOMAIN"]),
        (["crawl", "kalbela", "--max-pages", "0"], 2, ["--max-pages"]),
        (["crawl"], 2, ["SITE"]),
        (["runs", "--data", "/nonexistent/data"], 2, ["/nonexistent/data"]),
        (["runs", "20200101T000000Z-kalbela-0000"], 2, ["20200101T000000Z-kalbela-0000"]),
        (["runs", "../../etc/passwd"], 2, ["../../etc/passwd"]),
        (["fly"], 2, ["fly"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_a_mistake_is_named_and_nothing_is_started(
    arguments: list[str], code: int, said: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("KHOBOR_CONTACT", raising=False)
    data = tmp_path / "data"
    data.mkdir()
    where = [] if "--data" in arguments or arguments == ["fly"] else ["--data", str(data)]
    done = khobor(*arguments, *where)
    assert done.returncode == code, done.stderr
    assert all(part in done.stderr for part in said), done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout
    assert not list(data.iterdir())


def test_a_folder_that_cannot_be_made_is_named_with_its_reason(mirror: str) -> None:
    done = khobor("crawl", "kalbela", "--mirror", mirror, "--data", "/proc/khobor")
    assert (done.returncode, "Traceback" in done.stderr) == (7, False)
    assert "/proc/khobor" in done.stderr


def test_a_file_in_place_of_the_folder_is_named(mirror: str, tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.write_text("not a folder")
    done = khobor("crawl", "kalbela", "--mirror", mirror, "--data", str(place))
    assert done.returncode == 7
    assert str(place) in done.stderr
    assert place.read_text() == "not a folder"


def test_a_ledger_of_somebody_else_is_refused_and_left_alone(mirror: str, tmp_path: Path) -> None:
    ledger = tmp_path / "state" / "kalbela.sqlite"
    ledger.parent.mkdir()
    ledger.write_bytes(b"SQLite format 3\0" + bytes(4096))
    before = ledger.read_bytes()
    done = khobor("crawl", "kalbela", "--mirror", mirror, "--data", str(tmp_path))
    assert done.returncode == 8
    assert "reindex" in done.stderr
    assert ledger.read_bytes() == before


def test_two_runs_of_a_site_do_not_go_on_at_once_and_an_interrupted_one_keeps_all(mirror: str, tmp_path: Path) -> None:
    slow = ["crawl", "kalbela", "--mirror", mirror, "--data", str(tmp_path), "--json", "-s", "DOWNLOAD_DELAY=0.05"]
    with subprocess.Popen(
        [sys.executable, "-m", "khobor", *slow], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as first:
        progress = tmp_path / "state" / "kalbela.progress.json"
        until = time.monotonic() + 60
        while not (progress.exists() and json.loads(progress.read_bytes())["stories"] >= 3):
            assert time.monotonic() < until
            time.sleep(0.1)
        second = khobor("crawl", "kalbela", "--mirror", mirror, "--data", str(tmp_path))
        assert second.returncode == 6
        assert "is held by process" in second.stderr
        first.send_signal(signal.SIGTERM)
        out, _ = first.communicate(timeout=60)
    report = json.loads(out)
    assert first.returncode == report["exit_code"] == 143
    assert report["books"]["balanced"]
    assert report["books"]["outcomes"]["not_reached"] > 0
    crawl = Crawled(Newspaper(stories=60), mirror, tmp_path)
    assert len(crawl.table("stories")) == report["stories"]["new"] >= 3
    after = crawl.crawl()
    assert after["exit_code"] == 0
    assert after["stories"]["new"] + report["stories"]["new"] == len(crawl.table("stories"))


def test_a_killed_run_ends_in_a_verdict_and_loses_nothing(mirror: str, tmp_path: Path) -> None:
    slow = ["crawl", "kalbela", "--mirror", mirror, "--data", str(tmp_path), "--json", "-s", "DOWNLOAD_DELAY=0.05"]
    with subprocess.Popen(
        [sys.executable, "-m", "khobor", *slow], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as command:
        progress = tmp_path / "state" / "kalbela.progress.json"
        until = time.monotonic() + 60
        while not (progress.exists() and (said := json.loads(progress.read_bytes()))["stories"] >= 3):
            assert time.monotonic() < until
            time.sleep(0.1)
        holder = json.loads((tmp_path / "state" / "kalbela.lock").read_bytes())
        signal.pidfd_send_signal(_pidfd(holder["pid"]), signal.SIGKILL)
        out, _ = command.communicate(timeout=60)
    report = json.loads(out)
    assert command.returncode == report["exit_code"] == 1
    assert "killed" in report["verdict"]["problems"][0]
    assert report["books"]["balanced"]
    crawl = Crawled(Newspaper(stories=60), mirror, tmp_path)
    assert len(crawl.table("stories")) == report["stories"]["new"] >= said["stories"]
    assert crawl.run("check").returncode == 0


def _pidfd(pid: int) -> int:
    return os.pidfd_open(pid)


def test_reports_are_json_on_request_and_errors_never_reach_stdout(mirror: str, tmp_path: Path) -> None:
    done = khobor("crawl", "kalbela", "--mirror", mirror, "--data", str(tmp_path), "--json", *QUICK, "--max-pages", "3")
    report = json.loads(done.stdout)
    assert done.returncode == report["exit_code"]
    assert report["requests"] <= 3
    for command in ("runs", "tables", "sites", "dictionary", "check", "publish", "reindex"):
        answer = khobor(command, "--json", "--data", str(tmp_path))
        assert answer.returncode == 0, (command, answer.stderr)
        json.loads(answer.stdout)
    assert json.loads(khobor("runs", report["run_id"], "--json", "--data", str(tmp_path)).stdout)["books"]["balanced"]


@pytest.mark.parametrize(
    "command", ["crawl", "demo", "sites", "runs", "publish", "check", "reindex", "tables", "dictionary"]
)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    done = khobor(command, "--help")
    assert done.returncode == 0
    assert f"example:\n  khobor {command}" in done.stdout


def test_the_dictionary_in_the_data_folder_is_fresh() -> None:
    from pipelines.dictionary import refreshed

    readme = PROJECT / "data" / "README.md"
    assert readme.read_text() == refreshed(readme.read_text()), "`khobor dictionary --write` makes it fresh"


def test_scrapy_finds_the_newspapers_and_parses_a_page(mirror: str, tmp_path: Path) -> None:
    scrapy = [sys.executable, "-m", "scrapy"]
    listed = subprocess.run([*scrapy, "list"], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert listed.stdout.split() == ["kalbela"]
    address = "https://www.kalbela.com/world/north-korea/154313"
    settings = ["-s", f"KHOBOR_MIRROR={mirror}", "-s", f"KHOBOR_DATA={tmp_path}"]
    parse = [*scrapy, "parse", "--spider", "kalbela", "--nolinks", *settings, address]
    parsed = subprocess.run(parse, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert "পুতিনকে নববর্ষে যে চিঠি পাঠালেন কিম" in parsed.stdout
    assert not list((tmp_path / "runs").iterdir())


def test_scrapy_crawl_is_the_same_run_with_the_same_data_and_verdict(mirror: str, tmp_path: Path) -> None:
    settings = ["-s", f"KHOBOR_MIRROR={mirror}", "-s", f"KHOBOR_DATA={tmp_path}", *QUICK, "-s", "KHOBOR_MAX_PAGES=5"]
    crawl = [sys.executable, "-m", "scrapy", "crawl", "kalbela", *settings]
    subprocess.run(crawl, cwd=PROJECT, capture_output=True, text=True, check=True)
    [report] = json.loads(khobor("runs", "--json", "--data", str(tmp_path)).stdout)
    assert report["verdict"]["exit_code"] == 0
    assert report["books"]["balanced"]
    assert len(Crawled(Newspaper(stories=60), mirror, tmp_path).table("stories")) == report["stories"]["new"] > 0
