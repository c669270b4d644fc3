"""Child processes of the service, one per scheduled crawl.

Each is in a session of its own, so that a crawl can continue when the service ends.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Protocol

from crawler.clock import now
from pipelines.ledger.runs import has_dead_run
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.fsync import private_file
from pipelines.storage.site_lock import SiteLock, SiteLocked
from schedules.paths import PROJECT
from schedules.reports.checks import CHECK_INTERVAL, last_checks
from schedules.timetable.config import ACCEPTED, Schedule
from schedules.timetable.schedule_lock import lock_file

# Stands for a process that holds a lock and has not written its process id yet.
UNKNOWN_PROCESS = -1


class Child(Protocol):
    """Process or task that executes a scheduled run."""

    def poll(self) -> int | None: ...

    def terminate(self) -> None: ...


class Starter(Protocol):
    """Starter of scheduled runs, as child processes or in another way; see :class:`ChildProcesses`."""

    def start(self, schedule: Schedule, due: str) -> Child: ...

    def report_dead_runs(self, sites: Iterable[str]) -> None: ...

    def check_data(self, sites: Iterable[str]) -> None: ...

    def holder(self, schedule: str) -> int | None: ...

    def terminate(self, process: int) -> None: ...


class ChildProcesses:
    """Starter of the child processes that crawl sites, publish rows and check files, for one data folder.

    ``settings`` are Scrapy settings (`NAME=VALUE`) for all runs, and ``mirror`` is a server to connect to instead of
    the hosts of the sites.
    """

    def __init__(self, dataset: DataFolder, settings: Sequence[str] = (), mirror: str | None = None) -> None:
        self._dataset = dataset
        self._options = [f"-s{setting}" for setting in settings] + ([f"--mirror={mirror}"] if mirror else [])
        self._publications: list[subprocess.Popen[bytes]] = []

    def start(self, schedule: Schedule, due: str) -> "subprocess.Popen[bytes]":
        """Start the child process for a scheduled run, and return it.

        ``due`` is the due time of the schedule, which the caller must have claimed (reserved) in the database of due
        times.
        """
        command = [sys.executable, "-m", "khobor", "schedule", "run", schedule.name, f"--occurrence={due}"]
        command += [f"--timetable={self._dataset.root / ACCEPTED}", f"--data={self._dataset.root}", *self._options]
        return self._popen(command, schedule.name)

    def report_dead_runs(self, sites: Iterable[str]) -> None:
        """Publish the rows that killed runs stored, and write the reports of these runs.

        A child process is started for each of the given sites that has such a run.
        """
        self._publications = [each for each in self._publications if each.poll() is None]
        for site in sites:
            if has_dead_run(self._dataset.ledger(site)):
                command = [sys.executable, "-m", "khobor", "publish", site, f"--data={self._dataset.root}"]
                self._publications.append(self._popen(command, f"publish-{site}"))

    def check_data(self, sites: Iterable[str]) -> None:
        """Start a full check of the files of one site that was not checked within the last week.

        Nothing is started while another process for checking or publishing runs.
        """
        self._publications = [each for each in self._publications if each.poll() is None]
        checked = {check.site for check in last_checks(self._dataset) if now() - check.at < CHECK_INTERVAL}
        for site in sites:
            if not self._publications and site not in checked and self._dataset.ledger(site).exists():
                command = [sys.executable, "-m", "khobor", "check", site, f"--data={self._dataset.root}"]
                self._publications.append(self._popen(command, f"check-{site}"))

    def _popen(self, command: Sequence[str], name: str) -> "subprocess.Popen[bytes]":
        """Start a child process whose output goes to a log file, because a pipe would break when the service ends."""
        with open(self._dataset.state / "schedules" / f"{name}.log", "wb", opener=private_file) as log:
            return subprocess.Popen(
                command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def holder(self, schedule: str) -> int | None:
        """Return the id of the process that executes a schedule, or None if the schedule is not being executed.

        The process may have been started by this service, by another one or by hand. `UNKNOWN_PROCESS` is returned if
        the process id is not known yet.
        """
        try:
            SiteLock.take(lock_file(self._dataset, schedule)).release()
        except SiteLocked as locked:
            process = int(locked.holder.get("pid", 0))
            return process if process not in (0, os.getpid()) else UNKNOWN_PROCESS
        return None

    def terminate(self, process: int) -> None:
        """Send SIGTERM to a process whose id :meth:`holder` returned; an unknown or ended process is ignored."""
        if process > 0:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)
