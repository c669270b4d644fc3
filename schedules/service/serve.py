"""Main loop of the service, which starts due runs until SIGTERM or SIGINT; SIGHUP reloads the timetable.

The dispatcher, which starts the runs, is called every 15 seconds, when a run has ended, and when APScheduler signals a
due time. The interval is measured with the monotonic clock, because setting the system clock does not affect it.
"""

import signal
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from os import environ
from pathlib import Path
from queue import Empty, SimpleQueue

from pipelines.runtime.fatal_errors import FATAL_ERRORS
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.fsync import make_folder
from pipelines.storage.site_lock import SiteLock
from schedules.dashboard.server import Address, DashboardProcess, take_token
from schedules.exit_codes import ExitCode
from schedules.runner.options import checked_settings
from schedules.service.child_processes import ChildProcesses
from schedules.service.dispatcher import Dispatcher, log_as_json, log_to_stderr
from schedules.service.notifier_thread import NotifierThread
from schedules.service.wake_ups import WakeUps
from schedules.signals import handle_signals
from schedules.timetable.config import ACCEPTED, Timetable

INTERVAL_SECONDS = 15.0
# When a run has ended, another may start.
_SIGNALS = {
    int(signal.SIGTERM): "stop",
    int(signal.SIGINT): "stop",
    int(signal.SIGHUP): "reload",
    int(signal.SIGCHLD): "ended",
}


def serve(
    path: Path,
    dataset: DataFolder,
    *,
    settings: Sequence[str] = (),
    mirror: str | None = None,
    seconds: float = INTERVAL_SECONDS,
    page: Address | None = None,
    dispatcher_of: Callable[[Timetable, Callable[[str], None]], Dispatcher] | None = None,
) -> int:
    """Run the service until a signal stops it, wait for its runs to end, and return exit code 0.

    Raises an error before anything is started if the timetable or a setting is invalid, if the data folder cannot be
    written or is used by another service, or if the dashboard cannot listen at its address.

    :param path: timetable file
    :param settings: Scrapy settings (`NAME=VALUE`) for all runs
    :param mirror: server to connect to instead of the hosts of the sites
    :param seconds: interval between two checks for due runs
    :param page: address of the dashboard; without it, there is no dashboard
    :param dispatcher_of: function that makes the dispatcher from the timetable and a function for messages; by default,
        runs are child processes
    """
    timetable = Timetable.read(path)
    token = take_token(environ, page) if page else None
    checked = checked_settings(settings, mirror=mirror)
    log = log_as_json if checked.get("KHOBOR_LOG_FORMAT") == "json" else log_to_stderr
    dataset.prepare()
    make_folder(dataset.state / "schedules")
    # The put method of SimpleQueue is safe in a signal handler.
    events: SimpleQueue[str] = SimpleQueue()
    with SiteLock.take(dataset.state / "schedules" / "serve.lock"), ExitStack() as stack:
        dashboard = stack.enter_context(DashboardProcess(dataset, path, page, token, log)) if page else None
        dataset.write_text(ACCEPTED, timetable.text)
        dispatcher = (
            dispatcher_of(timetable, log)
            if dispatcher_of
            else Dispatcher(timetable, dataset, ChildProcesses(dataset, settings, mirror), log=log)
        )
        stack.callback(dispatcher.close)
        log(f"serving {path}: {timetable.in_words()}")
        notifier = NotifierThread(dataset, lambda: dispatcher.timetable, log)
        notifier.start()
        wake_ups = WakeUps(lambda: events.put("due"))
        with handle_signals(lambda number, _: events.put(_SIGNALS[number]), _SIGNALS):
            try:
                _loop(dispatcher, events, wake_ups, seconds, dashboard)
            finally:
                wake_ups.stop()
            log("stopping: asking running runs to end")
            dispatcher.drain(is_hurried=lambda: any(events.get() == "stop" for _ in range(events.qsize())))
            notifier.stop()
    log("stopped")
    return ExitCode.DONE


def _loop(
    dispatcher: Dispatcher,
    events: "SimpleQueue[str]",
    wake_ups: WakeUps,
    seconds: float,
    dashboard: DashboardProcess | None,
) -> None:
    event = last_error = ""
    while event != "stop":
        try:
            dispatcher.reload(requested=event == "reload")
            wake_ups.set(dispatcher.next_due())  # again in each pass, because the clock may be changed
            dispatcher.run_once()
            last_error = ""
        except FATAL_ERRORS as error:
            # For example a full disk, or too many processes; this may be over before the next due time.
            if last_error != str(error):
                last_error = str(error)
                dispatcher.log(f"cannot start runs: {error}; retrying every {seconds:g} s")
        if dashboard is not None:
            dashboard.restart_if_dead()
        try:
            event = events.get(timeout=seconds)
        except Empty:
            event = ""
