"""Serve independent newspapers in the foreground: `python -m tests.newspaper.independent dhakapost --port 8137`."""

import argparse
import signal
import threading
from datetime import datetime

from ..bengali_text import DHAKA
from . import PAPERS, Stand


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.newspaper.independent", description=__doc__)
    parser.add_argument("papers", nargs="*", help=f"names, by default all: {', '.join(PAPERS)}")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--per-day", type=int, default=60)
    parser.add_argument("--at", type=datetime.fromisoformat, default=datetime(2026, 10, 5, 12, tzinfo=DHAKA))
    parser.add_argument("--speed", type=float, default=0.0, help="minutes of the clock in one second")
    options = parser.parse_args()
    papers = [PAPERS[name](options.seed, options.per_day) for name in options.papers or PAPERS]
    at = options.at if options.at.tzinfo else options.at.replace(tzinfo=DHAKA)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with Stand(papers, at, speed=options.speed).serve(options.port) as url:
        print(url, *(f"{paper.name} {paper.site}" for paper in papers), sep="\n", flush=True)
        over.wait()


if __name__ == "__main__":
    main()
