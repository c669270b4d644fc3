"""Commands that list the known sites and past runs: `sites` and `runs`."""

import argparse
import re
from typing import TYPE_CHECKING, Any

from schedules.cli.arguments import Commands, positive
from schedules.cli.output import print_result
from schedules.cli.sites import open_data
from schedules.exit_codes import WrongUsage

if TYPE_CHECKING:
    from pipelines.storage.data_folder import DataFolder


def add_to(commands: Commands) -> None:
    commands.add(sites, "list the known sites", "sites --json")
    parser = commands.add(runs, "list past runs, or show one in detail", "runs --last 20")
    parser.add_argument("run_id", nargs="?", metavar="RUN", help="id of one run, to show it in full")
    parser.add_argument("--last", type=positive, default=20, metavar="N", help="number of runs (%(default)s)")


def sites(options: argparse.Namespace) -> int:
    from crawler.registry import newspapers
    from schedules.cli.render.site_list import show_sites

    known = [
        {
            "name": name,
            "title": spider.title,
            "hosts": list(spider.hosts),
            "zone": str(spider.zone),
            "lists": list(spider.list_names()),
            "verified": spider.verified or None,
            "not_requested": {each.name: each.disallowed for each in spider.entry_points if each.disallowed},
        }
        for name, spider in newspapers().items()
    ]
    print_result(known, options.json, lambda: show_sites(known))
    return 0


def runs(options: argparse.Namespace) -> int:
    from crawler.clock import now
    from schedules.alerting.deliveries import active_alarms
    from schedules.cli.render.run_list import show_runs
    from schedules.cli.render.run_report import read_details, show_report
    from schedules.reports.progress import running
    from schedules.reports.report import run_ids

    dataset, run_id = open_data(options.data), options.run_id
    if run_id:
        if not re.fullmatch(r"[\w-]{1,80}", run_id, re.ASCII) or run_id not in run_ids(dataset):
            raise WrongUsage(f"there is no run {run_id!r} in {dataset.runs}; `khobor runs` lists them")
        report = _report(dataset, run_id)
        print_result(report, options.json, lambda: show_report(report, read_details(dataset, report)))
        return 0
    reports = [_report(dataset, run_id) for run_id in run_ids(dataset)[-options.last :]]
    if reports or options.json:
        print_result(reports, options.json, lambda: show_runs(reports, active_alarms(dataset), running(dataset), now()))
    else:
        print(f"There are no runs in {dataset.runs}.")
    return 0


def _report(dataset: "DataFolder", run_id: str) -> dict[str, Any]:
    from pipelines.storage.errors import DatabaseDamaged
    from schedules.reports.report import InvalidReport, read_report

    try:
        return read_report(dataset, run_id)
    except InvalidReport as error:
        raise DatabaseDamaged(str(error)) from error
