"""Wake-ups of the service at the next due time, by APScheduler."""

from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler


class WakeUps:
    """Background scheduler (APScheduler) that calls the function ``wake`` at a given time."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._scheduler = BackgroundScheduler(timezone=UTC)
        self._scheduler.start()

    def set(self, moment: datetime) -> None:
        """Set the time of the next call of ``wake``; it replaces the time that was set before."""
        options = {"id": "due", "replace_existing": True, "misfire_grace_time": None}
        # Not a date: such a job is removed after its call, which raises an error while the scheduler shuts down.
        self._scheduler.add_job(self._wake, "interval", days=365, next_run_time=moment, **options)

    def stop(self) -> None:
        self._scheduler.pause()  # a job that is due during the shutdown would log an error
        self._scheduler.shutdown(wait=True)
