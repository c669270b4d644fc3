"""Web server of the dashboard: uvicorn in a child process of the service, restarted if it exits.

The service itself opens the listening socket. A port that is in use is therefore reported before anything starts, and a
restarted server keeps its address. The server is a separate process, so that its crash cannot affect crawls.
"""

import errno
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pipelines.storage.data_folder import DataFolder
from schedules.dashboard.access import MIN_TOKEN_LENGTH, TOKEN_VARIABLE, is_loopback
from schedules.exit_codes import WrongUsage
from schedules.paths import PROJECT
from schedules.runner.run_process import public_environment
from schedules.signals import handle_signals

HOST, PORT = "127.0.0.1", 8620
# When the service restarts after it was killed, the old web server may still hold the port for a moment.
PORT_WAIT_SECONDS = 3.0
TERMINATE_SECONDS = 3.0
MIN_SECONDS_BETWEEN_STARTS = 60.0
MAX_CONNECTIONS = 256
UVICORN_OPTIONS: Mapping[str, Any] = {
    "http": "schedules.dashboard.http_protocol:TimedProtocol",
    "ws": "none",
    "loop": "asyncio",
    "lifespan": "off",
    "log_config": None,
    "access_log": False,
    "server_header": False,
    "proxy_headers": False,
    "limit_concurrency": MAX_CONNECTIONS,
    "timeout_keep_alive": 15,
    "timeout_graceful_shutdown": 1,
    "h11_max_incomplete_event_size": 16_384,
}
# Two malloc arenas, and the system allocator instead of Arrow's memory pool, keep the resident memory low.
_LOW_MEMORY = {"MALLOC_ARENA_MAX": "2", "ARROW_DEFAULT_MEMORY_POOL": "system"}


@dataclass(frozen=True)
class Address:
    """Address at which the dashboard listens, and further host names that requests may have in their Host header."""

    host: str = HOST
    port: int = PORT
    names: tuple[str, ...] = ()


def take_token(environment: MutableMapping[str, str], address: Address) -> str | None:
    """Remove the access token of the dashboard from the environment, and return it, or None if there is none.

    It is removed so that no child process inherits it. Raises :class:`WrongUsage` if the token is too short or has
    invalid characters, or if it is missing although other machines can connect to the address.
    """
    token = environment.pop(TOKEN_VARIABLE, "") or None
    if token is None and not is_loopback(address.host):
        raise WrongUsage(
            f"other machines can connect to {address.host}: set {TOKEN_VARIABLE} to a secret of at least"
            f" {MIN_TOKEN_LENGTH} characters, or leave --host at {HOST}"
        )
    if token is not None and (len(token) < MIN_TOKEN_LENGTH or not token.isascii() or not token.isprintable()):
        raise WrongUsage(f"{TOKEN_VARIABLE} needs at least {MIN_TOKEN_LENGTH} printable ASCII characters")
    return token


def listen(address: Address) -> socket.socket:
    """Open a listening TCP socket; raises :class:`WrongUsage` if the address cannot be used.

    If the port is in use, the call is retried for a short time first.
    """
    ipv6, deadline = ":" in address.host, time.monotonic() + PORT_WAIT_SECONDS
    family = socket.AF_INET6 if ipv6 else socket.AF_INET
    where = f"{address.host}:{address.port}"
    while True:
        try:
            return socket.create_server(
                (address.host, address.port), family=family, backlog=MAX_CONNECTIONS, dualstack_ipv6=ipv6
            )
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise WrongUsage(f"cannot listen at {where} ({error}): choose another --host or --port") from error
            if time.monotonic() > deadline:
                raise WrongUsage(f"{where} is in use: choose another --port, or --no-dashboard") from error
        time.sleep(0.1)


class DashboardProcess:
    """Context manager that runs the web server of the dashboard in a child process.

    ``log`` is called with one line of text for each event, such as a restart.
    """

    def __init__(
        self, dataset: DataFolder, timetable: Path, address: Address, token: str | None, log: Callable[[str], None]
    ) -> None:
        self._socket, self._log = listen(address), log
        self._config = {
            "data": str(dataset.root.absolute()),
            "timetable": str(timetable.absolute()),
            "host": address.host,
            "names": address.names,
            "token": token,
            "socket": self._socket.fileno(),
        }
        self._child: subprocess.Popen[bytes] | None = None
        self._started = 0.0

    @property
    def url(self) -> str:
        host, port = self._socket.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    def __enter__(self) -> Self:
        self._start()
        self._log(f"the dashboard is at {self.url}")
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        if self._child is None:
            return
        self._child.terminate()
        try:
            self._child.wait(TERMINATE_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
        self._child.communicate()

    def restart_if_dead(self) -> None:
        """Restart the web server if its process has exited, at most once a minute.

        An error of the restart is logged and not raised.
        """
        code = self._child.poll() if self._child else None
        if code is None or time.monotonic() - self._started < MIN_SECONDS_BETWEEN_STARTS:
            return
        self._log(f"the dashboard exited with code {code}; restarting it")
        try:
            self._start()
        except OSError as error:
            self._log(f"cannot start the dashboard: {error}")

    def _start(self) -> None:
        if self._child is not None:
            self._child.communicate()
        self._started = time.monotonic()
        # In a session of its own, so that Ctrl-C reaches only the service, which then stops the server.
        self._child = subprocess.Popen(
            [sys.executable, "-m", "schedules.dashboard.server"],
            cwd=PROJECT,
            env={**_LOW_MEMORY, **public_environment()},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=(self._socket.fileno(),),
            start_new_session=True,
        )
        assert self._child.stdin
        self._child.stdin.write(json.dumps(self._config).encode() + b"\n")
        self._child.stdin.flush()


def show_dashboard(dataset: DataFolder, timetable: Path, address: Address) -> None:
    """Run the dashboard without a service until SIGINT or SIGTERM.

    :param dataset: a data folder, or a folder with the data folders of several hosts
    """
    stopped = threading.Event()
    token = take_token(os.environ, address)
    with (
        handle_signals(lambda *_: stopped.set()),
        DashboardProcess(dataset, timetable, address, token, lambda line: print(line, file=sys.stderr)) as process,
    ):
        while not stopped.wait(1):
            process.restart_if_dead()


def main() -> None:
    """Run the web server of the dashboard at a listening socket inherited from the parent process.

    The first line of stdin is the configuration as JSON. The server exits when stdin is closed, that is, when the
    parent process exits.
    """
    import uvicorn

    from schedules.dashboard.access import access_policy
    from schedules.dashboard.app import Dashboard
    from schedules.dashboard.data_source import DataSource

    config = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    logging.basicConfig(level=logging.WARNING, format="khobor: dashboard: %(message)s")
    data = DataFolder(Path(config["data"]))
    source = DataSource(data, Path(config["timetable"]), data.state / "dashboard" / "runs.sqlite")
    threading.Thread(target=source.index.start, daemon=True).start()
    dashboard = Dashboard(source, access_policy(config["host"], config["names"], config["token"]))
    server = uvicorn.Server(uvicorn.Config(dashboard.application(), **UVICORN_OPTIONS))
    server.run(sockets=[socket.socket(fileno=config["socket"])])
    os._exit(0)  # do not wait for threads that still read files


def _exit_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
