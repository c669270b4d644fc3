"""Command `try`: check a live site or one page, or parse saved pages offline, without storing anything."""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schedules.cli.arguments import Commands, add_run_options
from schedules.cli.output import ignore_closed_stdout, print_error, print_result
from schedules.exit_codes import ExitCode, WrongUsage

if TYPE_CHECKING:
    from crawler.spider import NewspaperSpider
    from schedules.runner.saved_pages import ReadPage, SavedPageReader
    from schedules.trial.problems import Problem
    from schedules.trial.visits import Visits

_SLOWER = 3  # a trial waits longer between requests while a run sends requests to the same host


def add_to(commands: Commands) -> None:
    example = "try kalbela\n  khobor try https://www.kalbela.com/world/north-korea/154313"
    parser = commands.add(try_pages, "check a live site or page, without writing anything", example, name="try")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "target", nargs="?", metavar="SITE|URL", help="a newspaper, in at most 15 requests; or one page"
    )
    source.add_argument("--file", type=Path, metavar="PAGE", help="a saved page, .html or .html.gz; needs --url")
    source.add_argument(
        "--jsonl", type=Path, metavar="FILE", help='lines of {"file": …, "url": …}; prints one JSON object per line'
    )
    parser.add_argument("--url", help="URL of the page of --file")
    parser.add_argument("--generic", action="store_true", help="ignore the site files")
    add_run_options(parser)


def try_pages(options: argparse.Namespace) -> int:
    """Visit the site or URL given in the options, or parse the saved pages given there, and print the results."""
    if (options.file is None) != (options.url is None):
        raise WrongUsage("--file and --url belong together: give the saved page and the URL it was saved from")
    if options.target is None:
        if options.mirror or options.settings:
            raise WrongUsage("--mirror and -s are for a SITE or URL: saved pages are read without requests")
        return _try_saved(options)
    return _try_url(options) if "://" in options.target else _try_site(options)


def _try_site(options: argparse.Namespace) -> int:
    from schedules.runner.options import spider_named
    from schedules.trial.site_trial import problems_of, try_site

    if options.generic:
        raise WrongUsage("--generic is for a URL or a saved page: a SITE is tried with its site file")
    site = spider_named(options.target)
    visits, stopped_by = _visit(options, site, site.hosts, partial(try_site, site))
    return _print(options, site, visits, problems_of(site, visits), stopped_by)


def _try_url(options: argparse.Namespace) -> int:
    from schedules.runner.options import site_with_page
    from schedules.trial.url_trial import host_of, problems_of_url, target_of

    host = host_of(options.target)
    site = None if options.generic else site_with_page(options.target)
    target = target_of(options.target, site)
    visits, stopped_by = _visit(options, site, site.hosts if site else (host,), lambda each: each.visit(target))
    if site is None and not options.generic:
        print_error(f"{host} has no site file: read generically; `khobor new-site {options.target}` drafts one")
    return _print(options, site, visits, problems_of_url(site, visits), stopped_by)


def _visit(
    options: argparse.Namespace, site: "type[NewspaperSpider] | None", hosts: Sequence[str], flow: Any
) -> tuple["Visits", int | None]:
    """Send the requests of a trial; return the visited pages, and the signal that stopped it, if any."""
    from schedules.cli.render.trial_text import show_visit
    from schedules.runner.options import checked_settings
    from schedules.trial.trial_crawl import new_visits, run_trial

    settings = checked_settings(options.settings, mirror=options.mirror)
    if site is not None and _is_running(options.data, site.name):
        print_error(f"a run of {site.name} is going on: the trial sends its requests {_SLOWER} times as slowly")
        settings["DOWNLOAD_DELAY"] = str(_SLOWER * float(settings.get("DOWNLOAD_DELAY", 1)))
    visits = new_visits(site, show_visit)
    return visits, run_trial(visits, flow, tuple(hosts), settings)


def _is_running(data: Path, site: str) -> bool:
    from pipelines.storage.data_folder import DataFolder
    from schedules.reports.progress import running

    return any(run.site == site for run in running(DataFolder(data)))


def _print(
    options: argparse.Namespace,
    site: "type[NewspaperSpider] | None",
    visits: "Visits",
    problems: "Sequence[Problem]",
    stopped_by: int | None,
) -> int:
    from schedules.cli.render.trial_text import show_trial
    from schedules.trial.trial_report import report_of

    report = report_of(site, visits, problems)
    if stopped_by is not None:
        report["exit_code"] = ExitCode.of_signal(stopped_by)
    print_result(report, options.json, lambda: show_trial(report))
    return int(report["exit_code"])


def _try_saved(options: argparse.Namespace) -> int:
    from crawler.registry import newspapers
    from schedules.runner.saved_pages import SavedPageReader

    asyncio.run(_read(options, SavedPageReader({} if options.generic else newspapers())))
    return 0


async def _read(options: argparse.Namespace, reader: "SavedPageReader") -> None:
    with closing(reader):
        await (_read_lines(reader, options.jsonl) if options.jsonl is not None else _read_file(reader, options))


async def _read_file(reader: "SavedPageReader", options: argparse.Namespace) -> None:
    from schedules.cli.render.read_page import show_page
    from schedules.runner.options import site_with_page

    if not options.generic:
        site_with_page(options.url)  # a site file that cannot be loaded is an error
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
