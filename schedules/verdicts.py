"""Verdicts: every run that ended, in whatever way, has one file that tells how it went."""

import json
from collections.abc import Mapping
from typing import Any, Self

from scrapy import signals
from scrapy.crawler import Crawler

from crawler.newspaper import Newspaper
from pipelines.account import account_of
from pipelines.ledger import Ledger
from pipelines.run import Run
from pipelines.storage import Dataset
from pipelines.trouble import KINDS
from schedules.judging import Expectations, judge


def expectations_of(newspaper: type[Newspaper]) -> Expectations:
    """What is expected of any run of a newspaper: that the lists that its file declares are there."""
    return Expectations(lists=tuple(ranked.name for ranked in newspaper.lists))


def write_verdict(dataset: Dataset, account: Mapping[str, Any], expected: Expectations) -> dict[str, Any]:
    """Judge an account and write the run's file; returns what the file holds."""
    report = {**account, "expectations": vars(expected), "verdict": judge(account, expected).as_dict()}
    dataset.write_text(dataset.run(account["run_id"]), json.dumps(report, ensure_ascii=False, indent=1, default=list))
    return report


def judge_ended_runs(dataset: Dataset, ledger: Ledger, expected: Expectations) -> None:
    """Write the file of every run in the ledger that ended and has none."""
    for run_id in ledger.ended_runs():
        if not dataset.run(run_id).exists():
            write_verdict(dataset, account_of(ledger, run_id), expected)


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
        run = self._crawler.get_extension(Run)
        assert run is not None
        return run

    def spider_opened(self) -> None:
        judge_ended_runs(self._run.dataset, self._run.ledger, self._expected)

    def engine_stopped(self) -> None:
        if self._run.account is None:
            return
        try:
            self.report = write_verdict(self._run.dataset, self._run.account, self._expected)
        except KINDS as error:
            if not self._run.give_up(error):
                raise
