"""Carrying out: several runs go on at once and to their ends, and a signal to us is a signal to them."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from schedules.exit_codes import REASONS, ExitCode, Interrupted
from schedules.runner.run_process import RunOptions, RunProcess
from schedules.signals import handle_signals

SECONDS_BETWEEN_LOOKS = 0.2
SIGNALS_TO_BE_GONE = 3


def run_all(
    launches: Sequence[RunOptions], look: Callable[[RunProcess], None], say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Run all of them at once and to their ends; returns their reports.

    A signal to us is passed on to them. If one cannot be started, those that were are ended, and its error is raised;
    :class:`Interrupted` if a signal came before any was.
    """
    running: list[RunProcess] = []
    with _passing_on_signals(running) as told:
        try:
            for launch in launches:
                if not told:
                    running.append(RunProcess(launch))
                    for warning in running[-1].warnings:
                        say(f"warning: {warning}")
                    if told and running[-1].told is None:
                        running[-1].interrupt(told[0])
        except BaseException:
            for run in running:
                run.interrupt(signal.SIGTERM)
            _wait(running, lambda run: None)
            for run in running:
                run.conclude()
            raise
        _wait(running, look, lambda: say(_ENDING[min(len(told), 2)]), told)
        reports = [run.conclude() for run in running]
    if not reports:
        raise Interrupted(told[0])
    return reports


_ENDING = {
    1: "ending: what is under way gets a few seconds, then everything accepted is published; once more ends it at once",
    2: "ending at once: what was under way is dropped, everything accepted is published",
}


def watch(runs: Sequence[RunProcess], look: Callable[[RunProcess], None]) -> None:
    """Wait for runs to finish, looking at each a few times a second; a signal to us is passed on to them."""
    with _passing_on_signals(runs):
        _wait(runs, look)


def _wait(
    runs: Sequence[RunProcess],
    look: Callable[[RunProcess], None],
    tell: Callable[[], None] = lambda: None,
    told: Sequence[int] = (),
) -> None:
    heard = 0
    while True:
        waiting = [run for run in runs if not run.finished()]
        for run in waiting:
            look(run)
        if heard < len(told):  # also when the runs were quicker to end than we to look
            heard = len(told)
            tell()
        if not waiting:
            return
        time.sleep(SECONDS_BETWEEN_LOOKS)


@contextmanager
def _passing_on_signals(runs: Sequence[RunProcess]) -> Iterator[list[int]]:
    """Passes SIGINT and SIGTERM on to the runs that there are; yields the signals that came so far.

    Who sends so many does not want to wait for anything: then we are gone at once, and whoever comes next publishes.
    """
    told: list[int] = []

    def pass_on(number: int, _: object) -> None:
        told.append(number)
        if len(told) >= SIGNALS_TO_BE_GONE:
            os._exit(ExitCode.of_signal(number))
        for run in runs:
            run.interrupt(number)

    with handle_signals(pass_on, REASONS):
        yield told
