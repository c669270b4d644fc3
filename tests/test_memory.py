"""Memory: a run of very many pages takes no more of it at the end than at the beginning."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crawling import PROJECT, QUICK
from tests.stores import SOAK

PER_SITEMAP = 1000
BYTES_PER_PAGE = 2048  # what may be remembered of an address that was seen; a page is more
WORDS = (
    *("ঢাকা", "শহরের", "মানুষ", "আজ", "সকালে", "নদীর", "ধারে", "বাজার", "বসিয়ে", "নতুন"),
    *("ধানের", "খবর", "শুনে", "আনন্দে", "গান", "গেয়ে", "বাড়ি", "ফিরেছে", "সবাই"),
)
STORY = """<!DOCTYPE html><html lang="bn"><head><meta charset="utf-8"><title>{headline}</title></head><body>
<div class="headline_content_block"><h1 class="details-title">{headline}</h1></div>
<div class="entry_update">প্রকাশ : ১০ জানুয়ারি ২০২৬, ০৭:০৫ পিএম</div>
<div class="dtl_content_section"><div class="dtl_section"><p>{first}</p></div>
<div class="dtl_section"><p>{second}</p></div></div></body></html>"""


def story(number: int) -> str:
    """A page whose words are its own."""
    turned = WORDS[number % 19 :] + WORDS[: number % 19]
    first = " ".join(f"{word} {number * (place + 3) % 9973}" for place, word in enumerate(turned))
    return STORY.format(headline=f"খবর {number} {turned[0]}", first=first, second=" ".join(turned * 3))


def answer(target: str, pages: int) -> tuple[str, str]:
    """Content type and text: robots.txt, an index of sitemaps, the sitemaps, and stories."""
    site = "https://www.kalbela.com"
    if target == "/robots.txt":
        return "text/plain", f"User-agent: *\nSitemap: {site}/sitemap.xml\n"
    if target == "/sitemap.xml":
        maps = "".join(f"<sitemap><loc>{site}/map-{n}.xml</loc></sitemap>" for n in range(pages // PER_SITEMAP))
        return "text/xml", f"<sitemapindex>{maps}</sitemapindex>"
    if target.startswith("/map-"):
        first = int(target[5:].removesuffix(".xml")) * PER_SITEMAP
        urls = "".join(f"<url><loc>{site}/world/{first + n + 1}</loc></url>" for n in range(PER_SITEMAP))
        return "text/xml", f"<urlset>{urls}</urlset>"
    number = target.rpartition("/")[2]
    return "text/html; charset=utf-8", story(int(number)) if number.isdigit() else "<html><body></body></html>"


class Plain:
    """The plainest newspaper there is, in a thread, so that the crawl has a core for itself."""

    def __init__(self, pages: int) -> None:
        self._pages = pages
        self._loop = asyncio.new_event_loop()
        server = self._loop.run_until_complete(asyncio.start_server(self._converse, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                kind, text = answer(head.split(b" ", 2)[1].decode(), self._pages)
                body = text.encode()
                writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
                writer.write(body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


def size_of(process: int) -> int:
    """Bytes that a process and those that it made have in memory."""
    status = Path(f"/proc/{process}/status").read_text()
    others = map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split())
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024 + sum(map(size_of, others))


def samples(crawl: "subprocess.Popen[bytes]", state: Path) -> Iterator[tuple[float, int, int]]:
    """While it asks: the time, how many pages were asked for, and how many bytes its processes have in memory."""
    while crawl.poll() is None:
        time.sleep(0.5)
        try:
            progress = json.loads((state / "kalbela.progress.json").read_text())
            child = json.loads((state / "kalbela.lock").read_text())["pid"]
            size = size_of(child) if child != crawl.pid else 0
        except (FileNotFoundError, ProcessLookupError, ValueError, IndexError):  # it is on its way in or out
            continue
        if progress.get("state", "crawling") == "crawling" and size:
            yield time.monotonic(), progress["requests"], size


def pace(seen: list[tuple[float, int, int]], start: float, end: float) -> float:
    """Pages a second between two shares of all pages."""
    pages = seen[-1][1]
    part = [(at, asked) for at, asked, _ in seen if start * pages <= asked <= end * pages]
    (began, first), (ended, last) = part[0], part[-1]
    return (last - first) / (ended - began)


def slope(points: list[tuple[int, int]]) -> float:
    """Bytes per page: the straight line through the points (least squares)."""
    count = len(points)
    pages, sizes = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    return sum((x - pages) * (y - sizes) for x, y in points) / sum((x - pages) ** 2 for x, _ in points)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="how much a process has in memory is not told here")
@pytest.mark.parametrize("pages", [pytest.param(30_000, marks=SOAK)])
def test_memory_stays_flat_over_very_many_pages(tmp_path: Path, pages: int) -> None:
    server = Plain(pages)
    command = [sys.executable, "-m", "khobor", "crawl", "kalbela", "--json", "--mirror", server.url]
    command += ["--data", str(tmp_path), "--seed", "https://www.kalbela.com/world/1", *QUICK]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as crawl:
        seen = list(samples(crawl, tmp_path / "state"))
        assert crawl.stdout
        report = json.loads(crawl.stdout.read())
    settled = [(asked, size) for _, asked, size in seen if asked > pages / 10]
    grown = slope(settled)
    print(f"{report['requests']} pages, {report['stories']['new']} stories: ", end="")
    print(f"{settled[0][1] >> 20} to {settled[-1][1] >> 20} MiB, {grown:.0f} bytes a page; ", end="")
    print(f"{pace(seen, 0.1, 0.2):.0f} pages a second in the second tenth, {pace(seen, 0.9, 1):.0f} in the last")
    assert report["stories"]["new"] == pages
    assert report["books"]["balanced"]
    assert grown < BYTES_PER_PAGE
