"""Totals over all runs (crawls) of a data folder, summed from their reports.

The totals of reports that no longer change are stored in `state/run_totals.json`, so that a new process reads only the
latest reports. If that file is missing or damaged, all reports are read again.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from crawler.clock import now
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import StorageError
from schedules.metrics.labels import CHANGES
from schedules.reports.report import InvalidReport, RunReport, parse_report, read_report, rolled_up_reports, run_ids

#: Number of latest reports that may still change, since a scheduled run writes its report twice. Older ones are final.
MAX_OPEN = 200
_CLOCK_TOLERANCE = timedelta(minutes=1)
# The file is written again when this number of reports more has become final.
_WRITE_AFTER = 20
#: Site and schedule; the schedule is None for a run that was started by hand.
Key = tuple[str, str | None]


@dataclass
class Totals:
    """Sums over runs, by metric, site, schedule and detail (such as the outcome of requests).

    It also has the latest run, and the end of the latest good run, of each site and schedule.
    """

    counts: Counter[tuple[str, str, str | None, str]] = field(default_factory=Counter)
    latest: dict[Key, RunReport] = field(default_factory=dict)
    latest_good: dict[Key, datetime] = field(default_factory=dict)

    def copy(self) -> "Totals":
        return Totals(self.counts.copy(), dict(self.latest), dict(self.latest_good))

    def as_dict(self) -> dict[str, Any]:
        return {
            "counts": [[*key, count] for key, count in self.counts.items()],
            "latest": [run.as_dict() for run in self.latest.values()],
            "latest_good": [[*key, end.isoformat()] for key, end in self.latest_good.items()],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Totals":
        latest = [RunReport(**run) for run in values["latest"]]
        return cls(
            Counter({(metric, site, schedule, detail): n for metric, site, schedule, detail, n in values["counts"]}),
            {(run.site, run.schedule): run for run in latest},
            {(site, schedule): datetime.fromisoformat(end) for site, schedule, end in values["latest_good"]},
        )

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
    """Thread-safe reader of the totals over all runs; a report is read again only if its file has changed.

    Reports older than the latest `MAX_OPEN` are final. Only their ids and their sums are kept in memory.
    """

    dataset: DataFolder
    _final: Totals = field(default_factory=Totals)
    _final_ids: set[str] = field(default_factory=set)
    _open: dict[str, tuple[tuple[int, int], RunReport]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._file = self.dataset.state / "run_totals.json"
        with suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(self._file.read_bytes())
            self._final, self._final_ids = Totals.from_dict(kept), set(kept["runs"])
        self._written = len(self._final_ids)

    def read(self) -> Totals:
        """Read the new and changed reports of runs, and return the totals over all runs."""
        with self._lock:
            ids = run_ids(self.dataset)
            self._read_reports(set(ids) - self._final_ids)
            for run_id in sorted(self._open)[:-MAX_OPEN]:
                self._finish(run_id, self._open.pop(run_id)[1])
            self._write()
            totals = self._final.copy()
            for run_id in sorted(self._open):
                totals.add(self._open[run_id][1])
            return totals

    def _read_reports(self, wanted: Iterable[str]) -> None:
        missing = []
        for run_id in wanted:
            with suppress(OSError, InvalidReport):  # `khobor runs` lists unreadable reports
                try:
                    stat = self.dataset.run(run_id).stat()
                except FileNotFoundError:
                    missing.append(run_id)
                    continue
                version = (stat.st_mtime_ns, stat.st_size)
                if run_id not in self._open or self._open[run_id][0] != version:
                    self._open[run_id] = version, parse_report(read_report(self.dataset, run_id), {})
        for run_id, report in rolled_up_reports(self.dataset, missing):
            self._open.pop(run_id, None)
            self._finish(run_id, parse_report(report, {}))

    def _finish(self, run_id: str, run: RunReport) -> None:
        self._final.add(run)
        self._final_ids.add(run_id)

    def _write(self) -> None:
        if len(self._final_ids) >= self._written + _WRITE_AFTER:
            text = json.dumps(self._final.as_dict() | {"runs": sorted(self._final_ids)})
            with suppress(StorageError):  # a read-only copy
                self.dataset.write_text(self._file, text, durable=False)
            self._written = len(self._final_ids)
