"""Running commands, to be signalled, stopped or killed."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.commands import QUICK
from tests.support.forked_commands import Command
from tests.support.project import PROJECT

KHOBOR = (sys.executable, "-m", "khobor")
SCRAPY = (sys.executable, "-m", "scrapy")


@dataclass
class RunningCommand:
    process: "subprocess.Popen[str]"
    data: Path

    def progress(self) -> dict[str, Any]:
        """Return the progress file; empty before the run writes it."""
        try:
            return dict(json.loads((self.data / "state" / "kalbela.progress.json").read_bytes()))
        except (FileNotFoundError, ValueError):
            return {}

    def until(self, condition: Callable[[], object], seconds: float = 40) -> None:
        """Wait for a condition; fail if the command ends before."""
        end = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end
            time.sleep(0.005)

    def holder(self) -> int:
        """Return the pid in the lock of the site: that of the run, once it has started."""
        return int(json.loads((self.data / "state" / "kalbela.lock").read_bytes())["pid"])

    def ends(self, *signals: int, between: float = 0.5, within: float = 10) -> tuple[int, str, str, float]:
        """Send signals and wait; returns exit code, stdout, stderr and seconds."""
        began = time.monotonic()
        for place, number in enumerate(signals):
            time.sleep(between if place else 0)
            self.process.send_signal(number)
        out, said = self.process.communicate(timeout=within + 20)
        return self.process.returncode, out, said, time.monotonic() - began


@contextmanager
def start_command(command: Sequence[str], data: Path, forks: bool = True, **more: Any) -> Iterator[RunningCommand]:
    """Start a command, forked or as a new process; kill it at the end of the block."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with (Command if forks else subprocess.Popen)(command, cwd=PROJECT, **{**pipes, **more}) as process:
        try:
            yield RunningCommand(process, data)
        finally:
            process.kill()


def crawl_command(mirror: str, data: Path, *arguments: str) -> list[str]:
    return [*KHOBOR, "crawl", "kalbela", "--json", "--data", str(data), "--mirror", mirror, *QUICK, *arguments]


def scrapy_command(mirror: str, data: Path, *arguments: str) -> list[str]:
    settings = [f"-sKHOBOR_MIRROR={mirror}", f"-sKHOBOR_DATA={data}"]
    return [*SCRAPY, "crawl", "kalbela", *settings, *QUICK, *arguments]


def process_ended(pid: int, seconds: float) -> bool:
    """Return True if a process, not necessarily a child, ends in time."""
    end = time.monotonic() + seconds
    with suppress(ProcessLookupError, FileNotFoundError):
        while time.monotonic() < end:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
            time.sleep(0.05)
        return False
    return True


def handles_signal(pid: int, number: int) -> bool:
    """Return True if a process has a handler for a signal."""
    caught = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


def reports(data: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in sorted((data / "runs").glob("*.json"))]


INT, TERM, KILL, STOP = signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP
