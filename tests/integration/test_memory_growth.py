"""Memory of a long run: flat from its start to its end."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import QUICK
from tests.support.crash_store import SOAK
from tests.support.project import PROJECT
from tests.support.sitemap_site import SitemapSite

BYTES_PER_PAGE = 2048  # of state per URL; a page is larger


def size_of(process: int) -> int:
    """Resident bytes of a process and its children."""
    status = Path(f"/proc/{process}/status").read_text()
    others = map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split())
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024 + sum(map(size_of, others))


def samples(crawl: "subprocess.Popen[bytes]", state: Path) -> Iterator[tuple[int, int]]:
    """During the crawl: requests so far, and resident bytes."""
    while crawl.poll() is None:
        time.sleep(0.5)
        try:
            progress = json.loads((state / "kalbela.progress.json").read_text())
            child = json.loads((state / "kalbela.lock").read_text())["pid"]
            size = size_of(child) if child != crawl.pid else 0
        except (FileNotFoundError, ProcessLookupError, ValueError, IndexError):  # it starts or ends
            continue
        if progress.get("state", "crawling") == "crawling" and size:
            yield progress["requests"], size


def slope(points: list[tuple[int, int]]) -> float:
    """Bytes per page: the straight line through the points (least squares)."""
    count = len(points)
    pages, sizes = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    return sum((x - pages) * (y - sizes) for x, y in points) / sum((x - pages) ** 2 for x, _ in points)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
@pytest.mark.parametrize("pages", [pytest.param(100_000, marks=SOAK)])
def test_memory_stays_flat(tmp_path: Path, pages: int) -> None:
    server = SitemapSite(pages)
    command = [sys.executable, "-m", "khobor", "crawl", "kalbela", "--json", "--mirror", server.url]
    command += ["--data", str(tmp_path), "--seed", "https://www.kalbela.com/world/1", *QUICK]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as crawl:
        seen = list(samples(crawl, tmp_path / "state"))
        assert crawl.stdout
        report = json.loads(crawl.stdout.read())
    settled = [(asked, size) for asked, size in seen if asked > pages / 10]
    grown = slope(settled)
    print(f"{report['requests']} pages, {report['stories']['new']} stories: ", end="")
    print(f"{settled[0][1] >> 20} to {settled[-1][1] >> 20} MiB, {grown:.0f} bytes a page")
    assert report["stories"]["new"] == pages
    assert report["urls"]["complete"]
    assert grown < BYTES_PER_PAGE
