"""Guard of a run: a separate process that kills the crawl if it continues too long after its parent has exited.

The run also receives SIGTERM when its parent exits. But Python handles signals only between bytecode instructions, and
so never while C code blocks the interpreter. The guard does not depend on the interpreter of the run, because the
kernel notifies it when a process ends (pidfd).
"""

import gc
import os
import select
import signal
from collections.abc import Callable
from contextlib import suppress

from crawler.worker.process import fork, isolate
from schedules.runner.watchdog import PUBLISH_SECONDS


def guard_against_orphaning(parent: int, seconds: float, is_publishing: Callable[[], bool]) -> None:
    """Start a process that kills the calling process if it continues too long after its parent has exited; Linux only.

    :param parent: id of the parent process
    :param seconds: time allowed after the exit of the parent; a run that is publishing then has `PUBLISH_SECONDS` more
    :param is_publishing: function that returns True while the run is publishing, that is, writing its rows to Parquet
    """
    try:
        processes = os.pidfd_open(os.getpid()), os.pidfd_open(parent)
    except (AttributeError, OSError):  # not Linux, or the parent is gone: the run gets a signal at once
        return
    if child := fork():
        for descriptor in processes:
            os.close(descriptor)
        os.waitpid(child, 0)
        return
    try:
        gc.freeze()
        if not fork():  # no child of the run, which waits for none
            isolate(-1, *processes)
            _guard(*processes, seconds, is_publishing)
    finally:  # no code of the run may go on
        os._exit(0)


def _guard(run: int, parent: int, seconds: float, is_publishing: Callable[[], bool]) -> None:
    if _ended((run, parent), None) == run or _ended((run,), seconds) == run:
        return
    if is_publishing() and _ended((run,), PUBLISH_SECONDS) == run:
        return
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(run, signal.SIGKILL)


def _ended(processes: tuple[int, ...], seconds: float | None) -> int | None:
    """Wait until one of the processes has ended, and return its pidfd; return None if ``seconds`` pass before."""
    poll = select.poll()
    for process in processes:
        poll.register(process, select.POLLIN)
    ready = {process for process, _ in poll.poll(None if seconds is None else seconds * 1000)}
    return next((process for process in processes if process in ready), None)
