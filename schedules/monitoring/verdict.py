"""Verdicts: every run that ended, in whatever way, has one file that tells how it went."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Self
from zoneinfo import ZoneInfo

from scrapy import signals
from scrapy.crawler import Crawler

from crawler.registry import newspapers
from crawler.spider import NewspaperSpider
from pipelines.analysis.coverage import coverage_of_run
from pipelines.ledger import Ledger
from pipelines.runtime.fatal_errors import FATAL_ERRORS
from pipelines.runtime.page_samples import PageSamples
from pipelines.runtime.run import Run
from pipelines.runtime.run_summary import run_summary
from pipelines.storage.data_folder import DataFolder
from schedules.monitoring.alarms import Alarm, Keep, alarms_of
from schedules.monitoring.drift import Comparison
from schedules.monitoring.expectations import Expectations, judge
from schedules.monitoring.throughput import figure_alarms, figures_of
from schedules.reports.history import Acknowledgement, acknowledgements, of_mode, past_reports


def expectations_of(newspaper: type[NewspaperSpider]) -> Expectations:
    """What is expected of any run of a newspaper: that the lists that its file declares are there."""
    return Expectations(lists=tuple(ranked.name for ranked in newspaper.lists))


def write_verdict(
    dataset: DataFolder, account: Mapping[str, Any], expected: Expectations, keep: Keep | None = None
) -> dict[str, Any]:
    """Judge an account and write the run's file; returns what the file holds.

    :param keep: keeps samples of pages that lack something; without it those count that were kept before
    """
    report = {**account, "fields": _with_silent_sources(account), "coverage": coverage_of_run(dataset, account)}
    report["figures"] = figures_of(account)
    site = report["site"]
    past = past_reports(dataset, site, report["run_id"])
    samples: dict[str, list[str]] = dict(account.get("samples") or {})

    def kept(name: str, without: str | None) -> list[str]:
        if name not in samples and (found := _kept_before(dataset, report, past, name)):
            samples[name] = found
        if name not in samples and keep is not None:
            samples[name] = list(keep(name, without))
        return samples.get(name, [])

    drifted = [*drifted_from(report, past, kept, acknowledgements(dataset, site)), *figure_alarms(report, past)]
    verdict = judge(account, expected, drifted)
    report |= {"expectations": vars(expected), "verdict": verdict.as_dict(), "samples": samples}
    report["alarms"] = [alarm.as_dict() for alarm in verdict.alarms]
    dataset.write_text(dataset.run(account["run_id"]), json.dumps(report, ensure_ascii=False, indent=1, default=list))
    return report


def _kept_before(
    dataset: DataFolder, report: Mapping[str, Any], past: Sequence[Mapping[str, Any]], name: str
) -> list[str]:
    """The samples of the run before, if it lacked the same: a fault that lasts does not fill the disk."""
    previous = next(of_mode(past, report.get("mode")), {})
    found = (previous.get("samples") or {}).get(name) or []
    return found if all((dataset.root / path).exists() for path in found) else []


def drifted_from(
    report: Mapping[str, Any], past: Sequence[Mapping[str, Any]], keep: Keep, accepted: Mapping[str, Acknowledgement]
) -> list[Alarm]:
    """What is not as it was in the runs before (latest first), by what the newspaper's file says of its layouts."""
    paper = newspapers().get(report["site"])
    layouts = paper.layouts if paper else ()
    sources = {layout.name: layout.extractors for layout in layouts}
    usual = {layout.name: layout.usual for layout in layouts}
    comparison = Comparison(report, past, sources, usual, accepted)
    return alarms_of(comparison, paper.zone if paper else ZoneInfo("UTC"), keep)


def _with_silent_sources(account: Mapping[str, Any]) -> dict[str, Any]:
    """The account's fields, where sources that gave nothing stand with a 0, in the order in which they are tried."""
    fields = dict(account.get("fields") or {})
    paper = newspapers().get(account["site"])
    for layout in paper.layouts if paper else ():
        if layout.name not in ((account.get("measures") or {}).get("layouts") or {}):
            continue
        for column, sources in layout.extractors.items():
            if column in fields:
                declared = {f"{layout.name}/{source}": 0 for source in sources}
                fields[column] = {**fields[column], "by": {**declared, **fields[column]["by"]}}
    return fields


def judge_ended_runs(dataset: DataFolder, ledger: Ledger, expected: Expectations) -> None:
    """Write the file of every run in the ledger that ended and has none."""
    for run_id in ledger.runs.ended():
        if not dataset.run(run_id).exists():
            write_verdict(dataset, run_summary(ledger, run_id), expected)


class JudgeRun:
    """Writes the run's file when the run ends, and those of runs that were killed when the next one begins."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._expected = expectations_of(crawler.spidercls)  # type: ignore[arg-type]
        self.report: Mapping[str, Any] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        judging = cls(crawler)
        crawler.signals.connect(judging.spider_opened, signals.spider_opened)
        crawler.signals.connect(judging.engine_stopped, signals.engine_stopped)
        return judging

    @property
    def _run(self) -> Run:
        return Run.of(self._crawler)

    def spider_opened(self) -> None:
        judge_ended_runs(self._run.dataset, self._run.ledger, self._expected)

    def engine_stopped(self) -> None:
        if self._run.summary is None:
            return
        try:
            observer = self._crawler.get_extension(PageSamples)
            keep = observer.keep if observer else None
            self.report = write_verdict(self._run.dataset, self._run.summary, self._expected, keep)
        except FATAL_ERRORS as error:
            if not self._run.give_up(error):
                raise
