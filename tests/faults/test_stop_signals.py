"""Stop signals: a run ends within seconds, keeps everything stored, and reports the signal."""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipelines.storage.site_lock import SiteLock
from tests.support.commands import khobor
from tests.support.fault_site import FaultSite
from tests.support.processes import (
    INT,
    KILL,
    STOP,
    TERM,
    RunningCommand,
    crawl_command,
    handles_signal,
    process_ended,
    reports,
    scrapy_command,
    start_command,
)

LIMIT = 10.0
SLOW: dict[str, Any] = {"of": ["slow_body"], "at": "/slow_body/1001"}


def kept(data: Path) -> set[str]:
    return set(pd.read_parquet(data / "stories", columns=["story_id"])["story_id"])


@contextmanager
def running(data: Path, *arguments: str, of: list[str], at: str, **site: Any) -> Iterator[RunningCommand]:
    """Start a crawl of a site and wait until it requests a path."""
    with FaultSite(of, **site) as paper, start_command(crawl_command(paper.server.base, data, *arguments), data) as run:
        run.until(lambda: paper.server.seen["www.kalbela.com", at])
        yield run


@pytest.mark.parametrize(
    ("number", "behaviours", "places", "settings", "at"),
    [
        (INT, [], {"/": "hang"}, ["-sKHOBOR_SHUTDOWN_SECONDS=1"], "/"),
        (TERM, ["slow_body"], {}, [], "/slow_body/1001"),
        (INT, ["hang"], {}, ["-sKHOBOR_SHUTDOWN_SECONDS=1"], "/hang/1001"),
        (TERM, ["s429_ra_seconds/30"], {}, ["-sKHOBOR_SHUTDOWN_SECONDS=60"], "/s429_ra_seconds/30"),
        (INT, ["reset_now"], {}, ["-sKHOBOR_FIRST_BACKOFF_SECONDS=60"], "/reset_now/1001"),
    ],
    ids=["at a list page", "in a page that drips", "before an answer", "in a pause", "before a retry"],
)
def test_signal_ends_run_and_keeps_stories(
    number: int, behaviours: list[str], places: dict[str, str], settings: list[str], at: str, tmp_path: Path
) -> None:
    with running(tmp_path, *settings, of=behaviours, at=at, places=places) as run:
        time.sleep(0.3)
        code, out, said, seconds = run.ends(number)
    report = json.loads(out)
    assert (code, report["exit_code"], report["verdict"]["exit_code"]) == (128 + number,) * 3, said
    assert seconds < LIMIT
    assert report["urls"]["complete"]
    assert "Traceback" not in said
    assert "stopping" in said
    assert f"stories saved: {len(kept(tmp_path))}" in report["verdict"]["problems"][0]
    SiteLock.take(tmp_path / "state" / "kalbela.lock").release()


def test_second_signal_drops_open_requests(tmp_path: Path) -> None:
    with running(tmp_path, "-sKHOBOR_SHUTDOWN_SECONDS=60", **SLOW) as run:
        code, out, _, seconds = run.ends(INT, INT)
    assert (code, seconds < 5) == (130, True)
    assert json.loads(out)["urls"]["outcomes"]["pending"] >= 1
    assert kept(tmp_path)


def test_signal_lets_publishing_finish(tmp_path: Path) -> None:
    with FaultSite(["ok"]) as paper, start_command(crawl_command(paper.server.base, tmp_path), tmp_path) as run:
        run.until(lambda: run.progress().get("state") == "publishing")
        code, out, _, seconds = run.ends(TERM)
    assert (code, seconds < LIMIT) == (143, True)
    report = json.loads(out)
    assert report["urls"]["complete"]
    assert len(kept(tmp_path)) == report["stories"]["new"] > 0
    assert khobor("check", "--data", str(tmp_path)).returncode == 0


@pytest.mark.parametrize("number", [INT, TERM])
def test_signal_ends_scrapy_command_too(number: int, tmp_path: Path) -> None:
    with (
        FaultSite(["slow_body"]) as paper,
        start_command(scrapy_command(paper.server.base, tmp_path, "-sKHOBOR_SHUTDOWN_SECONDS=1"), tmp_path) as run,
    ):
        run.until(lambda: paper.server.seen["www.kalbela.com", "/slow_body/1001"])
        code, _, _, seconds = run.ends(number)
    assert (code, seconds < LIMIT) == (128 + number, True)
    [report] = reports(tmp_path)
    assert report["verdict"]["exit_code"] == 128 + number
    assert report["urls"]["complete"]


@pytest.mark.parametrize("number", [INT, TERM])
def test_signal_at_start_leaves_nothing_behind(number: int, tmp_path: Path) -> None:
    with FaultSite(["hang"]) as paper:
        for delay in (0.0, 0.6, 1.2):
            command = crawl_command(paper.server.base, tmp_path, "-sKHOBOR_SHUTDOWN_SECONDS=1")
            with start_command(command, tmp_path, forks=False) as run:
                run.until(lambda: handles_signal(run.process.pid, TERM))  # Python always handles INT
                time.sleep(delay)
                code, _, said, seconds = run.ends(number)
            assert (code, seconds < LIMIT) == (128 + number, True), (delay, said)
            assert "Traceback" not in said
    assert khobor("publish", "--data", str(tmp_path), "--json").returncode == 0
    (tmp_path / "state").mkdir(exist_ok=True)  # a slow run may not have made it
    SiteLock.take(tmp_path / "state" / "kalbela.lock").release()
    assert {report["verdict"]["exit_code"] for report in reports(tmp_path)} <= {128 + number}


def test_killed_launcher_lets_run_publish(tmp_path: Path) -> None:
    with running(tmp_path, "-sKHOBOR_SHUTDOWN_SECONDS=1", **SLOW) as run:
        run.until(lambda: run.progress().get("stories"))
        child = run.holder()
        assert child != run.process.pid
        limits = Path(f"/proc/{child}/limits").read_text()
        for limit in (r"core file size +0 +0", r"open files +512 +512", r"address space +4294967296 +4294967296"):
            assert re.search(rf"Max {limit} ", limits), limits
        run.process.send_signal(KILL)
        assert process_ended(child, LIMIT)
    SiteLock.take(tmp_path / "state" / "kalbela.lock").release()
    [report] = reports(tmp_path)
    assert report["verdict"]["exit_code"] == 143
    assert len(kept(tmp_path)) == report["stories"]["new"] > 0
    assert not (tmp_path / "state" / "kalbela.progress.json").exists()


def test_stalled_run_is_killed(tmp_path: Path) -> None:
    with running(tmp_path, "-sKHOBOR_STALL_SECONDS=2", **SLOW) as run:
        run.until(lambda: run.progress().get("stories"))
        os.kill(run.holder(), STOP)
        code, out, _, seconds = run.ends(within=20)
    report = json.loads(out)
    assert (code, report["reason"], seconds < LIMIT) == (1, "stalled", True)
    assert "stalled" in report["verdict"]["problems"][0]
    assert len(kept(tmp_path)) == report["stories"]["new"] > 0
