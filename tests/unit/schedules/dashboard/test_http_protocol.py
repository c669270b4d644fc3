"""Requests that never end at the dashboard's server."""

import asyncio
import socket
from random import Random

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from schedules.dashboard import http_protocol
from schedules.dashboard.server import UVICORN_OPTIONS


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def received_after(begin: bytes) -> bytes:
    server = uvicorn.Server(uvicorn.Config(application, **UVICORN_OPTIONS))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.ensure_future(server.serve(sockets=[listening]))
        try:
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            writer.write(begin)
            received = await asyncio.wait_for(reader.read(), 5)
            writer.close()
            return received
        finally:
            server.should_exit = True
            await serving


async def unanswered(prefixes: list[bytes]) -> tuple[int, bytes]:
    """Open a connection for each prefix of a request; return the number of closed ones, and the next response."""
    server = uvicorn.Server(uvicorn.Config(application, **UVICORN_OPTIONS))
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        serving = asyncio.ensure_future(server.serve(sockets=[listening]))
        try:
            streams = [await asyncio.open_connection(*listening.getsockname()) for _ in prefixes]
            for (_, writer), prefix in zip(streams, prefixes, strict=True):
                writer.write(prefix)
            await asyncio.wait_for(asyncio.gather(*(reader.read() for reader, _ in streams)), 30)
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            writer.write(REQUEST)
            answer = await asyncio.wait_for(reader.readline(), 5)
            for _, open_writer in [*streams, (reader, writer)]:
                open_writer.close()
            return len(streams), answer
        finally:
            server.should_exit = True
            await serving


REQUEST = b"GET /stories?page=2 HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: a=b\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("batches", [1, pytest.param(34, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
def test_half_open_requests_lock_nobody_out(batches: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.5)
    generator = Random(7)
    for _ in range(batches):
        prefixes = [REQUEST[: generator.randrange(len(REQUEST) - 2)] for _ in range(300)]
        assert asyncio.run(unanswered(prefixes)) == (300, b"HTTP/1.1 204 No Content\r\n")


@pytest.mark.parametrize(
    "begin",
    [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\nX-", b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HT"],
    ids=["nothing", "a letter", "a header", "a second request"],
)
def test_incomplete_head_is_closed(begin: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.3)
    received = asyncio.run(received_after(begin))
    assert received.startswith(b"HTTP/1.1 204") == (b"\r\n\r\n" in begin)
