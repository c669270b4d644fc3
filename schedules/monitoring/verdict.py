"""Evaluate every run (one crawl of a site) that has ended, even if it was killed, and write its report."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Self
from zoneinfo import ZoneInfo

from scrapy import signals
from scrapy.crawler import Crawler

from crawler.registry import newspapers
from crawler.spider import NewspaperSpider
from pipelines.analysis.coverage import run_coverage
from pipelines.ledger import Ledger
from pipelines.runtime.fatal_errors import FATAL_ERRORS
from pipelines.runtime.page_samples import PageSamples
from pipelines.runtime.run import Run
from pipelines.runtime.run_summary import run_summary
from pipelines.storage.data_folder import DataFolder
from schedules.monitoring.alarms import Alarm, SamplePages, drift_alarms
from schedules.monitoring.drift import Comparison
from schedules.monitoring.expectations import Expectations, Verdict, evaluate
from schedules.monitoring.throughput import throughput, throughput_alarms
from schedules.monitoring.yields import Summary, unchecked_alarms
from schedules.reports.history import Acknowledgement, Report, acknowledgements, of_mode, past_reports
from schedules.reports.report import run_ids


def expectations_of(spider: type[NewspaperSpider]) -> Expectations:
    """Return the requirements for every run of a site: each ranked list that its spider declares must be found."""
    return Expectations(lists=spider.list_names())


def write_verdict(
    dataset: DataFolder, summary: Summary, expected: Expectations, sample_pages: SamplePages | None = None
) -> dict[str, Any]:
    """Evaluate the summary of a run, write its report to a file, and return the report.

    :param expected: minimum requirements of the run
    :param sample_pages: function that returns sample pages for an alarm; without it, or if it returns none, the report
        names those of the run before
    """
    report = {**summary, "fields": _with_unused_extractors(summary), "coverage": run_coverage(dataset, summary)}
    report["figures"] = throughput(summary)
    report["disk"] = dataset.disk_usage(report["site"])
    past = past_reports(dataset, report["site"], report["run_id"])
    last = next(of_mode(past, report.get("mode")), {})
    previous = last.get("samples") or {}
    samples: dict[str, list[str]] = dict(summary.get("samples") or {})

    def samples_of(name: str, other_than: str | None) -> list[str]:
        if name not in samples:
            found = list(sample_pages(name, other_than)) if sample_pages is not None else []
            samples[name] = found or previous.get(name, [])
        return samples[name]

    drifts = compare(report, past, samples_of, acknowledgements(dataset, report["site"]))
    verdict = evaluate(summary, expected, [*drifts, *throughput_alarms(report, past), *unchecked_alarms(report, last)])
    report = _evaluated(report | {"expectations": vars(expected), "samples": samples}, verdict)
    _write(dataset, report)
    return report


def write_lost_verdict(dataset: DataFolder, summary: Summary) -> dict[str, Any]:
    """Evaluate a run whose ledger (the SQLite database of its site) cannot be read, and return the report.

    The run is not compared with earlier ones. The report is written to a file if the disk permits it.
    """
    report = _evaluated(dict(summary), evaluate(summary, Expectations()))
    if dataset.state.is_dir():  # otherwise the data folder was removed
        with suppress(*FATAL_ERRORS):
            _write(dataset, report)
    return report


def _evaluated(report: dict[str, Any], verdict: Verdict) -> dict[str, Any]:
    report["verdict"] = {"exit_code": verdict.exit_code, "problems": list(verdict.problems)}
    report["alarms"] = [alarm.as_dict() for alarm in verdict.alarms]
    return report


def _write(dataset: DataFolder, report: Mapping[str, Any]) -> None:
    dataset.write_text(dataset.run(report["run_id"]), json.dumps(report, ensure_ascii=False, indent=1, default=list))


def compare(
    report: Report, past: Sequence[Report], samples: SamplePages, acknowledged: Mapping[str, Acknowledgement]
) -> list[Alarm]:
    """Return an alarm for each significant change of a run from earlier runs of the site.

    :param past: reports of the earlier runs, latest first
    :param samples: function that returns sample pages for an alarm
    :param acknowledged: alarms that an operator has marked as an intended change, by alarm key
    """
    spider = newspapers().get(report["site"])
    layouts = spider.layouts if spider else ()
    extractors = {layout.name: layout.extractors for layout in layouts}
    usual = {layout.name: layout.expected for layout in layouts}
    comparison = Comparison(report, past, extractors, usual, acknowledged)
    return drift_alarms(comparison, spider.zone if spider else ZoneInfo("UTC"), samples)


def _with_unused_extractors(summary: Summary) -> dict[str, Any]:
    """Return the field counts of a run, with a count of 0 for each declared extractor that found nothing.

    An extractor is a function that finds a field on a page. Extractors are in the order in which they are tried.
    """
    fields = dict(summary.get("fields") or {})
    spider = newspapers().get(summary["site"])
    for layout in spider.layouts if spider else ():
        if layout.name in ((summary.get("measures") or {}).get("layouts") or {}):
            for column in layout.extractors.keys() & fields.keys():
                declared = {f"{layout.name}/{extractor}": 0 for extractor in layout.extractors[column]}
                fields[column] = {**fields[column], "by": {**declared, **fields[column]["by"]}}
    return fields


def evaluate_ended_runs(dataset: DataFolder, ledger: Ledger, expected: Expectations) -> None:
    """Write the report of each ended run in the ledger (the SQLite database of the site) that has no report yet."""
    known = set(run_ids(dataset, site=ledger.site))
    for run_id in ledger.runs.ids(ended=True):
        if run_id not in known:
            write_verdict(dataset, run_summary(ledger, run_id), expected)


class EvaluateRun:
    """Scrapy extension that evaluates the run when it ends, and writes its report.

    When the spider opens, it also writes the missing reports of earlier runs that were killed.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._expected = expectations_of(crawler.spidercls)  # type: ignore[arg-type]
        self.report: Mapping[str, Any] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls(crawler)
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        crawler.signals.connect(extension.engine_stopped, signals.engine_stopped)
        return extension

    def spider_opened(self) -> None:
        run = Run.of(self._crawler)
        evaluate_ended_runs(run.dataset, run.ledger, self._expected)

    def engine_stopped(self) -> None:
        run = Run.of(self._crawler)
        if run.summary is None:
            return
        try:
            pages = self._crawler.get_extension(PageSamples)
            # With its schedule, a report counts as evaluated for the schedule, which the parent process does.
            summary = {name: value for name, value in run.summary.items() if name != "schedule"}
            self.report = write_verdict(run.dataset, summary, self._expected, pages.pages if pages else None)
        except FATAL_ERRORS as error:
            if not run.give_up(error):
                raise
