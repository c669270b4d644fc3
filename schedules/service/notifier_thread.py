"""Send alerts and write the metrics file, in a thread of the service or after a single run.

Errors are logged and not raised, because they must not end a run or the service, or change an exit code.
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
    """Thread that sends alerts and writes the file with the Prometheus metrics, every ``seconds``."""

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
        """Stop the thread after it has sent the alerts of the last runs; wait up to ``seconds`` for it.

        Alerts that are still unsent then are sent when the service runs again.
        """
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
    """Context manager that writes the metrics file and sends alerts when the block ends, even after an exception.

    It is used for runs that are started by hand, cron or systemd instead of the service.
    """
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
    """Write the Prometheus metrics to the file named in the timetable, if it names one.

    Raises :class:`StorageError` if the file cannot be written.
    """
    if timetable.metrics_file is not None:
        from schedules.metrics.exposition import write_exposition

        write_exposition(timetable.metrics_file, dataset, timetable, now())


def _error_of(action: Callable[[], object]) -> str:
    try:
        action()
    except SiteLocked:
        pass  # another process is sending the alerts
    except FATAL_ERRORS as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - must not end a run or the service
        traceback.print_exc(file=sys.stderr)
        return f"internal error, {type(error).__name__}: {error}"
    return ""
