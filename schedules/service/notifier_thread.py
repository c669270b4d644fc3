"""The herald: tells what is new and keeps the file of metrics, beside the service or after a turn.

Whatever happens to it, runs and service go on, and end with the code that is theirs.
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

SECONDS_BETWEEN_LOOKS = 15.0
SECONDS_TO_END = 10.0


class NotifierThread:
    """Looks again and again, in a thread."""

    def __init__(
        self,
        dataset: DataFolder,
        timetable: Callable[[], Timetable],
        say: Callable[[str], None],
        seconds: float = SECONDS_BETWEEN_LOOKS,
    ) -> None:
        self._notifier = Notifier(dataset, say)
        self._dataset, self._timetable, self._say, self._seconds = dataset, timetable, say, seconds
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._go, name="khobor-herald", daemon=True)
        self._trouble: dict[str, str] = {}

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def end(self, seconds: float = SECONDS_TO_END) -> None:
        """Look once more, at what the last runs came to; what is not told in that time is told by the next service."""
        self._ending.set()
        self._thread.join(seconds)

    def _go(self) -> None:
        while True:
            is_last = self._ending.is_set()
            self._see("alerts", trouble_of(lambda: self._notifier.run_once(self._timetable())))
            self._see("metrics", trouble_of(lambda: write_metrics(self._dataset, self._timetable())))
            if is_last:
                return
            self._ending.wait(self._seconds)

    def _see(self, what: str, trouble: str) -> None:
        if trouble != self._trouble.get(what, ""):
            self._say(
                f"{what}: {trouble}; trying again every {self._seconds:g} s" if trouble else f"{what}: well again"
            )
        self._trouble[what] = trouble


@contextmanager
def notify_after_run(dataset: DataFolder, timetable: Timetable, say: Callable[[str], None]) -> Iterator[None]:
    """When a turn that no service launched is over, however it ended, tell what came of it and write the metrics."""
    try:
        yield
    finally:
        for what, part in (
            ("metrics", lambda: write_metrics(dataset, timetable)),
            ("alerts", lambda: notify_with_retries(dataset, timetable, say)),
        ):
            if trouble := trouble_of(part):
                say(f"{what}: {trouble}")


def write_metrics(dataset: DataFolder, timetable: Timetable) -> None:
    """Write the file of metrics, if the timetable names one; raises :class:`StorageError` where it cannot be."""
    if timetable.metrics_file is not None:
        from schedules.metrics.exposition import write_exposition

        write_exposition(timetable.metrics_file, dataset, timetable, now())


def trouble_of(part: Callable[[], object]) -> str:
    """What went wrong with a part of this in a sentence, empty where nothing did."""
    try:
        part()
    except SiteLocked:
        pass  # somebody else is about it
    except FATAL_ERRORS as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - an error of ours in telling must end neither runs nor the service
        traceback.print_exc(file=sys.stderr)
        return f"an error of ours, {type(error).__name__}: {error}"
    return ""
