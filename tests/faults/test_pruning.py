"""Retention: old records go, whatever their readers need stays, also when the removal is killed."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crawler.clock import now
from crawler.spiders.kalbela import Kalbela
from pipelines.archive.writer import ArchiveWriter
from pipelines.dataset import open_table
from pipelines.ledger import Ledger
from pipelines.publishing.publisher import publish
from pipelines.publishing.roll_up import KEPT_REPORTS
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import TABLES
from schedules.dashboard.data_source import DataSource
from schedules.metrics.totals import Totals, TotalsReader
from schedules.reports.report import read_report, run_ids
from schedules.timetable.config import Timetable
from schedules.timetable.cron import Due
from schedules.timetable.occurrences import Occurrences, State, occurrences_file
from tests.support.builders import make_exchange
from tests.support.forked_commands import run_command
from tests.support.processes import KHOBOR
from tests.support.run_reports import NIGHT, keep, make_report

RETENTION = "[retention]\nlogs_days = 90\nreports_days = 400\noccurrences_days = 400\nfetches_days = 400\n"
RETENTION += "archive_days = 400\n"
NOW = now().replace(microsecond=0)
OLD = [NOW - timedelta(days=500 + day) for day in range(8)]
RECENT = [NOW - timedelta(hours=hour + 1) for hour in range(KEPT_REPORTS + 10)]
FAILPOINTS = (
    *("stage.synced", "commit.renamed", "prune.rolled", "prune.forgotten", "prune.unlinked:3"),
    *("publish.prepared", "remove.unlinked:2", "prune.removed", "prune.log:2", "prune.archive:2"),
)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder with records of two years, and its timetable."""
    folder = tmp_path_factory.mktemp("full")
    (folder / "t.toml").write_text(NIGHT + RETENTION)
    data = DataFolder(folder / "data")
    data.prepare()
    with closing(Ledger.open(data.ledger("kalbela"), "kalbela", Kalbela.zone)) as ledger:
        for at in (*OLD, *RECENT):
            report = make_report(at, coverage={"low": 1, "high": 9})
            keep(data, report)
            ledger.runs.begin(report["run_id"], at, "full")
            ledger.runs.count(report["run_id"], "requests", 60)
            ledger.runs.end(report["run_id"], at, "finished", None)
        for at in (*OLD[:3], RECENT[0]):
            fetch = {"fetched_at": at, "url": "https://www.kalbela.com/", "via": "seed", "depth": 0, "attempts": 1}
            row = dict.fromkeys(TABLES["fetches"].schema.names) | fetch | {"outcome": "list", "run_id": f"{at:%Y}"}
            ledger.outbox.add_row("fetches", row)
            writer = ArchiveWriter(data, ledger, make_report(at)["run_id"])
            writer.write(make_exchange("https://www.kalbela.com/robots.txt", at))
            writer.close()
        publish(data, ledger)
    data.log("").parent.mkdir()
    for at in (*OLD[:3], RECENT[0]):
        data.log(make_report(at)["run_id"]).write_text("log\n")
    data.log(f"{OLD[0]:%Y%m%dT%H%M%SZ}-prothomalo-0000").write_text("of another site\n")
    schedule = Timetable.read(folder / "t.toml").named("night")
    with Occurrences.open(occurrences_file(data)) as occurrences:
        dues = [(Due(at.astimezone(schedule.zone), at), State.LATE, "late") for at in (*OLD, RECENT[0])]
        occurrences.skip(schedule, dues, NOW)
    yield folder


@pytest.fixture
def folder(full: Path, memory_folder: Path) -> Path:
    return Path(shutil.copytree(full, memory_folder / "copy"))


def khobor(folder: Path, command: str, **environment: str) -> Any:
    timetable = ["--timetable", str(folder / "t.toml")] if command == "prune" else []
    line = [*KHOBOR, *command.split(), "--data", str(folder / "data"), "--json", *timetable]
    return run_command(line, env=os.environ | environment)


def known(folder: Path) -> tuple[Any, ...]:
    """What the readers of reports see: rows, reports, totals, and a run of the dashboard."""
    data = DataFolder(folder / "data")
    (data.state / "run_totals.json").unlink(missing_ok=True)
    reports = {run_id: read_report(data, run_id) for run_id in run_ids(data)}
    shown = DataSource(data, folder / "t.toml").run(min(reports))
    totals: Totals = TotalsReader(data).read()
    return open_table("runs", data=data.root).to_arrow().to_pylist(), reports, totals, shown


def test_readers_see_the_same_after_pruning(folder: Path) -> None:
    before = known(folder)
    assert len(before[1]) == len(OLD) + len(RECENT)
    done = khobor(folder, "prune")
    assert json.loads(done.stdout) == {
        "sites": [{"site": "kalbela", "logs": 3, "reports": 8, "fetches": 3, "archives": 3}],
        "occurrences": 8,
    }
    assert known(folder) == before
    data = DataFolder(folder / "data")
    assert len(list(data.runs.glob("*.json"))) == len(RECENT)
    oldest = min(before[1])
    assert json.loads(khobor(folder, f"runs {oldest}").stdout) == before[1][oldest]
    assert khobor(folder, "check").returncode == 0
    assert len(list((data.state / "logs").iterdir())) == 2
    assert [part for part, _ in data.published(TABLES["fetches"], "kalbela")] == [_day(RECENT[0])]
    assert json.loads(khobor(folder, "publish").stdout)[0]["runs_ended"] == []
    assert len(list(data.runs.glob("*.json"))) == len(RECENT), "no report is written again"


def _day(at: datetime) -> str:
    return at.astimezone(Kalbela.zone).date().isoformat()


@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_killed_removal_is_finished_by_the_next(failpoint: str, folder: Path) -> None:
    before = known(folder)
    killed = khobor(folder, "prune", KHOBOR_TESTING="1", KHOBOR_FAILPOINT=f"{failpoint}=kill")
    assert killed.returncode == -signal.SIGKILL
    assert known(folder) == before
    assert khobor(folder, "check").returncode in (0, 8)  # 8 names a file in `.staging`, which the next run clears
    assert khobor(folder, "prune").returncode == 0
    assert known(folder) == before
    data = DataFolder(folder / "data")
    assert len(list(data.runs.glob("*.json"))) == len(RECENT)
    assert len(data.published(TABLES["fetches"], "kalbela")) == 1
    assert len(list((data.state / "logs").iterdir())) == 2
    assert len(data.archive_files("kalbela")) == 1
    assert khobor(folder, "check").returncode == 0


def test_timetable_without_retention_removes_nothing(folder: Path) -> None:
    (folder / "t.toml").write_text(NIGHT)
    assert khobor(folder, "prune").returncode == 2
    assert len(list((folder / "data" / "runs").glob("*.json"))) == len(OLD) + len(RECENT)


def test_new_process_opens_only_latest_reports(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = DataFolder(folder / "data")
    before = TotalsReader(data).read()
    opened: list[Path] = []
    read_bytes = Path.read_bytes

    def read(path: Path) -> bytes:
        opened.append(path)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", read)
    assert TotalsReader(data).read() == before
    assert len(opened) == 201  # 200 reports that may still change, and the totals of the others


def test_damaged_totals_are_added_up_again(folder: Path) -> None:
    data = DataFolder(folder / "data")
    before = TotalsReader(data).read()
    for text in ("", "[]", '{"counts": 3}'):
        (data.state / "run_totals.json").write_text(text)
        assert TotalsReader(data).read() == before
