"""Days of several independent newspapers played together: `python -m tests.newsroom.papers --days 2`."""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.newspaper.bengali_text import DHAKA
from tests.newspaper.independent import PAPERS, Paper, Reply, Stand
from tests.support.commands import QUICK
from tests.support.forked_commands import run_command

from .papers_evaluation import evaluate

START = datetime(2026, 10, 5, 6, tzinfo=DHAKA)
FULL_RUN_HOUR = 3
_SECOND = timedelta(seconds=1)
_CLOCK = json.dumps({"tests.newsroom.simulated_clock.FollowServerDate": 0})


@dataclass(frozen=True)
class Fault:
    """A change of one newspaper's replies for a time.

    :ivar alarm: start of the key of the alarm that it must raise, after the site's name
    :ivar also: starts of the keys of alarms that it may raise besides
    """

    paper: str
    since: datetime
    until: datetime
    change: Callable[[str, Reply], Reply]
    alarm: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class PapersRun:
    """One command that crawled all newspapers, by the clock of the newspapers."""

    mode: str
    began: datetime
    ended: datetime
    code: int
    reports: Mapping[str, Mapping[str, Any]]


@dataclass
class PapersSimulation:
    """Newspapers behind one server, the data folder of their crawls, and the runs so far."""

    stand: Stand
    data: Path
    faults: Sequence[Fault] = ()
    runs: list[PapersRun] = field(default_factory=list)

    @property
    def papers(self) -> list[Paper]:
        return [*dict.fromkeys(self.stand.papers.values())]

    def crawl(self, mode: str, url: str) -> PapersRun:
        """Crawl all newspapers with one command, as an operator does."""
        began = self.stand.now
        names = [paper.name for paper in self.papers]
        options = ("--mode", mode, "--mirror", url, "--data", str(self.data), *QUICK, f"-sEXTENSIONS={_CLOCK}")
        command = [sys.executable, "-m", "khobor", "crawl", *names, "--json", *options]
        clock = {"KHOBOR_CLOCK": began.isoformat(), "KHOBOR_TESTING": "1"}
        # A fork of a fork inherits open SQLite connections, so each process is a new one.
        done = run_command(command, env=os.environ | clock, timeout=900, forks=False)
        assert done.stdout, done.stderr
        read = json.loads(done.stdout)
        reports = {each["site"]: each for each in (read if isinstance(read, list) else [read])}
        run = PapersRun(mode, began, self.stand.now, done.returncode, reports)
        self.runs.append(run)
        return run


@contextmanager
def _disturbed(stand: Stand, faults: Sequence[Fault]) -> Iterator[None]:
    """Apply the faults to the replies of the newspapers within the block."""
    for paper in dict.fromkeys(stand.papers.values()):
        own = [fault for fault in faults if fault.paper == paper.name]
        paper.respond = _respond(paper.respond, own)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for paper in dict.fromkeys(stand.papers.values()):
            del paper.respond


def _respond(respond: Callable[..., Reply], faults: Sequence[Fault]) -> Callable[..., Reply]:
    def disturbed(path: str, query: str, host: str, at: datetime, headers: Mapping[str, str] | None = None) -> Reply:
        reply = respond(path, query, host, at, headers)
        for fault in faults:
            reply = fault.change(path, reply) if fault.since <= at < fault.until else reply
        return reply

    return disturbed


def simulate(
    papers: Sequence[Paper],
    data: Path,
    days: float,
    *,
    faults: Sequence[Fault] = (),
    interval: timedelta = timedelta(hours=1),
    start: datetime = START,
    ends_full: bool = True,
    report_run: Callable[[PapersRun], None] = lambda run: None,
) -> PapersSimulation:
    """Play a full run that fills the folder, then incremental runs at an interval, a full run each night and one more.

    :param ends_full: play the last one
    """
    simulation = PapersSimulation(Stand(papers, start, tick=_SECOND), data, faults)
    stand = simulation.stand
    with _disturbed(stand, faults), stand.serve() as url:
        due = start
        while due <= start + timedelta(days=days):
            stand.set(max(due, stand.now))
            is_full = due == start or due.hour == FULL_RUN_HOUR
            report_run(simulation.crawl("full" if is_full else "incremental", url))
            due += interval
        if ends_full:
            report_run(simulation.crawl("full", url))
    return simulation


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each run and what the evaluation found wrong; return 1 if there is anything."""
    parser = argparse.ArgumentParser(prog="python -m tests.newsroom.papers", description=__doc__)
    parser.add_argument("papers", nargs="*", default=[*PAPERS], help="names, by default all")
    parser.add_argument("--days", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--per-day", type=int, default=60)
    parser.add_argument("--hours", type=float, default=1.0, help="between two runs")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the data in this folder")
    options = parser.parse_args(arguments)
    papers = [PAPERS[name](options.seed, options.per_day) for name in options.papers]

    def report_run(run: PapersRun) -> None:
        sites = ", ".join(
            f"{name} {report['exit_code']} ({report['stories']['new']} new)" for name, report in run.reports.items()
        )
        print(f"{run.began:%a %H:%M} {run.mode}, exit {run.code}: {sites}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="khobor-papers-") as folder:
        place = options.keep or Path(folder) / "data"
        interval = timedelta(hours=options.hours)
        played = simulate(papers, place, options.days, interval=interval, report_run=report_run)
        wrong = {paper.name: evaluate(played, paper) for paper in papers}
    for name, evaluation in wrong.items():
        print(name, json.dumps(evaluation.counts, ensure_ascii=False), *evaluation.wrong[:20], sep="\n  ")
    return 1 if any(each.wrong for each in wrong.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
