"""Commands that are started and not waited for: signalled, stopped and killed at chosen moments."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.project import PROJECT

KHOBOR = (sys.executable, "-m", "khobor")
SCRAPY = (sys.executable, "-m", "scrapy")
QUICK = ("-sDOWNLOAD_DELAY=0", "-sKHOBOR_FIRST_BACKOFF_SECONDS=0", "-sKHOBOR_FIRST_PAUSE_SECONDS=0")


@dataclass
class RunningCommand:
    process: "subprocess.Popen[str]"
    data: Path

    def progress(self) -> dict[str, Any]:
        """What the run last said of itself; empty before it says anything."""
        try:
            return dict(json.loads((self.data / "state" / "kalbela.progress.json").read_bytes()))
        except (FileNotFoundError, ValueError):
            return {}

    def until(self, so: Callable[[], object], seconds: float = 40) -> None:
        """Wait until something is so; it fails the test if the command ends before."""
        end = time.monotonic() + seconds
        while not so():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end
            time.sleep(0.005)

    def holder(self) -> int:
        """The process that holds the site's lock: the run's own, once it has begun."""
        return int(json.loads((self.data / "state" / "kalbela.lock").read_bytes())["pid"])

    def ends(self, *signals: int, between: float = 0.5, within: float = 10) -> tuple[int, str, str, float]:
        """Send signals and wait for the end: exit code, stdout, stderr and how long it took in seconds."""
        began = time.monotonic()
        for place, number in enumerate(signals):
            time.sleep(between if place else 0)
            self.process.send_signal(number)
        out, said = self.process.communicate(timeout=within + 20)
        return self.process.returncode, out, said, time.monotonic() - began


@contextmanager
def start_command(command: Sequence[str], data: Path, **more: Any) -> Iterator[RunningCommand]:
    """Start a command; it is killed if it still goes on when the test has seen enough."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=PROJECT, **{**pipes, **more}) as process:
        try:
            yield RunningCommand(process, data)
        finally:
            process.kill()


def crawl_command(mirror: str, data: Path, *arguments: str) -> list[str]:
    """`khobor crawl` of a local paper."""
    return [*KHOBOR, "crawl", "kalbela", "--json", "--data", str(data), "--mirror", mirror, *QUICK, *arguments]


def scrapy_command(mirror: str, data: Path, *arguments: str) -> list[str]:
    """`scrapy crawl` of a local paper."""
    settings = [f"-sKHOBOR_MIRROR={mirror}", f"-sKHOBOR_DATA={data}"]
    return [*SCRAPY, "crawl", "kalbela", *settings, *QUICK, *arguments]


def process_ended(pid: int, seconds: float) -> bool:
    """Whether a process that is not a child of ours ends in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def handles_signal(pid: int, number: int) -> bool:
    """Whether a process has a handler of its own for a signal."""
    caught = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


def reports(data: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in sorted((data / "runs").glob("*.json"))]


INT, TERM, KILL, STOP = signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP
