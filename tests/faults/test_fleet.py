"""A fleet of real processes: workers and schedulers are killed, and every story is stored once."""

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pandas as pd
import pytest

from tests.newspaper.http_messages import Request
from tests.support.commands import khobor
from tests.support.fleet_cluster import FleetCluster
from tests.support.newsstand import Newsstand

LEASE = "--lease-seconds=20"
DELAY = 0.15


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


def runs_in_ledgers(cluster: FleetCluster) -> Iterator[str]:
    for name in cluster.workers:
        for path in (cluster.data(name) / "state").glob("*.sqlite"):
            with closing(sqlite3.connect(path)) as ledger:
                if ledger.execute("SELECT 1 FROM sqlite_schema WHERE name = 'outbox'").fetchone():
                    yield from (run_id for (run_id,) in ledger.execute("SELECT run_id FROM runs"))


def stories_by_site(cluster: FleetCluster) -> Counter[tuple[str, str]]:
    counts = Counter[tuple[str, str]]()
    for name in cluster.workers:
        if (folder := cluster.data(name) / "stories").exists():
            stories = pd.read_parquet(folder, columns=["story_id", "site"])
            counts.update(zip(stories["site"].astype(str), stories["story_id"], strict=True))
    return counts


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_killed_fleet_stores_every_story_once(tmp_path: Path) -> None:
    """Twelve newspapers on three workers; thirty kills of workers, and two restarts of the scheduler."""
    chance, stand = Random(22), Newsstand()
    cluster = FleetCluster(tmp_path, ("one", "two", "three"))
    timetable = tmp_path / "timetable.toml"
    timetable.write_text(stand.timetable(stand.sites))
    stand.publish(0.3)
    kills = 0
    with (
        stand.serve() as mirror,
        cluster.running(timetable, "--mirror", mirror, LEASE, f"-sDOWNLOAD_DELAY={DELAY}"),
    ):
        cluster.until(lambda: stand.log, 240)
        while kills < 30:
            time.sleep(chance.uniform(2, 8))
            seen = len(stand.log)
            cluster.kill(chance.choice(cluster.workers))
            kills += 1
            if kills in (10, 20):
                cluster.kill("scheduler")
                time.sleep(3)
                cluster.start_scheduler()
            stand.publish(0.3 + 0.7 * kills / 30)
            if kills % 3 == 0:  # let some runs come to their end
                cluster.until(lambda seen=seen: len(stand.log) > seen + 100, 240)  # type: ignore[misc]
            cluster.restart_dead()
        expected = {(site, story) for site in stand.sites[1:] for story in stand.expected(site)}
        cluster.until(lambda: expected <= set(stories_by_site(cluster)), 600)
    for name in cluster.workers:  # the reports of runs that were killed last
        assert khobor("publish", "--data", str(cluster.data(name))).returncode == 0
        assert khobor("check", "--data", str(cluster.data(name))).returncode == 0
    counts = stories_by_site(cluster)
    assert not {story: n for story, n in counts.items() if n > 1}
    assert expected <= set(counts)
    assert not overlaps(stand.log)
    runs = list(runs_in_ledgers(cluster))
    reports = [path.stem for name in cluster.workers for path in (cluster.data(name) / "runs").glob("*.json")]
    assert sorted(runs) == sorted(reports)
    codes = Counter(
        json.loads(p.read_bytes())["verdict"]["exit_code"] for p in cluster.data("fleet").glob("runs/*.json")
    )
    print(f"{kills} kills, {len(runs)} runs, {len(stand.log)} requests, {len(counts)} stories, codes {codes}; ", end="")


def test_log_with_two_crawls_is_recognised() -> None:
    """The verification of the other tests can fail."""
    log = [Request(0.0, "host", "GET", "/", 200, {}, 0, connection) for connection in (1, 2, 2, 1)]
    assert overlaps(log) == ["host"]
    assert not overlaps(log[:3])
