"""Killed commands: a crawl whose child, or whose whole family, is killed in the middle, and the one that follows it."""

import fcntl
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import pytest

from crawler.spiders.kalbela import Kalbela
from tests.newspaper import Newspaper
from tests.support.commands import QUICK, FinishedCrawl
from tests.support.concurrent_readers import ConcurrentReaders
from tests.support.crash_store import SOAK
from tests.support.processes import KHOBOR
from tests.support.project import PROJECT

READ = ["url", "headline", "kicker", "byline", "published_at", "updated_at", "body", "image_url", "revision"]


@pytest.fixture(scope="module")
def paper() -> Iterator[tuple[Newspaper, str]]:
    paper = Newspaper(seed=3, stories=60)
    with paper.serve() as mirror:
        yield paper, mirror


@pytest.fixture(scope="module")
def undisturbed(paper: tuple[Newspaper, str], tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    crawled = FinishedCrawl(*paper, tmp_path_factory.mktemp("undisturbed"))
    crawled.crawl()
    return what_was_read(crawled)


def what_was_read(crawled: FinishedCrawl) -> pd.DataFrame:
    """What stands of each story, but for when and how it was found. Of stories word for word alike, one stands."""
    copies = crawled.paper.copies()
    stories = crawled.table("stories")
    stories["story_id"] = [min(copies.get(story_id, {story_id})) for story_id in stories["story_id"]]
    alike = stories["story_id"].isin({story_id for family in copies.values() for story_id in family})
    stories.loc[alike, ["url", "published_at", "updated_at", "byline", "image_url", "kicker"]] = None
    return stories.set_index("story_id").sort_index()[READ]


class Crawl:
    """A crawl in a process of its own, that has a child."""

    def __init__(self, crawled: FinishedCrawl, failpoint: str = "") -> None:
        self._log, self._before = crawled.paper.log, len(crawled.paper.log)
        self._lock = crawled.data / "state" / "kalbela.lock"
        command = [sys.executable, "-m", "khobor", "crawl", "kalbela", "--json"]
        command += ["--mirror", crawled.mirror, "--data", str(crawled.data), *QUICK]
        own = {"KHOBOR_TESTING": "1", "KHOBOR_FAILPOINT": failpoint} if failpoint else {}
        self.parent = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, env=os.environ | own)

    def wait_for(self, requests: int) -> None:
        """Until so many pages were asked for, or it is over."""
        while len(self._log) - self._before < requests and self.parent.poll() is None:
            time.sleep(0.001)

    def wait_until(self, moment: float) -> None:
        """Until a moment of the monotonic clock, or it is over."""
        while time.monotonic() < moment and self.parent.poll() is None:
            time.sleep(0.001)

    def child(self) -> int:
        return int(json.loads(self._lock.read_text())["pid"])

    def kill_if_running(self, whom: str) -> bool:
        """The same as `kill`, at any moment: before there is a child or after it is gone, there is the parent only."""
        with suppress(FileNotFoundError, ValueError, ProcessLookupError):
            if (
                self.parent.poll() is None
                and self.child() != self.parent.pid
                and _parent_of(self.child()) == self.parent.pid
            ):
                self.kill(whom)
                return True
        if going := self.parent.poll() is None:
            self.parent.kill()
        return going

    def kill(self, whom: str) -> None:
        child = self.child()
        assert child != self.parent.pid
        for process in {"child": [child], "both": [self.parent.pid, child], "parent": [self.parent.pid]}[whom]:
            os.kill(process, signal.SIGKILL)

    def report(self) -> dict[str, Any]:
        """What it printed at its end; nothing if it was killed itself."""
        printed, _ = self.parent.communicate(timeout=100)
        with suppress(ProcessLookupError, FileNotFoundError, ValueError):
            while True:  # a child that was left alone comes to its own end
                os.kill(self.child(), 0)
                time.sleep(0.01)
        return dict(json.loads(printed)) if printed else {}

    def stories_read(self) -> list[str]:
        """The addresses under which stories were had from the newspaper by now."""
        asked = self._log[self._before :]
        return [request.target for request in asked if request.status == 200 and request.target[-1].isdigit()]


def until_free(crawled: FinishedCrawl, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    with (crawled.data / "state" / "kalbela.lock").open() as lock:
        while time.monotonic() < deadline:
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            time.sleep(0.05)
    raise TimeoutError(f"the newspaper was still held after {seconds:.0f} s")


def _parent_of(process: int) -> int:
    stat = Path(f"/proc/{process}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


@pytest.mark.parametrize(
    ("whom", "requests"),
    [
        *(("child", 60), ("both", 30), ("parent", 90)),
        *(
            pytest.param(whom, n, marks=SOAK)
            for whom in ("child", "both", "parent")
            for n in (1, 2, 5, 10, 20, 45, 75, 120, 150, 180)
        ),
    ],
)
def test_a_crawl_that_is_killed_and_run_again_keeps_what_an_undisturbed_one_does(
    paper: tuple[Newspaper, str], undisturbed: pd.DataFrame, tmp_path: Path, whom: str, requests: int
) -> None:
    crawled = FinishedCrawl(*paper, tmp_path)
    crawl = Crawl(crawled)
    crawl.wait_for(requests)
    crawl.kill(whom)
    report = crawl.report()
    read = crawl.stories_read()
    if whom == "child":
        assert report["reason"] == "killed"
        assert report["urls"]["complete"]
    again = Crawl(crawled)
    assert again.report()["exit_code"] == 0
    twice = set(read) & set(again.stories_read()) - {urlsplit(seed).path for seed in Kalbela.seeds}
    print(f"{whom} at {requests}: {len(read)} stories had, {len(twice)} of them asked for again")
    pd.testing.assert_frame_equal(what_was_read(crawled), undisturbed)
    assert crawled.run("check").returncode == 0
    verdicts = [json.loads(path.read_text()) for path in sorted((tmp_path / "runs").glob("*.json"))]
    assert len(verdicts) == 2
    assert all(verdict["urls"]["complete"] for verdict in verdicts)
    assert len(twice) <= 5


def test_a_quarantine_that_is_killed_is_done_again_and_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "stories"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.txt").write_text(name)
    command = [*KHOBOR, "check", "kalbela", "--quarantine", "--data", str(tmp_path)]
    trap = os.environ | {"KHOBOR_TESTING": "1", "KHOBOR_FAILPOINT": "move.renamed=kill"}
    ended = [subprocess.run(command, cwd=PROJECT, env=env, capture_output=True) for env in (trap, None, None)]
    assert [done.returncode for done in ended] == [-signal.SIGKILL, 8, 0]
    held = sorted(path.read_text() for path in (tmp_path / "quarantine").rglob("*.txt"))
    assert (held, list(folder.iterdir())) == (["a", "b"], [])


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_whole_crawls_killed_again_and_again_on_one_folder_lose_and_double_nothing(tmp_path: Path) -> None:
    """A paper that goes on printing, and a hundred crawls of it killed at random moments, at work or at publishing."""
    seed = int(os.environ.get("KHOBOR_SEED") or secrets.randbelow(10**6))
    print(f"KHOBOR_SEED={seed}")
    chance, paper, killed = Random(seed), Newspaper(seed=seed, stories=60, decoys=False), Counter[str]()
    with paper.serve() as mirror:
        crawled = FinishedCrawl(paper, mirror, tmp_path / "data")
        crawled.crawl()
        paper.advance(timedelta(minutes=40))
        usual = -time.monotonic()
        crawled.crawl()
        usual += time.monotonic()
        with ConcurrentReaders(crawled.data / "stories", tmp_path / "seen") as readers:
            for _ in range(100):
                paper.advance(timedelta(minutes=chance.randint(10, 90)))
                began, whom = time.monotonic(), chance.choice(("child", "both", "parent"))
                crawl = Crawl(crawled)
                crawl.wait_until(began + (0.4 + 0.7 * chance.random()) * usual)
                was_killed = crawl.kill_if_running(whom)
                killed[whom] += was_killed
                crawl.report()
                usual = usual if was_killed else time.monotonic() - began
            until_free(crawled)  # a child whose parent was killed before it had the lock was not heard of
        crawled.crawl()
        kept, copies = list(crawled.table("stories")["story_id"]), paper.copies()
        missing = [i for i in paper.truth() if i not in kept and not copies.get(i, frozenset()) & set(kept)]
    looks = {engine: len(seen) for engine, seen in readers.looks().items()}
    print(f"{killed} kills, {len(kept)} stories, {looks} looks")
    assert (missing, len(kept)) == ([], len(set(kept)))
    assert killed.total() >= 60
    assert readers.troubles() == []
    assert crawled.run("check").returncode == 0
    reports = [json.loads(path.read_text()) for path in (crawled.data / "runs").glob("*.json")]
    assert all(report["urls"]["complete"] for report in reports)
