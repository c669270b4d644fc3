"""Scrapy's own tools: they work on the bundled newspaper and write nothing into the data."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.newspaper import Newspaper
from tests.support.forked_commands import run_command
from tests.support.project import PROJECT

URL = "https://www.kalbela.com/world/north-korea/154313"
HEADLINE = "পুতিনকে নববর্ষে যে চিঠি পাঠালেন কিম"
Scrapy = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def mirror() -> Iterator[str]:
    with Newspaper(stories=60).serve() as url:
        yield url


@pytest.fixture
def scrapy(mirror: str, tmp_path: Path) -> Iterator[Scrapy]:
    """Run one of Scrapy's commands; afterwards the data folder must not exist."""

    def run(command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        settings = ["-s", f"KHOBOR_MIRROR={mirror}", "-s", f"KHOBOR_DATA={tmp_path / 'data'}"]
        words = [sys.executable, "-m", "scrapy", command, *([] if command == "-h" else settings), *arguments]
        done = run_command(words)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    yield run
    assert not (tmp_path / "data").exists()


def test_commands_are_named_after_modules(scrapy: Scrapy) -> None:
    names = {path.stem for path in (PROJECT / "schedules" / "scrapy_commands").glob("*.py")} - {"__init__", "read_only"}
    assert names == {"crawl", "shell", "fetch", "parse", "check", "genspider"}
    shown = scrapy("-h").stdout
    assert all(f"\n  {name} " in shown for name in names), shown
    assert "read_only" not in shown


def test_list_names_newspapers(scrapy: Scrapy) -> None:
    names = "anandabazar banglatribune bbcbangla bdnews24 dhakapost ittefaq jagonews24 jugantor"
    assert scrapy("list").stdout.split() == [*names.split(), "kalbela", "kalerkantho", "prothomalo", "samakal"]


@pytest.mark.parametrize("spider", [[], ["--spider", "kalbela"]], ids=["by host", "by name"])
def test_parse_prints_only_story_columns(spider: list[str], scrapy: Scrapy) -> None:
    done = scrapy("parse", *spider, URL)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"'headline': '{HEADLINE}'" in done.stdout
    assert done.stdout.count("'story_id':") == 1
    assert "# Requests" in done.stdout and "https://www.kalbela.com/" in done.stdout
    assert not any(name in done.stdout for name in ("'sketch'", "'outcome'", "'rows'", "'key'"))


@pytest.mark.parametrize("spider", [[], ["--spider", "kalbela"]], ids=["by host", "by name"])
def test_fetch_prints_page(spider: list[str], scrapy: Scrapy) -> None:
    done = scrapy("fetch", *spider, URL)
    assert (done.returncode, HEADLINE in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "code", "shown"),
    [
        ([], "1 + 1", "2"),
        ([URL], "response.css('h1::text').get() + ' ' + spider.name", f"{HEADLINE} kalbela"),
        (["--spider", "kalbela", URL], "response.status", "200"),
    ],
    ids=["bare", "URL", "spider"],
)
def test_shell_evaluates_code(arguments: list[str], code: str, shown: str, scrapy: Scrapy) -> None:
    done = scrapy("shell", "-c", code, *arguments)
    assert (done.returncode, done.stdout.strip()) == (0, shown)


@pytest.mark.parametrize("command", ["fetch", "parse", "shell"])
def test_foreign_host_is_refused(command: str, scrapy: Scrapy) -> None:
    done = scrapy(command, "https://example.org/world/1")
    assert (done.returncode, "www.kalbela.com" in done.stdout + done.stderr) == (2, True)


def test_check_passes(scrapy: Scrapy) -> None:
    assert scrapy("check").returncode == scrapy("check", "kalbela").returncode == 0


def test_genspider_writes_into_module(scrapy: Scrapy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "drafts").mkdir()
    (tmp_path / "drafts" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert scrapy("genspider", "-s", "NEWSPIDER_MODULE=drafts", "daily", "example.org").returncode == 0
    assert 'name = "daily"' in (tmp_path / "drafts" / "daily.py").read_text()
