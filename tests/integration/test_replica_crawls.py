"""Crawls of replicas of other families: every story and rank is kept, and nothing forbidden is requested."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from crawler.registry import newspapers
from tests.newspaper import Newspaper
from tests.newspaper.http_messages import Response
from tests.newspaper.replicas import REPLICAS
from tests.newspaper.server import serving
from tests.support.commands import QUICK, khobor
from tests.support.project import PROJECT

MAX_MEMORY = 2 * 2**30


@pytest.mark.parametrize("site", ["ittefaq", "jugantor", "prothomalo", "samakal"])
def test_crawl_of_replica_keeps_every_field(site: str, tmp_path: Path) -> None:
    replica = REPLICAS[site]
    replica.log.clear()
    with replica.serve() as mirror:
        done = khobor("crawl", site, "--json", "--mirror", mirror, *QUICK, "--data", str(tmp_path))
    report = json.loads(done.stdout)
    assert done.returncode == 0, report["verdict"]
    stories = pd.read_parquet(tmp_path / "stories").set_index("story_id")
    truth = {row["story_id"]: row for row in map(replica.truth, replica.pieces)}
    assert set(stories.index) == set(truth)
    for story_id, row in truth.items():
        read = stories.loc[story_id]
        assert {name: plain(read[name]) for name in row if name != "story_id"} == {
            name: value or None for name, value in row.items() if name != "story_id"
        }
    if replica.lists:
        rankings = pd.read_parquet(tmp_path / "rankings")
        for name in replica.lists:
            rows = rankings[rankings["list"] == name].sort_values("rank")
            assert [*rows[["rank", "story_id", "headline"]].itertuples(index=False, name=None)] == replica.ranked(name)
    requested = [request.target for request in replica.log]
    assert not [target for target in requested if target.startswith(("/cdn-cgi/", "/ajax/", "/api/theme_engine"))]
    declared = {each.name for each in newspapers()[site].entry_points if each.disallowed}
    assert not declared & set(pd.read_parquet(tmp_path / "fetches")["via"])


@pytest.mark.parametrize(
    ("site", "name", "times"), [("prothomalo", "popular", 1), ("prothomalo", "popular", 99), ("ittefaq", "latest", 99)]
)
def test_list_that_fails_is_a_failed_request(site: str, name: str, times: int, tmp_path: Path) -> None:
    replica, codes, asked = REPLICAS[site], list[tuple[int, list[str]]](), list[str]()
    path = replica.lists[name][0]

    def answer(host: str, target: str, headers: dict[str, str]) -> tuple[Response | None, float]:
        asked.append(target.partition("?")[0])
        fails = asked[-1] == path and not codes and asked.count(path) <= times
        return Response(503, b"") if fails else replica.answer(host, target), 0.0

    with serving(answer, lambda: datetime.now(UTC), []) as mirror:
        for _ in range(2):
            done = khobor("crawl", site, "--json", "--mirror", mirror, *QUICK, "--data", str(tmp_path))
            report = json.loads(done.stdout)
            codes.append((done.returncode, [alarm["key"] for alarm in report["alarms"]]))
    assert codes[0] == ((3, [f"{site}/failed/{name}"]) if times > 1 else (0, [])), report["verdict"]
    assert codes[1] == (0, [])


def plain(value: object) -> object:
    """A value of a data frame as the truth writes it, None for a missing or empty one."""
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    if hasattr(value, "tolist"):
        value = value.tolist()
    return (
        None
        if value is None or value == [] or (isinstance(value, float) and pd.isna(value)) or value is pd.NaT
        else value
    )


@pytest.mark.soak
def test_twelve_newspapers_run_at_once(tmp_path: Path) -> None:
    kalbela = Newspaper()
    by_host = {replica.host: replica for replica in REPLICAS.values()}

    def answer(host: str, target: str, headers: dict[str, str]) -> tuple[Response | None, float]:
        replica = by_host.get(host)
        return kalbela.answer(host, target, headers) if replica is None else (replica.answer(host, target), 0.0)

    names = [*REPLICAS, "kalbela"]
    assert set(names) == set(newspapers())
    command = [sys.executable, "-m", "khobor", "crawl", *names, "--json", *QUICK, "--data", str(tmp_path)]
    most = 0
    with (
        serving(answer, lambda: datetime.now(UTC), []) as mirror,
        subprocess.Popen([*command, "--mirror", mirror], cwd=PROJECT, stdout=subprocess.PIPE) as process,
    ):
        os.set_blocking(process.stdout.fileno(), False)  # type: ignore[union-attr]
        written = b""
        while process.poll() is None:
            most = max(most, memory_of(process.pid))
            written += process.stdout.read() or b""  # type: ignore[union-attr]
            time.sleep(0.2)
        written += process.stdout.read() or b""  # type: ignore[union-attr]
    reports = {report["site"]: report for report in json.loads(written)}
    assert [reports[name]["verdict"] for name in names] == [{"exit_code": 0, "problems": []}] * len(names)
    linked = {name: len(replica.pieces) for name, replica in REPLICAS.items()} | {"bbcbangla": 5}  # its one list
    assert {name: reports[name]["stories"]["new"] for name in REPLICAS} == linked
    assert 0 < most <= MAX_MEMORY


def memory_of(pid: int) -> int:
    """The bytes that a process and all below it hold, with shared pages divided among those that share them."""
    pids, found = [pid], 0
    for each in pids:
        try:
            pids += map(int, Path(f"/proc/{each}/task/{each}/children").read_text().split())
            rollup = Path(f"/proc/{each}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found += next(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))
    return found
