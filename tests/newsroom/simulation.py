"""Simulated days of full and incremental runs against a newsroom, each a real crawl over sockets."""

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.forked_commands import Command
from tests.support.processes import SCRAPY
from tests.support.project import PROJECT

from .newsroom import LoggedRequest, Newsroom

RUN_INTERVAL = timedelta(minutes=10)
# Hour of the nightly full run, by the newsroom's clock.
FULL_RUN_HOUR = 3
# The mirror needs no politeness, and the newsroom counts the seconds.
_ZERO = ("DOWNLOAD_DELAY", "KHOBOR_FIRST_BACKOFF_SECONDS", "KHOBOR_FIRST_PAUSE_SECONDS", "KHOBOR_MIN_FREE_MB")
_FOLLOWING = json.dumps({"tests.newsroom.simulated_clock.FollowServerDate": 0})
_SETTINGS = tuple(f"{name}=0" for name in _ZERO)


@dataclass(frozen=True)
class SimulatedRun:
    """One run with its requests and report; `began` and `ended` are by the newsroom's clock, `seconds` real time."""

    name: str
    mode: str
    began: datetime
    ended: datetime
    visits: Sequence[LoggedRequest]
    report: dict[str, Any]
    seconds: float

    @property
    def new(self) -> int:
        """Stories recorded for the first time, with exact duplicates."""
        return int(self.report["stories"]["new"] + self.report["stories"]["exact_duplicates"])

    @property
    def revised(self) -> int:
        return int(self.report["stories"]["revised"])


@dataclass
class Simulation:
    """A newsroom, the folder of its crawls, and the runs so far, of which the first two only fill the folder."""

    room: Newsroom
    place: Path
    url: str
    report_run: Callable[[SimulatedRun], None] = lambda ran: None
    stopped: Callable[[], bool] = lambda: False
    runs: list[SimulatedRun] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.place / "data"

    def crawl(self, mode: str, *arguments: str) -> SimulatedRun:
        """Run a crawl now, by the newsroom's clock."""
        name, began, before = f"{mode} {len(self.runs)}", self.room.now, len(self.room.visits)
        settings = (*_SETTINGS, f"KHOBOR_DATA={self.data}", f"KHOBOR_MIRROR={self.url}", f"KHOBOR_MODE={mode}")
        self.room.run = name
        known = set(self.data.glob("runs/*.json"))
        given = [part for setting in settings for part in ("-s", setting)]
        clock = {"KHOBOR_CLOCK": began.isoformat(), "KHOBOR_TESTING": "1", "SCRAPY_SETTINGS_MODULE": "crawler.settings"}
        started = time.monotonic()
        with (self.place / "log").open("ab") as log:
            command = [*SCRAPY, "crawl", "kalbela", *given, *arguments, "-s", f"EXTENSIONS={_FOLLOWING}"]
            with Command(command, cwd=PROJECT, env=os.environ | clock, stdout=log, stderr=log) as process:
                code = process.wait()
        seconds = time.monotonic() - started
        reports = set(self.data.glob("runs/*.json")) - known
        assert len(reports) == 1, f"{name} ended with {code}: see {self.place / 'log'}"
        report = json.loads(reports.pop().read_bytes())
        ran = SimulatedRun(name, mode, began, self.room.now, self.room.visits[before:], report, seconds)
        self.runs.append(ran)
        self.report_run(ran)
        return ran

    def crawl_until(self, until: datetime, *, incremental: bool = True) -> None:
        """Crawl up to a time: an incremental run every ten minutes, a full run each night."""
        while (due := self._next(incremental)) <= until and not self.stopped():
            self.room.set(due)
            self.crawl("full" if _is_night(due) else "incremental")

    def _next(self, incremental: bool) -> datetime:
        moment = self.room.now.replace(second=0, microsecond=0)
        moment -= timedelta(minutes=moment.minute % 10)
        while moment <= self.room.now or not (incremental or _is_night(moment)):
            moment += RUN_INTERVAL
        return moment


def _is_night(moment: datetime) -> bool:
    return (moment.hour, moment.minute) == (FULL_RUN_HOUR, 0)


def simulate(
    room: Newsroom,
    place: Path,
    days: float,
    report_run: Callable[[SimulatedRun], None] = lambda ran: None,
    stopped: Callable[[], bool] = lambda: False,
    *,
    incremental: bool = True,
) -> Simulation:
    """Simulate two full runs, then so many days, then a last full run.

    :param report_run: callback after each run
    :param stopped: report if the simulation must end, called before each run
    """
    place.mkdir(parents=True, exist_ok=True)
    with room.serve() as url:
        simulation = Simulation(room, place, url, report_run, stopped)
        simulation.crawl("full")
        simulation.crawl("full")
        simulation.crawl_until(room.start + timedelta(days=days), incremental=incremental)
        simulation.crawl("full")
    return simulation
