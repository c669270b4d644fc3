"""The server of the page: a process beside the service, which ends with it, and whose end does the service no harm.

The service opens the socket, so a port that is taken is told before anything starts, and the page that comes after one
that crashed is at the same address. The process reads a pipe that the service holds: when that ends, so does the page.
"""

import argparse
import errno
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pipelines.storage.data_folder import DataFolder
from schedules.dashboard.access import SHORTEST_TOKEN, TOKEN_VARIABLE, is_loopback
from schedules.exit_codes import WrongUsage
from schedules.paths import PROJECT

HOST, PORT = "127.0.0.1", 8620
# A service that was killed and is started again may find the page of the one before it just ending.
SECONDS_TO_WAIT_FOR_PORT = 3.0
SECONDS_TO_END = 3.0
SECONDS_OF_A_GOOD_START, LONGEST_PAUSE = 30.0, 3_600.0
MOST_CONNECTIONS = 256
HOW_IT_IS_SERVED: Mapping[str, Any] = {
    "http": "h11",
    "ws": "none",
    "loop": "asyncio",
    "lifespan": "off",
    "log_config": None,
    "access_log": False,
    "server_header": False,
    "proxy_headers": False,
    "limit_concurrency": MOST_CONNECTIONS,
    "timeout_keep_alive": 15,
    "timeout_graceful_shutdown": 1,
    "h11_max_incomplete_event_size": 16_384,
}
# Little memory that stays: two arenas, no pool of Arrow's beside them.
_SPARING = {"MALLOC_ARENA_MAX": "2", "ARROW_DEFAULT_MEMORY_POOL": "system", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Place:
    """Where the page is: a host and a port, and by which further names it may be asked."""

    host: str = HOST
    port: int = PORT
    names: tuple[str, ...] = ()


def token_in(environment: MutableMapping[str, str], place: Place) -> str | None:
    """The token of the page; it is taken out of the environment, since no run needs to know it.

    Raises :class:`WrongUsage` where there is none and others than this machine could ask, or where it is too short.
    """
    token = environment.pop(TOKEN_VARIABLE, "") or None
    if token is None and not is_loopback(place.host):
        raise WrongUsage(
            f"{place.host} can be asked from other machines: set {TOKEN_VARIABLE} to a secret of at least"
            f" {SHORTEST_TOKEN} characters, or leave --host at {HOST}"
        )
    if token is not None and (len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable()):
        raise WrongUsage(f"{TOKEN_VARIABLE} needs {SHORTEST_TOKEN} or more letters, digits and signs of ASCII")
    return token


def opened(place: Place, wait: float = SECONDS_TO_WAIT_FOR_PORT) -> socket.socket:
    """A socket at that place; raises :class:`WrongUsage` in one sentence where there can be none."""
    until = time.monotonic() + wait
    while True:
        try:
            return _bound(place)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and time.monotonic() < until:
                time.sleep(0.1)
                continue
            where, why = f"{place.host}:{place.port}", error.strerror or error
            if error.errno == errno.EADDRINUSE:
                raise WrongUsage(f"{where} is in use: --port names another, --no-dashboard runs without it") from error
            raise WrongUsage(f"the page cannot be at {where} ({why}): --host and --port say where") from error


def _bound(place: Place) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        place.host, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    found = socket.socket(family, kind, protocol)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(MOST_CONNECTIONS)
    except BaseException:
        found.close()
        raise
    return found


class PageBeside:
    """The page as the service has it: started, started again when it is gone, ended."""

    def __init__(
        self, dataset: DataFolder, timetable: Path, place: Place, token: str | None, say: Callable[[str], None]
    ) -> None:
        """Open the socket; raises :class:`WrongUsage` where that cannot be."""
        self._dataset, self._timetable, self._place, self._token, self._say = dataset, timetable, place, token, say
        self._socket = opened(place)
        self._child: subprocess.Popen[bytes] | None = None
        self._began = self._again_at = self._pause = 0.0

    @property
    def address(self) -> str:
        """Where to look."""
        host, port = self._socket.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    def __enter__(self) -> Self:
        self._start()
        self._say(f"the status page is at {self.address}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        if self._child is None:
            return
        self._child.terminate()
        try:
            self._child.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        if self._child.stdin:
            self._child.stdin.close()

    def look(self) -> None:
        """Start it again if it is gone. Raises nothing: the nights go on without it."""
        now = time.monotonic()
        if self._child is None or now < self._again_at or (code := self._child.poll()) is None:
            return
        if now - self._began >= SECONDS_OF_A_GOOD_START:
            self._pause = 0.0
        else:
            # One that cannot live is tried less and less often, and so is not the only thing in the journal.
            self._pause = min(max(2 * self._pause, SECONDS_OF_A_GOOD_START), LONGEST_PAUSE)
            self._again_at = now + self._pause
        self._say(f"the status page ended with code {code}; it is started again")
        if self._child.stdin:
            self._child.stdin.close()
        try:
            self._start()
        except OSError as error:
            self._say(f"the status page could not be started: {error}")

    def _start(self) -> None:
        number, self._began = self._socket.fileno(), time.monotonic()
        command = [
            sys.executable,
            "-m",
            "schedules.dashboard.server",
            f"--socket={number}",
            f"--host={self._place.host}",
        ]
        command += [f"--data={self._dataset.root}", f"--timetable={self._timetable.absolute()}"]
        command += [f"--allowed-host={name}" for name in self._place.names]
        secret = {TOKEN_VARIABLE: self._token} if self._token else {}
        # In a session of its own, so that Ctrl-C reaches it from the service alone.
        self._child = subprocess.Popen(
            command,
            cwd=PROJECT,
            env={**_SPARING, **os.environ, **secret},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=(number,),
            start_new_session=True,
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """The page in a process of its own, at a socket that the service opened."""
    parser = argparse.ArgumentParser(prog="python -m schedules.dashboard.server", description="Serve the status page.")
    parser.add_argument("--socket", type=int, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--allowed-host", action="append", default=[])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--timetable", type=Path, required=True)
    options = parser.parse_args(arguments)
    threading.Thread(target=_end_with_the_service, daemon=True).start()
    # A thread that reads much lets the others on soon.
    sys.setswitchinterval(0.0005)
    logging.basicConfig(level=logging.WARNING, format="khobor: status page: %(message)s")
    return _serve(options)


def _serve(options: argparse.Namespace) -> int:
    import uvicorn

    from schedules.dashboard.access import admission_for
    from schedules.dashboard.app import Page
    from schedules.dashboard.data_source import Reading

    token = os.environ.pop(TOKEN_VARIABLE, "") or None
    page = Page(
        Reading(DataFolder(options.data), options.timetable), admission_for(options.host, options.allowed_host, token)
    )
    config = uvicorn.Config(page.application(), **HOW_IT_IS_SERVED)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=options.socket)])
    os._exit(0)  # what is still being read is read for nobody


def _end_with_the_service() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
