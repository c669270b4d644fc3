"""Cost of a command with all its processes: seconds, CPU seconds and peak memory.

The timer is a small separate process, because the peak memory of a child starts at the size of its parent.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

TIMEOUT_SECONDS = 900


@dataclass(frozen=True)
class Cost:
    """Cost of one command: wall and CPU seconds, peak of its largest process in MiB, exit code."""

    wall: float
    cpu: float
    peak: float
    code: int


def cost_of(command: Sequence[str], *, folder: Path, log: Path, environment: dict[str, str] | None = None) -> Cost:
    """Run a command in a folder with its output in the log; raise `TimeoutExpired` after `TIMEOUT_SECONDS`."""
    output = subprocess.run(
        [sys.executable, "-S", "-E", __file__, str(log), *command],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=True,
    )
    return Cost(**json.loads(output.stdout))


@dataclass(frozen=True)
class Spread:
    """Median and extremes of several measurements."""

    middle: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Compute median and extremes."""
        return cls(median(values), min(values), max(values))

    def text(self, digits: int = 2) -> str:
        """`1.23 (1.10–1.40)`."""
        return f"{self.middle:.{digits}f} ({self.least:.{digits}f}–{self.most:.{digits}f})"


def _measure(log: str, command: list[str]) -> dict[str, float]:
    with Path(log).open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    return {
        "wall": wall,
        "cpu": used.ru_utime + used.ru_stime,
        "peak": used.ru_maxrss / 1024,
        "code": process.returncode,
    }


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1], sys.argv[2:])))
