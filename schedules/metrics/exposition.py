"""Metrics: the numbers of a data folder as Prometheus reads them, from what its files say, at the moment it asks.

Every value of a label is a word of ours (a site, a schedule, an outcome, a reason, a column): what is none is `other`.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pipelines.storage.atomic_write import atomic_path
from pipelines.storage.data_folder import DataFolder
from schedules.alerting.deliveries import active_alarms
from schedules.metrics.freshness import Freshness
from schedules.metrics.labels import BY_HAND, CHANGES, CODES, KINDS, OTHER, OUTCOMES, bounded, reasons, sites, word
from schedules.metrics.totals import Tallied, Tallies
from schedules.reports.progress import running
from schedules.timetable.config import Timetable


def exposition(dataset: DataFolder, timetable: Timetable, moment: datetime) -> bytes:
    """All numbers in Prometheus's text format, version 0.0.4; what did not change since the last call is not read."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers(dataset, timetable, moment, *_sources(dataset.root)))
    return generate_latest(registry)


def samples(dataset: DataFolder, timetable: Timetable, moment: datetime) -> list[dict[str, Any]]:
    """The same for a program that is not Prometheus: `name`, `labels` and `value` of each."""
    numbers = _Numbers(dataset, timetable, moment, *_sources(dataset.root))
    found = (sample for metric in numbers.collect() for sample in metric.samples)
    return [{"name": each.name, "labels": each.labels, "value": each.value} for each in found]


def write_exposition(file: Path, dataset: DataFolder, timetable: Timetable, moment: datetime) -> None:
    """Put the numbers where the node exporter reads them; it sees the whole file or the one before it.

    Raises :class:`StorageError` where it cannot be written.
    """
    text = exposition(dataset, timetable, moment)
    with atomic_path(file, durable=False) as path:
        path.write_bytes(text)
        path.chmod(0o644)  # the exporter runs as another user


@cache
def _sources(root: Path) -> tuple[Tallies, Freshness]:
    return Tallies(DataFolder(root)), Freshness(DataFolder(root))


@dataclass(eq=False)
class _Numbers(Collector):
    """All metrics of one moment."""

    dataset: DataFolder
    timetable: Timetable
    moment: datetime
    tallies: Tallies
    freshness: Freshness

    def collect(self) -> Iterator[Metric]:
        tallied = self.tallies.refresh()
        yield gauge(
            "khobor_info", "The version of Khobor that reads the data", ["version"], [((version("khobor"),), 1)]
        )
        yield from self._totals(tallied)
        yield from self._last_runs(tallied)
        yield from self._data()
        yield from self._progress()
        yield from self._times_and_alarms()

    # Words ----------------------------------------------------------------------------------------------------------

    def _at(self, site: str, schedule: str | None) -> tuple[str, str]:
        return word(site, sites()), self._schedule(schedule)

    def _schedule(self, name: str | None) -> str:
        return BY_HAND if name is None else word(name, [schedule.name for schedule in self.timetable.schedules])

    # Runs that ended -------------------------------------------------------------------------------------------------

    def _totals(self, tallied: Tallied) -> Iterator[Metric]:
        def summed(what: str, known: Collection[str]) -> list[tuple[tuple[str, ...], float]]:
            counts: dict[tuple[str, ...], float] = {}
            for (named, site, schedule, detail), count in tallied.totals.items():
                if named == what:
                    labels = (*self._at(site, schedule), *([word(detail, known)] if known else []))
                    counts[labels] = counts.get(labels, 0) + count
            return sorted(counts.items())

        at = ["site", "schedule"]
        yield counter("khobor_runs", "Runs that ended, by exit code", [*at, "exit_code"], summed("runs", CODES))
        yield counter("khobor_run_seconds", "Total duration of runs", at, summed("seconds", ()))
        yield counter("khobor_requests", "Requests sent", at, summed("requests", ()))
        yield counter("khobor_stories", "Stories, by change", [*at, "change"], summed("stories", CHANGES))
        yield counter("khobor_fetches", "URLs, by outcome", [*at, "outcome"], summed("fetches", OUTCOMES))
        yield counter("khobor_rejects", "Records rejected, by reason", [*at, "reason"], summed("rejects", reasons()))

    def _last_runs(self, tallied: Tallied) -> Iterator[Metric]:
        latest = {
            self._at(*key): run
            for key, run in sorted(tallied.latest.items(), key=lambda each: each[1].ended_at)
            if OTHER not in self._at(*key)
        }
        good = {
            self._at(*key): at.timestamp() for key, at in tallied.latest_good.items() if OTHER not in self._at(*key)
        }
        at = ["site", "schedule"]

        def each(name: str, text: str, value: Any) -> Metric:
            return gauge(f"khobor_{name}", text, at, [(key, value(run)) for key, run in latest.items()])

        def parts(name: str, text: str, label: str, values: Any) -> Metric:
            rows = [((*key, part), value) for key, run in latest.items() for part, value in sorted(values(run).items())]
            return gauge(f"khobor_last_run_{name}", text, [*at, label], rows)

        yield gauge("khobor_last_success_timestamp_seconds", "End of the last good run", at, good.items())
        yield each("last_run_timestamp_seconds", "End of the last run", lambda run: run.ended.timestamp())
        yield each("last_run_exit_code", "Exit code of the last run; 0 is good", lambda run: run.exit_code)
        yield each("last_run_duration_seconds", "Duration of the last run", lambda run: run.seconds)
        yield each("last_run_requests", "Requests of the last run", lambda run: run.requests)
        yield each("last_run_alarms", "Alarms of the last run", lambda run: len(run.alarms))
        yield parts("stories", "Stories of the last run", "change", lambda run: {n: getattr(run, n) for n in CHANGES})
        yield parts("fetches", "URLs of the last run", "outcome", lambda run: bounded(run.outcomes, OUTCOMES))
        yield parts(
            "rejects", "Records rejected in the last run", "reason", lambda run: bounded(run.rejects, reasons())
        )
        yield parts("field_coverage_ratio", "Share of parsed stories that have the column", "field", _coverage)

    # Data ------------------------------------------------------------------------------------------------------------

    def _data(self) -> Iterator[Metric]:
        newest = {site: self.freshness.newest_story(site) for site in sites()}
        for column, text in (("published_at", "was published"), ("first_seen_at", "was first seen")):
            rows = [((site,), found[column].timestamp()) for site, found in newest.items() if column in found]
            name = f"khobor_newest_story_{column.removesuffix('_at')}_timestamp_seconds"
            yield gauge(name, f"When the newest story {text}", ["site"], rows)
        ages = [((site,), age) for site, found in newest.items() if (age := _age(found, self.moment)) is not None]
        yield gauge("khobor_lag_seconds", "Age of the newest story when this was written", ["site"], ages)
        lengths = [
            ((site, name), length)
            for site, names in sites().items()
            for name, length in sorted(self.freshness.list_lengths(site).items())
            if name in names
        ]
        yield gauge("khobor_list_length", "Entries of the newest snapshot of a list", ["site", "list"], lengths)
        outbox = [((site,), count) for site in sites() if (count := self.freshness.outbox(site)) is not None]
        yield gauge("khobor_outbox_rows", "Stored rows that are not published yet", ["site"], outbox)
        with suppress(OSError):
            free = [((), self.dataset.free_bytes())]
            yield gauge("khobor_free_bytes", "Free bytes in the file system of the data folder", [], free)

    def _progress(self) -> Iterator[Metric]:
        runs = {run.site: run for run in running(self.dataset) if run.site in sites()}
        rows = [((site,), int(site in runs)) for site in sites()]
        yield gauge("khobor_running", "1 while a run is in progress", ["site"], rows)
        for name, text in (
            ("requests", "Requests so far of the current run"),
            ("stories", "Stories so far of the current run"),
            ("discovered", "URLs discovered so far by the current run"),
            ("queued", "URLs that the current run has queued"),
            ("seconds", "Seconds since the current run started"),
        ):
            rows = [((site,), getattr(run, name)) for site, run in runs.items()]
            yield gauge(f"khobor_running_{name}", text, ["site"], rows)

    def _times_and_alarms(self) -> Iterator[Metric]:
        due = [((s.name,), next(s.after(self.moment)).at.timestamp()) for s in self.timetable.schedules]
        yield gauge("khobor_schedule_next_timestamp_seconds", "Next time the schedule is due", ["schedule"], due)
        stands = active_alarms(self.dataset)
        counts = {(site, kind): 0 for site in sites() for kind in KINDS}
        for alarm in stands.alarms:
            key = (word(str(alarm.get("site")), sites()), word(str(alarm.get("kind")), KINDS))
            counts[key] = counts.get(key, 0) + 1
        yield gauge("khobor_alarms", "Active alarms", ["site", "kind"], counts.items())
        names = {target.name for target in self.timetable.targets}
        targets = [state for state in stands.targets if state.name in names]
        waiting, failures = ([((s.name,), getattr(s, what)) for s in targets] for what in ("waiting", "failures"))
        yield gauge("khobor_alerts_pending", "Alerts not yet delivered to a target", ["target"], waiting)
        yield gauge("khobor_alert_failures", "Consecutive failed deliveries to a target", ["target"], failures)


Rows = Iterable[tuple[tuple[str, ...], float]]


def gauge(name: str, text: str, labels: list[str], rows: Rows) -> Metric:
    """A metric that goes up and down, with a row per value."""
    found = GaugeMetricFamily(name, text, labels=labels)
    for values, number in rows:
        found.add_metric(list(values), float(number))
    return found


def counter(name: str, text: str, labels: list[str], rows: Rows) -> Metric:
    """A metric that only goes up; its samples are called `<name>_total`."""
    found = CounterMetricFamily(name, text, labels=labels)
    for values, number in rows:
        found.add_metric(list(values), float(number))
    return found


def _age(newest: dict[str, datetime], moment: datetime) -> float | None:
    """How old the newest story is, in seconds; a date that is yet to come was misread, or misprinted."""
    dates = [newest[name] for name in ("published_at", "first_seen_at") if name in newest]
    return next(((moment - date).total_seconds() for date in dates if date <= moment), None)


def _coverage(run: Any) -> dict[str, float]:
    return {name: each["filled"] / each["of"] for name, each in run.fields.items() if each["of"]}
