"""What there is to run and what ran: `sites` and `runs`."""

import argparse
import re
from typing import TYPE_CHECKING, Any

from schedules.cli.arguments import Commands, positive
from schedules.cli.output import answer, print_json
from schedules.cli.sites import existing
from schedules.exit_codes import WrongUsage

if TYPE_CHECKING:
    from pipelines.storage.data_folder import DataFolder


def add_to(commands: Commands) -> None:
    """Add them to the parser."""
    commands.add(sites, "the newspapers it knows", "sites --json")
    ran = commands.add(runs, "what ran and how it went; one run in full", "runs --last 20")
    ran.add_argument("run_id", nargs="?", metavar="RUN_ID")
    ran.add_argument("--last", type=positive, default=20, metavar="N", help="how many (%(default)s)")


def sites(options: argparse.Namespace) -> int:
    """The newspapers that there are."""
    from crawler.registry import newspapers

    known = [
        {"name": name, "title": paper.title, "hosts": list(paper.hosts), "zone": str(paper.zone)}
        for name, paper in newspapers().items()
    ]
    lines = [f"{each['name']}\t{each['title']}\t{', '.join(each['hosts'])}" for each in known]
    answer(known, options.json, lambda: print("\n".join(lines)))
    return 0


def runs(options: argparse.Namespace) -> int:
    """What ran and how it went."""
    from crawler.clock import now
    from schedules.alerting.deliveries import active_alarms
    from schedules.cli.render.run_list import show_runs
    from schedules.reports.progress import running
    from schedules.reports.report import run_ids

    dataset = existing(options.data)
    if options.run_id:
        return _one_run(options)
    reports = [_report(dataset, run_id) for run_id in run_ids(dataset)[-options.last :]]
    if options.json:
        print_json(reports)
    elif reports:
        show_runs(reports, active_alarms(dataset), running(dataset), now())
    else:
        print(f"No run yet in {dataset.runs}.")
    return 0


def _one_run(options: argparse.Namespace) -> int:
    from schedules.cli.render.run_report import show_report, traces_of

    dataset = existing(options.data)
    if not re.fullmatch(r"[\w-]{1,80}", options.run_id, re.ASCII) or not dataset.run(options.run_id).is_file():
        raise WrongUsage(f"there is no run {options.run_id!r} in {dataset.runs}; `khobor runs` lists them")
    report = _report(dataset, options.run_id)
    answer(report, options.json, lambda: show_report(report, traces_of(dataset, report)))
    return 0


def _report(dataset: "DataFolder", run_id: str) -> dict[str, Any]:
    from pipelines.storage.errors import DatabaseDamaged
    from schedules.reports.report import InvalidReport, read_report

    try:
        return read_report(dataset, run_id)
    except InvalidReport as error:
        raise DatabaseDamaged(str(error)) from error
