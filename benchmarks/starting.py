"""Start-up benchmark: CPU of all processes from the command to its first request."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from benchmarks.contestants import CONTESTANTS, OURS
from benchmarks.measuring import Spread
from benchmarks.report import table
from tests.support.project import PROJECT

MAX_CPU_SECONDS = 1.0
_TIMEOUT_SECONDS = 60.0
_COMPARED = (OURS, "Scrapy, naive spider")


def starting(rounds: int) -> str:
    """Run the benchmark and return its report with the limit for Khobor."""
    cpu: dict[str, list[float]] = defaultdict(list)
    wall: dict[str, list[float]] = defaultdict(list)
    compared = [contestant for contestant in CONTESTANTS if contestant.name in _COMPARED]
    for number in range(rounds):
        for contestant in compared:
            print(f"starting, round {number + 1} of {rounds}: {contestant.name}", file=sys.stderr)
            spent, took, _ = until_first_request(contestant.command)
            cpu[contestant.name].append(spent)
            wall[contestant.name].append(took)
    rows = [[name, Spread.of(cpu[name]).text(), Spread.of(wall[name]).text()] for name in cpu]
    ours = Spread.of(cpu[OURS]).middle
    verdict = "kept" if ours <= MAX_CPU_SECONDS else "NOT kept"
    return "\n\n".join(
        (
            f"From the command to its first request, {rounds} rounds (median, least and most).",
            table(["", "CPU s", "s"], rows),
            f"Bound: {MAX_CPU_SECONDS:.1f} s of CPU: {verdict} ({ours:.2f} s).",
        )
    )


def until_first_request(command: Callable[[str, Path], list[str]]) -> tuple[float, float, float]:
    """Return CPU seconds, seconds and peak MiB of the largest process until a command sends its first request."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        tempfile.TemporaryDirectory(prefix="khobor-bench-") as folder,
    ):
        server.settimeout(_TIMEOUT_SECONDS)
        site = f"http://127.0.0.1:{server.getsockname()[1]}"
        began = time.perf_counter()
        process = subprocess.Popen(
            command(site, Path(folder)),
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for_request(server)
            took, spent = time.perf_counter() - began, sum(map(_cpu_seconds, _family(process.pid)))
            peak = max(map(_peak, _family(process.pid)))
        finally:
            family = list(_family(process.pid))
            for member in family:
                with suppress(ProcessLookupError):
                    os.kill(member, signal.SIGKILL)
            process.wait()
            _until_gone(family)
        return spent, took, peak


def _peak(pid: int) -> float:
    """Return the peak memory of a process in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def _wait_for_request(server: socket.socket) -> None:
    """Wait for a first request, after connections that only test if the port is open."""
    while True:
        connection, _ = server.accept()
        with connection:
            connection.settimeout(_TIMEOUT_SECONDS)
            if connection.recv(1):
                return


def _family(pid: int) -> Iterator[int]:
    """Yield the ids of a process and its descendants."""
    yield pid
    with suppress(FileNotFoundError, ProcessLookupError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                yield from _family(int(child))


def _cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process and of its reaped children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _until_gone(pids: list[int]) -> None:
    """Wait until no process writes to the folder any more."""
    while any(Path(f"/proc/{pid}").exists() and _state(pid) != "Z" for pid in pids):
        time.sleep(0.01)


def _state(pid: int) -> str:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return "Z"
