"""Model of a fleet: machines, memory and bucket requests for many sites, calculated from the measured cost of runs.

Two crawls of the bundled newspaper, a small and a larger one, give the cost of a run and that of a page, in time of the
processor and memory. The rest is arithmetic: a run mostly waits for its site, at one request per second.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.newspaper import Newspaper

PROJECT = Path(__file__).resolve().parents[1]
QUICK = ("-sDOWNLOAD_DELAY=0", "-sKHOBOR_FIRST_BACKOFF_SECONDS=0", "-sKHOBOR_FIRST_PAUSE_SECONDS=0")
DAY = 86_400


@dataclass(frozen=True)
class RunCost:
    """Measured cost of runs: processor seconds per run and per page, and memory in MB of all processes of a run."""

    cpu_run: float
    cpu_page: float
    memory: float


@dataclass(frozen=True)
class Plan:
    """Runs of each site in a day: one full run in the night, and incremental runs during the day.

    Times are in seconds; ``delay`` is that between two requests to a site.
    """

    full_pages: int = 1500
    night: float = 6 * 3600
    runs: int = 35
    pages: int = 40
    delay: float = 1.0
    overhead: float = 10.0


@dataclass(frozen=True)
class Machine:
    cores: int = 4
    memory: float = 16_000.0
    #: Share of processor and memory that the runs may use.
    share: float = 0.7


def measure(sizes: tuple[int, int] = (100, 600)) -> RunCost:
    """Crawl the bundled newspaper twice, with other numbers of pages, and derive the costs."""
    seconds, memory = [], 0.0
    for pages in sizes:
        paper = Newspaper(1, 2 * pages)
        with paper.serve() as mirror, tempfile.TemporaryDirectory() as folder:
            options = ("--mirror", mirror, "--data", folder, "--max-pages", str(pages), *QUICK)
            command = [sys.executable, "-c", _MEASURED, "crawl", "kalbela", "--json", *options]
            done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, env=os.environ)
            cpu, peak = json.loads(done.stderr.splitlines()[-1])
            seconds.append(cpu)
            memory = max(memory, peak)
    cpu_page = (seconds[1] - seconds[0]) / (sizes[1] - sizes[0])
    return RunCost(max(seconds[0] - cpu_page * sizes[0], 0.0), cpu_page, memory)


# Prints processor seconds and the sum of the largest process and, as its parser has about as much, a second one.
_MEASURED = """
import json, resource, sys
from khobor import main
code = main(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([used.ru_utime + used.ru_stime, (2 * used.ru_maxrss) / 1024]), file=sys.stderr)
sys.exit(0)
"""


def fleet_model(sites: int, cost: RunCost, plan: Plan | None = None, machine: Machine | None = None) -> str:
    """Return a report of what a number of sites need in the night and during the day."""
    plan, machine = plan or Plan(), machine or Machine()
    night = _needs(sites, cost, machine, plan.full_pages, plan.full_pages * plan.delay + plan.overhead, plan.night)
    day_seconds = DAY - plan.night
    day = _needs(sites * plan.runs, cost, machine, plan.pages, plan.pages * plan.delay + plan.overhead, day_seconds)
    puts = sites * (plan.runs + 1) * 12
    leases = sites * (plan.full_pages + plan.runs * plan.pages) * plan.delay / 5
    measured = (
        f"{cost.cpu_run:.1f} s of processor time a run, {cost.cpu_page * 1000:.0f} ms a page, {cost.memory:.0f} MB"
    )
    lines = (
        f"{sites:,} sites; measured: {measured} for each run at a time.",
        "",
        "| | runs at a time | cores | memory | machines |",
        "| --- | --- | --- | --- | --- |",
        f"| night: {plan.full_pages:,} pages of each site in {plan.night / 3600:g} h | {night} |",
        f"| day: {plan.runs} runs of {plan.pages} pages of each site | {day} |",
        "",
        f"A machine has {machine.cores} cores and {machine.memory / 1000:g} GB; {machine.share:.0%} of them are used.",
        f"PUTs to the bucket in a day: some {puts:,} of files, and {leases:,.0f} of leases.",
    )
    return "\n".join(lines)


def _needs(runs: int, cost: RunCost, machine: Machine, pages: int, seconds: float, window: float) -> str:
    at_a_time = runs * seconds / window
    cores = runs * (cost.cpu_run + pages * cost.cpu_page) / window
    memory = at_a_time * cost.memory
    machines = max(cores / machine.cores, memory / machine.memory) / machine.share
    return f"{at_a_time:,.0f} | {cores:.1f} | {memory / 1000:,.1f} GB | {math.ceil(machines)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=1000)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print(fleet_model(options.sites, measure()))


if __name__ == "__main__":
    main()
