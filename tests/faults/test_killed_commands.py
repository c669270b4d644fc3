"""Killed commands: a crawl whose parent, child or both are killed, and the crawl after it."""

import fcntl
import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import product
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import pytest

from crawler.spiders.kalbela import Kalbela
from tests.newspaper import Newspaper
from tests.support.commands import FinishedCrawl
from tests.support.concurrent_readers import ConcurrentReaders
from tests.support.crash_store import SOAK
from tests.support.forked_commands import Command, run_command
from tests.support.processes import KHOBOR, crawl_command, reports
from tests.support.project import PROJECT

SOAK_REQUESTS = (1, 2, 5, 10, 20, 45, 75, 120, 150, 180)
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
    return parsed_columns(crawled)


def parsed_columns(crawled: FinishedCrawl) -> pd.DataFrame:
    """Return the parsed columns of each story; exact duplicates count as one story without their own columns."""
    copies = crawled.paper.copies()
    stories = crawled.table("stories")
    stories["story_id"] = [min(copies.get(story_id, {story_id})) for story_id in stories["story_id"]]
    alike = stories["story_id"].isin({story_id for family in copies.values() for story_id in family})
    stories.loc[alike, ["url", "published_at", "updated_at", "byline", "image_url", "kicker"]] = None
    return stories.set_index("story_id").sort_index()[READ]


class Crawl:
    """A crawl command; its child is the run."""

    def __init__(self, crawled: FinishedCrawl, failpoint: str = "") -> None:
        self._log, self._before = crawled.paper.log, len(crawled.paper.log)
        self._lock = crawled.data / "state" / "kalbela.lock"
        command = crawl_command(crawled.mirror, crawled.data)
        own = {"KHOBOR_TESTING": "1", "KHOBOR_FAILPOINT": failpoint} if failpoint else {}
        self.parent = Command(command, cwd=PROJECT, stdout=subprocess.PIPE, env=os.environ | own)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        while not condition() and self.parent.poll() is None:
            time.sleep(0.001)

    def requests(self) -> int:
        return len(self._log) - self._before

    def child(self) -> int:
        return int(json.loads(self._lock.read_text())["pid"])

    def kill_if_running(self, whom: str) -> bool:
        """Kill as `kill` does; kill only the parent before the child starts or after it ends."""
        with suppress(FileNotFoundError, ValueError, ProcessLookupError):
            stat = Path(f"/proc/{self.child()}/stat").read_text()
            if self.parent.poll() is None and int(stat.rpartition(")")[2].split()[1]) == self.parent.pid:
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
        """Wait for the end and return the printed report; empty if the parent was killed."""
        printed, _ = self.parent.communicate(timeout=100)
        with suppress(ProcessLookupError, FileNotFoundError, ValueError):
            while True:  # an orphaned child ends by itself
                os.kill(self.child(), 0)
                time.sleep(0.01)
        return dict(json.loads(printed)) if printed else {}

    def stories_read(self) -> list[str]:
        """Return the URLs of stories that the newspaper has served to this crawl."""
        asked = self._log[self._before :]
        return [request.target for request in asked if request.status == 200 and request.target[-1].isdigit()]


@pytest.mark.parametrize(
    ("whom", "requests"),
    [
        *(("child", 60), ("both", 30), ("parent", 90)),
        *(pytest.param(*case, marks=SOAK) for case in product(("child", "both", "parent"), SOAK_REQUESTS)),
    ],
)
def test_next_crawl_completes_killed_one(
    paper: tuple[Newspaper, str], undisturbed: pd.DataFrame, tmp_path: Path, whom: str, requests: int
) -> None:
    crawled = FinishedCrawl(*paper, tmp_path)
    crawl = Crawl(crawled)
    crawl.wait_until(lambda: crawl.requests() >= requests)
    crawl.kill(whom)
    report = crawl.report()
    read = crawl.stories_read()
    if whom == "child":
        assert (report["exit_code"], report["reason"]) == (1, "killed")
        assert "killed" in report["verdict"]["problems"][0]
        assert report["urls"]["complete"]
    again = Crawl(crawled)
    assert again.report()["exit_code"] == 0
    twice = set(read) & set(again.stories_read()) - {urlsplit(seed).path for seed in Kalbela.seeds}
    pd.testing.assert_frame_equal(parsed_columns(crawled), undisturbed)
    assert crawled.run("check").returncode == 0
    assert [report["urls"]["complete"] for report in reports(tmp_path)] == [True, True]
    assert len(twice) <= 5


def test_killed_quarantine_can_be_repeated(tmp_path: Path) -> None:
    folder = tmp_path / "stories"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.txt").write_text(name)
    command = [*KHOBOR, "check", "kalbela", "--quarantine", "--data", str(tmp_path)]
    trap = os.environ | {"KHOBOR_TESTING": "1", "KHOBOR_FAILPOINT": "move.renamed=kill"}
    ended = [run_command(command, env=env) for env in (trap, None, None)]
    assert [done.returncode for done in ended] == [-signal.SIGKILL, 8, 0]
    held = sorted(path.read_text() for path in (tmp_path / "quarantine").rglob("*.txt"))
    assert (held, list(folder.iterdir())) == (["a", "b"], [])


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_repeatedly_killed_crawls_lose_nothing(tmp_path: Path, seed: int) -> None:
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
                end = began + (0.4 + 0.7 * chance.random()) * usual
                crawl.wait_until(lambda end=end: time.monotonic() >= end)  # type: ignore[misc]
                was_killed = crawl.kill_if_running(whom)
                killed[whom] += was_killed
                crawl.report()
                usual = usual if was_killed else time.monotonic() - began
            with (crawled.data / "state" / "kalbela.lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # an orphaned child may still hold it
        crawled.crawl()
        kept, copies = list(crawled.table("stories")["story_id"]), paper.copies()
        missing = [i for i in paper.truth() if i not in kept and not copies.get(i, frozenset()) & set(kept)]
    assert (missing, len(kept)) == ([], len(set(kept)))
    assert killed.total() >= 60
    assert readers.troubles() == []
    assert crawled.run("check").returncode == 0
    assert all(report["urls"]["complete"] for report in reports(crawled.data))
