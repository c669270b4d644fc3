"""Processes: turns as children in sessions of their own, which the end of the service does not touch."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.site_lock import SiteLock, SiteLocked
from schedules.paths import PROJECT
from schedules.timetable.config import ACCEPTED, Schedule
from schedules.timetable.occurrences import lock_file


class Processes:
    """Launches turns for one data folder; ``settings`` and ``mirror`` are the same for all of them."""

    def __init__(self, dataset: DataFolder, settings: Sequence[str] = (), mirror: str | None = None) -> None:
        self._dataset = dataset
        self._extra = [f"-s{setting}" for setting in settings] + ([f"--mirror={mirror}"] if mirror else [])

    def start(self, schedule: Schedule, due: str) -> subprocess.Popen[bytes]:
        """Launch a turn. It writes into a file, since a pipe would break with the service and the run with it."""
        command = [sys.executable, "-m", "schedules.service.scheduled_run", schedule.name, f"--due={due}"]
        command += [f"--timetable={self._dataset.root / ACCEPTED}", f"--data={self._dataset.root}", *self._extra]
        with (self._dataset.state / "schedules" / f"{schedule.name}.log").open("wb") as log:
            return subprocess.Popen(
                command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def holder(self, schedule: str) -> int | None:
        """The process in which a turn of the schedule goes on, whoever launched it."""
        try:
            SiteLock.take(lock_file(self._dataset, schedule)).release()
        except SiteLocked as held:
            found = int(held.holder.get("pid", 0))
            return found if found not in (0, os.getpid()) else -1  # it is just writing who it is
        return None

    def end(self, process: int) -> None:
        """Ask it to end."""
        if process > 0:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)
