"""Dispatcher of the fleet: that of the service, with tasks instead of child processes."""

import time
from dataclasses import dataclass
from datetime import datetime

from schedules.fleet.cluster import ClusterLost
from schedules.fleet.placement import foreign_sentence
from schedules.fleet.site_tasks import SiteTask, SiteTasks
from schedules.reports.waiting_sites import write_waiting
from schedules.service.dispatcher import NEVER, Dispatcher
from schedules.timetable.config import Schedule
from schedules.timetable.cron import Due
from schedules.timetable.occurrences import Occurrences


@dataclass
class FleetDispatcher(Dispatcher):
    """Starter of the runs of one timetable on the workers of a cluster, to be called at short intervals."""

    absence: str = "the service, its scheduler or the worker of the site was absent"

    def __post_init__(self) -> None:
        assert isinstance(self.processes, SiteTasks)
        self.tasks = self.processes
        # Latest time at which a schedule could not be started, because there was no worker for its site.
        self._blocked_at = dict[str, datetime]()
        self._lost_since: float | None = None
        self._notices: list[str] = []
        self.tasks.retention = self.timetable.retention

    def run_once(self) -> None:
        try:
            self._run_once()
        except ClusterLost as error:
            self._lost_since = self._lost_since or time.monotonic()
            if time.monotonic() - self._lost_since >= self.tasks.placement.absence_seconds:
                write_waiting(self.dataset, dict.fromkeys(self._sites(), str(error)))
            raise
        self._lost_since = None
        write_waiting(self.dataset, self.tasks.placement.waiting(self._sites()))
        self.tasks.placement.save()

    def _run_once(self) -> None:
        with self._opened() as occurrences:
            for occurrence in occurrences.unfinished():
                key = occurrence.schedule, occurrence.due
                if key not in self.children:
                    self.children[key] = self.tasks.adopt(occurrence)
        super().run_once()
        notices = [f"{foreign_sentence(worker)}; it gets no site" for worker in self.tasks.placement.foreign]
        if not self.tasks.status["ready"]:
            notices.append("no run is started before all leases of an earlier scheduler must have expired")
        for notice in notices:
            if notice not in self._notices:
                self.log(notice)
        self._notices = notices

    def _sites(self) -> list[str]:
        return [schedule.sites[0] for schedule in self.timetable.schedules]

    def reload(self, *, requested: bool = False) -> None:
        super().reload(requested=requested)
        self.tasks.retention = self.timetable.retention

    def _reap(self, occurrences: Occurrences, moment: datetime) -> None:
        self.tasks.refresh({child.key for child in self.children.values() if isinstance(child, SiteTask)})
        super()._reap(occurrences, moment)

    def _dispatch(self, occurrences: Occurrences, schedule: Schedule, moment: datetime) -> None:
        if self.tasks.status["ready"] and self.tasks.placement.choose(schedule.sites[0]) is not None:
            super()._dispatch(occurrences, schedule, moment)
        else:
            self._blocked_at[schedule.name] = moment

    def _was_running(self, schedule: Schedule, due: Due) -> bool:
        return super()._was_running(schedule, due) and self._blocked_at.get(schedule.name, NEVER) < due.at
