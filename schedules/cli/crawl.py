"""Crawling by hand: `crawl` and `demo`."""

import argparse
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from schedules.cli.arguments import Commands, ask_settings, minutes, positive
from schedules.cli.output import answer_runs, shown
from schedules.exit_codes import WrongUsage
from schedules.paths import DEMO, PROJECT

if TYPE_CHECKING:
    from schedules.runner.run_process import RunOptions


def add_to(commands: Commands) -> None:
    """Add them to the parser."""
    one = commands.add(crawl, "one run now: crawl, publish, judge", "crawl kalbela --max-pages 50")
    one.add_argument("site", nargs="+", metavar="SITE")
    one.add_argument("--seed", action="append", default=[], metavar="URL", help="start here instead (repeatable)")
    one.add_argument("--max-pages", type=positive, metavar="N", help="ask for at most N pages")
    one.add_argument("--max-depth", type=positive, metavar="N", help="go at most N links from the seeds")
    one.add_argument("--max-minutes", type=minutes, metavar="N", help="stop asking after N minutes")
    ask_settings(one)
    commands.add(demo, "crawl the newspaper that comes with the project", "demo", data=DEMO)


def crawl(options: argparse.Namespace) -> int:
    """One run of each site, all at once: a newspaper is asked no faster for the company of another."""
    from schedules.cli.render.progress_bar import Watching
    from schedules.runner.dependency_check import outdated_packages
    from schedules.runner.run_all import run_all

    if low := outdated_packages():
        raise WrongUsage(f"{'; '.join(low)}: `make setup` installs what is needed")
    launches = _launches(options)
    with Watching() as watching:
        reports = run_all(launches, watching.look, watching.say)
    answer_runs(reports, options.json)
    return max(int(report["exit_code"]) for report in reports)


def _launches(options: argparse.Namespace) -> "list[RunOptions]":
    from pipelines.storage.data_folder import DataFolder
    from schedules.runner.options import checked_settings, seeds_by_site, spider_named
    from schedules.runner.run_process import RunOptions

    papers = [spider_named(name) for name in dict.fromkeys(options.site)]
    seeds = seeds_by_site(options.seed, papers)
    budgets = {"max_pages": options.max_pages, "max_depth": options.max_depth}
    settings = checked_settings(options.settings, mirror=options.mirror, **budgets)
    return [
        RunOptions(
            newspaper=paper,
            dataset=DataFolder(options.data),
            seeds=seeds[paper.name],
            settings=settings,
            max_minutes=options.max_minutes,
        )
        for paper in papers
    ]


def demo(options: argparse.Namespace) -> int:
    """A crawl of the bundled newspaper, into a folder that it has to itself."""
    from pipelines.analysis.table_summary import data_sample
    from pipelines.storage.data_folder import DataFolder
    from schedules.cli.render.table_summary_text import show_sample
    from schedules.runner.options import spider_named

    if options.data == DEMO and DEMO.exists():
        shutil.rmtree(DEMO)  # the newspaper is the same every time: what it showed before would hide what it shows now
    with _bundled_newspaper() as mirror:
        print(f"The bundled newspaper is open at {mirror}; crawling it into {options.data}", file=sys.stderr)
        quick = [
            f"{name}=0" for name in ("DOWNLOAD_DELAY", "KHOBOR_FIRST_BACKOFF_SECONDS", "KHOBOR_FIRST_PAUSE_SECONDS")
        ]
        given = {"data": options.data, "json": options.json, "mirror": mirror, "settings": quick}
        order = argparse.Namespace(site=["kalbela"], seed=[], max_pages=None, max_depth=None, max_minutes=None, **given)
        code = crawl(order)
    if code == 0 and not options.json:
        show_sample(data_sample(DataFolder(options.data), "kalbela", 5), spider_named("kalbela").zone)
        print(f'\nOpen it:  import pandas as pd; pd.read_parquet("{shown(options.data)}/stories")')
    return code


@contextmanager
def _bundled_newspaper() -> Iterator[str]:
    """The newspaper that comes with the project, at this address for as long as the block lasts."""
    import subprocess

    server = [sys.executable, "-m", "tests.newspaper", "--port", "0", "--with-parent"]
    # In a session of its own, so that Ctrl-C leaves it open until the crawl has ended.
    with subprocess.Popen(server, cwd=PROJECT, stdout=subprocess.PIPE, text=True, start_new_session=True) as newspaper:
        try:
            address = newspaper.stdout.readline().strip() if newspaper.stdout else ""
            if not address:
                raise WrongUsage("the bundled newspaper did not start; its sentence is above")
            yield address
        finally:
            newspaper.terminate()
