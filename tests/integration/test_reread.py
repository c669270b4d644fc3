"""Re-reading of archived pages: it equals the crawl, fills a field that was broken, and survives kills."""

import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pytest

from crawler.spiders.kalbela import LAYOUT_2023, Kalbela
from pipelines.rebuild import rebuild
from pipelines.rebuild.reread import Reread
from pipelines.rebuild.selection import Selection
from pipelines.storage import failpoint
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.site_lock import SiteLock
from tests.newspaper import Newspaper
from tests.newspaper.replicas import REPLICAS
from tests.support.commands import QUICK, FinishedCrawl, khobor
from tests.support.forked_commands import Command, run_command
from tests.support.processes import KHOBOR
from tests.support.whole_tables import rows


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> FinishedCrawl:
    """A full and an incremental run, with exact duplicates and a page that is not allowed."""
    paper = Newspaper(seed=3, stories=60)
    with paper.serve() as mirror:
        crawled = FinishedCrawl(paper, mirror, tmp_path_factory.mktemp("crawled"))
        crawled.crawl()
        paper.advance(timedelta(hours=5))
        crawled.crawl("--mode", "incremental")
    return crawled


@pytest.fixture
def data(crawled: FinishedCrawl, tmp_path: Path) -> Path:
    return Path(shutil.copytree(crawled.data, tmp_path / "data"))


def reread(data: Path, *arguments: str) -> dict[str, Any]:
    done = khobor("reread", "--data", str(data), "--json", *arguments)
    assert done.returncode == 0, done.stderr
    [site] = json.loads(done.stdout)
    return dict(site)


def changes(result: dict[str, Any]) -> dict[str, dict[str, int]]:
    return {
        table["table"]: {each["column"]: each["rows"] for each in table["columns"]}
        for table in result["tables"]
        if table["columns"] or table["added"] or table["removed"]
    }


def test_rebuilt_tables_equal_those_of_crawl(data: Path) -> None:
    before = rows(data)
    assert {row["outcome"] for row in before["fetches"]} >= {"story", "exact_duplicate", "list", "blocked"}
    result = reread(data, "--diff")
    assert (changes(result), result["not_archived"]) == ({}, {})
    assert reread(data)["pages"] == result["pages"] > 80
    assert rows(data) == before
    assert khobor("check", "--data", str(data)).returncode == 0
    assert not [*(data / "state" / "rebuilt").iterdir()]


def test_stored_rows_without_pages_are_kept(data: Path) -> None:
    before = rows(data)
    assert reread(data, "--since", "2100-01-01")["pages"] == 0
    assert rows(data) == before


def test_missing_archive_is_listed_by_month(data: Path) -> None:
    before = rows(data)
    shutil.rmtree(data / "archive")
    result = reread(data)
    assert result["pages"] == 0
    assert sum(result["not_archived"].values()) > 80
    assert {len(month) for month in result["not_archived"]} == {len("2026-01")}
    assert rows(data) == before


def test_new_folder_is_whole_data_folder(data: Path, tmp_path: Path) -> None:
    before, out = {path: path.read_bytes() for path in data.rglob("*.parquet")}, tmp_path / "out"
    reread(data, "--out", str(out))
    assert rows(out) == rows(data)
    assert {path: path.read_bytes() for path in data.rglob("*.parquet")} == before
    again = khobor("reread", "--data", str(data), "--out", str(out))
    assert again.returncode == 2
    assert "new folder" in again.stderr


class Broken(Kalbela):
    layouts = (replace(LAYOUT_2023, byline=(), authors=()),)


def break_byline(data: Path) -> None:
    """Store the stories as a site file without bylines would have, by re-reading them with such a file."""
    dataset = DataFolder(data)
    with SiteLock.take(dataset.lock("kalbela")):
        work = Reread(dataset, Broken, Selection())
        work.build()
        work.finish()


def test_broken_field_is_filled_for_the_past(data: Path) -> None:
    before, bylines = rows(data), pd.read_parquet(data / "stories")["byline"]
    break_byline(data)
    broken = rows(data)
    assert pd.read_parquet(data / "stories")["byline"].isna().all()
    found = changes(reread(data, "--diff"))
    assert found["stories"]["byline"] == bylines.notna().sum() > 30
    assert rows(data) == broken
    reread(data)
    assert rows(data) == before


def test_fix_of_one_period_changes_no_other(data: Path) -> None:
    break_byline(data)
    middle = pd.read_parquet(data / "stories")["appeared_by"].sort_values().iloc[30]
    reread(data, "--since", middle.isoformat())
    stories = pd.read_parquet(data / "stories")
    is_filled = stories["byline"].notna()
    assert is_filled[stories["appeared_by"] >= middle].any()
    assert not is_filled[stories["appeared_by"] < middle].any()
    # Stories that were seen again in the period are no revisions: the newspaper has not changed them.
    assert len(pd.read_parquet(data / "revisions")) == 0


def test_edit_of_own_site_file_is_noticed(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KHOBOR_SITES", str(tmp_path))
    dataset = DataFolder(data)
    with SiteLock.take(dataset.lock("kalbela")):
        for spider in (Kalbela, Broken):
            (tmp_path / "kalbela.py").write_text(f"# {spider.__name__}", encoding="utf-8")
            work = Reread(dataset, spider, Selection())
            work.build()
            tables = work.differences()
            assert any(table.columns for table in tables) == (spider is Broken)


def test_rebuild_continues_after_last_commit(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, dataset = rows(data), DataFolder(data)

    def build_in_fork() -> int:
        if not (child := os.fork()):
            try:
                failpoint.arm({"KHOBOR_FAILPOINT": "rebuild.committed=kill", "KHOBOR_TESTING": "1"})
                Reread(dataset, Kalbela, Selection()).build()
            finally:
                os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    monkeypatch.setattr(rebuild, "EVENTS_BETWEEN_COMMITS", 60)
    monkeypatch.setattr(rebuild, "ROWS_BETWEEN_PUBLISHES", 90)
    with SiteLock.take(dataset.lock("kalbela")):
        parts = 0
        while build_in_fork() == -signal.SIGKILL:
            parts += 1
        work = Reread(dataset, Kalbela, Selection())
        work.build()
        assert parts > 4
        work.finish()
    assert rows(data) == before


def test_crawl_continues_after_rebuild(data: Path) -> None:
    paper = Newspaper(seed=3, stories=60)
    reread(data)
    with paper.serve() as mirror:
        paper.advance(timedelta(hours=5))
        report = FinishedCrawl(paper, mirror, data).crawl("--mode", "incremental")
    assert (report["exit_code"], report["stories"]["new"]) == (0, 0)


POINTS = ("exchange.folder:4",)
OTHERS = (
    "commit.renamed:9",
    "exchange.ledger",
    "publish.prepared:3",
    "rebuild.complete",
    "exchange.ready",
    "exchange.announced",
    "exchange.folder:1",
)


@pytest.mark.parametrize(
    "point",
    [*POINTS, *(pytest.param(each, marks=pytest.mark.soak) for each in (*OTHERS, "exchange.done", "exchange.ended"))],
)
def test_killed_rebuild_is_finished_by_next_command(data: Path, point: str) -> None:
    before = rows(data)
    break_byline(data)
    broken = rows(data)
    environment = os.environ | {"KHOBOR_FAILPOINT": f"{point}=kill", "KHOBOR_TESTING": "1"}
    killed = run_command([*KHOBOR, "reread", "--data", str(data)], env=environment)
    assert killed.returncode == -9, killed.stderr
    assert khobor("check", "--data", str(data)).returncode == 0
    is_announced = point.startswith("exchange.") and point != "exchange.ready"
    assert rows(data) == (before if is_announced else broken)
    reread(data)
    assert rows(data) == before


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_hundred_kills_change_nothing(data: Path, seed: int) -> None:
    chance, before, command, kills = Random(seed), rows(data), [*KHOBOR, "reread", "--data", str(data)], 0
    began = time.monotonic()
    assert run_command(command).returncode == 0
    usual = time.monotonic() - began
    while kills < 100:
        break_byline(data)
        while (process := Command(command, start_new_session=True)) is not None:
            with suppress(subprocess.TimeoutExpired):
                assert process.wait(chance.random() * 1.3 * usual) == 0
                break
            (os.kill if chance.random() < 0.5 else os.killpg)(process.pid, signal.SIGKILL)
            kills += process.wait() == -signal.SIGKILL
            assert khobor("check", "--data", str(data)).returncode == 0
        assert rows(data) == before


@pytest.mark.parametrize("site", sorted(REPLICAS))
@pytest.mark.soak
def test_rebuilt_tables_equal_those_of_replica(site: str, tmp_path: Path) -> None:
    with REPLICAS[site].serve() as mirror:
        khobor("crawl", site, "--mirror", mirror, *QUICK, "--data", str(tmp_path))
    before = rows(tmp_path, site)
    assert changes(reread(tmp_path, "--diff")) == {}
    reread(tmp_path)
    assert rows(tmp_path, site) == before
