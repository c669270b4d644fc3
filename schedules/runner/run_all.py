"""Execute several runs (crawls of different sites) at the same time, and forward signals to them."""

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from schedules.exit_codes import CLOSE_REASONS, ExitCode, Interrupted, describe_error
from schedules.runner.run_process import RunOptions, RunProcess
from schedules.signals import handle_signals

POLL_SECONDS = 0.2
# This number of signals ends the process immediately; the next run or `khobor publish` then publishes the stored rows.
MAX_SIGNALS = 3
_MESSAGES = (
    "stopping: downloads in progress get a few seconds, then everything stored is published; again to stop at once",
    "stopping at once: downloads in progress are dropped, everything stored is published",
)


#: Maximum number of runs at the same time. Each takes up to 250 MB with its worker and mostly waits for its site.
MAX_RUNS = 6


def run_all(
    options: Sequence[RunOptions], look: Callable[[RunProcess], None], log: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Execute all runs, at most :data:`MAX_RUNS` at the same time, and return their reports in the given order.

    SIGINT and SIGTERM are forwarded to the runs. If a run cannot be started, its report has the reason, and the
    others are executed nevertheless; if it is the only one, the error is raised. Raises :class:`Interrupted` if a
    signal was received before any run was started.

    :param look: function that is called regularly with each running crawl
    :param log: function that is called with each message for the user
    """
    runs: list[RunProcess] = []
    waiting = deque(options)
    reports: dict[str, dict[str, Any]] = {}

    def start_more() -> bool:
        running = sum(not run.has_ended() for run in runs)
        while waiting and running < MAX_RUNS and not received:
            each = waiting.popleft()
            try:
                runs.append(RunProcess(each))
            except Exception as error:
                if len(options) == 1:
                    raise
                reports[each.newspaper.name] = not_started(each.newspaper.name, error)
                continue
            running += 1
            for warning in runs[-1].warnings:
                log(f"warning: {warning}")
            if received and runs[-1].signal is None:
                runs[-1].interrupt(received[0])
        return bool(waiting) and not received

    with _passing_on_signals(runs) as received:
        try:
            _poll(runs, look, lambda: log(_MESSAGES[min(len(received), 2) - 1]), received, start_more)
        except BaseException:
            for run in runs:
                run.interrupt(signal.SIGTERM)
            wait_for(runs)
            for run in runs:
                run.conclude()
            raise
        reports |= {run.options.newspaper.name: run.conclude() for run in runs}
    if received and not runs:
        raise Interrupted(received[0])
    stopped = Interrupted(received[0]) if received else None
    reports |= {each.newspaper.name: not_started(each.newspaper.name, stopped) for each in waiting if stopped}
    return [reports[each.newspaper.name] for each in options]


def not_started(site: str, error: Exception) -> dict[str, Any]:
    """Return a report for a run that could not be started because of ``error``."""
    code, sentence = describe_error(error)
    verdict = {"exit_code": code, "problems": [sentence]}
    return {"run_id": "not started", "site": site, "verdict": verdict, "exit_code": int(code)}


def wait_for(runs: Sequence[RunProcess], look: Callable[[RunProcess], None] = lambda run: None) -> None:
    """Wait until all runs have ended, and call ``look`` for each running one several times per second.

    SIGINT and SIGTERM are forwarded to the runs.
    """
    with _passing_on_signals(runs):
        _poll(runs, look)


def _poll(
    runs: Sequence[RunProcess],
    look: Callable[[RunProcess], None],
    on_signal: Callable[[], None] = lambda: None,
    received: Sequence[int] = (),
    start_more: Callable[[], bool] = lambda: False,
) -> None:
    handled = 0
    while True:
        are_waiting = start_more()
        running = [run for run in runs if not run.has_ended()]
        for run in running:
            look(run)
        if handled < len(received):  # also if the runs have ended since the signal
            handled = len(received)
            on_signal()
        if not running and not are_waiting:
            return
        time.sleep(POLL_SECONDS)


@contextmanager
def _passing_on_signals(runs: Sequence[RunProcess]) -> Iterator[list[int]]:
    """Context manager that forwards SIGINT and SIGTERM to the runs, and yields the list of signals received."""
    received: list[int] = []

    def pass_on(number: int, _: object) -> None:
        received.append(number)
        if len(received) >= MAX_SIGNALS:
            os._exit(ExitCode.of_signal(number))
        for run in runs:
            run.interrupt(number)

    with handle_signals(pass_on, CLOSE_REASONS):
        yield received
