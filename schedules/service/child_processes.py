"""Child processes of the service: one per scheduled run, in a session of its own, so that it outlives the service."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.fsync import private_file
from pipelines.storage.site_lock import SiteLock, SiteLocked
from schedules.paths import PROJECT
from schedules.timetable.config import ACCEPTED, Schedule
from schedules.timetable.occurrences import lock_file

# The process that holds a lock and has not written its number yet.
UNKNOWN_PROCESS = -1


class ChildProcesses:
    """Starts scheduled runs in one data folder, all with the same settings and mirror."""

    def __init__(self, dataset: DataFolder, settings: Sequence[str] = (), mirror: str | None = None) -> None:
        self._dataset = dataset
        self._options = [f"-s{setting}" for setting in settings] + ([f"--mirror={mirror}"] if mirror else [])

    def start(self, schedule: Schedule, due: str) -> "subprocess.Popen[bytes]":
        """Start the run of a claimed occurrence, with its output in a file: a pipe would break with the service."""
        command = [sys.executable, "-m", "schedules.service.scheduled_run", schedule.name, f"--due={due}"]
        command += [f"--timetable={self._dataset.root / ACCEPTED}", f"--data={self._dataset.root}", *self._options]
        with open(self._dataset.state / "schedules" / f"{schedule.name}.log", "wb", opener=private_file) as log:
            return subprocess.Popen(
                command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def holder(self, schedule: str) -> int | None:
        """Return the process that runs a schedule, whoever started it; None if there is none."""
        try:
            SiteLock.take(lock_file(self._dataset, schedule)).release()
        except SiteLocked as locked:
            process = int(locked.holder.get("pid", 0))
            return process if process not in (0, os.getpid()) else UNKNOWN_PROCESS
        return None

    def terminate(self, process: int) -> None:
        """Send SIGTERM to a process that :meth:`holder` returned."""
        if process > 0:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)
