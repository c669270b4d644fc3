"""Totals over all runs of a data folder, added up from their reports."""

import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from crawler.clock import now
from pipelines.storage.data_folder import DataFolder
from schedules.metrics.labels import CHANGES
from schedules.reports.report import InvalidReport, RunReport, parse_report, read_report, run_ids

#: Number of latest reports that may still change, since a scheduled run writes its report twice. Older ones are final.
MAX_OPEN = 200
_CLOCK_TOLERANCE = timedelta(minutes=1)
#: Site and schedule; the schedule is None for a run that was started by hand.
Key = tuple[str, str | None]


@dataclass
class Totals:
    """Counts by metric, site, schedule and detail (such as an outcome).

    For each site and schedule, also the latest run and the end of the latest good run.
    """

    counts: Counter[tuple[str, str, str | None, str]] = field(default_factory=Counter)
    latest: dict[Key, RunReport] = field(default_factory=dict)
    latest_good: dict[Key, datetime] = field(default_factory=dict)

    def copy(self) -> "Totals":
        return Totals(self.counts.copy(), dict(self.latest), dict(self.latest_good))

    def add(self, run: RunReport) -> None:
        key = (run.site, run.schedule)
        details = {"stories": {change: getattr(run, change) for change in CHANGES}}
        details |= {"runs": {str(run.exit_code): 1}, "run_seconds": {"": run.seconds}, "requests": {"": run.requests}}
        for metric, counts in (details | {"fetches": run.outcomes, "rejects": run.rejects}).items():
            self.counts.update({(metric, *key, detail): count for detail, count in counts.items()})
        if run.ended > now() + _CLOCK_TOLERANCE:  # the clock was ahead
            return
        if key not in self.latest or self.latest[key].ended_at <= run.ended_at:
            self.latest[key] = run
        if run.good:
            self.latest_good[key] = max(run.ended, self.latest_good.get(key, run.ended))


@dataclass
class TotalsReader:
    """Thread-safe reader of the totals, which reads a report again only if it has changed.

    Of final reports, only the ids and totals are kept in memory.
    """

    dataset: DataFolder
    _final: Totals = field(default_factory=Totals)
    _final_ids: set[str] = field(default_factory=set)
    _open: dict[str, tuple[tuple[int, int], RunReport]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self) -> Totals:
        """Read new and changed reports, and return the totals of all reports."""
        with self._lock:
            for run_id in run_ids(self.dataset):
                if run_id not in self._final_ids:
                    with suppress(OSError, InvalidReport):  # `khobor runs` lists unreadable reports
                        stat = self.dataset.run(run_id).stat()
                        version = (stat.st_mtime_ns, stat.st_size)
                        if run_id not in self._open or self._open[run_id][0] != version:
                            self._open[run_id] = version, parse_report(read_report(self.dataset, run_id), {})
            for run_id in sorted(self._open)[:-MAX_OPEN]:
                self._final.add(self._open.pop(run_id)[1])
                self._final_ids.add(run_id)
            totals = self._final.copy()
            for run_id in sorted(self._open):
                totals.add(self._open[run_id][1])
            return totals
