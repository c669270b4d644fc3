"""Peak memory of a process and all its children, where shared pages count once (Pss)."""

import subprocess
import time
from collections import defaultdict
from pathlib import Path

_SECONDS_BETWEEN_SAMPLES = 0.5


def peak_of(process: "subprocess.Popen[bytes]") -> int:
    """Wait for a process; return the peak of the bytes that it and its descendants took together, from samples."""
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(map(_bytes_of, _family(process.pid))))
        time.sleep(_SECONDS_BETWEEN_SAMPLES)
    return peak


def _family(root: int) -> list[int]:
    children: dict[int, list[int]] = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
        children[parent].append(int(path.parent.name))
    family = [root]
    for pid in family:
        family += children[pid]
    return family


def _bytes_of(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
