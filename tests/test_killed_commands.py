"""Killed commands: a crawl whose child, or whose whole family, is killed in the middle, and the one that follows it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import pytest

from crawler.spiders.kalbela import Kalbela
from tests.crawling import PROJECT, QUICK, Crawled
from tests.newspaper import Newspaper
from tests.stores import SOAK

READ = ["url", "headline", "kicker", "byline", "published_at", "updated_at", "body", "image_url", "revision"]


@pytest.fixture(scope="module")
def paper() -> Iterator[tuple[Newspaper, str]]:
    paper = Newspaper(seed=3, stories=60)
    with paper.serve() as mirror:
        yield paper, mirror


@pytest.fixture(scope="module")
def undisturbed(paper: tuple[Newspaper, str], tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    crawled = Crawled(*paper, tmp_path_factory.mktemp("undisturbed"))
    crawled.crawl()
    return what_was_read(crawled)


def what_was_read(crawled: Crawled) -> pd.DataFrame:
    """What stands of each story, but for when and how it was found. Of stories word for word alike, one stands."""
    copies = crawled.paper.copies()
    stories = crawled.table("stories")
    stories["story_id"] = [min(copies.get(story_id, {story_id})) for story_id in stories["story_id"]]
    alike = stories["story_id"].isin({story_id for family in copies.values() for story_id in family})
    stories.loc[alike, ["url", "published_at", "updated_at", "byline", "image_url", "kicker"]] = None
    return stories.set_index("story_id").sort_index()[READ]


class Crawl:
    """A crawl in a process of its own, that has a child."""

    def __init__(self, crawled: Crawled, failpoint: str = "") -> None:
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

    def child(self) -> int:
        """The process that holds the lock."""
        return int(json.loads(self._lock.read_text())["pid"])

    def kill(self, whom: str) -> None:
        child = self.child()
        assert child != self.parent.pid
        for process in {"child": [child], "both": [self.parent.pid, child], "parent": [self.parent.pid]}[whom]:
            os.kill(process, signal.SIGKILL)

    def report(self) -> dict[str, Any]:
        """What it printed at its end; nothing if it was killed itself."""
        printed, _ = self.parent.communicate(timeout=100)
        with suppress(ProcessLookupError, FileNotFoundError):
            while True:  # a child that was left alone comes to its own end
                os.kill(self.child(), 0)
                time.sleep(0.01)
        return dict(json.loads(printed)) if printed else {}

    def stories_read(self) -> list[str]:
        """The addresses under which stories were had from the newspaper by now."""
        asked = self._log[self._before :]
        return [request.target for request in asked if request.status == 200 and request.target[-1].isdigit()]


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
    crawled = Crawled(*paper, tmp_path)
    crawl = Crawl(crawled)
    crawl.wait_for(requests)
    crawl.kill(whom)
    report = crawl.report()
    read = crawl.stories_read()
    if whom == "child":
        assert report["reason"] == "killed"
        assert report["books"]["balanced"]
    again = Crawl(crawled)
    assert again.report()["exit_code"] == 0
    twice = set(read) & set(again.stories_read()) - {urlsplit(seed).path for seed in Kalbela.seeds}
    print(f"{whom} at {requests}: {len(read)} stories had, {len(twice)} of them asked for again")
    pd.testing.assert_frame_equal(what_was_read(crawled), undisturbed)
    assert crawled.run("check").returncode == 0
    verdicts = [json.loads(path.read_text()) for path in sorted((tmp_path / "runs").glob("*.json"))]
    assert len(verdicts) == 2
    assert all(verdict["books"]["balanced"] for verdict in verdicts)
    assert len(twice) <= 5
