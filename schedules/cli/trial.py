"""Command `try`: parse saved pages offline, without storing anything."""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schedules.cli.arguments import Commands
from schedules.cli.output import ignore_closed_stdout, print_result
from schedules.exit_codes import WrongUsage

if TYPE_CHECKING:
    from schedules.runner.saved_pages import ReadPage, SavedPageReader


def add_to(commands: Commands) -> None:
    example = "try --file page.html --url https://www.kalbela.com/world/154313"
    parser = commands.add(try_pages, "read saved pages without writing anything", example, name="try")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--file", type=Path, metavar="PAGE", help="a saved page, .html or .html.gz; needs --url")
    source.add_argument(
        "--jsonl", type=Path, metavar="FILE", help='lines of {"file": …, "url": …}; prints one JSON object per line'
    )
    parser.add_argument("--url", help="URL of the page of --file")
    parser.add_argument("--generic", action="store_true", help="ignore the site files")


def try_pages(options: argparse.Namespace) -> int:
    """Parse the saved page or the list of saved pages given in the options, and print the results.

    A page on which no story is found is printed as a result too, with the reason. The function returns exit code 0.
    """
    from crawler.registry import newspapers
    from schedules.runner.saved_pages import SavedPageReader

    if (options.file is None) != (options.url is None):
        raise WrongUsage("--file and --url belong together: give the saved page and the URL it was saved from")
    asyncio.run(_read(options, SavedPageReader({} if options.generic else newspapers())))
    return 0


async def _read(options: argparse.Namespace, reader: "SavedPageReader") -> None:
    with closing(reader):
        await (_read_lines(reader, options.jsonl) if options.jsonl is not None else _read_file(reader, options))


async def _read_file(reader: "SavedPageReader", options: argparse.Namespace) -> None:
    from schedules.cli.render.read_page import show_page

    try:
        body = options.file.read_bytes()
    except OSError as error:
        raise WrongUsage(f"{options.file} cannot be read ({error.strerror}): give an existing file") from error
    page = await reader.read(body, options.url)
    print_result(_line(str(options.file), page), options.json, lambda: show_page(page))


async def _read_lines(reader: "SavedPageReader", listing: Path) -> None:
    from crawler.safe_text import as_json

    with ignore_closed_stdout():
        for file, url, problem in _entries(listing):
            page = await _read_entry(reader, listing.parent / file, url, problem)
            print(as_json(_line(file, page), indent=None), flush=True)
        sys.stdout.flush()


async def _read_entry(reader: "SavedPageReader", path: Path, url: str, problem: str) -> "ReadPage":
    from crawler.outcomes import Outcome
    from schedules.runner.saved_pages import without_story

    try:
        return without_story(Outcome.UNREADABLE, problem, url) if problem else await reader.read(path.read_bytes(), url)
    except OSError as error:
        return without_story(Outcome.UNREADABLE, f"the file cannot be read ({error.strerror})", url)


def _entries(listing: Path) -> Iterator[tuple[str, str, str]]:
    """Parse a JSON Lines file, and yield (file, URL, problem) for each line that is not empty.

    The problem is an empty string for a valid line, else an error message; file and URL are then empty.
    """
    try:
        lines = listing.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError as error:
        raise WrongUsage(f"{listing} cannot be read ({error.strerror}): give an existing file") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            file, url = entry["file"], entry["url"]
            is_valid = isinstance(file, str) and isinstance(url, str) and "\0" not in file
        except (ValueError, KeyError, TypeError, RecursionError):
            is_valid = False
        yield (file, url, "") if is_valid else ("", "", f"line {number} is no object with a file and a url")


def _line(file: str, page: "ReadPage") -> dict[str, Any]:
    return {"file": file, "outcome": page.outcome, "reason": page.reason, **page.row}
