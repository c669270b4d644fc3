"""The service: looks at the timetable again and again, until it is told to end.

Looks come every fifteen seconds of monotonic time, which neither sleep nor a change of the clock moves, and besides
when the clockwork rings. Each turn is a process of its own that needs no service to live on.
"""

import argparse
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from os import environ
from pathlib import Path
from queue import Empty, SimpleQueue

from pipelines.runtime.fatal_errors import FATAL_ERRORS
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.fsync import make_folder
from pipelines.storage.site_lock import SiteLock
from schedules.dashboard.server import Address, DashboardProcess, take_token
from schedules.exit_codes import ExitCode, describe_error
from schedules.paths import TIMETABLE
from schedules.runner.options import checked_settings
from schedules.service.child_processes import Processes
from schedules.service.dispatcher import Dispatcher, WakeUps, log_as_json, log_to_stderr
from schedules.service.notifier_thread import NotifierThread
from schedules.signals import handle_signals
from schedules.timetable.config import ACCEPTED, Timetable

SECONDS_BETWEEN_LOOKS = 15.0
# A clock that moved so much against the monotonic one was set, or the machine slept.
JUMP = 5.0


def serve(
    path: Path,
    dataset: DataFolder,
    *,
    settings: Sequence[str] = (),
    mirror: str | None = None,
    seconds: float = SECONDS_BETWEEN_LOOKS,
    page: Address | None = None,
) -> int:
    """Keep the timetable until SIGTERM or SIGINT; returns 0 when all turns were seen to their end.

    ``page`` says where the status page is, None for none.

    Raises before anything is started: a mistake in the timetable,
    settings that no run may have, a folder that cannot be written, another service on it, a page that cannot be there.
    """
    timetable = Timetable.read(path)
    token = take_token(environ, page) if page else None
    checked = checked_settings(settings, mirror=mirror, max_pages=None, max_depth=None)
    say = log_as_json if checked.get("KHOBOR_LOG_FORMAT") == "json" else log_to_stderr
    dataset.prepare()
    make_folder(dataset.state / "schedules")
    with SiteLock.take(dataset.state / "schedules" / "serve.lock"), ExitStack() as ending:
        beside = ending.enter_context(DashboardProcess(dataset, path, page, token, say)) if page else None
        dataset.write_text(ACCEPTED, timetable.text)
        keeper = Dispatcher(timetable, dataset, Processes(dataset, settings, mirror), say=say)
        keeper.say(f"keeping {path}: {timetable.in_words()}")
        herald = NotifierThread(dataset, lambda: keeper.timetable, keeper.say)
        herald.start()
        bell: SimpleQueue[str] = SimpleQueue()
        clockwork = WakeUps(lambda: bell.put("due"))
        with _ringing(bell):
            try:
                _keep(keeper, bell, clockwork, seconds, beside)
            finally:
                clockwork.stop()
            keeper.say("told to end: asking the runs that go on to end, too")
            keeper.drain(hurried=lambda: not bell.empty() and bell.get() == "end")
            herald.end()
        keeper.close()
    keeper.say("ended")
    return ExitCode.DONE


def _keep(
    keeper: Dispatcher, bell: SimpleQueue[str], clockwork: WakeUps, seconds: float, beside: DashboardProcess | None
) -> None:
    clockwork.wind(keeper.timetable)
    offset, rung = time.time() - time.monotonic(), ""
    trouble = ""
    while rung != "end":
        jumped = time.time() - time.monotonic() - offset
        try:
            if keeper.reread(asked=rung == "reread") or abs(jumped) > JUMP:
                clockwork.wind(keeper.timetable)
                offset += jumped
            keeper.look()
            trouble = ""
        except FATAL_ERRORS as error:
            # The disk is full, or the machine is out of processes: it may pass, and the next night is to be kept.
            if trouble != str(error):
                trouble = str(error)
                keeper.say(f"could not look: {error}; trying again every {seconds:g} s")
        if beside is not None:
            beside.restart_if_dead()
        try:
            rung = bell.get(timeout=seconds)
        except Empty:
            rung = ""


@contextmanager
def _ringing(bell: SimpleQueue[str]) -> Iterator[None]:
    """Signals ring the bell; a :class:`SimpleQueue` may be put into from wherever a signal interrupts."""
    rings = {int(signal.SIGTERM): "end", int(signal.SIGINT): "end", int(signal.SIGHUP): "reread"}
    with handle_signals(lambda number, _: bell.put(rings[number]), rings):
        yield


def main(arguments: Sequence[str] | None = None) -> int:
    """The service by itself: `python -m schedules.service.serve --data DIR`."""
    parser = argparse.ArgumentParser(prog="python -m schedules.service.serve", description="Keep the timetable.")
    parser.add_argument("--timetable", type=Path, default=TIMETABLE)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--mirror")
    parser.add_argument("-s", dest="settings", action="append", default=[])
    parser.add_argument("--seconds", type=float, default=SECONDS_BETWEEN_LOOKS, help="between two looks (%(default)g)")
    options = parser.parse_args(arguments)
    try:
        return serve(
            options.timetable,
            DataFolder(options.data),
            settings=options.settings,
            mirror=options.mirror,
            seconds=options.seconds,
        )
    except Exception as error:
        if environ.get("KHOBOR_DEBUG"):
            raise
        code, sentence = describe_error(error)
        print(f"khobor: {sentence}", file=sys.stderr)
        return code


if __name__ == "__main__":
    sys.exit(main())
