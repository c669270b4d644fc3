"""A Dask cluster of real processes on 127.0.0.1, whose workers have data folders of their own and are restarted."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.project import PROJECT

_QUIET = ("--no-dashboard", "--dashboard-address", "127.0.0.1:0")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass
class FleetCluster:
    """Scheduler, workers and `khobor fleet`, each in a process.

    :param prefix: command before that of a worker, by the name of the worker
    """

    root: Path
    workers: Sequence[str]
    host: str = "127.0.0.1"
    environment: dict[str, str] = field(default_factory=dict)
    prefix: Callable[[str], Sequence[str]] = lambda name: ()
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.address = f"tcp://{self.host}:{free_port()}"

    def data(self, name: str) -> Path:
        return self.root / name

    def start_scheduler(self) -> None:
        port = self.address.rpartition(":")[2]
        command = ("-m", "distributed.cli.dask_scheduler", "--host", self.host, "--port", port, *_QUIET)
        self._start("scheduler", command)

    def start_worker(self, name: str, *, nanny: bool = False, patch: str = "", **environment: str) -> None:
        """Start a worker.

        :param nanny: let a process of Dask start it again when it has ended
        :param patch: Python code that is executed first
        """
        options = ("--name", name, "--nthreads", "6", "--memory-limit", "0", "--no-dashboard")
        options += ("--nanny" if nanny else "--no-nanny",)
        code = f"{patch}\nfrom distributed.cli.dask_worker import main\nmain()"
        command = ("-c", code) if patch else ("-m", "distributed.cli.dask_worker")
        environment["KHOBOR_DATA"] = str(self.data(name))
        self._start(name, (*command, self.address, *options), self.prefix(name), **environment)

    def start_fleet(self, timetable: Path, *options: str) -> None:
        place = ("--scheduler", self.address, "--data", str(self.data("fleet")), "--timetable", str(timetable))
        self._start("fleet", ("-m", "khobor", "fleet", *place, "--no-dashboard", *options))

    def _start(self, name: str, command: Sequence[str], prefix: Sequence[str] = (), **more: str) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*prefix, sys.executable, *command],
                cwd=PROJECT,
                env={**os.environ, **self.environment, **more},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        process = self.processes[name]
        with suppress(ProcessLookupError):
            process.send_signal(number)
        process.wait(60)

    def crawls(self) -> dict[int, int]:
        """Return the processes of runs on all workers, each with its parent."""
        found = dict[int, int]()
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if str(self.root).encode() in (path / "cmdline").read_bytes() and int(path.name) not in self._pids():
                    found[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
        return found

    def _pids(self) -> set[int]:
        return {process.pid for process in self.processes.values()}

    def restart_dead(self) -> None:
        """Start again, as systemd would, the workers that have ended."""
        for name in self.workers:
            if self.processes[name].poll() is not None:
                self.start_worker(name)

    def log(self, name: str = "fleet") -> str:
        path = self.root / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def until(self, condition: Callable[[], Any], seconds: float, *, restarts: bool = True) -> None:
        """Wait for a condition, and restart dead workers meanwhile; fail if it takes too long."""
        end = time.monotonic() + seconds
        while not condition():
            assert self.processes["fleet"].poll() is None, self.log()[-3000:]
            assert time.monotonic() < end, self.log()[-3000:]
            if restarts:
                self.restart_dead()
            time.sleep(0.2)

    @contextmanager
    def running(self, timetable: Path, *options: str) -> Iterator[None]:
        try:
            self.start_scheduler()
            for name in self.workers:
                self.start_worker(name)
            self.start_fleet(timetable, *options)
            yield
            self.kill("fleet", signal.SIGTERM)
        finally:
            for name in self.processes:
                self.kill(name)
