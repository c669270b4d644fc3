"""A run that dies before its first request has a report, a verdict, an alarm and an alert."""

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from crawler.clock import now
from crawler.spiders.kalbela import Kalbela
from khobor import main
from pipelines.ledger import Ledger
from pipelines.storage.data_folder import DataFolder
from schedules.cli.maintenance import publish
from schedules.metrics.exposition import exposition
from schedules.reports.report import read_report, run_ids
from schedules.runner.run_process import RunOptions, RunProcess
from schedules.timetable.config import Timetable
from tests.support.alert_receivers import webhook_server
from tests.support.run_reports import NIGHT

ABORT = 'import os; os.write(2, b"{}\\n"); os.abort()'
DEATHS = {
    "kill": ("import os; os.kill(os.getpid(), 9)", 1, "broken_off"),
    "import": ("import khobor_that_is_not_there", 1, "broken_off"),
    "usage": ("import sys; print('khobor: no module lxml', file=sys.stderr); sys.exit(2)", 1, "broken_off"),
    "memory": ("import sys; print('khobor: too little memory', file=sys.stderr); sys.exit(7)", 7, "storage"),
    "abort": ("import os; os.abort()", 1, "broken_off"),
    "c++": (ABORT.format("terminate called after throwing an instance of 'std::bad_alloc'"), 7, "storage"),
    "rust": (ABORT.format("memory allocation of 99 bytes failed"), 7, "storage"),
    "damage": ("import sys; sys.exit(8)", 8, "damaged"),
}

OFTEN = """\
[schedule.night]
sentence = "The whole paper"
sites = ["kalbela"]
mode = "full"
cron = "*/30 * * * *"
zone = "Asia/Dhaka"
max_pages = 100
max_minutes = 10
"""


@pytest.fixture
def dies(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that makes every run die with some code."""

    def start(code: str) -> None:
        def _start(self: RunProcess) -> "subprocess.Popen[bytes]":
            with self.log.open("ab") as log:
                return subprocess.Popen([sys.executable, "-c", code], stderr=log)

        monkeypatch.setattr(RunProcess, "_start", _start)

    return start


def begin(data: DataFolder, **schedule: str) -> RunProcess:
    run = RunProcess(RunOptions(newspaper=Kalbela, dataset=data, schedule=schedule or None))
    while not run.has_ended():
        time.sleep(0.01)
    return run


@pytest.mark.parametrize("death", DEATHS)
def test_dead_run_has_report(death: str, dies: Any, tmp_path: Path) -> None:
    code, exit_code, kind = DEATHS[death]
    dies(code)
    data = DataFolder(tmp_path)
    run = begin(data)
    assert run.conclude()["exit_code"] == exit_code
    report = read_report(data, run.run_id)
    assert report["verdict"]["exit_code"] == exit_code
    assert [alarm["key"] for alarm in report["alarms"]] == [f"kalbela/{kind}"]
    assert report["requests"] == 0
    (tmp_path / "timetable.toml").write_text(NIGHT)
    text = exposition(data, Timetable.read(tmp_path / "timetable.toml"), now()).decode()
    assert f'khobor_last_run_exit_code{{schedule="by hand",site="kalbela"}} {float(exit_code)}' in text


def test_next_command_reports_dead_run(dies: Any, tmp_path: Path) -> None:
    dies(DEATHS["kill"][0])
    data = DataFolder(tmp_path)
    run = begin(data, name="night", due="2026-11-22T02:15+06:00")
    run._lock.release()  # its parent was killed too
    assert publish(argparse.Namespace(site=[], data=tmp_path, json=True, take_over=False)) == 0
    report = read_report(data, run.run_id)
    assert (report["verdict"]["exit_code"], report["schedule"]["name"]) == (1, "night")


def test_run_stopped_before_it_began_has_no_report(dies: Any, tmp_path: Path) -> None:
    dies("import time; time.sleep(60)")
    data = DataFolder(tmp_path)
    run = RunProcess(RunOptions(newspaper=Kalbela, dataset=data))
    run.interrupt(signal.SIGTERM)
    while not run.has_ended():
        time.sleep(0.01)
    assert run.conclude()["exit_code"] == 143
    assert run_ids(data) == []
    ledger = Ledger.open(data.ledger("kalbela"), "kalbela", Kalbela.zone)
    assert ledger.runs.ids(ended=False) == ledger.runs.ids(ended=True) == []


def test_run_with_damaged_ledger_has_report(dies: Any, tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    dies(f"open({str(data.ledger('kalbela'))!r}, 'wb').write(b'x' * 9000)")
    run = begin(data, name="night", due="2026-11-22T02:15+06:00")
    assert run.conclude()["exit_code"] == 8
    report = read_report(data, run.run_id)
    assert ([alarm["kind"] for alarm in report["alarms"]], report["schedule"]["name"]) == (["damaged"], "night")


@pytest.mark.parametrize("option", [[], ["--due"]])
def test_scheduled_run_by_hand_sends_alerts(option: list[str], dies: Any, tmp_path: Path) -> None:
    dies(DEATHS["kill"][0])
    with webhook_server() as server:
        target = f'\n[alert.chat]\nkind = "webhook"\nurl = "{server.url}"\n'
        (tmp_path / "timetable.toml").write_text(OFTEN + target)
        where = ["--timetable", str(tmp_path / "timetable.toml"), "--data", str(tmp_path / "data")]
        assert main(["schedule", "run", "night", *option, *where, "--mirror", server.url.rsplit("/", 1)[0]]) == 1
    appeared = [alarm["key"] for event in server.events for alarm in event["appeared"]]
    assert appeared == ["kalbela/broken_off", "kalbela/silent/night"]
