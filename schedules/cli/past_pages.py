"""Commands that read archived pages: `reread`, `replay` and `import`."""

import argparse
import logging
import os
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schedules.cli.arguments import Commands
from schedules.cli.output import print_error, print_result
from schedules.cli.sites import for_each_site, open_data
from schedules.exit_codes import ExitCode, WrongUsage, gravest

if TYPE_CHECKING:
    from crawler.spider import NewspaperSpider
    from pipelines.storage.data_folder import DataFolder


def add_to(commands: Commands) -> None:
    parser = commands.add(reread, "rebuild the tables from the archived pages", "reread --site kalbela --diff")
    parser.add_argument("--site", action="append", default=[], metavar="SITE", help="only this site (repeatable)")
    parser.add_argument("--since", metavar="TIME", help="read only pages fetched from this day or moment on")
    parser.add_argument("--until", metavar="TIME", help="read only pages fetched before this day or moment")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write a new data folder, and leave this one as it is")
    parser.add_argument("--diff", action="store_true", help="show per column what would change, and change nothing")
    parser = commands.add(
        replay, "crawl past runs again from the archive", "replay 20260111T060000Z-kalbela-1a2b --out replayed"
    )
    parser.add_argument("run", nargs="+", metavar="RUN", help="id of a run, as in `khobor runs`")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="new data folder for the result")
    parser = commands.add(
        import_pages, "take pages from WARC files of others", "import CC-NEWS-*.warc.gz", name="import"
    )
    parser.add_argument("file", nargs="+", metavar="FILE", help="WARC file, compressed or not; - is standard input")
    parser.add_argument("--site", action="append", default=[], metavar="SITE", help="only this site (repeatable)")


def reread(options: argparse.Namespace) -> int:
    """Read archived pages with the code of today, and replace the tables by the result."""
    from pipelines.analysis.export import parse_time
    from pipelines.analysis.writers import require_outside
    from pipelines.rebuild.reread import Reread, TargetInUse
    from pipelines.rebuild.selection import Selection
    from schedules.cli.render.progress_bar import PageProgress
    from schedules.cli.render.reread_text import show_reread

    def reread_site(dataset: "DataFolder", spider: "type[NewspaperSpider]") -> dict[str, Any]:
        zones = [spider.zone.key]
        since, until = (parse_time(text, zones) if text else None for text in (options.since, options.until))
        try:
            work = Reread(dataset, spider, Selection(since, until), options.out)
        except TargetInUse as error:
            raise WrongUsage(str(error)) from error
        with PageProgress(spider.name, work.count()) as progress:
            result = work.build(progress.update)
        found = {"pages": result.pages, "not_archived": dict(sorted(result.missing.items()))}
        if options.diff:
            return found | {"tables": [asdict(each) for each in work.differences()]}
        work.finish()
        return found

    if options.out is not None:
        require_outside(options.out, options.data)
    logging.disable(logging.WARNING)  # what the runs of the past have logged already
    results = for_each_site(options, reread_site)
    print_result(results, options.json, lambda: show_reread(results, options.data, options.out))
    return 0


def replay(options: argparse.Namespace) -> int:
    """Crawl past runs again with the code of today, answered from the archive, and compare the result."""
    from pipelines.analysis.writers import require_outside
    from schedules.cli.render.reread_text import show_replay
    from schedules.runner.options import spider_named
    from schedules.runner.replay_runs import runs_by_site

    require_outside(options.out, options.data)
    dataset = open_data(options.data)
    os.environ.pop("KHOBOR_BUCKET", None)
    logging.disable(logging.WARNING)
    results = [
        _replay_site(dataset, spider_named(site), run_ids, options.out)
        for site, run_ids in runs_by_site(dataset, options.run).items()
    ]
    print_result(results, options.json, lambda: show_replay(results, options.out))
    return gravest(result["exit_code"] for result in results)


def _replay_site(
    dataset: "DataFolder", spider: "type[NewspaperSpider]", run_ids: list[str], out: Path
) -> dict[str, Any]:
    from pipelines.replay.replay import NotReplayable, Replay
    from schedules.cli.render.progress_bar import PageProgress, ProgressBars
    from schedules.runner.replay_runs import replay_runs

    work = Replay(dataset, spider, run_ids, out)
    if work.not_named:
        print(f"{spider.name}: {len(work.not_named)} runs between these are replayed too", file=sys.stderr)
    try:
        with PageProgress(f"{spider.name} before {work.runs[0]}", work.count()) as progress:
            state = work.prepare(progress.update)
    except NotReplayable as error:
        raise WrongUsage(str(error)) from error
    with ProgressBars() as bars:
        runs, code = replay_runs(work, bars.update, bars.print)
    result = {"site": spider.name, "runs": runs, "not_named": work.not_named, "exit_code": code}
    result["state"] = {"pages": state.pages, "not_archived": dict(sorted(state.missing.items()))}
    return result | {"tables": [asdict(each) for each in work.differences()]}


def import_pages(options: argparse.Namespace) -> int:
    """Copy the stories of known sites from WARC files into the archive, and merge them into the tables.

    A file that cannot be read is reported, and the others are imported nevertheless.
    """
    from crawler.registry import newspapers
    from pipelines.archive.warc_file import NotWarc
    from pipelines.rebuild.reread import Reread
    from pipelines.rebuild.warc_import import UNREAD, Import
    from pipelines.storage.data_folder import DataFolder
    from schedules.cli.render.progress_bar import PageProgress
    from schedules.cli.render.reread_text import show_import
    from schedules.runner.options import spider_named

    dataset = DataFolder(options.data)
    spiders = {name: spider_named(name) for name in options.site} or newspapers()
    logging.disable(logging.WARNING)
    failed = 0
    with Import(dataset, list(spiders.values())) as found:
        for name in options.file:
            path = Path("/dev/stdin" if name == "-" else name)
            try:
                size = path.stat().st_size if path.is_file() else None
                with PageProgress(path.name, size, "bytes") as progress:
                    found.read(path, progress.update)
            except (NotWarc, OSError) as error:
                failed += 1
                print_error(str(error) if isinstance(error, NotWarc) else _unreadable(name, error))
        if failed == len(options.file):
            return ExitCode.USAGE
        found.finish()
        sites = {}
        for name, pages in found.pages.items():
            work = Reread(dataset, spiders[name], UNREAD)
            before, outcomes = work.rows(), Counter[str]()
            if unread := work.count():
                with PageProgress(name, unread) as progress:
                    outcomes = work.build(progress.update).outcomes
                work.finish()
            gained = {table: n - before[table] for table, n in work.rows().items()}
            sites[name] = {"pages": pages, "outcomes": dict(outcomes), **gained}
    result = {"records": found.records, "sites": sites, "skipped": dict(found.skipped.most_common())}
    print_result(result, options.json, lambda: show_import(result))
    return ExitCode.DAMAGED if failed else ExitCode.DONE


def _unreadable(name: str, error: OSError) -> str:
    if name.lower().startswith(("http://", "https://", "s3://")):
        return f"{name} is a URL: download the file first, or pipe it to `khobor import -`"
    if isinstance(error, IsADirectoryError):
        return f"{name} is a folder: give the WARC files in it"
    return f"{name} cannot be read: {error.strerror}"
