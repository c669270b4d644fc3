"""Argument parser of the command line: commands, shared options, and functions that parse the values of options."""

import argparse
import math
import re
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn

from schedules.cli.output import print_error
from schedules.paths import DATA, TIMETABLE

Command = Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """Argument parser that reports a usage error as one line on stderr, and exits with code 2."""

    def error(self, message: str) -> NoReturn:
        print_error(f"{message}; see `{self.prog} --help`")
        sys.exit(2)


class Commands:
    """Subcommands of an argument parser; its help lists them in the order in which they are added."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._parsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(
        self, command: Command, summary: str, example: str, *, data: Path = DATA, name: str = ""
    ) -> argparse.ArgumentParser:
        """Add a subcommand with the options `--data` and `--json`, and return its parser.

        :param command: function that executes the subcommand
        :param summary: description for the help
        :param example: arguments of the example in the help
        :param data: default of `--data`
        :param name: name of the subcommand, by default that of the function
        """
        parser = self._add(name or command.__name__, summary, example)
        parser.set_defaults(command=command)
        parser.add_argument("--data", type=Path, default=data, metavar="DIR", help="data folder (%(default)s)")
        parser.add_argument("--json", action="store_true", help="print JSON instead of text")
        return parser

    def group(self, name: str, summary: str, example: str) -> "Commands":
        """Add a subcommand that has subcommands itself, and return these."""
        return Commands(self._add(name, summary, example))

    def _add(self, name: str, summary: str, example: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = self._parsers.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=f"example:\n  khobor {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        return parser


def add_timetable_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--timetable", type=Path, default=TIMETABLE, metavar="FILE", help="timetable (%(default)s)")


def add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mirror", metavar="URL", help="connect to this server instead of the site's hosts")
    parser.add_argument(
        "-s", dest="settings", action="append", default=[], metavar="NAME=VALUE", help="Scrapy setting (repeatable)"
    )


# Types of option values --------------------------------------------------------------------------------------------


def positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def port(text: str) -> int:
    """Parse a TCP port from 0 to 65535; with 0, the system chooses a free port."""
    if not text.isascii() or not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def story_id(text: str) -> str:
    site, _, own = text.partition(":")
    if not (site and own):
        raise argparse.ArgumentTypeError(f"{text!r} is not a story id such as kalbela:154313")
    return text


def date(text: str) -> str:
    """Parse a day such as `2026-11-22`, and return it in this form."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").strftime("%Y-%m-%d")  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2026-11-22") from None


def names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def period(text: str) -> timedelta:
    """Parse a time span in minutes, hours or days, such as `90m`, `24h` or `7d`."""
    match = re.fullmatch(r"([1-9][0-9]{0,5})([mhd])", text, re.ASCII)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time span such as 90m, 24h or 7d")
    return timedelta(**{{"m": "minutes", "h": "hours", "d": "days"}[match[2]]: int(match[1])})


def minutes(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of minutes")
    return number
