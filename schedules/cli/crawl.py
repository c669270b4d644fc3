"""Commands that start a run immediately: `crawl` and `demo`."""

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schedules.cli.arguments import Commands, add_run_options, minutes, positive
from schedules.cli.output import print_error, print_reports, short_path
from schedules.exit_codes import WrongUsage, gravest
from schedules.paths import DEMO, NEWSPAPER, PROJECT


def add_to(commands: Commands) -> None:
    parser = commands.add(crawl, "run now: crawl, publish, evaluate", "crawl kalbela --max-pages 50")
    parser.add_argument("site", nargs="+", metavar="SITE", help="newspaper, by its name in `khobor sites`")
    parser.add_argument(
        "--mode", choices=("full", "incremental"), help="the whole site (default), or lists and what is new"
    )
    parser.add_argument("--seed", action="append", default=[], metavar="URL", help="start at this URL (repeatable)")
    parser.add_argument("--max-pages", type=positive, metavar="N", help="send at most N requests")
    parser.add_argument("--max-depth", type=positive, metavar="N", help="follow at most N links from the seeds")
    parser.add_argument("--max-minutes", type=minutes, metavar="N", help="send no requests after N minutes")
    add_run_options(parser)
    commands.add(demo, "crawl the bundled newspaper and show the result", "demo", data=DEMO)


def crawl(options: argparse.Namespace) -> int:
    """Crawl all given sites, several at the same time; each site has its own delays, limits and result.

    If a site is locked by another run, damaged or wrongly declared, the other sites are crawled nevertheless.
    """
    from crawler.registry import site_loader
    from pipelines.storage.data_folder import DataFolder
    from schedules.cli.render.progress_bar import ProgressBars
    from schedules.runner.bucket_uploads import upload_sites
    from schedules.runner.dependency_check import outdated_packages
    from schedules.runner.options import checked_settings, seeds_by_site, spider_named
    from schedules.runner.run_all import not_started, run_all
    from schedules.runner.run_process import RunOptions

    if outdated := outdated_packages():
        raise WrongUsage(f"{'; '.join(outdated)}: run `make setup`")
    spiders, reports = [], []
    for name in dict.fromkeys(options.site):
        try:
            spiders.append(spider_named(name))
        except WrongUsage as error:
            if name not in site_loader().errors or len(options.site) == 1:  # a misspelt name stops all
                raise
            reports.append(not_started(name, error))
    seeds = seeds_by_site(options.seed, spiders)
    limits = {name: getattr(options, name) for name in ("max_pages", "max_depth", "max_minutes")}
    mode = [f"KHOBOR_MODE={options.mode}"] if options.mode else []
    settings = checked_settings([*options.settings, *mode], mirror=options.mirror, **limits)
    dataset = DataFolder(options.data)
    runs = [RunOptions(each, dataset, seeds[each.name], settings) for each in spiders]
    with ProgressBars() as progress:
        reports += run_all(runs, progress.update, progress.print)
    print_reports(reports, options.json)
    upload_sites(dataset, [each.name for each in spiders], print_error)
    return gravest(report["exit_code"] for report in reports)


def demo(options: argparse.Namespace) -> int:
    from pipelines.analysis.table_summary import data_sample
    from pipelines.storage.data_folder import DataFolder
    from schedules.cli.render.table_summary_text import show_sample
    from schedules.runner.options import spider_named

    if not NEWSPAPER.is_dir():
        raise WrongUsage("the newspaper of the demo is only in the source: clone the repository and run `make demo`")
    if options.data == DEMO and DEMO.exists():
        shutil.rmtree(DEMO)  # with the data of an earlier demo, no story would be new
    os.environ.pop("KHOBOR_BUCKET", None)
    with _bundled_newspaper() as mirror:
        print(f"Crawling the bundled newspaper at {mirror} into {short_path(options.data)}", file=sys.stderr)
        no_delays = ("DOWNLOAD_DELAY=0", "KHOBOR_FIRST_BACKOFF_SECONDS=0", "KHOBOR_FIRST_PAUSE_SECONDS=0")
        given = {
            "mirror": mirror,
            "settings": list(no_delays),
            "data": options.data,
            "json": options.json,
            "mode": None,
        }
        no_limits = {"max_pages": None, "max_depth": None, "max_minutes": None}
        code = crawl(argparse.Namespace(site=["kalbela"], seed=[], **given, **no_limits))
    if code == 0 and not options.json:
        show_sample(data_sample(DataFolder(options.data), "kalbela", 5), spider_named("kalbela").zone)
        print(f"\nNext:  {next_command(options.data)}")
    return code


def next_command(data: Path) -> str:
    """Return a shell command that queries a data folder, as a suggestion for the user.

    It is valid in the current working directory and with the Python environment of this process.
    """
    sql = "SELECT section, count(*) AS stories FROM stories GROUP BY ALL ORDER BY 2 DESC"
    command = (short_path(Path(sys.prefix, "bin", "khobor")), "query", "--data", short_path(data))
    return f'{shlex.join(map(str, command))} "{sql}"'


@contextmanager
def _bundled_newspaper() -> Iterator[str]:
    """Context manager that serves the sample newspaper of this project on a local port, and yields its URL."""
    import subprocess

    server = [sys.executable, "-m", "tests.newspaper", "--port", "0", "--with-parent"]
    # In a session of its own, so that Ctrl-C ends the crawl first.
    with subprocess.Popen(server, cwd=PROJECT, stdout=subprocess.PIPE, text=True, start_new_session=True) as newspaper:
        try:
            url = newspaper.stdout.readline().strip() if newspaper.stdout else ""
            if not url:
                raise WrongUsage("the bundled newspaper did not start; its error is above")
            yield url
        finally:
            newspaper.terminate()
