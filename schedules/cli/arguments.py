"""Asking: how commands are added to the parser, and how what they are asked with is read."""

import argparse
import math
import re
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from schedules.cli.output import complain
from schedules.paths import DATA, TIMETABLE

Command = Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        complain(f"{message}; `{self.prog} --help` explains")
        sys.exit(2)


class Commands:
    """The commands of a parser, in the order in which its help lists them."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._parsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(self, command: Command, text: str, example: str, *, data: Path = DATA) -> argparse.ArgumentParser:
        """Add a command under the name of the function; returns its parser, for more than `--data` and `--json`."""
        added: argparse.ArgumentParser = self._parsers.add_parser(
            command.__name__,
            help=text,
            description=text,
            epilog=f"example:\n  khobor {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        added.set_defaults(command=command)
        added.add_argument("--data", type=Path, default=data, metavar="DIR", help="the data folder (%(default)s)")
        added.add_argument("--json", action="store_true", help="print JSON instead of text")
        return added


def ask_timetable(parser: argparse.ArgumentParser) -> None:
    """Let another timetable be named."""
    parser.add_argument("--timetable", type=Path, default=TIMETABLE, metavar="FILE", help="(%(default)s)")


def ask_settings(parser: argparse.ArgumentParser) -> None:
    """Let runs ask another server, and have settings of their own."""
    parser.add_argument("--mirror", metavar="URL", help="ask this server in place of the site's own hosts")
    parser.add_argument(
        "-s", dest="settings", action="append", default=[], metavar="NAME=VALUE", help="a Scrapy setting"
    )


# What an argument may be: each raises :class:`argparse.ArgumentTypeError` with what it is not ------------------------


def positive(text: str) -> int:
    """`20`."""
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def story_id(text: str) -> str:
    """`kalbela:154313`."""
    site, _, own = text.partition(":")
    if not (site and own):
        raise argparse.ArgumentTypeError(f"{text!r} is no story, which is named like kalbela:154313")
    return text


def names(text: str) -> tuple[str, ...]:
    """`headline, body`."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def port(text: str) -> int:
    """`8620`; 0 is one, too."""
    if not text.isascii() or not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def length(text: str) -> timedelta:
    """`90m`, `24h`, `7d`."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([mhd])", text, re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 90m, 24h or 7d")
    return timedelta(**{{"m": "minutes", "h": "hours", "d": "days"}[found[2]]: int(found[1])})


def minutes(text: str) -> float:
    """`2.5`."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes")
    return number
