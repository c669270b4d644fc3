"""Metrics of a data folder in the text format of Prometheus, collected from its files at each request.

The values of labels come from fixed sets (sites, schedules, outcomes, reasons, columns); any other becomes `other`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from crawler.parsing.ranked_lists import LIST_NAMES
from crawler.spiders import site_names
from pipelines.storage.atomic_write import atomic_path
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import StorageError
from schedules.alerting.deliveries import active_alarms
from schedules.metrics.freshness import list_lengths, newest_story, outbox_rows
from schedules.metrics.labels import (
    ALARM_KINDS,
    BY_HAND,
    CHANGES,
    EXIT_CODES,
    OTHER,
    OUTCOMES,
    REJECT_REASONS,
    known_counts,
    known_or_other,
)
from schedules.metrics.totals import Key, Totals, TotalsReader
from schedules.reports.checks import last_checks
from schedules.reports.progress import running
from schedules.reports.report import RunReport
from schedules.timetable.config import Timetable

_AT = ("site", "schedule")
Rows = Iterable[tuple[tuple[str, ...], float]]


def exposition(dataset: DataFolder, timetable: Timetable, moment: datetime) -> bytes:
    """Return all metrics of a data folder in the text format of Prometheus, version 0.0.4."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_DataFolderCollector(dataset, timetable, moment))
    return generate_latest(registry)


def samples(dataset: DataFolder, timetable: Timetable, moment: datetime) -> list[dict[str, Any]]:
    """Return the metrics of a data folder as dictionaries with `name`, `labels` and `value`.

    They are for programs that do not read the format of Prometheus.
    """
    metrics = _DataFolderCollector(dataset, timetable, moment).collect()
    return [{"name": s.name, "labels": s.labels, "value": s.value} for metric in metrics for s in metric.samples]


def write_exposition(file: Path, dataset: DataFolder, timetable: Timetable, moment: datetime) -> None:
    """Write the metrics to ``file``, atomically, for the textfile collector of the Prometheus node exporter.

    Raises :class:`StorageError` if the file cannot be written, or is inside the data folder.
    """
    if dataset.owns(file):
        raise StorageError(f"{file} is inside the data folder, where only runs write: choose another file for metrics")
    text = exposition(dataset, timetable, moment)
    with atomic_path(file, durable=False) as path:
        path.write_bytes(text)


@cache
def _totals_reader(root: Path) -> TotalsReader:
    return TotalsReader(DataFolder(root))


@dataclass(eq=False)
class _DataFolderCollector(Collector):
    dataset: DataFolder
    timetable: Timetable
    moment: datetime

    def collect(self) -> Iterator[Metric]:
        totals = _totals_reader(self.dataset.root).read()
        yield gauge(
            "khobor_info", "The version of Khobor that reads the data", ["version"], [((version("khobor"),), 1)]
        )
        yield from self._totals(totals)
        yield from self._last_runs(totals)
        yield from self._data()
        yield from self._progress()
        yield from self._timetable_and_alarms()

    def _key(self, key: Key) -> tuple[str, str]:
        site, schedule = key
        names = [schedule.name for schedule in self.timetable.schedules]
        return known_or_other(site, site_names()), BY_HAND if schedule is None else known_or_other(schedule, names)

    def _totals(self, totals: Totals) -> Iterator[Metric]:
        for metric, text, label, known in (
            ("runs", "Runs that ended, by exit code", ["exit_code"], EXIT_CODES),
            ("run_seconds", "Total duration of runs", [], ()),
            ("requests", "Requests sent", [], ()),
            ("stories", "Stories, by change", ["change"], CHANGES),
            ("fetches", "URLs, by outcome", ["outcome"], OUTCOMES),
            ("rejects", "Records rejected, by reason", ["reason"], REJECT_REASONS),
        ):
            counts: dict[tuple[str, ...], float] = {}
            for (name, site, schedule, detail), count in totals.counts.items():
                if name == metric:
                    labels = (*self._key((site, schedule)), *(known_or_other(detail, known) for _ in label))
                    counts[labels] = counts.get(labels, 0) + count
            yield counter(f"khobor_{metric}", text, [*_AT, *label], sorted(counts.items()))

    def _last_runs(self, totals: Totals) -> Iterator[Metric]:
        by_end = sorted(totals.latest.items(), key=lambda item: item[1].ended_at)
        latest = {self._key(key): run for key, run in by_end if OTHER not in self._key(key)}
        good = [(self._key(key), end.timestamp()) for key, end in totals.latest_good.items()]
        good = [row for row in good if OTHER not in row[0]]
        yield gauge("khobor_last_success_timestamp_seconds", "End of the last good run", _AT, good)
        values: tuple[tuple[str, str, Callable[[RunReport], float]], ...] = (
            ("timestamp_seconds", "End of the last run", lambda run: run.ended.timestamp()),
            ("exit_code", "Exit code of the last run; 0 is good", lambda run: run.exit_code),
            ("duration_seconds", "Duration of the last run", lambda run: run.seconds),
            ("requests", "Requests of the last run", lambda run: run.requests),
            ("alarms", "Alarms of the last run", lambda run: len(run.alarms)),
        )
        for name, text, value in values:
            yield gauge(f"khobor_last_run_{name}", text, _AT, [(key, value(run)) for key, run in latest.items()])
        parts: tuple[tuple[str, str, str, Callable[[RunReport], Mapping[str, float]]], ...] = (
            ("stories", "Stories of the last run", "change", lambda run: {n: getattr(run, n) for n in CHANGES}),
            ("fetches", "URLs of the last run", "outcome", lambda run: known_counts(run.outcomes, OUTCOMES)),
            (
                "rejects",
                "Records rejected in the last run",
                "reason",
                lambda run: known_counts(run.rejects, REJECT_REASONS),
            ),
            (
                "field_coverage_ratio",
                "Share of parsed stories that have the column",
                "field",
                lambda run: {name: f["filled"] / f["of"] for name, f in run.fields.items() if f["of"]},
            ),
        )
        for name, text, label, counts in parts:
            rows = [((*key, part), n) for key, run in latest.items() for part, n in sorted(counts(run).items())]
            yield gauge(f"khobor_last_run_{name}", text, [*_AT, label], rows)

    def _data(self) -> Iterator[Metric]:
        newest = {site: newest_story(self.dataset, site) for site in site_names()}
        for column, text in (("published_at", "was published"), ("first_seen_at", "was first seen")):
            rows = [((site,), times[column].timestamp()) for site, times in newest.items() if column in times]
            name = f"khobor_newest_story_{column.removesuffix('_at')}_timestamp_seconds"
            yield gauge(name, f"When the newest story {text}", ["site"], rows)
        # A publication time in the future is wrong, so the time of first sight is used instead.
        past = {site: [times.get(n) for n in ("published_at", "first_seen_at")] for site, times in newest.items()}
        ages = [
            ((site,), (self.moment - time).total_seconds())
            for site, times in past.items()
            if (time := next((time for time in times if time and time <= self.moment), None))
        ]
        yield gauge("khobor_lag_seconds", "Age of the newest story when this was written", ["site"], ages)
        lengths = [
            ((site, name), length)
            for site in site_names()
            for name, length in sorted(list_lengths(self.dataset, site).items())
            if name in LIST_NAMES
        ]
        yield gauge("khobor_list_length", "Entries of the newest snapshot of a list", ["site", "list"], lengths)
        outbox = [((site,), count) for site in site_names() if (count := outbox_rows(self.dataset, site)) is not None]
        yield gauge("khobor_outbox_rows", "Stored rows that are not published yet", ["site"], outbox)
        checks = last_checks(self.dataset)
        at, faults = "End of the last full check of the data", "Faults found by the last full check of the data"
        known = [each for each in checks if each.site in site_names()]
        yield gauge("khobor_check_timestamp_seconds", at, ["site"], [((c.site,), c.at.timestamp()) for c in known])
        yield gauge("khobor_check_faults", faults, ["site"], [((c.site,), c.faults) for c in known])
        with suppress(OSError):
            text = "Free bytes in the file system of the data folder"
            yield gauge("khobor_free_bytes", text, [], [((), self.dataset.free_bytes())])

    def _recorded(self) -> list[str]:
        """Return the known sites that have data in the folder or a schedule; other declared sites have no metrics."""
        scheduled = {site for schedule in self.timetable.schedules for site in schedule.sites}
        return [site for site in site_names() if site in scheduled or self.dataset.ledger(site).exists()]

    def _progress(self) -> Iterator[Metric]:
        runs = {run.site: run for run in running(self.dataset) if run.site in site_names()}
        yield gauge(
            "khobor_running",
            "1 while a run is in progress",
            ["site"],
            [((site,), int(site in runs)) for site in self._recorded()],
        )
        for name, text in (
            ("requests", "Requests so far of the current run"),
            ("stories", "Stories so far of the current run"),
            ("discovered", "URLs discovered so far by the current run"),
            ("queued", "URLs that the current run has queued"),
            ("seconds", "Seconds since the current run started"),
        ):
            rows = [((site,), getattr(run, name)) for site, run in runs.items()]
            yield gauge(f"khobor_running_{name}", text, ["site"], rows)

    def _timetable_and_alarms(self) -> Iterator[Metric]:
        due = [((s.name,), next(s.after(self.moment)).at.timestamp()) for s in self.timetable.schedules]
        yield gauge("khobor_schedule_next_timestamp_seconds", "Next time the schedule is due", ["schedule"], due)
        active = active_alarms(self.dataset)
        counts = {(site, kind): 0 for site in self._recorded() for kind in ALARM_KINDS}
        for alarm in active.alarms:
            site, kind = str(alarm.get("site")), str(alarm.get("kind"))
            key = (known_or_other(site, site_names()), known_or_other(kind, ALARM_KINDS))
            counts[key] = counts.get(key, 0) + 1
        yield gauge("khobor_alarms", "Active alarms", ["site", "kind"], counts.items())
        targets = [state for state in active.targets if state.name in {t.name for t in self.timetable.targets}]
        for name, text, attribute in (
            ("alerts_pending", "Alerts not yet delivered to a target", "waiting"),
            ("alert_failures", "Consecutive failed deliveries to a target", "failures"),
        ):
            rows = [((state.name,), getattr(state, attribute)) for state in targets]
            yield gauge(f"khobor_{name}", text, ["target"], rows)


def _metric(family: type[Any], name: str, text: str, labels: Collection[str], rows: Rows) -> Metric:
    metric: Metric = family(name, text, labels=labels)
    for values, number in rows:
        metric.add_metric(list(values), float(number))  # type: ignore[attr-defined]
    return metric


gauge, counter = partial(_metric, GaugeMetricFamily), partial(_metric, CounterMetricFamily)
