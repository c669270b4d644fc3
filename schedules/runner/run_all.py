"""Run several run processes at once, and pass signals on to them."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from schedules.exit_codes import CLOSE_REASONS, ExitCode, Interrupted
from schedules.runner.run_process import RunOptions, RunProcess
from schedules.signals import handle_signals

POLL_SECONDS = 0.2
# So many signals end this process at once; the next command publishes.
MAX_SIGNALS = 3
_MESSAGES = (
    "stopping: downloads in progress get a few seconds, then everything stored is published; again to stop at once",
    "stopping at once: downloads in progress are dropped, everything stored is published",
)


def run_all(
    options: Sequence[RunOptions], look: Callable[[RunProcess], None], log: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Run all of them at once and return their reports.

    Signals are passed on. If one cannot be started, the others are stopped and its error is raised;
    :class:`Interrupted` if a signal came before any was started.
    """
    runs: list[RunProcess] = []
    with _passing_on_signals(runs) as received:
        try:
            for each in options:
                if not received:
                    runs.append(RunProcess(each))
                    for warning in runs[-1].warnings:
                        log(f"warning: {warning}")
                    if received and runs[-1].signal is None:
                        runs[-1].interrupt(received[0])
        except BaseException:
            for run in runs:
                run.interrupt(signal.SIGTERM)
            wait_for(runs)
            for run in runs:
                run.conclude()
            raise
        _poll(runs, look, lambda: log(_MESSAGES[min(len(received), 2) - 1]), received)
        reports = [run.conclude() for run in runs]
    if not reports:
        raise Interrupted(received[0])
    return reports


def wait_for(runs: Sequence[RunProcess], look: Callable[[RunProcess], None] = lambda run: None) -> None:
    """Wait for runs to end, calling ``look`` for each a few times a second; signals are passed on."""
    with _passing_on_signals(runs):
        _poll(runs, look)


def _poll(
    runs: Sequence[RunProcess],
    look: Callable[[RunProcess], None],
    on_signal: Callable[[], None] = lambda: None,
    received: Sequence[int] = (),
) -> None:
    handled = 0
    while True:
        running = [run for run in runs if not run.has_ended()]
        for run in running:
            look(run)
        if handled < len(received):  # also if the runs ended before this poll
            handled = len(received)
            on_signal()
        if not running:
            return
        time.sleep(POLL_SECONDS)


@contextmanager
def _passing_on_signals(runs: Sequence[RunProcess]) -> Iterator[list[int]]:
    """Pass SIGINT and SIGTERM on to the runs; yields the signals received so far."""
    received: list[int] = []

    def pass_on(number: int, _: object) -> None:
        received.append(number)
        if len(received) >= MAX_SIGNALS:
            os._exit(ExitCode.of_signal(number))
        for run in runs:
            run.interrupt(number)

    with handle_signals(pass_on, CLOSE_REASONS):
        yield received
