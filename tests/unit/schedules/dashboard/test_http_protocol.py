"""Requests that never end at the dashboard's server."""

import asyncio
import socket

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


@pytest.mark.parametrize(
    "begin",
    [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\nX-", b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HT"],
    ids=["nothing", "a letter", "a header", "a second request"],
)
def test_incomplete_head_is_closed(begin: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.3)
    received = asyncio.run(received_after(begin))
    assert received.startswith(b"HTTP/1.1 204") == (b"\r\n\r\n" in begin)
