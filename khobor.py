"""The front door: parses a command, carries it out, and ends with the code that says how it went."""

import argparse
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from schedules.cli import crawl, data, maintenance, ops, runs, schedule, stories
from schedules.cli.arguments import Commands, Parser
from schedules.cli.output import complain, reader_may_leave
from schedules.exit_codes import WrongUsage, describe_error
from schedules.signals import handle_signals
from schedules.stdio import ignore_stderr_errors

CODES = """exit codes:
  0 done, also with nothing new      4 site unreachable, blocking or forbidding   8 ledger or data damaged
  1 internal error                   6 another run holds this site                9 layout changed
  2 wrong usage, nothing started     7 storage, memory or clock           130/143 interrupted, all accepted is kept
  3 done, but below an expectation"""
# In the order in which the help lists their commands.
FAMILIES = (crawl, runs, maintenance, schedule, ops, stories, data)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    with ignore_stderr_errors(), _ending_at_once_when_told():
        options = _parser().parse_args(arguments)
        try:
            _refuse_traps()
            code = int(options.command(options))
            with reader_may_leave():
                sys.stdout.flush()
            return code
        except BrokenPipeError:  # whoever read has seen enough
            return 0
        except Exception as error:  # noqa: BLE001 - no error leaves by the front door but in a sentence
            if os.environ.get("KHOBOR_DEBUG"):
                traceback.print_exc()
            code, sentence = describe_error(error)
            for line in sentence.splitlines():
                complain(line)
            return code


@contextmanager
def _ending_at_once_when_told() -> Iterator[None]:
    """What is told to end before a run is under way is gone at once: a kill at any instant does no harm."""

    def end(number: int, _: object) -> NoReturn:
        os.write(2, b"khobor: interrupted; everything accepted is kept\n")
        os._exit(128 + number)

    with handle_signals(end):
        yield


def _refuse_traps() -> None:
    """What a test sets for itself is nothing to run with: these modules refuse to be imported then."""
    try:
        import crawler.clock  # noqa: F401
        import pipelines.storage.failpoint  # noqa: F401
    except ValueError as error:
        raise WrongUsage(str(error)) from error


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="khobor",
        description="Records the Bengali press: stories, revisions and list ranks, in partitioned Parquet.",
        epilog=CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = Commands(parser)
    for family in FAMILIES:
        family.add_to(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
