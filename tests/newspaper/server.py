"""A small HTTP/1.1 server on 127.0.0.1, in a thread of its own."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Final

from .http_messages import Request, Response, http_date

_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
_LONGEST_HEAD = 64 * 1024
_IDLE_SECONDS = 60.0


# Host, target and headers in; the answer (None: end the connection) and the seconds to wait before it out.
Answering = Callable[[str, str, dict[str, str]], tuple[Response | None, float]]


@contextmanager
def serving(answering: Answering, clock: Callable[[], datetime], log: list[Request], port: int = 0) -> Iterator[str]:
    """Serve on 127.0.0.1 within the block and yield the URL; port 0 takes a free one."""
    server = Server(answering, clock, log, port)
    try:
        yield server.url
    finally:
        server.close()


class Server:
    """Serves until it is closed; raises OSError where the port is taken. Every request is added to `log`."""

    def __init__(self, answering: Answering, clock: Callable[[], datetime], log: list[Request], port: int = 0) -> None:
        self._answering, self._clock, self._log = answering, clock, log
        self._connections: set[asyncio.Task[None]] = set()
        self._opened = 0
        self._loop = asyncio.new_event_loop()
        try:
            listening = self._loop.run_until_complete(
                asyncio.start_server(self._connected, "127.0.0.1", port, limit=_LONGEST_HEAD, backlog=512)
            )
        except OSError:
            self._loop.close()
            raise
        self._listening = listening
        self.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        self._thread = threading.Thread(target=self._loop.run_forever, name="newspaper", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening, end every connection and wait until all of it is over."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    async def _stop(self) -> None:
        self._listening.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self._opened += 1
        try:
            await self._converse(reader, writer, self._opened)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            writer.transport.abort()
        except asyncio.CancelledError:  # the server is closing; nothing is left to be cancelled
            writer.transport.abort()
        finally:
            writer.close()
            self._connections.discard(task)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        while True:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _IDLE_SECONDS)
            first, *lines = head.decode("latin-1").strip().split("\r\n")
            method, _, target = first.removesuffix(" HTTP/1.1").removesuffix(" HTTP/1.0").partition(" ")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            answer, delay = self._answer(method, target, headers, connection)
            await asyncio.sleep(delay)
            if answer is None:
                writer.transport.abort()
                return
            writer.write(self._on_the_wire(method, answer))
            await writer.drain()
            if answer.cut is not None or headers.get("connection", "").lower() == "close":
                return

    def _answer(
        self, method: str, target: str, headers: dict[str, str], connection: int
    ) -> tuple[Response | None, float]:
        at, host = time.monotonic(), headers.get("host", "")
        if method in ("GET", "HEAD"):
            answer, delay = self._answering(host.partition(":")[0].lower(), target, headers)
        else:
            answer, delay = Response(405, headers={"Allow": "GET, HEAD"}), 0.0
        status, size = (answer.status, len(answer.body)) if answer else (0, 0)
        self._log.append(Request(at, host, method, target, status, headers, size, connection))
        return answer, delay

    def _on_the_wire(self, method: str, answer: Response) -> bytes:
        lines = [f"HTTP/1.1 {answer.status} {_PHRASES.get(answer.status, 'Unknown')}"]
        own = {"Date": http_date(self._clock()), "Server": "cloudflare", **answer.headers}
        bodiless = answer.status in (204, 304)
        if not bodiless:
            own["Content-Length"] = str(len(answer.body))
        lines += [f"{name}: {value}" for name, value in own.items()]
        body = b"" if bodiless or method == "HEAD" else answer.body[: answer.cut]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
