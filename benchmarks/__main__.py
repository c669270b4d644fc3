"""Run the benchmarks and print their reports; `--write` stores them in docs/performance.md."""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.common_dashboard import common_dashboard
from benchmarks.crawling import crawling
from benchmarks.environment import machine, versions
from benchmarks.reading import reading
from benchmarks.reading_tables import MANY, reading_tables
from benchmarks.rereading import rereading, rereading_memory
from benchmarks.retention import MANY as MANY_REPORTS
from benchmarks.retention import retention
from benchmarks.scale import scale
from benchmarks.starting import starting

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"

# Arguments: quick, and the number of rounds or None for the default. Returns the report.
Benchmark = Callable[[bool, int | None], str]

BENCHMARKS: dict[str, Benchmark] = {
    "starting": lambda quick, rounds: starting(rounds or (3 if quick else 7)),
    "reading": lambda quick, rounds: reading(15 if quick else 60, rounds or (2 if quick else 5), counted=not quick),
    "crawling": lambda quick, rounds: crawling((60, 300) if quick else (300, 2700), rounds or (1 if quick else 5)),
}
# Long benchmarks, run only by name, with their own section of the page.
LONG_BENCHMARKS: dict[str, Benchmark] = {
    "scale": lambda quick, _: scale((10_000, 100_000) if quick else (10_000, 100_000, 1_000_000), quick=quick),
    "dashboard": lambda quick, _: common_dashboard(10 if quick else 730),
    "retention": lambda quick, rounds: retention(2_000 if quick else MANY_REPORTS, rounds or (2 if quick else 5)),
    "rereading": lambda quick, rounds: rereading((200, 600) if quick else (500, 2_500), rounds or (1 if quick else 5)),
    "reread-memory": lambda quick, _: rereading_memory((1_000, 4_000) if quick else (10_000, 100_000)),
    "tables": lambda quick, rounds: reading_tables(20_000 if quick else MANY, rounds or (2 if quick else 5)),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the named benchmarks one after the other, because parallel runs would disturb each other."""
    options = _parser().parse_args(arguments)
    when = datetime.now(UTC)
    parts = [f"{when:%Y-%m-%d %H:%M} UTC{', quick' if options.quick else ''}; {machine()}.\n{versions()}."]
    every = {**BENCHMARKS, **LONG_BENCHMARKS}
    which: list[str] = options.which or [*BENCHMARKS]
    for name in which:
        parts.append(f"## {name.capitalize()}\n\n{every[name](options.quick, options.rounds)}")
        print(f"\n{parts[-1]}", flush=True)
    print(f"\n{parts[0]}")
    if options.write:
        _keep(parts, which[0] if set(which) <= set(LONG_BENCHMARKS) else "results")
    return 0


def _keep(parts: Sequence[str], place: str) -> None:
    begin, end = f"<!-- {place} -->", f"<!-- end of {place} -->"
    before, _, rest = PAGE.read_text().partition(begin)
    PAGE.write_text("\n\n".join((before + begin, *parts, end)) + rest.partition(end)[2])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "which",
        nargs="*",
        type=_name,
        metavar="NAME",
        help=f"{', '.join([*BENCHMARKS, *LONG_BENCHMARKS])}; all but {' and '.join(LONG_BENCHMARKS)} unless named",
    )
    parser.add_argument("--rounds", type=int, help="how often each contestant runs")
    parser.add_argument("--quick", action="store_true", help="few pages and rounds: under two minutes, and rough")
    parser.add_argument("--write", action="store_true", help=f"keep the results in {PAGE.name}")
    return parser


def _name(text: str) -> str:
    if text not in {**BENCHMARKS, **LONG_BENCHMARKS}:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a benchmark; choose from: {', '.join([*BENCHMARKS, *LONG_BENCHMARKS])}"
        )
    return text


if __name__ == "__main__":
    sys.exit(main())
