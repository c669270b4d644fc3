"""Replay of runs from the archive: it equals the nights, needs no network, and leaves the data as it is."""

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from scrapy.http import Request
from scrapy.settings import Settings
from scrapy.statscollectors import MemoryStatsCollector

from crawler import clock
from crawler.downloader.errors import outcome_of
from crawler.downloader.politeness import impolite_settings
from crawler.outcomes import Outcome
from crawler.registry import project_settings
from crawler.spiders import kalbela
from pipelines.replay import replay_settings
from pipelines.replay.playback import Playback
from pipelines.replay.repeated_errors import _ERRORS, repeated_error
from tests.newspaper import Newspaper
from tests.newspaper.bengali_text import DHAKA
from tests.newspaper.http_messages import Fault
from tests.newspaper.replicas import REPLICAS
from tests.newsroom import Newsroom
from tests.newsroom.simulation import Simulation
from tests.support.commands import QUICK, FinishedCrawl, khobor
from tests.support.forked_commands import run_command
from tests.support.processes import KHOBOR, TERM, crawl_command, reports, start_command
from tests.support.whole_tables import hashes, rows


@dataclass
class Nights:
    data: Path
    runs: list[str]
    reports: list[dict[str, Any]]


def story_paths(paper: Newspaper) -> list[str]:
    return [row.href.removeprefix("https://www.kalbela.com") for row in paper.lists()["latest"] if row.story_id]


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    """Three incremental runs: a limited one, one with redirects, a 503 and failing connections, one with a 304."""
    paper = Newspaper(seed=3, stories=60, crawl_delay=0.01)
    with paper.serve() as mirror:
        crawl = FinishedCrawl(paper, mirror, tmp_path_factory.mktemp("nights"))
        reports = [crawl.crawl("--max-pages", "20", "--mode", "incremental")]
        robots = Fault(body=b"User-agent: *\nCrawl-delay: 0.01\nDisallow: /latest-news\n")
        moved, busy = Fault(301, headers={"Location": "/national/1?moved"}), Fault(429, times=1)
        drops = [Fault(drop=True), Fault(drop=True, times=1), Fault(cut=900, times=2)]
        for hours, of_stories, others in (
            (5, [Fault(503, times=1), *drops, moved, busy], {}),
            (2, [], {"/robots.txt": robots}),
        ):
            paper.advance(timedelta(hours=hours))
            home = {"/": Fault(503, headers={"Retry-After": "1"}, times=1)}
            paper.faults = {**dict(zip(story_paths(paper), of_stories, strict=False)), **others, **home}
            reports.append(crawl.crawl("--mode", "incremental"))
    return Nights(crawl.data, [report["run_id"] for report in reports], reports)


def replay(data: Path, out: Path, *arguments: str) -> dict[str, Any]:
    done = khobor("replay", *arguments, "--data", str(data), "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    [site] = json.loads(done.stdout)
    return dict(site)


def changed(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in result["tables"] if each["columns"] or each["added"] or each["removed"]]


def comparable(report: dict[str, Any]) -> dict[str, Any]:
    """Return a report without the figures of Scrapy, the disk and the command line."""
    left_out = ("stats", "disk", "options", "exit_code", "samples")
    return {name: value for name, value in report.items() if name not in left_out}


def comparable_rows(data: Path, run_ids: Sequence[str] = (), site: str = "kalbela") -> dict[str, list[dict[str, Any]]]:
    """Return all rows, without the moments at which a run decided not to send a request."""
    tables = rows(data, site, run_ids)
    for row in tables["fetches"]:
        if row["attempts"] == "0":
            row["fetched_at"] = ""
    return tables | {"fetches": sorted(tables["fetches"], key=str)}


def test_nights_in_a_row_are_repeated(nights: Nights, tmp_path: Path) -> None:
    before = hashes(nights.data)
    result = replay(nights.data, tmp_path / "out", *nights.runs)
    assert comparable_rows(tmp_path / "out") == comparable_rows(nights.data)
    assert changed(result) == []
    for run_id, night in zip(nights.runs, nights.reports, strict=True):
        report = json.loads((tmp_path / "out" / "runs" / f"{run_id}.json").read_bytes())
        assert comparable(report) == json.loads(json.dumps(comparable(night)))
    assert hashes(nights.data) == before
    assert not (tmp_path / "out" / "archive").exists()
    fetches = pd.read_parquet(nights.data / "fetches")
    assert {"redirected", "unreachable", "corrupt", "robots", "skipped_fresh", "pending"} <= {*fetches["outcome"]}
    assert 304 in {*fetches["status"]}
    assert fetches["attempts"].max() == 3


@pytest.mark.parametrize("place", [pytest.param(1, marks=pytest.mark.soak), 2])
def test_single_night_is_repeated(nights: Nights, tmp_path: Path, place: int) -> None:
    run_id = nights.runs[place]
    result = replay(nights.data, tmp_path, run_id)
    assert changed(result) == []
    assert result["runs"][0]["answers"]["not_archived"] == result["runs"][0]["answers"]["earlier"] == 0
    for name in ("fetches", "rejects", "sightings", "aliases"):
        assert comparable_rows(tmp_path, [run_id])[name] == comparable_rows(nights.data, [run_id])[name]
    if place == 2:
        assert comparable_rows(tmp_path) == comparable_rows(nights.data)


@pytest.mark.soak
def test_changed_site_file_makes_differences(nights: Nights, tmp_path: Path) -> None:
    text = Path(kalbela.__file__).read_text(encoding="utf-8")
    other = text.replace('paths=("/latest-news",), pagination=Pagination()', 'paths=("/never-requested",)')
    assert other != text
    (tmp_path / "kalbela.py").write_text(
        other.replace("layouts = (LAYOUT_2023,)", "layouts = (NO_BYLINE,)")
        .replace("\n\nclass ", "\nNO_BYLINE = dataclasses.replace(LAYOUT_2023, byline=(), authors=())\n\nclass ")
        .replace("import re\n", "import dataclasses\nimport re\n"),
        encoding="utf-8",
    )
    environment = os.environ | {"KHOBOR_SITES": str(tmp_path)}
    command = [*KHOBOR, "replay", nights.runs[1], "--data", str(nights.data), "--out", str(tmp_path / "out")]
    [result] = json.loads(run_command([*command, "--json"], env=environment, forks=False).stdout)
    stories = next(table for table in result["tables"] if table["table"] == "stories")
    assert {"byline", "authors"} <= {each["column"] for each in stories["columns"]}
    assert result["runs"][0]["answers"]["not_archived"] >= 1
    fetches = pd.read_parquet(tmp_path / "out" / "fetches").set_index("url")
    unknown = fetches.loc["https://www.kalbela.com/never-requested"]
    assert (unknown["outcome"], unknown["reason"], unknown["attempts"]) == ("pending", "not in the archive", 0)


@pytest.mark.soak
def test_lost_archive_is_reported(nights: Nights, tmp_path: Path) -> None:
    data = shutil.copytree(nights.data, tmp_path / "data")
    [file] = data.glob(f"archive/*/*/{nights.runs[0]}.warc.gz")
    file.unlink()
    result = replay(data, tmp_path / "out", nights.runs[1])
    assert sum(result["state"]["not_archived"].values()) == 20
    [file] = data.glob(f"archive/*/*/{nights.runs[1]}.warc.gz")
    file.unlink()
    refused = khobor("replay", nights.runs[1], "--data", str(data), "--out", str(tmp_path / "other"))
    assert refused.returncode == 2
    assert "nothing of" in refused.stderr


def test_wrong_usage_is_refused(nights: Nights, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("of somebody else")
    for run_id, out, reason in (
        (nights.runs[0][:-1] + "z", tmp_path / "out", f"did you mean '{nights.runs[0]}'?"),
        (nights.runs[0], nights.data / "out", "inside the data folder"),
        (nights.runs[0], tmp_path, "new folder"),
    ):
        done = khobor("replay", run_id, "--data", str(nights.data), "--out", str(out))
        assert (done.returncode, reason in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("point", ["rebuild.complete", "urls.closed"])
@pytest.mark.soak
def test_killed_replay_is_started_again(nights: Nights, tmp_path: Path, point: str) -> None:
    environment = os.environ | {"KHOBOR_FAILPOINT": f"{point}=kill", "KHOBOR_TESTING": "1"}
    command = [*KHOBOR, "replay", nights.runs[2], "--data", str(nights.data), "--out", str(tmp_path)]
    assert run_command(command, env=environment).returncode != 0
    assert changed(replay(nights.data, tmp_path, nights.runs[2])) == []
    assert comparable_rows(tmp_path) == comparable_rows(nights.data)


@pytest.mark.soak
def test_interrupted_night_ends_for_same_reason(tmp_path: Path) -> None:
    paper, data = Newspaper(seed=3, stories=60), tmp_path / "data"
    with paper.serve() as mirror, start_command(crawl_command(mirror, data), data) as crawl:
        crawl.until(lambda: crawl.progress().get("requests", 0) > 30)
        assert crawl.ends(TERM)[0] == 143
    [night] = reports(data)
    result = replay(data, tmp_path / "out", night["run_id"])
    assert result["runs"][0]["replay"]["reason"] == night["reason"] == "shutdown"
    assert result["runs"][0]["replay"]["verdict"] == night["verdict"]
    # Of the URL at which a replay notices the end, the reason is known.
    columns = {(each["column"], each["rows"]) for table in changed(result) for each in table["columns"]}
    assert columns <= {("reason", 1)}


@pytest.mark.parametrize("site", sorted(REPLICAS))
@pytest.mark.soak
def test_runs_of_replica_are_repeated(site: str, tmp_path: Path) -> None:
    data, runs = tmp_path / "data", []
    with REPLICAS[site].serve() as mirror:
        for mode in ("full", "incremental"):
            done = khobor("crawl", site, "--json", "--mode", mode, "--mirror", mirror, *QUICK, "--data", str(data))
            runs.append(json.loads(done.stdout)["run_id"])
    for wanted in (runs, runs[1:]):
        assert changed(replay(data, tmp_path / f"out{len(wanted)}", *wanted)) == []
        assert comparable_rows(tmp_path / f"out{len(wanted)}", site=site) == comparable_rows(data, site=site)


@pytest.mark.soak
@pytest.mark.timeout(3000)
def test_each_run_of_newsroom_is_repeated(tmp_path: Path) -> None:
    """Each run alone and all in a row, compared with copies of the data that were made after each run."""
    room, copies = Newsroom(4, 100, datetime(2026, 10, 6, 21, 25, tzinfo=DHAKA)), tmp_path / "copies"
    with room.serve() as url:
        simulation = Simulation(room, tmp_path, url)
        for number, mode in enumerate(("full", "full", *("incremental",) * 4, "full", *("incremental",) * 2)):
            if number:
                room.advance(timedelta(minutes=50 if number % 2 else 10))
                slots = [*room.slots(room.now - timedelta(hours=5), room.now)][-3:]
                room.faults = {
                    target: fault
                    for target in (visit.target for visit in room.visits if visit.number in {s.number for s in slots})
                    for fault in (Fault(503, times=1), Fault(drop=True, times=number))[number % 2 :][:1]
                } | {"/": Fault(503, headers={"Retry-After": "30"}, times=number % 3)}
            simulation.crawl(mode)
            shutil.copytree(simulation.data, copies / simulation.runs[-1].report["run_id"])
    runs = [ran.report["run_id"] for ran in simulation.runs]
    for run_id in runs:
        result = replay(simulation.data, tmp_path / run_id, run_id)
        assert changed(result) == []
        assert comparable_rows(tmp_path / run_id) == comparable_rows(copies / run_id), run_id
        assert result["runs"][0]["replay"] == result["runs"][0]["night"]
    assert changed(replay(simulation.data, tmp_path / "all", runs[0], runs[-1])) == []
    assert comparable_rows(tmp_path / "all") == comparable_rows(simulation.data)
    statuses = {status for path in copies.glob("*/fetches") for status in pd.read_parquet(path)["status"].dropna()}
    assert {200, 304, 404} <= statuses


def play(nights: Nights, place: int) -> Playback:
    settings = Settings({"KHOBOR_RUN_ID": nights.runs[place]})
    stats = MemoryStatsCollector(SimpleNamespace(settings=settings))  # type: ignore[arg-type]
    crawler: Any = SimpleNamespace(settings=settings, stats=stats)
    return Playback(crawler, kalbela.Kalbela(), nights.data)


def test_conditions_decide_between_body_and_304(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_stopped", None)

    def answer(playback: Playback, url: str, etag: str | None = None, date: str | None = None) -> tuple[int, bytes]:
        given = {"If-None-Match": etag, "If-Modified-Since": date}
        headers = {name: value for name, value in given.items() if value}
        response = playback.answer(Request(url, headers=headers, meta={"sent": 1}))
        return response.status, response.body

    last, first = play(nights, 2), play(nights, 0)
    url, [record] = next(
        (u, found) for u, found in last._run.records.items() if [each.status for each in found] == [304]
    )
    earlier = last._run.read(last._run.earlier(url, status=200))
    assert answer(last, url, *record.conditions) == (304, b"")
    assert clock.now() == last._run.read(record.place).fetched_at
    assert answer(last, url) == answer(last, url, '"another"') == (200, earlier.body)
    pages = (first._run.read(each.place) for found in first._run.records.values() for each in found)
    read = next(page for page in pages if page.status == 200 and page.header(b"etag"))
    validators = [(value or b"").decode() for value in map(read.header, (b"etag", b"last-modified"))]
    assert answer(first, read.url) == answer(first, read.url) == (200, read.body)  # after the last response, the last
    assert answer(first, read.url, *validators) == (304, b"")


def test_only_replay_without_network_needs_no_delay() -> None:
    settings = Settings()
    settings.setmodule(replay_settings, priority="project")
    assert impolite_settings(settings) == []
    settings["DOWNLOAD_HANDLERS"]["https"] = project_settings()["DOWNLOAD_HANDLERS"]["https"]
    assert len(impolite_settings(settings)) > 3


@pytest.mark.parametrize("reason", _ERRORS)
def test_failures_are_repeated_with_their_reason(reason: str) -> None:
    outcome = outcome_of(repeated_error(Outcome.UNREACHABLE, reason))[0]
    assert outcome_of(repeated_error(outcome, reason)) == (
        outcome,
        reason or "timeout before the response was complete",
    )
