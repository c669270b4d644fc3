"""Runs the newspaper in the foreground: `python -m tests.newspaper --port 8137`."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence

from .newspaper import Newspaper


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT, after one line on standard output with the address."""
    options = _parser().parse_args(arguments)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    paper = Newspaper(
        options.seed,
        options.stories,
        crawl_delay=options.crawl_delay,
        decoys=not options.no_decoys,
        speed=options.speed,
    )
    parent = os.getppid()
    try:
        with paper.serve(options.port) as url:
            print(url, flush=True)
            while not over.wait(0.5):
                if options.with_parent and os.getppid() != parent:
                    break
    except OSError as error:
        print(f"The newspaper cannot listen on port {options.port}: {os.strerror(error.errno or 0)}.", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.newspaper", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; a free one by default")
    parser.add_argument("--seed", type=int, default=1, help="which edition (default 1)")
    parser.add_argument("--stories", type=int, default=420, help="how many stories at first (default 420)")
    parser.add_argument("--crawl-delay", type=float, help="seconds that robots.txt asks for")
    parser.add_argument("--speed", type=float, default=0.0, help="minutes of the paper's clock per second (default 0)")
    parser.add_argument("--no-decoys", action="store_true", help="stories only: nothing that is none among them")
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started it is gone")
    return parser


if __name__ == "__main__":
    sys.exit(main())
