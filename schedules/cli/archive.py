"""Command `archive`: list, show and extract archived responses."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schedules.cli.arguments import Commands, date, positive
from schedules.cli.output import print_lines, print_result
from schedules.cli.sites import open_data
from schedules.exit_codes import WrongUsage

if TYPE_CHECKING:
    from pipelines.archive.lookup import ArchivedFetch
    from pipelines.storage.data_folder import DataFolder


def add_to(commands: Commands) -> None:
    example = "archive show kalbela:154313"
    group = commands.group("archive", "list, show or extract archived responses", example)
    listing = group.add(list_archived, "list archived responses, newest first", "archive list --limit 9", name="list")
    showing = group.add(show_archived, "show headers and text of an archived response", example, name="show")
    example = "archive extract kalbela:154313 --out pages"
    extracting = group.add(extract_archived, "write archived bodies to files", example, name="extract")
    example = "archive export --wacz kalbela.wacz --since 2026-11-22"
    exporting = group.add(export_archive, "write archive files to a WACZ file, for replay", example, name="export")
    exporting.add_argument("--wacz", type=Path, required=True, metavar="FILE", help="the file to write")
    exporting.add_argument("--site", help="only this site")
    exporting.add_argument("--run", metavar="RUN", help="only this run")
    exporting.add_argument("--since", type=date, metavar="DAY", help="only from this day on, in the site's time zone")
    exporting.add_argument("--until", type=date, metavar="DAY", help="only before this day")
    for parser, limit in ((listing, 20), (showing, 1), (extracting, None)):
        parser.add_argument(
            "wanted", nargs="*", metavar="STORY|URL|RUN", help="or the place that an alarm gives; by default all"
        )
        parser.add_argument("--site", help="only this site")
        parser.add_argument("--run", metavar="RUN", help="only this run")
        parser.add_argument("--since", metavar="TIME", help="only from this day (2026-11-22) or time on")
        parser.add_argument("--until", metavar="TIME", help="only before this day or time")
        most = f"only the newest N (by default {limit or 'all'})"
        parser.add_argument("--limit", type=positive, default=limit, metavar="N", help=most)
    extracting.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the files")
    extracting.add_argument("--raw", action="store_true", help="bodies as they were sent, not decompressed")


def _find(options: argparse.Namespace) -> "tuple[DataFolder, list[ArchivedFetch]]":
    from crawler.registry import zones
    from pipelines.analysis.export import parse_time
    from pipelines.archive.lookup import find_archived

    dataset = open_data(options.data)
    own = [zone for site, zone in zones().items() if (site == options.site if options.site else dataset.holds(site))]
    since, until = (parse_time(text, own) if text else None for text in (options.since, options.until))
    found = find_archived(
        dataset, options.wanted, site=options.site, run_id=options.run, since=since, until=until, limit=options.limit
    )
    if not found and options.wanted:
        raise WrongUsage(f"no archived response matches {' '.join(options.wanted)} in {options.data}")
    return dataset, found


def list_archived(options: argparse.Namespace) -> int:
    from schedules.cli.render.archived_pages import as_data, show_list

    _, found = _find(options)
    print_result([as_data(fetch) for fetch in found], options.json, lambda: show_list(found))
    return 0


def show_archived(options: argparse.Namespace) -> int:
    from pipelines.archive.lookup import read_archived
    from schedules.cli.render.archived_pages import response_as_data, show_response

    dataset, found = _find(options)
    responses = [(fetch, read_archived(dataset, fetch)) for fetch in found]

    def show() -> None:
        for fetch, response in responses:
            show_response(fetch, response)

    print_result([response_as_data(*each) for each in responses], options.json, show)
    return 0


def extract_archived(options: argparse.Namespace) -> int:
    from crawler.safe_text import one_line
    from pipelines.analysis.writers import require_outside
    from pipelines.archive.extraction import extract

    dataset, found = _find(options)
    out = require_outside(options.out, dataset.root)
    results: list[dict[str, Any]] = []
    for fetch in found:
        path, problem = extract(dataset, fetch, out, raw=options.raw)
        results.append({"url": fetch.url, "file": str(path) if path else None, "problem": problem})
    lines = [one_line("  ".join(filter(None, (each["file"], each["url"], each["problem"]))), 1000) for each in results]
    print_lines(results, options.json, lines or ["Nothing is archived."])
    return 8 if any(each["file"] is None for each in results) else 0


def export_archive(options: argparse.Namespace) -> int:
    from pipelines.analysis.writers import require_outside
    from pipelines.archive.wacz import export_wacz

    dataset = open_data(options.data)
    files = [
        path
        for path in dataset.archive_files(options.site or "*", options.run or "*")
        if (options.since or "") <= path.parent.name.partition("=")[2] < (options.until or "~")
    ]
    if not files:
        raise WrongUsage(f"no archive file matches in {options.data}")
    result = export_wacz(dataset, files, require_outside(options.wacz, dataset.root))
    line = (
        f"{result['responses']:,} responses and {result['pages']:,} pages in {options.wacz}, {result['bytes']:,} bytes"
    )
    lines = [line]
    if result["cut"]:
        lines.append(
            f"of {result['cut']:,} files only the records before the first that is damaged or not whole yet; `khobor"
            " check` names the damaged ones"
        )
    print_lines(result, options.json, lines)
    return 0
