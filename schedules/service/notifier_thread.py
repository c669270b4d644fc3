"""Notifications and the file of metrics, beside the service or after a single run.

An error here ends neither a run nor the service, and does not change an exit code.
"""

import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from crawler.clock import now
from pipelines.runtime.fatal_errors import FATAL_ERRORS
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.site_lock import SiteLocked
from schedules.alerting.notifier import Notifier, notify_with_retries
from schedules.timetable.config import Timetable

INTERVAL_SECONDS = 15.0
STOP_SECONDS = 10.0


class NotifierThread:
    """A thread that sends alerts and writes metrics at regular intervals."""

    def __init__(
        self,
        dataset: DataFolder,
        timetable: Callable[[], Timetable],
        log: Callable[[str], None],
        seconds: float = INTERVAL_SECONDS,
    ) -> None:
        self._notifier = Notifier(dataset, log)
        self._dataset, self._timetable, self._log, self._seconds = dataset, timetable, log, seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="khobor-notifier", daemon=True)
        self._errors = {"alerts": "", "metrics": ""}

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Send alerts of the last runs and stop; the next service sends what is left after that time."""
        self._stopping.set()
        self._thread.join(seconds)

    def _loop(self) -> None:
        stopping = False
        while not stopping:
            stopping = self._stopping.is_set()
            self._try("alerts", lambda: self._notifier.run_once(self._timetable()))
            self._try("metrics", lambda: write_metrics(self._dataset, self._timetable()))
            self._stopping.wait(self._seconds)

    def _try(self, task: str, action: Callable[[], object]) -> None:
        error = _error_of(action)
        if error != self._errors[task]:
            self._log(f"{task}: {error}; retrying every {self._seconds:g} s" if error else f"{task}: works again")
        self._errors[task] = error


@contextmanager
def notify_after_run(dataset: DataFolder, timetable: Timetable, log: Callable[[str], None]) -> Iterator[None]:
    """Write metrics and send alerts after a run that no service started, however it ended."""
    try:
        yield
    finally:
        for task, action in (
            ("metrics", lambda: write_metrics(dataset, timetable)),
            ("alerts", lambda: notify_with_retries(dataset, timetable, log)),
        ):
            if error := _error_of(action):
                log(f"{task}: {error}")


def write_metrics(dataset: DataFolder, timetable: Timetable) -> None:
    """Write the file of metrics if the timetable names one; raises :class:`StorageError`."""
    if timetable.metrics_file is not None:
        from schedules.metrics.exposition import write_exposition

        write_exposition(timetable.metrics_file, dataset, timetable, now())


def _error_of(action: Callable[[], object]) -> str:
    try:
        action()
    except SiteLocked:
        pass  # another process does it
    except FATAL_ERRORS as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - must not end a run or the service
        traceback.print_exc(file=sys.stderr)
        return f"internal error, {type(error).__name__}: {error}"
    return ""
