"""Commands for operators: `report`, `alerts`, `ack` and `metrics`."""

import argparse
import math
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from schedules.cli.arguments import Commands, add_timetable_option, period
from schedules.cli.output import print_json, print_lines, print_result
from schedules.cli.sites import open_data
from schedules.exit_codes import WrongUsage

if TYPE_CHECKING:
    from pipelines.storage.data_folder import DataFolder


def add_to(commands: Commands) -> None:
    two_weeks = timedelta(days=14)
    reporting = commands.add(report, "write the dashboard as one HTML file", "report --out khobor.html --since 30d")
    reporting.add_argument("--out", type=Path, metavar="FILE", help="HTML file to write")
    reporting.add_argument("--site", metavar="SITE", help="only this site")
    reporting.add_argument("--since", type=period, default=two_weeks, metavar="TIME", help="period, as 24h or 7d (14d)")
    alerting = commands.add(alerts, "show active alarms and alert targets", "alerts --test")
    alerting.add_argument("--test", action="store_true", help="send a test message to every target")
    acknowledging = commands.add(ack, "accept the change that an alarm reports", "ack kalbela/field/kicker")
    acknowledging.add_argument("key", metavar="ALARM", help="key of the alarm")
    measuring = commands.add(metrics, "print metrics for Prometheus", "metrics --out khobor.prom")
    measuring.add_argument("--out", type=Path, metavar="FILE", help="write to this file, atomically")
    for parser in (reporting, alerting, measuring):
        add_timetable_option(parser)


def report(options: argparse.Namespace) -> int:
    from crawler.clock import now
    from schedules.dashboard.static_report import report_data, report_query, write_report

    if (options.out is None) != options.json:
        raise WrongUsage("give either --out FILE for an HTML file, or --json for the data")
    days = max(1, math.ceil(options.since / timedelta(days=1)))
    dataset = open_data(options.data)
    _check_out(options.out, dataset)
    query = report_query(dataset, options.timetable, now(), days, options.site)
    if options.json:
        print_json(report_data(query))
    else:
        print(f"{options.out}: {write_report(options.out, query):,} bytes; open it in a browser")
    return 0


def _check_out(out: Path | None, dataset: "DataFolder") -> None:
    if out is not None and dataset.owns(out):
        raise WrongUsage(
            f"--out {out} is inside the data folder {dataset.root}, where only runs write: choose another place"
        )


def alerts(options: argparse.Namespace) -> int:
    from schedules.alerting.deliveries import active_alarms
    from schedules.alerting.notifier import send_test
    from schedules.cli.render.run_list import show_active_alarms, show_test_results
    from schedules.timetable.config import Timetable

    timetable = Timetable.read(options.timetable)
    if options.test:
        if not timetable.targets:
            raise WrongUsage(f"{options.timetable} has no alert target; add an '[alert.NAME]' (docs/operate.md)")
        results = send_test(timetable.targets)
        print_result(results, options.json, lambda: show_test_results(results))
        return 0 if all(result["reached"] for result in results) else 3
    active = active_alarms(open_data(options.data))
    print_result(active.as_dict(), options.json, lambda: show_active_alarms(active, show_all=True))
    return 0


def ack(options: argparse.Namespace) -> int:
    from schedules.reports.history import acknowledge
    from schedules.runner.options import spider_named

    spider = spider_named(options.key.partition("/")[0])
    alarm = acknowledge(open_data(options.data), spider.name, options.key)
    if alarm is None:
        raise WrongUsage(f"no recent run has the alarm {options.key!r}; `khobor alerts` lists active alarms")
    since = alarm.get("since_run")
    print_lines(alarm, options.json, [f"{options.key} acknowledged: later runs are compared with those since {since}"])
    return 0


def metrics(options: argparse.Namespace) -> int:
    from crawler.clock import now
    from schedules.metrics.exposition import exposition, samples, write_exposition
    from schedules.timetable.config import Timetable

    if options.out is not None and options.json:
        raise WrongUsage("give either --out FILE, or --json")
    dataset, timetable = open_data(options.data), Timetable.read(options.timetable)
    if options.out is not None:
        _check_out(options.out, dataset)
        write_exposition(options.out, dataset, timetable, now())
    elif options.json:
        print_json(samples(dataset, timetable, now()))
    else:
        sys.stdout.write(exposition(dataset, timetable, now()).decode())
    return 0
