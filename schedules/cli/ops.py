"""Seeing how things are, for whoever looks after them: `report`, `alerts`, `ack` and `metrics`."""

import argparse
import math
import sys
from datetime import timedelta
from pathlib import Path

from schedules.cli.arguments import Commands, ask_timetable, length
from schedules.cli.output import answer, print_json
from schedules.cli.sites import existing
from schedules.exit_codes import WrongUsage


def add_to(commands: Commands) -> None:
    """Add them to the parser."""
    reporting = commands.add(report, "the status page as one file", "report --out khobor.html --since 30d")
    reporting.add_argument("--out", type=Path, metavar="FILE", help="the HTML file to write")
    reporting.add_argument("--site", metavar="SITE", help="only this newspaper")
    reporting.add_argument(
        "--since", type=length, default=timedelta(days=14), metavar="TIME", help="how far back: 24h, 7d (14d)"
    )
    warning = commands.add(alerts, "the alarms that stand, and who is told of them", "alerts --test")
    warning.add_argument("--test", action="store_true", help="send everyone a test, and say what came")
    accepting = commands.add(ack, "say that what an alarm tells is right", "ack kalbela/field/kicker")
    accepting.add_argument("key", metavar="KEY", help="the alarm's key")
    counting = commands.add(
        metrics, "the numbers as Prometheus reads them", "metrics --out /var/lib/node_exporter/khobor.prom"
    )
    counting.add_argument("--out", type=Path, metavar="FILE", help="write here; the file appears whole")
    for looking in (reporting, warning, counting):
        ask_timetable(looking)


def report(options: argparse.Namespace) -> int:
    """The status page as one file, or its numbers."""
    from crawler.clock import now
    from schedules.dashboard.static_report import report_data, report_query, write_report

    if (options.out is None) != options.json:
        raise WrongUsage("--out FILE names the file to write; --json prints the numbers instead")
    days = max(1, math.ceil(options.since / timedelta(days=1)))
    query = report_query(existing(options.data), options.timetable, now(), days, options.site)
    if options.json:
        print_json(report_data(query))
        return 0
    size = write_report(options.out, query)
    print(f"{options.out}: {size:,} bytes; open it in a browser")
    return 0


def alerts(options: argparse.Namespace) -> int:
    """The alarms that stand and who is told of them; tries whether they can be."""
    from schedules.alerting.deliveries import active_alarms
    from schedules.alerting.notifier import send_test
    from schedules.cli.render.run_list import show_active_alarms, show_tried
    from schedules.timetable.config import Timetable

    timetable = Timetable.read(options.timetable)
    if options.test:
        if not timetable.targets:
            raise WrongUsage(f"{options.timetable} names nobody to be told: write an '[alert.NAME]' (docs/operate.md)")
        came = send_test(timetable.targets)
        answer(came, options.json, lambda: show_tried(came))
        return 0 if all(each["reached"] for each in came) else 3
    stands = active_alarms(existing(options.data))
    if options.json:
        print_json(stands.as_dict())
    else:
        show_active_alarms(stands, all_targets=True)
        if not stands.alarms:
            print("No alarm stands." if stands.targets else f"No alarm stands, and {options.timetable} names nobody.")
    return 0


def ack(options: argparse.Namespace) -> int:
    """Say that what an alarm tells is right: from the run that first told it, things are so."""
    from schedules.reports.history import acknowledge
    from schedules.runner.options import spider_named

    paper = spider_named(options.key.partition("/")[0])
    alarm = acknowledge(existing(options.data), paper.name, options.key)
    if alarm is None:
        raise WrongUsage(f"no run of late had the alarm {options.key!r}; `khobor alerts` lists those that stand")
    said = f"{options.key} is right as it is since the run {alarm.get('since_run')}: later runs are measured by that"
    answer(alarm, options.json, lambda: print(said))
    return 0


def metrics(options: argparse.Namespace) -> int:
    """The numbers of the data folder, as Prometheus reads them."""
    from crawler.clock import now
    from schedules.metrics.exposition import exposition, samples, write_exposition
    from schedules.timetable.config import Timetable

    if options.out is not None and options.json:
        raise WrongUsage("--out writes what Prometheus reads; --json prints the numbers for others")
    dataset, timetable = existing(options.data), Timetable.read(options.timetable)
    if options.out is not None:
        write_exposition(options.out, dataset, timetable, now())
    elif options.json:
        print_json(samples(dataset, timetable, now()))
    else:
        sys.stdout.write(exposition(dataset, timetable, now()).decode())
    return 0
