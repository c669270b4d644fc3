"""The service: weeks simulated in seconds with a clock and runs of the test's own, then real processes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from crawler.registry import newspapers
from khobor import main
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.site_lock import SiteLock, SiteLocked
from schedules.exit_codes import ExitCode
from schedules.runner.run_all import MAX_RUNS
from schedules.service.child_processes import ChildProcesses
from schedules.service.dispatcher import Dispatcher
from schedules.service.scheduled_run import run_schedule
from schedules.service.wake_ups import WakeUps
from schedules.timetable.config import Schedule, Timetable
from schedules.timetable.occurrences import Occurrence, Occurrences, State, occurrences_file
from tests.newspaper import Newspaper
from tests.support.project import PROJECT

BERLIN = ZoneInfo("Europe/Berlin")
STEP = timedelta(minutes=30)
#: Duration of a simulated run, by schedule.
MINUTES = {"night": 170, "day": 10, "late": 50}


def table(name: str, cron: str, *, minutes: int = 180, extra: str = "") -> str:
    return f"""
[schedule.{name}]
sentence = "A schedule"
sites = ["kalbela"]
mode = "full"
cron = "{cron}"
zone = "Europe/Berlin"
max_pages = 60
max_minutes = {minutes}
{extra}
"""


NIGHT = table("night", "30 2 * * *")


def berlin(local: str) -> datetime:
    return datetime.fromisoformat(local).replace(tzinfo=BERLIN).astimezone(UTC)


class Killed(BaseException):
    """The service was killed at this place."""


@dataclass
class World:
    """A machine with a clock, runs that outlive the service, and a service that may be killed."""

    data: DataFolder
    path: Path
    moment: datetime
    running: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    runs: list[tuple[str, str, datetime]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    kill: str = ""
    most: int = 0
    dispatcher: Dispatcher | None = None

    @classmethod
    def begin(cls, folder: Path, text: str, local: str) -> "World":
        data = DataFolder(folder / "data")
        data.prepare()
        path = folder / "timetable.toml"
        path.write_text(text, encoding="utf-8")
        world = cls(data, path, berlin(local))
        world.start_service()
        return world

    def start_service(self) -> Dispatcher:
        timetable, runs = Timetable.read(self.path), Runs(self)
        self.kill_service()
        self.dispatcher = Dispatcher(timetable, self.data, runs, clock=lambda: self.moment, log=self.log.append)
        return self.dispatcher

    def kill_service(self) -> None:
        if self.dispatcher is not None:
            self.dispatcher.close()
        self.dispatcher = None

    def step(self) -> None:
        self.end_runs()
        if self.dispatcher is not None:
            try:
                self.dispatcher.run_once()
            except Killed:
                self.kill_service()

    def until(self, local: str, *, step: timedelta = STEP) -> None:
        """Let time pass, with the service running."""
        while self.moment < berlin(local):
            self.moment = min(self.moment + step, berlin(local))
            self.step()

    def suspend_until(self, local: str) -> None:
        """Suspend the machine with everything on it."""
        pause = berlin(local) - self.moment
        self.running = {name: (due, end + pause) for name, (due, end) in self.running.items()}
        self.moment += pause
        self.step()

    def end_runs(self) -> None:
        for name, (due, end) in list(self.running.items()):
            if self.moment >= end:
                del self.running[name]
                self.occurrences.finish(name, due, end, exit_code=0)

    @cached_property
    def occurrences(self) -> Occurrences:
        return Occurrences.open(occurrences_file(self.data))

    def of(self, name: str) -> dict[str, Occurrence]:
        return {occurrence.due: occurrence for occurrence in self.occurrences.latest(name, 10_000)}

    def ran(self, name: str) -> list[str]:
        return [due for schedule, due, _ in self.runs if schedule == name]


@dataclass
class Runs:
    """Child processes that record their occurrences as the real ones do."""

    world: World

    def start(self, schedule: Schedule, due: str) -> "Run":
        world = self.world
        if world.kill == "before":
            world.kill = ""
            raise Killed
        if world.occurrences.start(schedule.name, due, world.moment):
            assert world.dispatcher is not None
            running = {site for name in world.running for site in world.dispatcher.timetable.named(name).sites}
            assert not running & set(schedule.sites), "two runs of one newspaper at once"
            world.most = max(world.most, len(running) + len(schedule.sites))
            world.runs.append((schedule.name, due, world.moment))
            world.running[schedule.name] = due, world.moment + timedelta(minutes=MINUTES.get(schedule.name, 60))
        if world.kill == "after":
            world.kill = ""
            raise Killed
        return Run(world, schedule.name, due)

    def report_dead_runs(self, sites: Iterable[str]) -> None:
        pass

    def check_data(self, sites: Iterable[str]) -> None:
        pass

    def holder(self, schedule: str) -> int | None:
        return 4711 if schedule in self.world.running else None

    def terminate(self, process: int) -> None:
        self.world.running = {name: (due, self.world.moment) for name, (due, _) in self.world.running.items()}
        self.world.end_runs()


@dataclass
class Run:
    world: World
    name: str
    due: str

    def poll(self) -> int | None:
        return None if self.world.running.get(self.name, ("", None))[0] == self.due else 0

    def terminate(self) -> None:
        Runs(self.world).terminate(0)


Begin = Callable[[str, str], World]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Begin worlds, and close their databases."""
    worlds: list[World] = []

    def begin_world(text: str, local: str) -> World:
        worlds.append(World.begin(tmp_path / f"{len(worlds)}", text, local))
        return worlds[-1]

    yield begin_world
    for world in worlds:
        world.kill_service()
        world.occurrences.close()


def test_many_sites_share_the_machine_fairly(begin: Begin) -> None:
    """Twelve sites are due all the time, and six may run: each waits for one run of another, and not for more."""
    sites = [*newspapers()]
    text = "".join(table(f"s{n}", "0 * * * *", minutes=60).replace("kalbela", site) for n, site in enumerate(sites))
    world = begin(text, "2026-09-28T12:30")
    world.until("2026-09-29T12:30", step=timedelta(minutes=5))
    assert world.most == MAX_RUNS
    assert {len(world.ran(f"s{n}")) for n in range(len(sites))} <= {11, 12}


def test_hundred_sites_share_a_night(begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two schedules name all sites: a full run of 5 minutes in the night, and one of 2 minutes each hour."""
    sites = [f"paper{number:02}" for number in range(100)]
    (tmp_path / "sites").mkdir()
    for site in sites:
        (tmp_path / "sites" / f"{site}.py").touch()
        monkeypatch.setitem(MINUTES, f"night-{site}", 5)
        monkeypatch.setitem(MINUTES, f"day-{site}", 2)
    monkeypatch.setenv("KHOBOR_SITES", str(tmp_path / "sites"))
    night = table("night", "0 22 * * *", minutes=60, extra="jitter_minutes = 240")
    day = table("day", "0 * * * *", minutes=10, extra="jitter_minutes = 50")
    world = begin((night + day).replace('["kalbela"]', json.dumps(sites)), "2026-09-28T21:50")
    world.until("2026-09-29T02:30", step=timedelta(minutes=2))
    starts = {site: [at for name, _, at in world.runs if name == f"day-{site}"] for site in sites}
    gaps = [later - earlier for of_site in starts.values() for earlier, later in pairwise(of_site)]
    assert max(gaps) <= timedelta(hours=2)
    assert min(map(len, starts.values())) >= 3
    by_hour = Counter(at.hour for name, _, at in world.runs if name.startswith("night-"))
    assert sum(by_hour.values()) == 100
    assert max(by_hour.values()) <= 40
    assert world.most == MAX_RUNS


@pytest.mark.parametrize("first", ["2026-09-28", "2027-03-01"])
def test_each_night_has_one_run_or_reason(first: str, begin: Begin) -> None:
    text = NIGHT + table("late", "0 3 * * *", minutes=60) + table("day", "0 10 * * *", minutes=15)
    world, day = begin(text, f"{first}T12:00"), date.fromisoformat(first)

    def on(nights: int, clock: str) -> str:
        return f"{day + timedelta(days=nights)}T{clock}"

    world.step()
    world.until(on(5, "22:00"))
    world.suspend_until(on(6, "07:10"))
    world.until(on(6, "07:30"))
    world.until(on(9, "03:00"))
    world.kill_service()  # during the run
    world.until(on(9, "04:00"))
    world.start_service()
    world.until(on(12, "02:00"))
    world.kill = "before"  # between claim and start
    world.until(on(12, "03:00"))
    assert world.dispatcher is None
    world.start_service()
    world.until(on(15, "02:00"))
    world.kill = "after"  # just after the start
    world.until(on(15, "02:30"))
    assert world.dispatcher is None
    world.start_service()
    world.until(on(18, "12:00"))
    world.kill_service()  # for two nights
    world.until(on(20, "10:00"))
    world.start_service()
    world.until(on(35, "02:40"))
    world.moment -= timedelta(hours=2)  # set back during a run
    world.step()
    world.until(on(35, "03:30"))
    world.until(on(38, "02:00"))
    world.moment += timedelta(hours=2)  # and forward
    world.until(on(60, "12:00"))

    nights = world.of("night")
    expected = [on(n, "02:30") for n in range(1, 61)]
    if first == "2027-03-01":  # 02:30 is skipped on 28 March
        expected[26] = "2027-03-28T03:00"
    assert sorted(nights) == expected
    assert {"2026-09-28": "2026-10-25T02:30", "2027-03-01": "2027-03-28T03:00"}[first] in world.ran("night")
    assert len(world.ran("night")) == len(set(world.ran("night")))
    skipped = {
        due: occurrence for due, occurrence in nights.items() if occurrence.state not in (State.RAN, State.CAUGHT_UP)
    }
    assert {due: occurrence.state for due, occurrence in skipped.items()} == {on(19, "02:30"): State.LATE}
    assert all(occurrence.reason for occurrence in skipped.values())
    assert set(world.ran("night")) == set(expected) - set(skipped)
    late = {due for due, occurrence in nights.items() if occurrence.state is State.CAUGHT_UP}
    assert late == {on(6, "02:30"), on(20, "02:30"), on(38, "02:30")} | ({on(12, "02:30")} & late)
    # The other schedules waited; each of their times has a result, too, and none ran twice.
    assert set(world.ran("late")) | {d for d, c in world.of("late").items() if c.reason} == set(world.of("late"))
    assert len(world.of("late")) == 60
    assert len(world.runs) == len({(name, due) for name, due, _ in world.runs})
    assert len(world.of("day")) == 60


def test_busy_site_delays_and_skips_runs(begin: Begin) -> None:
    text = NIGHT + table("day", "*/30 * * * *", minutes=15)
    world = begin(text, "2026-11-02T02:10")
    world.until("2026-11-02T06:00", step=timedelta(minutes=5))
    states = {due[-5:]: occurrence.state for due, occurrence in world.of("day").items()}
    # The night's run is first in the timetable, and lasts from 02:30 to 05:20.
    overlaps = [due for due, state in states.items() if state is State.OVERLAP]
    assert overlaps == ["04:30", "04:00", "03:30", "03:00", "02:30"]
    assert ("day", "2026-11-02T05:00", datetime(2026, 11, 2, 4, 20, tzinfo=UTC)) in world.runs
    assert states["05:00"] is State.RAN
    assert "2026-11-02T05:00" in (world.of("day")["2026-11-02T04:30"].reason or "")


@pytest.mark.parametrize(("hours", "state"), [(3, State.CAUGHT_UP), (7, State.LATE)])
def test_missed_run_is_caught_up_within_grace(hours: int, state: State, begin: Begin) -> None:
    world = begin(table("night", "30 2 * * *", extra="grace_hours = 6"), "2026-11-01T20:00")
    world.step()
    world.kill_service()
    world.until(f"2026-11-02T0{2 + hours}:30")
    world.start_service()
    world.step()
    world.until("2026-11-02T20:00")
    assert [occurrence.state for occurrence in world.of("night").values()] == [state]
    assert len(world.runs) == (state is State.CAUGHT_UP)


def test_new_service_ignores_earlier_nights(begin: Begin) -> None:
    world = begin(NIGHT, "2026-11-01T10:00")
    world.until("2026-11-01T23:00")
    assert not world.runs and not world.of("night")


def test_jitter_delays_runs_without_doubling_them(begin: Begin) -> None:
    world = begin(table("night", "30 2 * * *", extra="jitter_minutes = 60"), "2026-11-01T20:00")
    world.until("2026-11-08T20:00", step=timedelta(minutes=5))
    delays = [began - datetime.fromisoformat(due).replace(tzinfo=BERLIN) for _, due, began in world.runs]
    assert len(delays) == 7
    assert timedelta(0) < max(delays) <= timedelta(minutes=65)
    assert len(set(delays)) > 3
    assert {occurrence.state for occurrence in world.of("night").values()} <= {State.RAN, State.CAUGHT_UP}


def test_killed_run_is_recorded_and_not_repeated(begin: Begin) -> None:
    world = begin(NIGHT, "2026-11-01T20:00")
    world.until("2026-11-02T03:00")
    world.running.clear()
    world.until("2026-11-02T12:00")
    [occurrence] = world.of("night").values()
    assert (occurrence.state, occurrence.exit_code, len(world.runs)) == (State.RAN, ExitCode.INTERNAL, 1)
    assert "killed" in (occurrence.reason or "")


def test_broken_timetable_keeps_the_previous_one(begin: Begin) -> None:
    world = begin(NIGHT, "2026-11-01T20:00")
    dispatcher = world.start_service()
    dispatcher.reload()
    world.path.write_text(NIGHT.replace("30 2 * * *", "30 2 * * 0"))
    dispatcher.reload()
    dispatcher.reload()
    [message] = world.log
    assert all(part in message for part in ("previous", f"{world.path}:6: ", "'sun'"))
    world.path.unlink()
    dispatcher.reload()
    assert dispatcher.timetable.schedules[0].cron == "30 2 * * *"
    world.path.write_text(NIGHT.replace("30 2 * * *", "30 4 * * sun"))
    dispatcher.reload()
    assert "at 04:30 on Sunday" in world.log[-1]
    assert (world.data.root / "state/schedules/timetable.toml").read_text() == world.path.read_text()


def test_stopping_service_ends_runs(begin: Begin) -> None:
    for killed in (False, True):
        world = begin(NIGHT, "2026-11-01T20:00")
        world.until("2026-11-02T03:00")
        if killed:
            world.start_service()
            world.step()
        assert world.running
        assert world.dispatcher is not None
        world.dispatcher.drain(1)
        assert not world.running
        assert [occurrence.state for occurrence in world.of("night").values()] == [State.RAN]


def test_service_is_woken_at_next_due(begin: Begin) -> None:
    world, woken = begin(NIGHT + table("late", "15 2 * * *"), "2026-11-02T02:00"), threading.Event()
    assert world.dispatcher is not None
    assert world.dispatcher.next_due() == berlin("2026-11-02T02:15")
    wake_ups = WakeUps(woken.set)
    for moment in (world.dispatcher.next_due(), datetime.now(UTC)):
        wake_ups.set(moment)
    assert woken.wait(10)
    wake_ups.stop()


ALWAYS = """
[schedule.always]
sentence = "Always"
sites = ["kalbela"]
mode = "incremental"
cron = "{cron}"
zone = "Asia/Dhaka"
max_pages = 60
max_minutes = 30
expectations = {{ lists = [], max_failed = 0.3 }}
"""


@pytest.fixture(scope="module")
def mirror() -> Iterator[str]:
    with Newspaper(stories=60).serve() as url:
        yield url


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


SERVE = """
import sys
from pathlib import Path
from pipelines.storage.data_folder import DataFolder
from schedules.service.serve import serve
folder, mirror = Path(sys.argv[1]), sys.argv[2]
options = {"mirror": mirror, "settings": ["DOWNLOAD_DELAY=0.3"], "seconds": 0.2}
sys.exit(serve(folder / "t.toml", DataFolder(folder / "data"), **options))
"""


@contextmanager
def served(folder: Path, mirror: str, ahead: float) -> Iterator["subprocess.Popen[str]"]:
    """Start the service as a process whose clock is ``ahead`` seconds ahead."""
    command = [sys.executable, "-c", SERVE, str(folder), mirror]
    environment = {**os.environ, "KHOBOR_TESTING": "1", "KHOBOR_CLOCK": f"{ahead}"}
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=subprocess.PIPE, text=True) as service:
        try:
            assert service.stderr is not None
            assert "serving" in service.stderr.readline()
            yield service
        finally:
            if service.poll() is None:
                service.kill()


def occurrences_in(data: Path) -> list[Occurrence]:
    path = occurrences_file(DataFolder(data))
    if not path.exists():
        return []
    with Occurrences.open(path) as occurrences:
        return occurrences.latest("always", 100)


def test_run_outlives_a_killed_service(mirror: str, tmp_path: Path) -> None:
    real = datetime.now(UTC)
    soon = real.replace(second=0, microsecond=0) + timedelta(minutes=1)  # due when the service has just begun
    ahead = (soon - real).total_seconds() - 3
    (tmp_path / "t.toml").write_text(ALWAYS.format(cron=f"{soon.minute} * * * *"))
    data = tmp_path / "data"
    DataFolder(data).prepare()
    with Occurrences.open(occurrences_file(DataFolder(data))) as occurrences:
        occurrences.counted_since(Timetable.read(tmp_path / "t.toml").schedules[0], soon, timedelta(minutes=2))
    with served(tmp_path, mirror, ahead) as service:
        progress = data / "state" / "kalbela.progress.json"
        wait_for(lambda: progress.exists() and json.loads(progress.read_bytes())["stories"] >= 3)
        [occurrence] = occurrences_in(data)
        assert (occurrence.state, occurrence.due_at) == (State.RUNNING, soon)
        service.kill()
        service.wait()
    with served(tmp_path, mirror, ahead) as service:
        time.sleep(0.5)
        assert [each.due for each in occurrences_in(data)] == [occurrence.due]
        assert ChildProcesses(DataFolder(data)).holder("always") is not None
        service.send_signal(signal.SIGTERM)
        _, output = service.communicate(timeout=30)
    assert service.returncode == 0, output
    assert "stopping" in output
    assert "started" not in output
    assert ChildProcesses(DataFolder(data)).holder("always") is None
    [occurrence] = occurrences_in(data)
    assert (occurrence.state, occurrence.exit_code) == (State.RAN, ExitCode.TERMINATED)
    [run_id] = occurrence.runs
    report = json.loads((data / "runs" / f"{run_id}.json").read_bytes())
    assert report["urls"]["complete"]
    assert report["schedule"] == {"name": "always", "due": occurrence.due}
    assert report["expectations"]["max_failed"] == 0.3
    stories = pd.read_parquet(data / "stories")
    assert len(stories) == report["stories"]["new"] >= 3
    assert stories["story_id"].is_unique


def test_due_run_waits_for_locked_site(mirror: str, tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(ALWAYS.format(cron="0 0 * * *").replace("max_pages = 60", "max_pages = 5"))
    [schedule] = Timetable.read(tmp_path / "t.toml").schedules
    dataset = DataFolder(tmp_path / "data")
    dataset.prepare()
    options = {"mirror": mirror, "settings": ["DOWNLOAD_DELAY=0"]}
    held = SiteLock.take(dataset.lock("kalbela"))
    with pytest.raises(SiteLocked):
        run_schedule(schedule, dataset, **options)  # type: ignore[arg-type]
    assert not occurrences_in(dataset.root)
    threading.Timer(1.5, held.release).start()
    first = run_schedule(schedule, dataset, only_due=True, **options)  # type: ignore[arg-type]
    assert len(first.reports) == 1
    [occurrence] = occurrences_in(dataset.root)
    assert occurrence.runs == (first.reports[0]["run_id"],)
    assert occurrence.exit_code == first.exit_code == first.reports[0]["exit_code"]
    assert not occurrence.by_service
    second = run_schedule(schedule, dataset, only_due=True, **options)  # type: ignore[arg-type]
    assert not second.reports
    assert "not due before" in (second.sentence or "")
    assert len(occurrences_in(dataset.root)) == 1


def serve_here(folder: Path, mirror: str, cron: str) -> int:
    (folder / "t.toml").write_text(ALWAYS.format(cron=cron))
    options = ["--timetable", str(folder / "t.toml"), "--data", str(folder / "data"), "--mirror", mirror]
    return main(["serve", "--no-dashboard", *options])


def test_second_service_is_refused(mirror: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    locks = tmp_path / "data" / "state" / "schedules"
    locks.mkdir(parents=True)
    with SiteLock.take(locks / "serve.lock"):
        assert serve_here(tmp_path, mirror, "0 0 * * *") == ExitCode.LOCKED
    assert f"process {os.getpid()}" in capsys.readouterr().err


def test_service_refuses_broken_timetable(mirror: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serve_here(tmp_path, mirror, "61 * * * 0") == ExitCode.USAGE
    error = capsys.readouterr().err
    assert all(part in error for part in (f"{tmp_path}/t.toml:6: ", "'61'", "'sun'"))
    assert not (tmp_path / "data").exists()
