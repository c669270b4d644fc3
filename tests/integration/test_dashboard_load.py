"""The status page under load: many ask at once while a crawl goes on, and none waits."""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from pipelines.storage.data_folder import DataFolder
from schedules.dashboard.server import Address, DashboardProcess
from tests.newspaper import Newspaper
from tests.support.commands import Crawled
from tests.support.dashboard_data import TIMETABLE
from tests.support.processes import crawling, started

CLIENTS, REQUESTS, WARM = 50, 5_000, 1_000
VIEWS = ("/", "/runs", "/stories", "/fields", "/lists", "/coverage", "/rejects", "/metrics", "/live", "/healthz")
NUMBERS = ("/overview.json", "/runs.json", "/stories.json?days=7", "/lists.json", "/rejects.json?days=30")
MOST_SECONDS = 0.1
MOST_GROWTH = 16 * 2**20


async def _client(port: int, paths: Sequence[str], took: list[float]) -> None:
    """One browser that stays: it asks for the next page as soon as it has the one before."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for path in paths:
        began = time.perf_counter()
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        took.append(time.perf_counter() - began)
        assert head.startswith(b"HTTP/1.1 200"), (path, head)
    writer.close()


async def _load(port: int, requests: int, stories: Sequence[str], seed: int) -> list[float]:
    """Requests by all clients; how long each took, in seconds, the shortest first."""
    took: list[float] = []
    chance = random.Random(seed)
    paths = (*VIEWS, *NUMBERS, *(f"/stories/{story}" for story in stories))
    each = requests // CLIENTS
    await asyncio.gather(*(_client(port, chance.choices(paths, k=each), took) for _ in range(CLIENTS)))
    return sorted(took)


def _memory(process: int) -> int:
    """What a process has in memory, in bytes."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


@pytest.mark.soak
def test_fifty_ask_five_thousand_times_while_a_crawl_goes_on(tmp_path: Path) -> None:
    (tmp_path / "timetable.toml").write_text(TIMETABLE)
    paper = Newspaper(stories=400)
    with paper.serve() as url:
        crawled = Crawled(paper, url, tmp_path / "data")
        crawled.crawl()
        stories = pd.read_parquet(crawled.data / "stories", columns=["story_id"])["story_id"].tolist()[:40]
        with DashboardProcess(
            DataFolder(crawled.data), tmp_path / "timetable.toml", Address(port=0), None, print
        ) as page:
            port = int(page.url.rstrip("/").rpartition(":")[2])
            asyncio.run(_load(port, WARM, stories, seed=1))
            child = page._child
            assert child is not None
            before = _memory(child.pid)
            # The newspaper goes on in a process of its own, so that it does not ask for this one's time.
            goes_on = [sys.executable, "-m", "tests.newspaper", "--seed", "2", "--stories", "2000"]
            with subprocess.Popen(goes_on, stdout=subprocess.PIPE, text=True) as another:
                assert another.stdout
                mirror = another.stdout.readline().strip()
                with started(crawling(mirror, crawled.data), crawled.data) as run:
                    run.until(lambda: run.progress().get("requests", 0) > 5)
                    took = asyncio.run(_load(port, REQUESTS, stories, seed=2))
                    still = run.process.poll() is None
                another.terminate()
            after = _memory(child.pid)
    shares = {share: took[int(len(took) * share) - 1] * 1000 for share in (0.5, 0.95, 0.99, 1.0)}
    told = ", ".join(f"{share:.0%} under {took:.0f} ms" for share, took in shares.items())
    print(
        f"\n{len(took)} requests by {CLIENTS} clients: {told}; memory {before / 2**20:.0f} to {after / 2**20:.0f} MiB"
    )
    assert still, "the crawl was over before the load was"
    assert shares[0.99] < MOST_SECONDS * 1000
    assert after - before < MOST_GROWTH
