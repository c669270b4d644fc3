"""Foreign text in logs, on terminals and in JSON."""

import json
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crawler.clock import now
from crawler.log_records import PlainRecord
from crawler.safe_text import as_json, escape_lines
from schedules.alerting.deliveries import ActiveAlarms
from schedules.cli.render.run_list import show_runs
from schedules.cli.render.run_report import show_report
from schedules.cli.render.table_summary_text import show_sample
from schedules.cli.render.terminal import plain
from tests.support.fault_server import BEHAVIOURS
from tests.support.fault_site import SITE, FaultSite
from tests.support.forked_commands import run_command
from tests.support.hostile_text import FORGED, HOSTILE_TEXT, UNSAFE, make_log_record, raised
from tests.support.processes import KHOBOR, crawl_command

SECRETS = dict.fromkeys(("KHOBOR_ALERT_TOKEN", "AWS_SECRET_ACCESS_KEY", "SMTP_PASSWORD"), "secret-5f0e9a7c")


def record(**more: Any) -> PlainRecord:
    return make_log_record(PlainRecord, **more)


@pytest.mark.parametrize(
    "made",
    [
        lambda: record(msg=HOSTILE_TEXT),
        lambda: record(msg="a headline: %s", args=(HOSTILE_TEXT,)),
        lambda: record(msg="%(item)s", args=({"item": HOSTILE_TEXT},)),
        lambda: record(msg="it failed", exc_info=raised(HOSTILE_TEXT)),
    ],
    ids=["message", "argument", "mapping", "exception"],
)
def test_log_record_has_one_first_line(made: Callable[[], PlainRecord]) -> None:
    shown = logging.Formatter("%(asctime)s [%(name)s] %(levelname)s: %(message)s").format(made())
    assert not UNSAFE.search(shown), ascii(shown)
    first, *further = shown.splitlines()
    assert " [a] ERROR: " in first
    assert further
    assert all(line.startswith("    ") for line in further)
    assert not FORGED.search(shown)


def test_escape_lines_keeps_joiners() -> None:
    assert escape_lines("র\u200d্যাব ক\u200cষ") == "র\u200d্যাব ক\u200cষ"
    assert escape_lines("\x1b[1m\x00\u202e\ud800") == r"\x1b[1m\x00\u202e\ud800"


def test_terminal_text_has_no_markup() -> None:
    shown = plain(HOSTILE_TEXT)
    assert not UNSAFE.search(shown)
    assert "\n" not in shown
    assert r"\[red]লাল\[/red]" in shown
    assert "র\u200d্যাব" in shown


def test_printed_json_is_escaped() -> None:
    shown = as_json({"headline": HOSTILE_TEXT})
    assert not UNSAFE.search(shown)
    assert "খবর" in shown
    assert json.loads(shown) == {"headline": HOSTILE_TEXT}


def test_printed_reports_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    row = {"published_at": datetime(2026, 1, 1, tzinfo=UTC), "word_count": 5}
    row |= dict.fromkeys(("section", "headline"), HOSTILE_TEXT)
    ranked = {"rank": 1, "headline": HOSTILE_TEXT, "url": SITE}
    show_sample({"stories": [row], HOSTILE_TEXT: [ranked]}, ZoneInfo("Asia/Dhaka"))
    moment = "2026-01-01T00:00:00+00:00"
    report = {
        "run_id": HOSTILE_TEXT,
        "verdict": {"exit_code": 3, "problems": [HOSTILE_TEXT]},
        **dict.fromkeys(("started_at", "ended_at"), moment),
        "requests": 1,
        "rejects": {HOSTILE_TEXT: 2},
        "lists": {f"{HOSTILE_TEXT}/seen": 1},
        "stories": {"new": 1, "revised": 0, "unchanged": 0, "exact_duplicates": 0, "gone": 0},
        "urls": {"complete": True, "discovered": 1, "outcomes": {"story": 1}},
    }
    show_report(report)
    show_runs([report], ActiveAlarms(), [], now())
    shown = capsys.readouterr().out
    assert not UNSAFE.search(shown), ascii(shown)
    assert not FORGED.search(shown)
    assert shown.count("[red]") >= 4


def test_hostile_text_and_secrets_stay_out(tmp_path: Path) -> None:
    location = f"/ok/\x1b[2J{HOSTILE_TEXT.splitlines()[1]}"
    BEHAVIOURS["evil_place"] = lambda visit: visit.reply(b"", "302 Found", location=location)
    with FaultSite(["paper_forged", "evil_place"], popular=lambda server: [HOSTILE_TEXT]) as paper:
        command = crawl_command(paper.server.base, tmp_path, "--max-pages=12")
        for as_text in (True, False):
            chosen = [part for part in command if part != "--json" or not as_text]
            done = run_command(chosen, env=os.environ | SECRETS)
            shown = done.stdout + done.stderr
            assert not UNSAFE.search(shown), ascii(shown)
            assert not FORGED.search(shown)
            assert "5f0e9a7c" not in shown
    runs = run_command([*KHOBOR, "runs", "--json", "--data", str(tmp_path)]).stdout
    assert len(json.loads(runs)) == 2
    assert not UNSAFE.search(runs)
    logs = "".join(path.read_text() for path in (tmp_path / "state" / "logs").iterdir())
    assert "unreadable date" in logs
    assert not UNSAFE.search(logs), [line for line in logs.split("\n") if UNSAFE.search(line)]
    assert not FORGED.search(logs)
    assert "5f0e9a7c" not in logs + "".join(path.read_text() for path in (tmp_path / "runs").iterdir())
