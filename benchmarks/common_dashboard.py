"""Dashboard benchmark: response times with a hundred sites of several hosts, over 200 requests."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from urllib.request import urlopen

from benchmarks.common_place import HOSTS, SITES, WITH_TABLES, write_common_place
from benchmarks.report import table
from tests.support.project import PROJECT

MAX_P95_SECONDS = 0.2
RUNS_PER_DAY = 6
_OF_SITE = ("/", "/runs", "/stories", "/fields", "/lists", "/coverage", "/rejects")
_PATHS = (
    *(f"{path}?site={WITH_TABLES[0]}" for path in _OF_SITE),
    *(f"{path}?site={WITH_TABLES[0]}&days=90" for path in _OF_SITE[1:] if path != "/lists"),
    *(f"/stories/{WITH_TABLES[number % 3]}:{100_100 + number}" for number in range(4)),
    *("/sites", "/alarms?days=730", "/alarms?days=30&page=2", "/history?days=730&page=3", "/history?days=30"),
    *("/disk?days=730", "/disk?days=30", "/sites.json"),
)


def common_dashboard(days: int, requests: int = 200) -> str:
    """Run the benchmark and return its report with the limit for a page.

    :param days: days with six runs of each site
    """
    with tempfile.TemporaryDirectory(prefix="khobor-bench-") as folder:
        root, began = Path(folder), time.monotonic()
        count = write_common_place(root, RUNS_PER_DAY, days)
        command = [sys.executable, "-m", "khobor", "dashboard", "--data", str(root), "--port", "0"]
        with subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.PIPE, text=True) as server:
            assert server.stderr
            url = server.stderr.readline().split()[-1].rstrip("/")
            began = time.monotonic()
            read_after = _wait_until_read(url, began)
            spent: dict[str, list[float]] = {path: [] for path in _PATHS}
            used: dict[str, list[float]] = {path: [] for path in _PATHS}
            for path in _PATHS * (requests // len(_PATHS) + 1):
                before = _cpu(server.pid)
                spent[path].append(_seconds(f"{url}{path}"))
                used[path].append(_cpu(server.pid) - before)
            memory = _memory(server.pid)
            server.terminate()
    rows = [
        [path, f"{1000 * median(used[path]):.0f}", *(f"{1000 * quantiles(each, n=20)[at]:.0f}" for at in (9, -1))]
        for path, each in spent.items()
    ]
    p95 = quantiles([seconds for each in spent.values() for seconds in each], n=20)[-1]
    verdict = "kept" if p95 <= MAX_P95_SECONDS else "NOT kept"
    return "\n\n".join(
        (
            f"{SITES} sites of {HOSTS} hosts with {count:,} reports, {requests} requests one after another.",
            table(["", "CPU ms, median", "median ms", "p95 ms"], rows),
            f"Bound: 200 ms for 95 % of all: {verdict} ({1000 * p95:.0f} ms). All reports were read {read_after:.0f} s"
            f" after the start; the server then took {memory / 1e6:,.0f} MB.",
        )
    )


def _wait_until_read(url: str, began: float) -> float:
    while True:
        try:
            with urlopen(f"{url}/sites.json", timeout=60) as response:
                if json.load(response)["reports_waiting"] == 0:  # None until they are counted
                    return time.monotonic() - began
        except OSError:
            pass
        time.sleep(0.2)


def _seconds(url: str) -> float:
    began = time.monotonic()
    with urlopen(url, timeout=60) as response:
        response.read()
    return time.monotonic() - began


def _memory(parent: int) -> int:
    """Return the resident memory of the child process, which is the web server."""
    return int(Path(f"/proc/{_child(parent)}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _cpu(parent: int) -> float:
    """Return the processor seconds of the web server."""
    user, system = Path(f"/proc/{_child(parent)}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _child(parent: int) -> int:
    [child] = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return int(child)
