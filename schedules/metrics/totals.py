"""Tallies: what all runs of a data folder came to, added up from their reports, each read once."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from pipelines.storage.data_folder import DataFolder
from schedules.reports.report import InvalidReport, RunReport, parse_report, read_report, run_ids

#: A report is written once more when its turn judges it; those that are not among the last so many are final.
MOST_OPEN = 200
#: Site and schedule; None is a run by hand.
Key = tuple[str, str | None]
#: What, of which site and schedule, and which of them.
Count = tuple[str, str, str | None, str]


@dataclass
class Tallies:
    """Of one data folder. Several threads may ask; of old runs no more is kept than their names."""

    dataset: DataFolder
    _final: Counter[Count] = field(default_factory=Counter)
    _latest: dict[Key, RunReport] = field(default_factory=dict)
    _latest_good: dict[Key, datetime] = field(default_factory=dict)
    _stamps: dict[str, tuple[int, int]] = field(default_factory=dict)
    _open: dict[str, RunReport] = field(default_factory=dict)
    _folder: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refresh(self) -> "Tallied":
        """Read the reports that are new; returns what all of them come to."""
        with self._lock:
            try:
                stamp = self.dataset.runs.stat().st_mtime_ns
                if stamp != self._folder:
                    self._read()
                # Of a folder that changed while it was read, it is not known what was seen.
                self._folder = stamp if self.dataset.runs.stat().st_mtime_ns == stamp else 0
            except FileNotFoundError:
                pass
            return self._tallied()

    def _read(self) -> None:
        for run_id in run_ids(self.dataset):
            stat = self.dataset.run(run_id).stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            if self._stamps.get(run_id) == stamp or (run_id in self._stamps and run_id not in self._open):
                continue
            self._stamps[run_id] = stamp
            with suppress(OSError, InvalidReport):  # `khobor runs` names it
                self._open[run_id] = parse_report(read_report(self.dataset, run_id), {})
        for name in sorted(self._open)[:-MOST_OPEN]:
            found = self._open.pop(name)
            self._final.update(dict(counts_of(found)))
            _see(found, self._latest, self._latest_good)

    def _tallied(self) -> "Tallied":
        tallied = Tallied(self._final.copy(), dict(self._latest), dict(self._latest_good))
        for _, found in sorted(self._open.items()):
            tallied.totals.update(dict(counts_of(found)))
            _see(found, tallied.latest, tallied.latest_good)
        return tallied


@dataclass(frozen=True)
class Tallied:
    """Counts of what happened; the latest run, and the end of the latest good one, of each site and schedule."""

    totals: Counter[Count]
    latest: dict[Key, RunReport]
    latest_good: dict[Key, datetime]


def counts_of(run: RunReport) -> Iterator[tuple[Count, float]]:
    """What one run adds to the totals."""
    at = (run.site, run.schedule)
    yield ("runs", *at, str(run.exit_code)), 1
    yield ("seconds", *at, ""), run.seconds
    yield ("requests", *at, ""), run.requests
    for change in ("new", "revised", "unchanged", "exact_duplicates", "gone"):
        yield ("stories", *at, change), getattr(run, change)
    for outcome, count in run.outcomes.items():
        yield ("fetches", *at, outcome), count
    for reason, count in run.rejects.items():
        yield ("rejects", *at, reason), count


def _see(run: RunReport, latest: dict[Key, RunReport], latest_good: dict[Key, datetime]) -> None:
    key = (run.site, run.schedule)
    if key not in latest or latest[key].ended_at <= run.ended_at:
        latest[key] = run
    if run.good:
        latest_good[key] = max(run.ended, latest_good.get(key, run.ended))
