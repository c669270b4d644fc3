"""Keeping the timetable: `schedule` and `serve`."""

import argparse
import sys
from typing import TYPE_CHECKING

from schedules.cli.arguments import Commands, ask_settings, ask_timetable, port, positive
from schedules.cli.output import answer, answer_runs, complain
from schedules.exit_codes import WrongUsage

if TYPE_CHECKING:
    from pipelines.storage.data_folder import DataFolder
    from schedules.timetable.config import Timetable


def add_to(commands: Commands) -> None:
    """Add them to the parser."""
    timed = commands.add(schedule, "the timetable: list it, what comes next, run one now", "schedule next --count 5")
    timed.add_argument("act", choices=("list", "next", "run"))
    timed.add_argument("name", nargs="?", metavar="NAME")
    timed.add_argument("--due", action="store_true", help="with run: only if it is due and nobody has run it (cron)")
    timed.add_argument("--count", type=positive, default=10, metavar="N", help="with next: how many (%(default)s)")
    serving = commands.add(serve, "keep the timetable until told to end, with the status page", "serve --port 8620")
    serving.add_argument("--host", default="127.0.0.1", help="where the status page listens (%(default)s)")
    serving.add_argument("--port", type=port, default=8620, help="its port, 0 for a free one (%(default)s)")
    serving.add_argument(
        "--allowed-host", action="append", default=[], metavar="HOST", help="accept this Host header too (repeatable)"
    )
    serving.add_argument("--no-dashboard", action="store_true", help="without the status page")
    for keeping in (timed, serving):
        ask_timetable(keeping)
        ask_settings(keeping)


def schedule(options: argparse.Namespace) -> int:
    """The timetable: as it is, what comes next, one schedule now."""
    from crawler.clock import now
    from pipelines.storage.data_folder import DataFolder
    from schedules.cli.render.timetable_text import coming, listed, show_coming, show_listed
    from schedules.timetable.config import Timetable

    timetable, dataset, moment = Timetable.read(options.timetable), DataFolder(options.data), now()
    if (options.act == "run") != (options.name is not None):
        raise WrongUsage("`khobor schedule run NAME` names a schedule; `list` and `next` show all of them")
    if options.act == "list":
        rows = listed(timetable, dataset, moment)
        answer(rows, options.json, lambda: show_listed(rows, moment))
        return 0
    if options.act == "next":
        times = coming(timetable, moment, options.count)
        answer(times, options.json, lambda: show_coming(times, moment))
        return 0
    return _run(options, timetable, dataset)


def _run(options: argparse.Namespace, timetable: "Timetable", dataset: "DataFolder") -> int:
    from schedules.cli.render.progress_bar import Watching
    from schedules.service.notifier_thread import notify_after_run
    from schedules.service.scheduled_run import run_schedule

    with notify_after_run(dataset, timetable, complain):
        with Watching() as watching:
            turn = run_schedule(
                timetable.named(options.name),
                dataset,
                only_due=options.due,
                settings=options.settings,
                mirror=options.mirror,
                look=watching.look,
            )
        if turn.sentence:
            print(turn.sentence, file=sys.stderr)
        if turn.reports:
            answer_runs(turn.reports, options.json)
    return turn.exit_code


def serve(options: argparse.Namespace) -> int:
    """Keep the timetable until told to end."""
    from pipelines.storage.data_folder import DataFolder
    from schedules.dashboard.server import Address
    from schedules.service.serve import serve as keep

    page = None if options.no_dashboard else Address(options.host, options.port, tuple(options.allowed_host))
    given = {"settings": options.settings, "mirror": options.mirror, "page": page}
    return keep(options.timetable, DataFolder(options.data), **given)
