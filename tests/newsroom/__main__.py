"""Simulate days of a newsroom and print the evaluation: `python -m tests.newsroom --days 7`."""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from .evaluation import Evaluation
from .newsroom import Newsroom
from .report import format_report
from .simulation import SimulatedRun, simulate


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate until the end or a signal and print the figures; return 1 if a required value is missed."""
    options = _parser().parse_args(arguments)
    shared_memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    place = options.keep or Path(tempfile.mkdtemp(prefix="khobor-newsroom-", dir=shared_memory))
    began, signals = time.monotonic(), list[int]()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: signals.append(number))

    def report_run(ran: SimulatedRun) -> None:
        if not options.quiet and (ran.mode == "full" or ran.began.minute == 0):
            spent = time.monotonic() - began
            line = f"{spent:6.0f} s  {ran.began:%a %H:%M}  {ran.name}: {len(ran.visits)} requests, {ran.new} new"
            print(line, file=sys.stderr, flush=True)

    try:
        room = Newsroom(options.seed, per_day=options.per_day)
        simulation = simulate(
            room, place, options.days, report_run, lambda: bool(signals), incremental=not options.full_only
        )
        missed = format_report(Evaluation(simulation), time.monotonic() - began)
    finally:
        if options.keep is None:
            shutil.rmtree(place, ignore_errors=True)
    return 1 if missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.newsroom", description=__doc__)
    parser.add_argument("--days", type=float, default=7.0, help="days to simulate (default 7)")
    parser.add_argument("--seed", type=int, default=1, help="which edition (default 1)")
    parser.add_argument("--per-day", type=int, default=300, help="stories a day (default 300)")
    parser.add_argument("--full-only", action="store_true", help="one full run a night and no incremental runs")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the data in this folder")
    parser.add_argument("--quiet", action="store_true", help="the numbers only")
    return parser


if __name__ == "__main__":
    sys.exit(main())
