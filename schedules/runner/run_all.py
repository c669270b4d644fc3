"""Execute several runs at the same time, and forward signals to them."""

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
# This number of signals ends the process immediately; the next run or `khobor publish` then publishes the stored rows.
MAX_SIGNALS = 3
_MESSAGES = (
    "stopping: downloads in progress get a few seconds, then everything stored is published; again to stop at once",
    "stopping at once: downloads in progress are dropped, everything stored is published",
)


def run_all(
    options: Sequence[RunOptions], look: Callable[[RunProcess], None], log: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Execute all runs at the same time and return their reports; signals are forwarded to the runs.

    If a run cannot be started, the others are stopped and its error is raised. Raises :class:`Interrupted` if a signal
    was received before any run was started.
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
    """Wait for runs to end, and call ``look`` for each a few times per second; signals are forwarded to the runs."""
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
        if handled < len(received):  # also if the runs have ended since the signal
            handled = len(received)
            on_signal()
        if not running:
            return
        time.sleep(POLL_SECONDS)


@contextmanager
def _passing_on_signals(runs: Sequence[RunProcess]) -> Iterator[list[int]]:
    """Forward SIGINT and SIGTERM to the runs; yield the list of signals received so far."""
    received: list[int] = []

    def pass_on(number: int, _: object) -> None:
        received.append(number)
        if len(received) >= MAX_SIGNALS:
            os._exit(ExitCode.of_signal(number))
        for run in runs:
            run.interrupt(number)

    with handle_signals(pass_on, CLOSE_REASONS):
        yield received
