"""A fleet of real processes: workers and schedulers are killed, and every story is stored once."""

import json
import sqlite3
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pandas as pd
import pytest

from pipelines.storage.run_reports import site_of
from tests.newspaper.http_messages import Request
from tests.support.commands import khobor
from tests.support.fleet_cluster import FleetCluster
from tests.support.newsstand import Newsstand

LEASE = "--lease-seconds=20"
DELAY = 0.15
KILLS = 30


def overlaps(log: list[Request]) -> list[str]:
    """Return the hosts at which a connection was used again after another one had begun, as by two crawls at a time.

    A run has one connection to a host at a time.
    """
    found = list[str]()
    for host in {request.host for request in log}:
        connections = [request.connection for request in log if request.host == host]
        runs = [c for c, before in zip(connections, [-1, *connections], strict=False) if c != before]
        if len(runs) != len(set(runs)):
            found.append(host)
    return found


def shortest_interval(log: list[Request]) -> float:
    """Return the shortest average time, of all hosts, between two requests of a run after that for robots.txt."""
    log, intervals = [request for request in log if request.target != "/robots.txt"], list[float]()
    for host in {request.host for request in log}:
        spans, gaps = 0.0, 0
        for connection in {request.connection for request in log if request.host == host}:
            times = [request.at for request in log if request.connection == connection]
            spans, gaps = spans + times[-1] - times[0], gaps + len(times) - 1
        intervals += [spans / gaps] if gaps else []
    return min(intervals)


@dataclass
class Evidence:
    """State of the data folders of all workers and of the fleet."""

    cluster: FleetCluster

    def folders(self) -> list[Path]:
        return [self.cluster.data(name) for name in self.cluster.workers]

    def stories(self) -> Counter[str]:
        tables = [
            pd.read_parquet(folder / "stories", columns=["story_id"])
            for folder in self.folders()
            if (folder / "stories").exists()
        ]
        return Counter(story for table in tables for story in table["story_id"])

    def runs(self) -> Counter[str]:
        """Return the runs that the ledgers have."""
        runs = Counter[str]()
        for path in (path for folder in self.folders() for path in (folder / "state").glob("*.sqlite")):
            with closing(sqlite3.connect(path)) as ledger:
                if ledger.execute("SELECT 1 FROM sqlite_schema WHERE name = 'outbox'").fetchone():
                    runs.update(run_id for (run_id,) in ledger.execute("SELECT run_id FROM runs"))
        return runs

    def reports(self) -> Counter[str]:
        return Counter(path.stem for folder in self.folders() for path in (folder / "runs").glob("*.json"))

    def collected(self) -> dict[str, int]:
        """Return the exit codes of the runs whose reports the fleet has."""
        paths = self.cluster.data("fleet").glob("runs/*.json")
        return {path.stem: json.loads(path.read_bytes())["verdict"]["exit_code"] for path in paths}

    def uncollected(self) -> list[str]:
        """Return the runs whose reports the fleet has not, although it has that of a later run of the site."""
        collected = self.collected()
        latest = {site_of(run_id): run_id for run_id in sorted(collected)}
        return [run for run in self.reports() if run not in collected and run < latest.get(site_of(run), "")]


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", [22])
def test_killed_fleet_stores_every_story_once(tmp_path: Path, seed: int) -> None:
    """Twelve newspapers for two days of theirs, on three workers.

    Thirty times a worker is killed, twice the scheduler and three times the service.
    """
    chance, stand, began = Random(seed), Newsstand(), time.monotonic()
    cluster = FleetCluster(tmp_path, ("one", "two", "three"))
    evidence = Evidence(cluster)
    timetable = tmp_path / "timetable.toml"
    timetable.write_text(stand.timetable(stand.sites))
    stand.publish(0)
    with stand.serve() as mirror:
        options = ("--mirror", mirror, LEASE, f"-sDOWNLOAD_DELAY={DELAY}")
        with cluster.running(timetable, *options):
            cluster.until(lambda: stand.log, 300)
            for kills in range(1, KILLS + 1):
                time.sleep(chance.uniform(2, 8))
                seen = len(stand.log)
                cluster.kill(chance.choice(cluster.workers))
                if kills % 10 == 5:
                    cluster.kill("fleet")
                    cluster.start_fleet(timetable, *options)
                if kills in (10, 20):
                    cluster.kill("scheduler")
                    time.sleep(3)
                    cluster.start_scheduler()
                stand.publish(kills / KILLS)
                if kills % 3 == 0:  # let some runs come to their end
                    cluster.until(lambda seen=seen: len(stand.log) > seen + 100, 600)  # type: ignore[misc]
                cluster.restart_dead()
            cluster.until(lambda: not stand.missing(evidence.stories()), 1800)
        end = time.monotonic() + 60
        while cluster.crawls() and time.monotonic() < end:
            time.sleep(0.2)
        assert not cluster.crawls()
    for folder in evidence.folders():  # the reports of runs that were killed last
        assert khobor("publish", "--data", str(folder)).returncode == 0
        assert khobor("check", "--data", str(folder)).returncode == 0
    stories, runs, codes = evidence.stories(), evidence.runs(), Counter(evidence.collected().values())
    print(
        f"seed {seed}: {KILLS} kills, {len(runs)} runs, {len(stand.log)} requests, {len(stories)} stories, codes"
        f" {dict(codes)}, shortest interval {shortest_interval(stand.log):.3f} s, overlaps {overlaps(stand.log)},"
        f" {time.monotonic() - began:.0f} s; ",
        end="",
    )
    assert not {story: n for story, n in stories.items() if n > 1}
    assert not stand.missing(stories)
    assert not overlaps(stand.log)
    assert shortest_interval(stand.log) > DELAY * 0.95
    assert runs == evidence.reports() == Counter({*runs})
    assert evidence.collected().keys() <= runs.keys()
    assert not evidence.uncollected()


def test_log_with_two_crawls_is_recognised() -> None:
    """The verification of the other tests can fail."""
    log = [Request(0.0, "host", "GET", "/", 200, {}, 0, connection) for connection in (1, 2, 2, 1)]
    assert overlaps(log) == ["host"]
    assert not overlaps(log[:3])
    assert shortest_interval(log) == 0
