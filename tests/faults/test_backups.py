"""Backups that are made while runs go on, killed, or damaged, and the folders that are restored from them."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pytest

from pipelines.backup.read_backup import restore_backup
from pipelines.backup.write_backup import write_backup
from pipelines.storage.data_folder import DataFolder
from tests.newspaper import Newspaper
from tests.support.commands import FinishedCrawl
from tests.support.crash_store import SOAK, CrashStore
from tests.support.fork_server import ForkServer
from tests.support.forked_commands import Command, run_command
from tests.support.processes import KHOBOR, crawl_command
from tests.support.project import PROJECT
from tests.support.synthetic_site import SyntheticSite

SHORT = ("--max-depth", "1")


@pytest.fixture
def store(server: ForkServer, memory_folder: Path, seed: int) -> CrashStore:
    return CrashStore(server, memory_folder, SyntheticSite(seed))


def backup_while_running(store: CrashStore, moment: float) -> CrashStore:
    """Make a backup while a run goes on, and return the folder restored from it, with what was acknowledged before."""
    copy = CrashStore(store.server, store.place / "restored", store.world)
    copy.forget()
    copy.place.mkdir(exist_ok=True)
    store.edition += 1
    copy.edition = store.edition
    store.server.begin(**store.order())
    time.sleep(moment)
    shutil.copyfile(store.place / "acknowledged", copy.place / "acknowledged")
    write_backup(DataFolder(store.root), store.place / "backup")
    assert store.server.end().status == 0
    restore_backup(store.place / "backup", DataFolder(copy.root))
    copy.reckoning.checked()
    return copy


@pytest.mark.parametrize("cycles", [4, pytest.param(400, marks=SOAK)])
def test_backup_during_run_loses_nothing(store: CrashStore, cycles: int) -> None:
    chance = Random(store.world.seed)
    usual = store.run().seconds
    for _ in range(cycles):
        copy = backup_while_running(store, (0.5 + chance.random() / 2) * usual)
        copy.settled()
        copy.next_edition()
        copy.settled()
        copy.reckoning.checked()
    store.settled()
    store.reckoning.checked()


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FinishedCrawl]:
    """A finished crawl of a newspaper, for comparison and to be copied."""
    paper = Newspaper(seed=3, stories=60)
    with paper.serve() as mirror:
        crawl = FinishedCrawl(paper, mirror, tmp_path_factory.mktemp("crawled") / "data")
        crawl.report = crawl.crawl(*SHORT)
        yield crawl


def khobor(*arguments: object, failpoint: str = "") -> Any:
    environment = os.environ | ({"KHOBOR_TESTING": "1", "KHOBOR_FAILPOINT": failpoint} if failpoint else {})
    return run_command([*KHOBOR, *map(str, arguments)], env=environment)


def stories(data: Path) -> "pd.Series[str]":
    return pd.read_parquet(data / "stories")["story_id"].sort_values(ignore_index=True)


@pytest.mark.parametrize("share", [0.4, *(pytest.param(n / 20, marks=SOAK) for n in range(1, 19))])
def test_crawl_after_restore_completes_interrupted_one(crawled: FinishedCrawl, tmp_path: Path, share: float) -> None:
    data, out, restored = tmp_path / "data", tmp_path / "backup", tmp_path / "restored"
    before, requests = len(crawled.paper.log), share * crawled.report["requests"]
    with Command(crawl_command(crawled.mirror, data, *SHORT), cwd=PROJECT, stdout=subprocess.PIPE) as crawl:
        while len(crawled.paper.log) - before < requests:
            assert crawl.poll() is None
            time.sleep(0.001)
        assert (done := khobor("backup", "--data", data, "--out", out)).returncode == 0, done.stderr
        assert crawl.poll() is None
        crawl.communicate(timeout=100)
    assert khobor("restore", out, "--data", restored).returncode == 0
    assert (done := khobor("check", "--data", restored)).returncode == 0, done.stdout
    assert FinishedCrawl(crawled.paper, crawled.mirror, restored).crawl(*SHORT)["exit_code"] == 0
    assert stories(restored).equals(stories(data))
    assert stories(restored).equals(stories(crawled.data))
    assert len(list((restored / "runs").glob("*.json"))) == 2


BACKUP_POINTS = ("databases", "reports", "files", "site", "linked", "added:5", "written")
RESTORE_POINTS = ("restore.file:5", "restore.unpacked", "move.renamed", "move.renamed:8")


@pytest.mark.parametrize("point", BACKUP_POINTS)
def test_killed_backup_leaves_earlier_one(crawled: FinishedCrawl, tmp_path: Path, point: str) -> None:
    out = tmp_path / "backup"
    out.write_bytes(b"earlier")
    done = khobor("backup", "--data", crawled.data, "--out", out, failpoint=f"backup.{point}=kill")
    assert done.returncode == -signal.SIGKILL
    assert out.read_bytes() == b"earlier"
    assert khobor("backup", "--data", crawled.data, "--out", out).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["backup"]
    assert list((crawled.data / ".staging").iterdir()) == []


@pytest.mark.parametrize("point", RESTORE_POINTS)
def test_killed_restore_never_looks_whole(crawled: FinishedCrawl, tmp_path: Path, point: str) -> None:
    out, restored = tmp_path / "backup", tmp_path / "restored"
    khobor("backup", "--data", crawled.data, "--out", out)
    assert khobor("restore", out, "--data", restored, failpoint=f"{point}=kill").returncode == -signal.SIGKILL
    assert not (restored / "state").exists()
    done = khobor("restore", out, "--data", restored)
    assert done.returncode == (2 if point.startswith("move") else 0), done.stderr


def test_stopped_backup_leaves_no_file(crawled: FinishedCrawl, tmp_path: Path) -> None:
    line = [*KHOBOR, "backup", "--data", str(crawled.data), "--out", str(tmp_path / "backup")]
    with Command(line, cwd=PROJECT, stderr=subprocess.PIPE) as backup:
        while backup.poll() is None and not list(tmp_path.iterdir()):
            time.sleep(0.0005)
        backup.send_signal(signal.SIGTERM)
        assert backup.wait(20) in (143, 0)
        assert backup.returncode == 0 or list(tmp_path.iterdir()) == []
    assert list((crawled.data / ".staging").iterdir()) == []
