"""Server of prepared responses in its own process, fast enough not to limit a crawl.

Every size of the site has a port. Pages are the same on all of them; the sitemaps differ in the number of stories.
"""

import asyncio
import gzip
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from benchmarks.pages import HOST, ORIGIN, Pages, robots, sitemaps
from tests.support.project import PROJECT

_HTML, _XML, _TEXT = "text/html; charset=UTF-8", "application/xml; charset=UTF-8", "text/plain; charset=UTF-8"
_IN_A_ROW = 8
_MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nNot found\n"


@dataclass(frozen=True)
class Load:
    """Stories served by a port so far, and CPU seconds of the server for all ports."""

    stories: int
    server_cpu: float


class Site:
    """Handle of the server process."""

    def __init__(self, process: "subprocess.Popen[str]", ports: dict[int, int]) -> None:
        self._process = process
        self.ports = ports

    def url(self, size: int) -> str:
        """Return the URL of the site of one size."""
        return f"http://127.0.0.1:{self.ports[size]}"

    def load(self, size: int) -> Load:
        """Return the load of one size until now."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print("load", file=self._process.stdin, flush=True)
        output = json.loads(self._process.stdout.readline())
        return Load(output["stories"][str(size)], output["cpu"])


@contextmanager
def serving(sizes: tuple[int, ...]) -> Iterator[Site]:
    """Generate and serve the site in a process that ends with the block."""
    command = [sys.executable, "-m", "benchmarks.site", *map(str, sizes)]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ports = json.loads(process.stdout.readline())
        try:
            yield Site(process, {int(size): port for size, port in ports.items()})
        finally:
            process.terminate()


@dataclass(frozen=True)
class Ceiling:
    """Pages per second for a client that only downloads, and CPU seconds of the server per page."""

    rate: float
    cpu: float


def ceiling(site: Site, size: int, path: str, seconds: float = 1.0) -> Ceiling:
    """Measure the limit of the server over one connection."""
    port = site.ports[size]
    asked = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    before = site.load(size)
    with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rb") as answers:
        began = time.perf_counter()
        while (spent := time.perf_counter() - began) < seconds:
            connection.sendall(asked * _IN_A_ROW)
            for _ in range(_IN_A_ROW):
                head = iter(answers.readline, b"\r\n")
                [length] = [int(line[16:]) for line in head if line.startswith(b"Content-Length: ")]
                answers.read(length)
    after = site.load(size)
    pages = after.stories - before.stories
    return Ceiling(pages / spent, (after.server_cpu - before.server_cpu) / pages)


# The server's own process -------------------------------------------------------------------------------------------


class _Responses:
    """Responses of one port by path, compressed and plain."""

    def __init__(self, stories: dict[str, bytes], furniture: dict[str, bytes], paths: list[str], port: int) -> None:
        self.stories = stories
        self.served = 0
        self._furniture = furniture
        self._own: dict[str, dict[str, bytes]] = {}
        for origin in (ORIGIN, f"http://127.0.0.1:{port}"):
            answers = {path: _response(gzip.compress(xml.encode()), _XML) for path, xml in sitemaps(origin, paths)}
            answers["/robots.txt"] = _response(gzip.compress(robots(origin).encode()), _TEXT)
            self._own[origin] = answers

    def to(self, head: bytes) -> bytes:
        """Return the response to a request."""
        path = head.split(b" ", 2)[1].decode("latin-1")
        lower = head.lower()
        answer = self.stories.get(path)
        if answer is not None:
            self.served += 1
        else:
            asked_as_paper = f"host: {HOST}".encode() in lower
            own = self._own[ORIGIN] if asked_as_paper else next(reversed(self._own.values()))
            answer = own.get(path) or self._other(path)
        return answer if b"gzip" in lower or answer is _MISSING else _plain(answer)

    def _other(self, path: str) -> bytes:
        if path.startswith(("/rss/", "/templates/", "/json-feed/")):
            return _MISSING
        return self._furniture.get(path) or self._furniture["*"]


class _Connection(asyncio.Protocol):
    def __init__(self, answers: _Responses) -> None:
        self._answers, self._waiting = answers, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *heads, self._waiting = (self._waiting + data).split(b"\r\n\r\n")
        for head in heads:
            self._transport.write(self._answers.to(head))
            if b"connection: close" in head.lower():
                self._transport.close()


def _response(compressed: bytes, kind: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Encoding: gzip\r\nContent-Length: {len(compressed)}"
    return head.encode() + b"\r\n\r\n" + compressed


def _plain(answer: bytes) -> bytes:
    head, _, body = answer.partition(b"\r\n\r\n")
    body = gzip.decompress(body)
    kept = [line for line in head.split(b"\r\n") if not line.startswith((b"Content-Encoding", b"Content-Length"))]
    return b"\r\n".join([*kept, b"Content-Length: %d" % len(body), b"", body])


async def _serve(sizes: list[int]) -> None:
    pages = Pages.generated(max(sizes))
    every = dict.fromkeys([*pages.paths(max(sizes)), *pages.listed()])
    stories = {path: _response(pages.compressed(path), _HTML) for path in every}
    furniture = {"/": _response(pages.compressed("/"), _HTML), "*": _response(pages.without_story(), _HTML)}
    loop = asyncio.get_running_loop()
    answering: dict[int, _Responses] = {}
    ports: dict[int, int] = {}
    for size in sizes:
        listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        ports[size] = listening.getsockname()[1]
        answering[size] = _Responses(stories, furniture, pages.paths(size), ports[size])
        await loop.create_server(partial(_Connection, answering[size]), sock=listening)
    print(json.dumps(ports), flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        served = {size: answers.served for size, answers in answering.items()}
        print(json.dumps({"stories": served, "cpu": time.process_time()}), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve([int(size) for size in sys.argv[1:]]))
