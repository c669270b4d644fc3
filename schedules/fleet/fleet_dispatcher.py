"""Dispatcher of the fleet: that of the service, with one occurrence per site and tasks instead of child processes."""

from dataclasses import dataclass, replace
from datetime import datetime

from schedules.fleet.site_tasks import SiteTask, SiteTasks
from schedules.reports.waiting_sites import write_waiting
from schedules.service.dispatcher import Dispatcher
from schedules.timetable.config import Schedule, Timetable
from schedules.timetable.occurrences import Occurrences


def one_schedule_per_site(timetable: Timetable) -> Timetable:
    """Return the timetable with each schedule of several sites replaced by one schedule for each of its sites."""
    schedules = [
        schedule
        if len(schedule.sites) == 1
        else schedule.model_copy(update={"name": f"{schedule.name}-{site.replace('_', '-')}", "sites": (site,)})
        for schedule in timetable.schedules
        for site in schedule.sites
    ]
    return replace(timetable, schedules=tuple(schedules))


@dataclass
class FleetDispatcher(Dispatcher):
    """Starter of the runs of one timetable on the workers of a cluster, to be called at short intervals."""

    def __post_init__(self) -> None:
        assert isinstance(self.processes, SiteTasks)
        self.tasks = self.processes
        self._use(self.timetable)

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
        self._use(self.timetable)

    def _use(self, timetable: Timetable) -> None:
        self.timetable = one_schedule_per_site(timetable)
        self.tasks.retention = timetable.retention

    def _reap(self, occurrences: Occurrences, moment: datetime) -> None:
        self.tasks.refresh({child.key for child in self.children.values() if isinstance(child, SiteTask)})
        super()._reap(occurrences, moment)

    def _dispatch(self, occurrences: Occurrences, schedule: Schedule, moment: datetime) -> None:
        if self.tasks.status["ready"] and self.tasks.placement.choose(schedule.sites[0]) is not None:
            super()._dispatch(occurrences, schedule, moment)
