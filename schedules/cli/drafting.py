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


def new_site(options: argparse.Namespace) -> int:
    """Make a few requests to a site, and print or write the draft of its site file."""
    from crawler.registry import newspapers
    from schedules.cli.render.site_draft import draft_as_json, show_draft
    from schedules.drafting.page_requests import request_pages, site_hosts
    from schedules.drafting.site_draft import SiteDrafter
    from schedules.drafting.site_survey import nothing_found, survey_site
    from schedules.runner.options import checked_settings

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


def _note_request(url: str, problem: str) -> None:
    from crawler.safe_text import one_line

    print(one_line(f"  {url}  {problem or 'read'}"), file=sys.stderr)
