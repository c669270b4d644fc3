"""Commands for the timetable and the dashboard: `schedule`, `serve`, `fleet` and `dashboard`."""

import argparse
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from schedules.cli.arguments import Commands, add_run_options, add_timetable_option, minutes, port, positive
from schedules.cli.output import print_error, print_reports, print_result
from schedules.exit_codes import WrongUsage

if TYPE_CHECKING:
    from pipelines.storage.data_folder import DataFolder
    from schedules.timetable.config import Timetable


def add_to(commands: Commands) -> None:
    parser = commands.add(
        schedule, "list the schedules, show the next occurrences, or run a schedule now", "schedule next --count 5"
    )
    parser.add_argument("action", choices=("list", "next", "run"))
    parser.add_argument("name", nargs="?", metavar="NAME")
    parser.add_argument("--due", action="store_true", help="with run: only if it is due and has not run yet (for cron)")
    # For the service, which has claimed the occurrence and sends the alerts itself.
    parser.add_argument("--occurrence", help=argparse.SUPPRESS)
    parser.add_argument("--count", type=positive, default=10, metavar="N", help="with next: how many (%(default)s)")
    serving = commands.add(serve, "run the schedules and the dashboard until terminated", "serve --port 8620")
    clustered = commands.add(
        fleet,
        "run the schedules on the workers of a Dask cluster until terminated",
        "fleet --scheduler tcp://10.0.0.1:8786",
    )
    place = clustered.add_mutually_exclusive_group(required=True)
    place.add_argument("--scheduler", metavar="ADDRESS", help="address of the Dask scheduler")
    place.add_argument("--local", type=positive, metavar="N", help="start a scheduler and N workers on this machine")
    clustered.add_argument(
        "--move-after",
        type=minutes,
        default=10,
        metavar="N",
        help="restore the sites of a worker that is absent so long",
    )
    clustered.add_argument("--lease-seconds", type=float, default=60, help=argparse.SUPPRESS)  # for tests
    showing = commands.add(dashboard, "show one data folder, or those of several hosts", "dashboard --data /srv/hosts")
    add_timetable_option(showing)
    for each in (serving, clustered, showing):
        _add_dashboard_options(each)
    for each in (serving, clustered):
        each.add_argument("--no-dashboard", action="store_true", help="run without the dashboard")
    for each in (parser, serving, clustered):
        add_timetable_option(each)
        add_run_options(each)


def _add_dashboard_options(serving: argparse.ArgumentParser) -> None:
    serving.add_argument("--host", default="127.0.0.1", help="address the dashboard listens at (%(default)s)")
    serving.add_argument("--port", type=port, default=8620, help="port of the dashboard, 0 for any (%(default)s)")
    serving.add_argument(
        "--allowed-host", action="append", default=[], metavar="HOST", help="accept this Host header too (repeatable)"
    )


def schedule(options: argparse.Namespace) -> int:
    from crawler.clock import now
    from pipelines.storage.data_folder import DataFolder
    from schedules.cli.render.timetable_text import next_occurrences, schedule_rows, show_next, show_schedules
    from schedules.timetable.config import Timetable

    timetable, dataset, moment = Timetable.read(options.timetable), DataFolder(options.data), now()
    if (options.action == "run") != (options.name is not None):
        raise WrongUsage("only `khobor schedule run NAME` takes the name of a schedule")
    if options.action == "run":
        return _run(options, timetable, dataset)
    if options.action == "list":
        rows = schedule_rows(timetable, dataset, moment)
        print_result(rows, options.json, lambda: show_schedules(rows, moment))
    else:
        times = next_occurrences(timetable, moment, options.count)
        print_result(times, options.json, lambda: show_next(times, moment))
    return 0


def _run(options: argparse.Namespace, timetable: "Timetable", dataset: "DataFolder") -> int:
    from schedules.cli.render.progress_bar import ProgressBars
    from schedules.runner.bucket_uploads import upload_sites
    from schedules.service.group_run import run_group
    from schedules.service.notifier_thread import notify_after_run
    from schedules.service.pruning import prune_after_run
    from schedules.service.scheduled_run import run_schedule

    schedules = timetable.group(options.name)
    if len(schedules) > 1:
        result = run_group(schedules, _options_of_each(options))
        if result.reports:
            print_reports(result.reports, options.json)
        return result.exit_code
    [one] = schedules
    with nullcontext() if options.occurrence else notify_after_run(dataset, timetable, print_error):
        with ProgressBars() as progress:
            result = run_schedule(
                one,
                dataset,
                due=options.occurrence,
                only_due=options.due,
                settings=options.settings,
                mirror=options.mirror,
                look=progress.update,
            )
        prune_after_run(dataset, timetable, one.sites, print_error)
        if result.sentence:
            print(result.sentence, file=sys.stderr)
        if result.reports:
            print_reports(result.reports, options.json)
            upload_sites(dataset, one.sites, print_error)
    return result.exit_code


def _options_of_each(options: argparse.Namespace) -> list[str]:
    places = [f"--data={options.data.absolute()}", f"--timetable={options.timetable.absolute()}"]
    mirror = [f"--mirror={options.mirror}"] if options.mirror else []
    return [*(["--due"] if options.due else []), *places, *mirror, *(f"-s{each}" for each in options.settings)]


def serve(options: argparse.Namespace) -> int:
    from pipelines.storage.data_folder import DataFolder
    from schedules.service.serve import serve as run_service

    return run_service(options.timetable, DataFolder(options.data), **_service_options(options))


def fleet(options: argparse.Namespace) -> int:
    from pipelines.storage.data_folder import DataFolder
    from schedules.runner.bucket_uploads import bucket_url

    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise WrongUsage("a fleet needs Dask: install the extra, `pip install 'khobor[cluster]'`") from error
    from schedules.fleet.serve_fleet import serve_fleet

    return serve_fleet(
        options.timetable,
        DataFolder(options.data),
        scheduler=options.scheduler,
        local_workers=options.local or 0,
        bucket=bucket_url(),
        absence_seconds=options.move_after * 60,
        lease_seconds=options.lease_seconds,
        service=_service_options(options),
    )


def _service_options(options: argparse.Namespace) -> dict[str, Any]:
    from schedules.dashboard.server import Address

    page = None if options.no_dashboard else Address(options.host, options.port, tuple(options.allowed_host))
    return {"settings": options.settings, "mirror": options.mirror, "page": page}


def dashboard(options: argparse.Namespace) -> int:
    from schedules.cli.sites import open_data
    from schedules.dashboard.server import Address, show_dashboard

    address = Address(options.host, options.port, tuple(options.allowed_host))
    show_dashboard(open_data(options.data), options.timetable, address)
    return 0
