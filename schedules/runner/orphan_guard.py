"""Guard of a run: a separate process that kills the crawl if it continues too long without its parent or its lease.

The run also receives SIGTERM when its parent exits. But Python handles signals only between bytecode instructions, and
so never while C code blocks the interpreter. The guard does not depend on the interpreter of the run, because the
kernel notifies it when a process ends (pidfd).

In a fleet, a run may crawl its site only under a lease, which its parent renews. The guard kills the run when the lease
is over, because the parent may be frozen.
"""

import gc
import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from crawler.worker.process import fork, isolate
from schedules.runner.watchdog import PUBLISH_SECONDS

LEASE_CHECK_SECONDS = 1.0


def boot_time() -> float:
    """Return the time of a clock that, unlike the monotonic clock, goes on while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def has_lease(path: Path) -> bool:
    """Return True if the time in a lease file, which :func:`boot_time` measures, has not come yet."""
    try:
        return boot_time() < float(path.read_text())
    except (OSError, ValueError):
        return False


def guard_against_orphaning(
    parent: int, seconds: float, is_publishing: Callable[[], bool], lease: Path | None = None
) -> None:
    """Start a process that kills the calling process if it continues too long after its parent has exited; Linux only.

    :param parent: id of the parent process
    :param seconds: time allowed after the exit of the parent; a run that is publishing then has `PUBLISH_SECONDS` more
    :param is_publishing: function that returns True while the run is publishing, that is, writing its rows to Parquet
    :param lease: file with the time until which the run may continue; without it, there is no such time
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
            _guard(*processes, seconds, is_publishing, lease)
    finally:  # no code of the run may go on
        os._exit(0)


def _guard(run: int, parent: int, seconds: float, is_publishing: Callable[[], bool], lease: Path | None) -> None:
    while (ended := _ended((run, parent), LEASE_CHECK_SECONDS if lease else None)) is None:
        if lease and not has_lease(lease):
            break
    if ended == run:
        return
    if ended == parent and (
        _ended((run,), seconds) == run or (is_publishing() and _ended((run,), PUBLISH_SECONDS) == run)
    ):
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
