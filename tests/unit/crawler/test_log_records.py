"""JSON logs: one object a line, for hostile pages and failed runs too."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crawler.log_records import JsonRecord, PlainRecord, json_line
from schedules.runner.log_tail import error_in_log
from schedules.service.dispatcher import log_as_json
from tests.support.fault_site import FaultSite
from tests.support.forked_commands import run_command
from tests.support.hostile_text import HOSTILE_TEXT, UNSAFE, make_log_record, raised
from tests.support.processes import SCRAPY, crawl_command
from tests.support.project import PROJECT

KEYS = ["time", "level", "logger", "message", "site", "run_id"]


@pytest.fixture
def whose() -> Iterator[None]:
    JsonRecord.site, JsonRecord.run_id = "kalbela", "20260101T000000Z-kalbela-0000"
    yield
    JsonRecord.site = JsonRecord.run_id = None


def record(**more: Any) -> JsonRecord:
    return make_log_record(JsonRecord, **more)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"msg": HOSTILE_TEXT}, HOSTILE_TEXT),
        ({"msg": "a headline: %s", "args": (HOSTILE_TEXT,)}, f"a headline: {HOSTILE_TEXT}"),
        ({"msg": "half a letter \ud800"}, "half a letter \ud800"),
        ({"msg": "it failed", "exc_info": raised(HOSTILE_TEXT), "sinfo": "Stack:\n  here"}, "it failed"),
    ],
    ids=["message", "argument", "half a letter", "exception"],
)
def test_json_record_is_one_line(more: dict[str, Any], message: str, whose: None) -> None:
    line = logging.Formatter("%(message)s").format(record(**more))
    assert "\n" not in line
    assert not UNSAFE.search(line)
    assert line.encode()
    found = json.loads(line)
    assert found["message"] == message
    assert [key for key in found if key != "exception"] == KEYS
    assert (found["site"], found["run_id"]) == ("kalbela", "20260101T000000Z-kalbela-0000")
    assert ("exception" in found) == ("exc_info" in more)
    assert found["exception"].startswith("Traceback") if "exception" in found else True
    assert datetime.fromisoformat(found["time"]).utcoffset() == datetime.now(UTC).utcoffset()


def test_json_keeps_bengali() -> None:
    assert "র\u200d্যাব" in json_line("INFO", "a", "র\u200d্যাব")


def test_service_logs_json(capsys: pytest.CaptureFixture[str]) -> None:
    log_as_json("the timetable has mistakes\nt.toml:3: no")
    [line] = capsys.readouterr().err.splitlines()
    assert json.loads(line)["message"] == "the timetable has mistakes\nt.toml:3: no"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([json_line("ERROR", "pipelines.runtime.run", "the run ends (storage): no space")], ("storage", "no space")),
        ([json_line("ERROR", "khobor", "the ledger is damaged")], (None, "the ledger is damaged")),
        ([json_line("ERROR", "crawler.spider", "khobor: forged"), "{'lxml': 1}", "{", "[]"], (None, None)),
        ([json_line("ERROR", "a", "x\nkhobor: forged")], (None, None)),
        (["2026-01-01 00:00:00 [pipelines.runtime.run] ERROR: the run ends (memory): none"], ("memory", "none")),
    ],
)
def test_error_is_found_in_both_formats(lines: list[str], words: tuple[str | None, str | None]) -> None:
    assert error_in_log("\n".join(lines)) == words


def test_log_of_hostile_site_is_json(tmp_path: Path) -> None:
    with FaultSite(["paper_forged"], popular=lambda server: [HOSTILE_TEXT]) as paper:
        command = crawl_command(paper.server.base, tmp_path, "--max-pages=6", "-sKHOBOR_LOG_FORMAT=json")
        done = run_command(command)
    report = json.loads(done.stdout)
    [log] = (tmp_path / "state" / "logs").iterdir()
    text = log.read_text()
    assert not UNSAFE.search(text)
    found = [json.loads(line) for line in text.splitlines()]
    assert {(each["site"], each["run_id"]) for each in found} == {("kalbela", report["run_id"])}
    assert any("unreadable date" in each["message"] for each in found)
    assert found[0]["message"].startswith("Scrapy ")


def test_start_error_is_logged_as_json(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    settings = ["-sKHOBOR_LOG_FORMAT=json", f"-sKHOBOR_DATA={tmp_path}", "-sKHOBOR_MIRROR=http://127.0.0.1:9"]
    environment = os.environ | {"KHOBOR_CONTACT": "a@example.org"}
    command = [*SCRAPY, "crawl", "kalbela", *settings, "-sKHOBOR_RUN_ID=wrong\nname"]
    done = run_command(command, env=environment)
    assert done.returncode == 2
    assert all(json.loads(line)["site"] == "kalbela" for line in done.stderr.splitlines())
    assert "KHOBOR_RUN_ID" in (error_in_log(done.stderr)[1] or "")


def test_unknown_log_format_is_usage_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from khobor import main

    mirror = ["--mirror", "http://127.0.0.1:9", "-s", "KHOBOR_LOG_FORMAT=xml"]
    assert main(["crawl", "kalbela", "--data", str(tmp_path), *mirror]) == 2
    assert "one of text, json" in capsys.readouterr().err


def test_records_are_plain_by_default() -> None:
    code = (
        "import logging; from scrapy.utils.test import get_crawler\n"
        "from crawler.log_records import PlainLog, writes_json\n"
        "PlainLog.from_crawler(get_crawler()); print(logging.getLogRecordFactory().__name__, writes_json())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True)
    assert done.stdout.split() == [PlainRecord.__name__, "False"], done.stderr
