"""Simulated days of full and incremental runs against a newsroom, each a real crawl over sockets."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from .crawl_server import CrawlServer, crawl_server
from .newsroom import LoggedRequest, Newsroom

RUN_INTERVAL = timedelta(minutes=10)
# Hour of the night at which the full run is, by the newsroom's clock.
FULL_RUN_HOUR = 3
# A mirror of one's own is not spared, and its seconds are counted by the newsroom.
_ZERO = ("DOWNLOAD_DELAY", "KHOBOR_FIRST_BACKOFF_SECONDS", "KHOBOR_FIRST_PAUSE_SECONDS", "KHOBOR_MIN_FREE_MB")
_SETTINGS = tuple(f"{name}=0" for name in _ZERO)


@dataclass(frozen=True)
class SimulatedRun:
    """One run: of which kind, from when to when by the newsroom's clock, what it asked for, and its report."""

    name: str
    mode: str
    began: datetime
    ended: datetime
    visits: Sequence[LoggedRequest]
    report: dict[str, Any]
    seconds: float  # of our own time

    @property
    def new(self) -> int:
        """Stories that it recorded for the first time, copies included."""
        return int(self.report["stories"]["new"] + self.report["stories"]["exact_duplicates"])

    @property
    def revised(self) -> int:
        return int(self.report["stories"]["revised"])


@dataclass
class Simulation:
    """A newsroom, the data folder of its crawls, and the runs so far. The first two only fill the folder."""

    room: Newsroom
    place: Path
    server: CrawlServer
    url: str
    told: Callable[[SimulatedRun], None] = lambda ran: None
    told_to_end: Callable[[], bool] = lambda: False
    runs: list[SimulatedRun] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.place / "data"

    def crawl(self, mode: str, *arguments: str) -> SimulatedRun:
        """One run, from the present moment of the newsroom."""
        name, began, before = f"{mode} {len(self.runs)}", self.room.now, len(self.room.visits)
        settings = (*_SETTINGS, f"KHOBOR_DATA={self.data}", f"KHOBOR_MIRROR={self.url}", f"KHOBOR_MODE={mode}")
        self.room.run = name
        known = set(self.data.glob("runs/*.json"))
        given = [part for setting in settings for part in ("-s", setting)]
        code, seconds = self.server.crawl(began, self.place / "log", ["kalbela", *given, *arguments])
        reports = set(self.data.glob("runs/*.json")) - known
        assert len(reports) == 1, f"{name} ended with {code}: see {self.place / 'log'}"
        report = json.loads(reports.pop().read_bytes())
        ran = SimulatedRun(name, mode, began, self.room.now, self.room.visits[before:], report, seconds)
        self.runs.append(ran)
        self.told(ran)
        return ran

    def go_on(self, until: datetime, *, incremental: bool = True) -> None:
        """Crawl up to a moment: an incremental run every ten minutes, a full run each night."""
        while (due := self._next(incremental)) <= until and not self.told_to_end():
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
    told: Callable[[SimulatedRun], None] = lambda ran: None,
    told_to_end: Callable[[], bool] = lambda: False,
    *,
    incremental: bool = True,
) -> Simulation:
    """Simulate two full runs, then so many days, then a last full run.

    :param told: callback after each run
    :param told_to_end: whether it is enough, asked before each run
    """
    place.mkdir(parents=True, exist_ok=True)
    with room.serve() as url, crawl_server() as server:
        played = Simulation(room, place, server, url, told, told_to_end)
        played.crawl("full")
        played.crawl("full")
        played.go_on(room.start + timedelta(days=days), incremental=incremental)
        played.crawl("full")
    return played
