"""Dispatcher of the fleet: that of the service, with tasks instead of child processes."""

from dataclasses import dataclass
from datetime import datetime

from schedules.fleet.site_tasks import SiteTask, SiteTasks
from schedules.reports.waiting_sites import write_waiting
from schedules.service.dispatcher import Dispatcher
from schedules.timetable.config import Schedule
from schedules.timetable.occurrences import Occurrences


@dataclass
class FleetDispatcher(Dispatcher):
    """Starter of the runs of one timetable on the workers of a cluster, to be called at short intervals."""

    def __post_init__(self) -> None:
        assert isinstance(self.processes, SiteTasks)
        self.tasks = self.processes
        self.tasks.retention = self.timetable.retention

    def run_once(self) -> None:
        with self._opened() as occurrences:
            for occurrence in occurrences.unfinished():
                key = occurrence.schedule, occurrence.due
                if key not in self.children:
                    self.children[key] = self.tasks.adopt(occurrence)
        super().run_once()
        sites = [schedule.sites[0] for schedule in self.timetable.schedules]
        write_waiting(self.dataset, self.tasks.placement.waiting(sites), has_bucket=self.tasks.placement.has_bucket)

    def reload(self, *, requested: bool = False) -> None:
        super().reload(requested=requested)
        self.tasks.retention = self.timetable.retention

    def _reap(self, occurrences: Occurrences, moment: datetime) -> None:
        self.tasks.refresh({child.key for child in self.children.values() if isinstance(child, SiteTask)})
        super()._reap(occurrences, moment)

    def _dispatch(self, occurrences: Occurrences, schedule: Schedule, moment: datetime) -> None:
        if self.tasks.status["ready"] and self.tasks.placement.choose(schedule.sites[0]) is not None:
            super()._dispatch(occurrences, schedule, moment)
