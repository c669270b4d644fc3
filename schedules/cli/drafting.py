"""Commands `new-site` and `capture`: draft a site file, and save a page as a test case."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from schedules.cli.arguments import Commands, add_run_options
from schedules.cli.output import print_error, print_result, short_path
from schedules.exit_codes import ExitCode, Unreachable, WrongUsage

if TYPE_CHECKING:
    from schedules.drafting.site_draft import Draft


def add_to(commands: Commands) -> None:
    example = "new-site https://www.example.com/ --out khobor_sites"
    parser = commands.add(new_site, "draft the site file of a newspaper from its front page", example, name="new-site")
    parser.add_argument("url", metavar="URL", help="front page of the newspaper")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write the file into this folder instead of to stdout")
    add_run_options(parser)
    example = "capture https://www.kalbela.com/world/154313 --scramble"
    parser = commands.add(capture, "save a page as a test case, with a drafted expectation", example)
    parser.add_argument("url", metavar="URL", help="page of a story, or the front page")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the cases (captured; in a checkout tests/pages)"
    )
    parser.add_argument(
        "--scramble", action="store_true", help="replace every letter, so that the page may be published"
    )
    add_run_options(parser)


def new_site(options: argparse.Namespace) -> int:
    """Make a few requests to a site, and print or write the draft of its site file."""
    from crawler.registry import newspapers
    from schedules.cli.render.site_draft import draft_as_json, show_draft
    from schedules.drafting.site_draft import SiteDrafter
    from schedules.drafting.site_facts import nothing_found
    from schedules.drafting.site_survey import survey_site
    from schedules.runner.options import checked_settings
    from schedules.trial.page_requests import request_pages, site_hosts

    url, hosts = site_hosts(options.url)
    settings = checked_settings(options.settings, mirror=options.mirror)
    known = newspapers()
    for spider in known.values():
        if not set(hosts).isdisjoint(spider.hosts):
            print_error(f"{hosts[0]} already belongs to the site {spider.name}: `khobor try {spider.name}` checks it")
    survey = request_pages(hosts, settings, lambda requests: survey_site(requests, url, hosts), _note_request)
    if survey.front_problem is not None:
        raise Unreachable(f"{url}: {survey.front_problem[1]}")
    if survey.story_urls is None:
        print_error(nothing_found(survey))
        return ExitCode.LAYOUT_CHANGED
    draft = SiteDrafter(survey, [*known]).draft()
    written = _write(draft, options.out) if options.out is not None else None
    print_result(
        draft_as_json(draft, survey, written),
        options.json,
        lambda: None if written else print(draft.file.text, end=""),
    )
    show_draft(draft, survey, written)
    return ExitCode.DONE


def _write(draft: "Draft", folder: Path) -> Path:
    path = folder / f"{draft.name}.py"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(draft.file.text)
    except FileExistsError as error:
        raise WrongUsage(f"{path} exists already: move it away, or give another folder with --out") from error
    return short_path(path.resolve())


def capture(options: argparse.Namespace) -> int:
    """Request one page, and write it with its URL and what the site file reads on it."""
    from crawler.decoding.decode_errors import DecodeError
    from schedules.capturing.captured_page import CapturedPage
    from schedules.paths import IS_CHECKOUT, PROJECT
    from schedules.runner.options import checked_settings, site_with_page
    from schedules.trial.page_requests import request_pages, site_hosts

    url, hosts = site_hosts(options.url)
    site = site_with_page(url)
    settings = checked_settings(options.settings, mirror=options.mirror)
    own_hosts = site.hosts if site else hosts
    fetched = request_pages(own_hosts, settings, lambda requests: requests.get(url), lambda *_: None)
    if fetched.problem is not None:
        raise Unreachable(f"{url}: {fetched.problem[1]}")
    folder = PROJECT / "tests" / "pages" if IS_CHECKOUT and site else Path("captured")
    try:
        page = CapturedPage.of(fetched, site, scramble=options.scramble)
        written = short_path(page.write(options.out or folder).resolve())
    except DecodeError as error:
        raise Unreachable(f"{url}: {error}") from error
    found = page.expectation()
    print_result({"folder": str(written), "url": page.url, "expected": found}, options.json, lambda: print(written))
    rows = {name: len(each) for name, each in found["lists"].items()}
    read = sum(value not in (None, "", []) for name, value in found.items() if name not in ("lists", "unconfirmed"))
    for line in (
        f"read with {f'the site file of {site.name}' if site else 'the generic layout, since no site has this host'}:"
        f" {read} columns, rows of lists: {', '.join(f'{name} {count}' for name, count in rows.items()) or 'none'}",
        f"next: compare {written / 'expected.json'} with the page, correct it, and remove its line `unconfirmed`",
        *(() if options.scramble else ("the text is the publisher's: with --scramble, the page may be passed on",)),
    ):
        print(line, file=sys.stderr)
    return ExitCode.DONE


def _note_request(url: str, problem: str) -> None:
    from urllib.parse import unquote

    from crawler.safe_text import one_line

    print(f"{one_line(unquote(url), 100)}  {one_line(problem) or 'read'}", file=sys.stderr)
