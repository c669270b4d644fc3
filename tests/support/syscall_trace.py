"""System calls of a process, traced by strace; strace can also kill the process or refuse a call."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.fork_server import ForkServer, RunResult

# The system calls that change files, on any architecture.
CHANGING = (
    *("write", "pwrite64", "ftruncate", "fsync", "fdatasync"),
    *("?rename", "?renameat", "?renameat2", "?unlink", "?unlinkat", "?mkdir", "?mkdirat", "?rmdir"),
)
_CALL = re.compile(r"^(?:\d+\s+)?(?P<name>\w+)\((?P<rest>.*)$")
_DESCRIPTOR = re.compile(r"^\d+<(?P<path>[^>]*)>")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


def need_strace() -> None:
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    if subprocess.run(["strace", "-qq", "-o", os.devnull, "true"], capture_output=True).returncode:
        pytest.skip("needs permission to trace")


@dataclass(frozen=True)
class Call:
    """A system call and its paths."""

    name: str
    paths: tuple[str, ...]


def run_traced(server: ForkServer, told: Path, *options: str, **order: Any) -> RunResult:
    """Run a task under strace, which writes to a file."""
    process = server.begin(hold=True, **order)
    _wait(lambda: "\nState:\tT" in _status(process))
    command = ["strace", "-f", "-qq", "-y", "-s", "0", "-p", str(process), "-o", str(told)]
    with subprocess.Popen([*command, "-e", f"trace={','.join(CHANGING)}", *options], stderr=subprocess.DEVNULL):
        _wait(lambda: "\nTracerPid:\t0\n" not in _status(process))
        os.kill(process, signal.SIGCONT)
        return server.end()


def _status(process: int) -> str:
    return Path(f"/proc/{process}/status").read_text()


def _wait(for_what: Any) -> None:
    until = time.monotonic() + 20
    while not for_what():
        assert time.monotonic() < until
        time.sleep(0.002)


def calls_in(told: Path) -> list[Call]:
    """Return the successful calls in order."""
    calls = []
    for line in told.read_text(errors="replace").splitlines():
        if (found := _CALL.match(line)) and not re.search(r"= -1 E\w+ ", line):
            descriptor = _DESCRIPTOR.match(found["rest"])
            paths = [descriptor["path"]] if descriptor else _QUOTED.findall(found["rest"])
            calls.append(Call(found["name"].removesuffix("at").removesuffix("at2"), tuple(paths)))
    return calls


def times_called(told: Path) -> Counter[str]:
    """Count all calls, failed or not, by their kernel name."""
    lines = told.read_text(errors="replace").splitlines()
    return Counter(found["name"] for line in lines if (found := _CALL.match(line)))


@dataclass
class Audit:
    """Check that files are synced before a rename, and folders before a commit relies on them."""

    root: Path
    faults: list[str] = field(default_factory=list)
    _unsynced: set[str] = field(default_factory=set)
    _unsure: dict[str, str] = field(default_factory=dict)  # changed name: its folder

    def of(self, calls: Iterable[Call]) -> list[str]:
        for call in calls:
            self._see(call)
        self.faults += [f"the folder of {self._named(path)} was never synced" for path in self._unsure]
        return self.faults

    def _see(self, call: Call) -> None:
        if call.name in ("write", "pwrite64", "ftruncate") and call.paths:
            self._unsynced.add(call.paths[0])
        elif call.name in ("fsync", "fdatasync"):
            self._synced(call.paths[0])
        elif call.name == "rename":
            old, new = call.paths[:2]
            if old in self._unsynced and self._matters(new):
                self.faults.append(f"{self._named(new)} was renamed without a sync")
            self._changed(new)
        elif call.name in ("mkdir", "unlink", "rmdir") and call.paths:
            self._changed(call.paths[0])

    def _synced(self, path: str) -> None:
        self._unsynced.discard(path)
        self._unsure = {name: folder for name, folder in self._unsure.items() if folder != path}
        if path.endswith("-wal"):  # a commit of the ledger
            files = [self._named(name) for name in self._unsure if name.endswith(".parquet")]
            self.faults += [f"a commit came before the folder of {name} was synced" for name in files]

    def _changed(self, path: str) -> None:
        if self._matters(path):
            self._unsure[path] = str(Path(path).parent)
            for below in [name for name in self._unsure if name.startswith(f"{path}/")]:
                del self._unsure[below]  # the folder itself is gone

    def _matters(self, path: str) -> bool:
        inside = path.startswith(f"{self.root}/") and ".staging/" not in path
        return inside and not path.endswith((".progress.json", "-wal", "-shm", "-journal", ".reserve"))

    def _named(self, path: str) -> str:
        return str(Path(path).relative_to(self.root))
