"""Faults of a fleet one by one: lost and old disks, wrong clocks, closed workers, an absent scheduler or bucket."""

import json
import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from distributed import Client

from schedules.fleet.placement import VERSION
from schedules.reports.waiting_sites import waiting_alarms
from schedules.timetable.occurrences import State
from tests.faults.test_fleet import overlaps
from tests.support.newsstand import Newsstand
from tests.support.processes import process_ended
from tests.support.small_fleet import SmallFleet

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]
SITE = "ittefaq"


@contextmanager
def small_fleet(root: Path, **options: object) -> Iterator[SmallFleet]:
    stand = Newsstand()
    with stand.serve() as mirror:
        fleet = SmallFleet(root, stand, mirror, [SITE], **options)  # type: ignore[arg-type]
        with fleet.running():
            yield fleet
    assert not overlaps(stand.log)


def replace_disk(fleet: SmallFleet, name: str, copy: Path | None) -> None:
    fleet.processes.kill(name)
    shutil.rmtree(fleet.data(name))
    if copy is not None:
        shutil.copytree(copy, fleet.data(name))


def test_restarted_service_collects_run_in_progress(tmp_path: Path) -> None:
    with small_fleet(tmp_path, workers=["one"]) as fleet:
        fleet.begin()
        fleet.restart()
        [occurrence] = fleet.ended()
        assert occurrence.state is State.RAN
        assert occurrence.exit_code == 0
        assert [path.stem for path in fleet.dataset.runs.glob("*.json")] == [*occurrence.runs]
        assert fleet.stories() == Counter(fleet.stand.expected(SITE))


def test_lost_disk_is_restored_elsewhere(tmp_path: Path) -> None:
    """The clock of the first worker is two hours ahead. Its old disk returns when the other one is lost."""
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    with small_fleet(tmp_path / "fleet", bucket=str(bucket)) as fleet:
        fleet.stand.publish(0.5)
        assert fleet.run()[0].exit_code == 0
        first = fleet.holder(SITE)
        [second] = {*fleet.workers} - {first}
        fleet.processes.kill(first)
        fleet.processes.start_worker(first, KHOBOR_CLOCK="7200", KHOBOR_TESTING="1")
        fleet.until(lambda: len(fleet.tasks.status["workers"]) == 2)
        assert fleet.run()[0].exit_code in (0, 3)
        shutil.copytree(fleet.data(first), tmp_path / "old")
        replace_disk(fleet, first, None)
        fleet.stand.publish(1)
        assert fleet.run()[0].state is State.RAN
        assert fleet.holder(SITE) == second
        assert fleet.stories() == Counter(fleet.stand.expected(SITE))
        shutil.copytree(tmp_path / "old", fleet.data(first))
        replace_disk(fleet, second, None)
        fleet.processes.start_worker(first)
        assert fleet.run()[0].state is State.RAN
        assert [*(fleet.data(first) / "quarantine").glob(f"*/state/{SITE}.sqlite")]
        assert fleet.stories() == Counter(fleet.stand.expected(SITE))
        reports = [path.stem for path in fleet.dataset.runs.glob("*.json")]
        assert sorted(reports) == sorted(run for each in fleet.occurrences() for run in each.runs)
        assert len(reports) == 4


def test_old_disk_without_bucket_is_refused(tmp_path: Path) -> None:
    with small_fleet(tmp_path / "fleet", workers=["one"]) as fleet:
        assert fleet.run()[0].exit_code == 0
        shutil.copytree(fleet.data("one"), tmp_path / "old")
        assert fleet.run()[0].state is State.RAN
        requests = len(fleet.stand.log)
        replace_disk(fleet, "one", tmp_path / "old")
        fleet.processes.start_worker("one")
        [refused] = fleet.run()
        assert refused.state is State.FAILED_TO_START
        assert refused.exit_code == 8
        assert "fleet.json" in str(refused.reason)
        assert len(fleet.stand.log) == requests
        (fleet.dataset.state / "fleet.json").write_text(json.dumps({"sites": {}}))
        fleet.restart()
        assert fleet.run()[0].state is State.RAN
        assert fleet.stories() == Counter(fleet.stand.expected(SITE))


def test_terminated_worker_ends_run_in_order(tmp_path: Path) -> None:
    """Dask allows a terminated worker eight seconds; after that, the next run delivers the report."""
    with small_fleet(tmp_path, workers=["one"], delay=1.0, nanny=True) as fleet:
        fleet.begin()
        crawls = fleet.processes.crawls()
        fleet.processes.processes["one"].send_signal(signal.SIGTERM)
        fleet.processes.processes["one"].wait(60)
        assert all(process_ended(pid, 60) for pid in crawls)
        assert fleet.ended()[0].exit_code in (1, 143)
        fleet.processes.start_worker("one")
        fleet.tasks.common["settings"] = ("DOWNLOAD_DELAY=0.05",)
        assert fleet.run()[0].state is State.RAN
        first, _ = sorted(fleet.dataset.runs.glob("*.json"))
        assert json.loads(first.read_bytes())["reason"] == "shutdown"
        assert fleet.stories() == Counter(fleet.stand.expected(SITE))


def test_retired_worker_ends_run_in_order(tmp_path: Path) -> None:
    with small_fleet(tmp_path, workers=["one"], delay=0.5, nanny=True) as fleet:
        fleet.begin()
        with Client(fleet.processes.address, set_as_default=False) as client:
            client.retire_workers([worker.address for worker in fleet.tasks.status["workers"]], close_workers=True)
        [stopped] = fleet.ended()
        assert (stopped.state, stopped.exit_code) == (State.RAN, 143)
        assert "worker" in str(stopped.reason)
        assert [path.stem for path in fleet.dataset.runs.glob("*.json")] == [*stopped.runs]
        fleet.processes.processes["one"].wait(60)


def test_killed_worker_is_started_by_nanny(tmp_path: Path) -> None:
    """As when it needs more memory than its limit allows."""
    with small_fleet(tmp_path, workers=["one"], delay=1.0, nanny=True) as fleet:
        fleet.begin()
        crawls = fleet.processes.crawls()
        [worker] = {*crawls.values()} - {*crawls, 1}
        os.kill(worker, signal.SIGKILL)
        assert all(process_ended(pid, 60) for pid in crawls)
        [killed] = fleet.ended()
        assert killed.exit_code == 1
        fleet.tasks.common["settings"] = ("DOWNLOAD_DELAY=0.05",)
        assert fleet.run()[0].state is State.RAN
        assert fleet.stories() == Counter(fleet.stand.expected(SITE))
        assert len([*fleet.dataset.runs.glob("*.json")]) == 2


def test_absent_scheduler_is_an_alarm(tmp_path: Path) -> None:
    with small_fleet(tmp_path, workers=["one"]) as fleet:
        fleet.processes.kill("scheduler")
        fleet.until(lambda: waiting_alarms(fleet.dataset))
        [alarm] = waiting_alarms(fleet.dataset)
        assert fleet.processes.address in alarm["sentence"]
        fleet.processes.start_scheduler()
        fleet.processes.processes["one"].wait(120)
        fleet.processes.start_worker("one")
        assert fleet.run()[0].state is State.RAN
        assert not waiting_alarms(fleet.dataset)


def test_unreachable_bucket_stops_run_in_order(tmp_path: Path) -> None:
    """Another fleet could get the site there, while the lease of the scheduler holds."""
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    with small_fleet(tmp_path / "fleet", workers=["one"], bucket=str(bucket), delay=1.0) as fleet:
        fleet.begin()
        bucket.rename(tmp_path / "away")
        bucket.write_text("not a folder")
        [stopped] = fleet.ended()
        assert (stopped.state, stopped.exit_code) == (State.RAN, 143)
        assert "bucket" in str(stopped.reason)
        bucket.unlink()
        (tmp_path / "away").rename(bucket)
        fleet.tasks.common["settings"] = ("DOWNLOAD_DELAY=0.05",)
        assert fleet.run()[0].state is State.RAN
        assert fleet.stories() == Counter(fleet.stand.expected(SITE))


def test_worker_of_other_version_gets_no_site(tmp_path: Path) -> None:
    with small_fleet(tmp_path, workers=["one"]) as fleet:
        assert fleet.run()[0].exit_code == 0
        fleet.processes.kill("one")
        fleet.processes.start_worker(
            "one", patch="import schedules.fleet.plugins as plugins\nplugins.VERSION = '0.0.1'"
        )
        fleet.until(lambda: VERSION in str(waiting_alarms(fleet.dataset)))
        assert any("0.0.1" in message for message in fleet.log)
        assert fleet.states() == {State.RAN: 1}
