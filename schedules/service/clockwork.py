"""Clockwork: rings to the second when a schedule is due.

It only rings. What is due is found out anew from the clock and the claims each time somebody looks, so a ring too few
or too many (the clock was set, an hour comes twice, the machine slept) does no harm.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler

from schedules.timetable.config import Timetable


class Clockwork:
    """APScheduler with a trigger per schedule, each in the zone of its own."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._scheduler = BackgroundScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(1)},
            timezone=UTC,
        )

    def wind(self, timetable: Timetable) -> None:
        """Set the times of this timetable, reckoned from the clock as it now stands."""
        if not self._scheduler.running:
            self._scheduler.start()
        self._scheduler.remove_all_jobs()
        for schedule in timetable.schedules:
            self._scheduler.add_job(
                self._ring,
                schedule.cron.trigger(schedule.zone),
                id=schedule.name,
                # By default a ring that is a second late is left out.
                misfire_grace_time=int(schedule.grace.total_seconds()),
                coalesce=True,
                max_instances=1,
            )

    def rings(self) -> dict[str, datetime]:
        """When it rings next for each schedule."""
        return {job.id: job.next_run_time for job in self._scheduler.get_jobs()}

    def stop(self) -> None:
        """Ring no more."""
        if self._scheduler.running:
            self._scheduler.pause()  # a job that is due during the shutdown would be refused aloud
            self._scheduler.shutdown(wait=True)
