"""Entry point of the command `khobor`: parse the command line, run the command and return its exit code."""

import argparse
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from crawler.spiders import sites_folder
from schedules.cli import (
    archive,
    copies,
    crawl,
    data,
    drafting,
    maintenance,
    ops,
    past_pages,
    runs,
    schedule,
    stories,
    trial,
)
from schedules.cli.arguments import Commands, Parser
from schedules.cli.output import ignore_closed_stdout, print_error
from schedules.exit_codes import WrongUsage, describe_error
from schedules.secret_files import read_secret_files
from schedules.signals import handle_signals
from schedules.stdio import ignore_stderr_errors

EPILOG = """exit codes:
  0 done, also if nothing is new     4 site unreachable, blocking or forbidding   8 ledger or data damaged
  1 internal error                   6 another run holds this site                9 layout changed
  2 wrong usage, nothing started     7 storage, memory or clock           130/143 interrupted, stored rows are kept
  3 done, but below an expectation

example:
  khobor demo"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command given by ``arguments`` (by default those of the process), and return its exit code."""
    with ignore_stderr_errors(), _exit_on_signal():
        options = _parser().parse_args(arguments)
        try:
            _reject_test_variables()
            read_secret_files(os.environ)
            os.environ["KHOBOR_SITES"] = str(sites_folder())  # child processes have another working folder
            code = int(options.command(options))
            with ignore_closed_stdout():
                sys.stdout.flush()
            return code
        except BrokenPipeError:  # the program that reads stdout has closed it
            return 0
        except Exception as error:  # noqa: BLE001 - every error is reported in one line
            if os.environ.get("KHOBOR_DEBUG"):
                traceback.print_exc()
            code, message = describe_error(error)
            for line in message.splitlines():
                print_error(line)
            return code


@contextmanager
def _exit_on_signal() -> Iterator[None]:
    """Context manager that ends the process immediately on SIGINT or SIGTERM.

    This is safe at any time. Commands that start runs replace these handlers by their own.
    """

    def exit_at_once(number: int, _: object) -> NoReturn:
        os.write(2, b"khobor: interrupted; stored rows are kept\n")
        os._exit(128 + number)

    with handle_signals(exit_at_once):
        yield


def _reject_test_variables() -> None:
    """Raise :class:`WrongUsage` if environment variables that are meant only for tests are set.

    The modules imported here read those variables, and raise `ValueError` during the import.
    """
    try:
        import crawler.clock  # noqa: F401
        import pipelines.storage.failpoint  # noqa: F401
    except ValueError as error:
        raise WrongUsage(str(error)) from error


class _PrintVersion(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from importlib.metadata import version

        print(f"khobor {version('khobor')}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="khobor",
        description="Record newspapers: stories, revisions and list ranks, in partitioned Parquet.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_PrintVersion, nargs=0, help="print the version and exit")
    commands = Commands(parser)
    modules = (crawl, trial, drafting, runs, maintenance, copies, schedule, ops, stories, archive, past_pages, data)
    for module in modules:
        module.add_to(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
