"""The service: played for weeks in seconds with a clock and turns of our own, then for real in a few processes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.site_lock import SiteLock, SiteLocked
from schedules.exit_codes import ExitCode
from schedules.service.child_processes import Processes
from schedules.service.dispatcher import Dispatcher, WakeUps
from schedules.service.scheduled_run import run_schedule
from schedules.service.serve import main
from schedules.timetable.config import Schedule, Timetable
from schedules.timetable.occurrences import Occurrence, Occurrences, State, occurrences_file
from tests.newspaper import Newspaper
from tests.support.project import PROJECT

BERLIN = ZoneInfo("Europe/Berlin")
STEP = timedelta(minutes=30)
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


class Killed(BaseException):
    """The service was killed at this place."""


@dataclass
class World:
    """A machine with a clock, runs that live on their own, and a service that may be there or not."""

    dataset: DataFolder
    path: Path
    moment: datetime
    going: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    runs: list[tuple[str, str, datetime]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    kill: str = ""
    keeper: Dispatcher | None = None

    @classmethod
    def begin(cls, folder: Path, text: str, local: str) -> "World":
        dataset = DataFolder(folder / "data")
        dataset.prepare()
        path = folder / "timetable.toml"
        path.write_text(text, encoding="utf-8")
        world = cls(dataset, path, datetime.fromisoformat(local).replace(tzinfo=BERLIN).astimezone(UTC))
        world.start_service()
        return world

    def start_service(self) -> Dispatcher:
        turns = Turns(self)
        timetable = Timetable.read(self.path)
        self.kill_service()
        self.keeper = Dispatcher(timetable, self.dataset, turns, clock=lambda: self.moment, say=self.said.append)
        return self.keeper

    def kill_service(self) -> None:
        if self.keeper is not None:
            self.keeper.close()
        self.keeper = None

    def look(self) -> None:
        self._let_runs_end()
        if self.keeper is None:
            return
        try:
            self.keeper.look()
        except Killed:
            self.kill_service()

    def until(self, local: str, *, step: timedelta = STEP) -> None:
        """Let time pass, looking at every step."""
        end = datetime.fromisoformat(local).replace(tzinfo=BERLIN).astimezone(UTC)
        while self.moment < end:
            self.moment = min(self.moment + step, end)
            self.look()

    def sleep_until(self, local: str) -> None:
        """Suspend the machine: nobody looks, nothing goes on."""
        end = datetime.fromisoformat(local).replace(tzinfo=BERLIN).astimezone(UTC)
        self.going = {name: (due, over + (end - self.moment)) for name, (due, over) in self.going.items()}
        self.moment = end
        self.look()

    def _let_runs_end(self) -> None:
        for name, (due, over) in list(self.going.items()):
            if self.moment >= over:
                del self.going[name]
                self.claims.finish(name, due, over, exit_code=0)

    @cached_property
    def claims(self) -> Occurrences:
        return Occurrences.open(occurrences_file(self.dataset))

    def of(self, name: str) -> dict[str, Occurrence]:
        return {claim.due: claim for claim in self.claims.latest(name, 10_000)}

    def ran(self, name: str) -> list[str]:
        return [due for schedule, due, _ in self.runs if schedule == name]


class Turns:
    """Turns that take up their claims and settle them as the real ones do, without a process."""

    def __init__(self, world: World) -> None:
        self._world = world

    def start(self, schedule: Schedule, due: str) -> "Turn":
        world = self._world
        if world.kill == "before":
            world.kill = ""
            raise Killed
        if world.claims.start(schedule.name, due, world.moment):
            assert not world.going, "two runs of one newspaper at once"
            world.runs.append((schedule.name, due, world.moment))
            world.going[schedule.name] = due, world.moment + timedelta(minutes=MINUTES[schedule.name])
        if world.kill == "after":
            world.kill = ""
            raise Killed
        return Turn(world, schedule.name, due)

    def holder(self, schedule: str) -> int | None:
        return 4711 if schedule in self._world.going else None

    def end(self, process: int) -> None:
        for name, (due, _) in self._world.going.items():
            self._world.going[name] = due, self._world.moment
        self._world._let_runs_end()


@dataclass
class Turn:
    world: World
    name: str
    due: str

    def poll(self) -> int | None:
        return None if self.world.going.get(self.name, ("", None))[0] == self.due else 0

    def terminate(self) -> None:
        Turns(self.world).end(0)


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[[str, str], World]]:
    """Begins worlds, and closes what they have open."""
    worlds: list[World] = []

    def begin_world(text: str, local: str) -> World:
        worlds.append(World.begin(tmp_path / f"{len(worlds)}", text, local))
        return worlds[-1]

    yield begin_world
    for world in worlds:
        world.kill_service()
        world.claims.close()


Begin = Callable[[str, str], World]


@pytest.mark.parametrize("first", ["2026-09-28", "2027-03-01"])
def test_sixty_nights_have_one_run_each_or_one_reason_whatever_happens(first: str, begin: Begin) -> None:
    text = NIGHT + table("late", "0 3 * * *", minutes=60) + table("day", "0 10 * * *", minutes=15)
    world, day = begin(text, f"{first}T12:00"), date.fromisoformat(first)

    def on(nights: int, clock: str) -> str:
        return f"{day + timedelta(days=nights)}T{clock}"

    world.look()
    world.until(on(5, "22:00"))
    world.sleep_until(on(6, "07:10"))  # a lid was closed over a night
    world.until(on(6, "07:30"))
    world.until(on(9, "03:00"))
    world.kill_service()  # kill -9 while the night's run goes on
    world.until(on(9, "04:00"))
    world.start_service()
    world.until(on(12, "02:00"))
    world.kill = "before"  # kill -9 between the claim and the launch
    world.until(on(12, "03:00"))
    assert world.keeper is None
    world.start_service()
    world.until(on(15, "02:00"))
    world.kill = "after"  # kill -9 between the launch and the next line
    world.until(on(15, "02:30"))
    assert world.keeper is None
    world.start_service()
    world.until(on(18, "12:00"))
    world.kill_service()  # two nights without a service
    world.until(on(20, "10:00"))
    world.start_service()
    world.until(on(35, "02:40"))
    world.moment -= timedelta(hours=2)  # the clock is set back while a run goes on
    world.look()
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
    skipped = {due: claim for due, claim in nights.items() if claim.state not in (State.RAN, State.CAUGHT_UP)}
    assert {due: claim.state for due, claim in skipped.items()} == {on(19, "02:30"): State.LATE}
    assert all(claim.reason for claim in skipped.values())
    assert set(world.ran("night")) == set(expected) - set(skipped)
    late = {due for due, claim in nights.items() if claim.state is State.CAUGHT_UP}
    assert late == {on(6, "02:30"), on(20, "02:30"), on(38, "02:30")} | ({on(12, "02:30")} & late)
    # The others waited for it, each of their times has an end, too, and none ran twice.
    assert set(world.ran("late")) | {d for d, c in world.of("late").items() if c.reason} == set(world.of("late"))
    assert len(world.of("late")) == 60
    assert len(world.runs) == len({(name, due) for name, due, _ in world.runs})
    assert len(world.of("day")) == 60


def test_a_schedule_whose_newspaper_is_busy_waits_and_gives_way_to_its_own_next_time(begin: Begin) -> None:
    text = NIGHT + table("day", "*/30 * * * *", minutes=15)
    world = begin(text, "2026-11-02T02:10")
    world.until("2026-11-02T06:00", step=timedelta(minutes=5))
    states = {due[-5:]: claim.state for due, claim in world.of("day").items()}
    # 02:30 is the night's: it is first in the timetable, and goes on until 05:20.
    assert [due for due, state in states.items() if state is State.OVERLAP][::-1] == [
        "02:30",
        "03:00",
        "03:30",
        "04:00",
        "04:30",
    ]
    assert ("day", "2026-11-02T05:00", datetime(2026, 11, 2, 4, 20, tzinfo=UTC)) in world.runs
    assert states["05:00"] is State.RAN
    assert "2026-11-02T05:00" in (world.of("day")["2026-11-02T04:30"].reason or "")


@pytest.mark.parametrize(("hours", "state"), [(3, State.CAUGHT_UP), (7, State.LATE)])
def test_a_time_is_caught_up_within_its_grace_and_told_as_late_after_it(hours: int, state: State, begin: Begin) -> None:
    world = begin(table("night", "30 2 * * *", extra="grace_hours = 6"), "2026-11-01T20:00")
    world.look()
    world.kill_service()
    world.until(f"2026-11-02T0{2 + hours}:30")
    world.start_service()
    world.look()
    world.until("2026-11-02T20:00")
    assert [claim.state for claim in world.of("night").values()] == [state]
    assert len(world.runs) == (state is State.CAUGHT_UP)


def test_a_new_service_is_not_held_to_nights_before_it(begin: Begin) -> None:
    world = begin(NIGHT, "2026-11-01T10:00")
    world.until("2026-11-01T23:00")
    assert not world.runs and not world.of("night")


def test_jitter_delays_a_run_and_never_doubles_it(begin: Begin) -> None:
    world = begin(table("night", "30 2 * * *", extra="jitter_minutes = 60"), "2026-11-01T20:00")
    world.until("2026-11-08T20:00", step=timedelta(minutes=5))
    delays = [began - datetime.fromisoformat(due).replace(tzinfo=BERLIN) for _, due, began in world.runs]
    assert len(delays) == 7
    assert timedelta(0) < max(delays) <= timedelta(minutes=65)
    assert len(set(delays)) > 3
    assert {claim.state for claim in world.of("night").values()} <= {State.RAN, State.CAUGHT_UP}


def test_a_killed_run_is_told_and_not_run_again(begin: Begin) -> None:
    world = begin(NIGHT, "2026-11-01T20:00")
    world.until("2026-11-02T03:00")
    world.going.clear()
    world.until("2026-11-02T12:00")
    [claim] = world.of("night").values()
    assert (claim.state, claim.exit_code, len(world.runs)) == (State.RAN, ExitCode.INTERNAL, 1)
    assert "killed" in (claim.reason or "")


def test_a_broken_timetable_is_told_once_and_the_one_before_it_is_kept(begin: Begin) -> None:
    world = begin(NIGHT, "2026-11-01T20:00")
    keeper = world.start_service()
    assert not keeper.reread()
    world.path.write_text(NIGHT.replace("30 2 * * *", "30 2 * * 0"))
    assert not keeper.reread() and not keeper.reread()
    [said] = world.said
    assert "kept" in said and f"{world.path}:6: " in said and "'sun'" in said
    world.path.unlink()
    assert not keeper.reread()
    assert keeper.timetable.schedules[0].cron == "30 2 * * *"
    world.path.write_text(NIGHT.replace("30 2 * * *", "30 4 * * sun"))
    assert keeper.reread()
    assert "at 04:30 on Sunday" in world.said[-1]
    assert (world.dataset.root / "state/schedules/timetable.toml").read_text() == world.path.read_text()


def test_the_end_of_the_service_asks_its_runs_to_end_and_those_of_one_killed_before_it(begin: Begin) -> None:
    for killed in (False, True):
        world = begin(NIGHT, "2026-11-01T20:00")
        world.until("2026-11-02T03:00")
        if killed:
            world.start_service()
            world.look()
        assert world.going
        assert world.keeper is not None
        world.keeper.drain(1)
        assert not world.going
        assert [claim.state for claim in world.of("night").values()] == [State.RAN]


def test_the_clockwork_rings_in_the_zone_of_each_schedule(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(NIGHT + table("late", "0 3 * * sun").replace("Europe/Berlin", "Asia/Dhaka"))
    timetable = Timetable.read(tmp_path / "t.toml")
    clockwork = WakeUps(lambda: None)
    clockwork.wind(timetable)
    clockwork.wind(timetable)
    now = datetime.now(UTC)
    assert clockwork.rings() == {each.name: next(each.after(now)).at for each in timetable.schedules}
    clockwork.stop()


# For real -----------------------------------------------------------------------------------------------------------

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


def arguments(folder: Path, mirror: str) -> list[str]:
    given = ["--timetable", str(folder / "t.toml"), "--data", str(folder / "data"), "--mirror", mirror]
    return [*given, "--seconds", "0.2", "-s", "DOWNLOAD_DELAY=0.15"]


@contextmanager
def served(folder: Path, mirror: str, ahead: float) -> Iterator[subprocess.Popen[str]]:
    """The service as a process, on a clock that is ``ahead`` seconds ahead; it has begun."""
    command = [sys.executable, "-m", "schedules.service.serve", *arguments(folder, mirror)]
    clock = {"KHOBOR_TESTING": "1", "KHOBOR_CLOCK": f"{ahead}"}
    with subprocess.Popen(
        command, cwd=PROJECT, env={**os.environ, **clock}, stderr=subprocess.PIPE, text=True
    ) as service:
        try:
            assert service.stderr is not None
            assert "keeping" in service.stderr.readline()
            yield service
        finally:
            if service.poll() is None:
                service.kill()


def occurrences_in(data: Path) -> list[Occurrence]:
    path = occurrences_file(DataFolder(data))
    if not path.exists():
        return []
    with Occurrences.open(path) as claims:
        return claims.latest("always", 100)


def test_a_service_that_is_killed_harms_no_run_and_the_next_one_ends_it_in_order(mirror: str, tmp_path: Path) -> None:
    real = datetime.now(UTC)
    soon = real.replace(second=0, microsecond=0) + timedelta(minutes=1)  # due when the service has just begun
    ahead = (soon - real).total_seconds() - 3
    (tmp_path / "t.toml").write_text(ALWAYS.format(cron=f"{soon.minute} * * * *"))
    data = tmp_path / "data"
    DataFolder(data).prepare()
    with Occurrences.open(occurrences_file(DataFolder(data))) as claims:
        claims.counted_since(Timetable.read(tmp_path / "t.toml").schedules[0], soon - timedelta(minutes=2))
    with served(tmp_path, mirror, ahead) as service:
        progress = data / "state" / "kalbela.progress.json"
        wait_for(lambda: progress.exists() and json.loads(progress.read_bytes())["stories"] >= 3)
        [claim] = occurrences_in(data)
        assert (claim.state, claim.due_at) == (State.RUNNING, soon)
        service.kill()
        service.wait()
    with served(tmp_path, mirror, ahead) as service:
        time.sleep(0.5)
        assert [each.due for each in occurrences_in(data)] == [claim.due]
        assert Processes(DataFolder(data)).holder("always") is not None
        service.send_signal(signal.SIGTERM)
        _, said = service.communicate(timeout=30)
    assert service.returncode == 0, said
    assert "told to end" in said
    assert "launched" not in said
    assert Processes(DataFolder(data)).holder("always") is None
    [claim] = occurrences_in(data)
    assert (claim.state, claim.exit_code) == (State.RAN, ExitCode.TERMINATED)
    [run_id] = claim.runs
    report = json.loads((data / "runs" / f"{run_id}.json").read_bytes())
    assert report["urls"]["complete"]
    assert report["schedule"] == {"name": "always", "due": claim.due}
    assert report["expectations"]["max_failed"] == 0.3
    stories = pd.read_parquet(data / "stories")
    assert len(stories) == report["stories"]["new"] >= 3
    assert stories["story_id"].is_unique


def test_a_turn_under_cron_waits_for_its_site_and_is_not_run_again(mirror: str, tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(ALWAYS.format(cron="0 0 * * *").replace("max_pages = 60", "max_pages = 5"))
    [schedule] = Timetable.read(tmp_path / "t.toml").schedules
    dataset = DataFolder(tmp_path / "data")
    dataset.prepare()
    asked = {"mirror": mirror, "settings": ["DOWNLOAD_DELAY=0"]}
    held = SiteLock.take(dataset.lock("kalbela"))
    with pytest.raises(SiteLocked):
        run_schedule(schedule, dataset, **asked)  # type: ignore[arg-type]
    assert not occurrences_in(dataset.root), "what a person could not run stays due"
    threading.Timer(1.5, held.release).start()
    first = run_schedule(schedule, dataset, only_due=True, **asked)  # type: ignore[arg-type]
    assert len(first.reports) == 1
    [claim] = occurrences_in(dataset.root)
    assert claim.runs == (first.reports[0]["run_id"],)
    assert claim.exit_code == first.exit_code == first.reports[0]["exit_code"]
    assert not claim.by_service
    second = run_schedule(schedule, dataset, only_due=True, **asked)  # type: ignore[arg-type]
    assert not second.reports
    assert "not due before" in (second.sentence or "")
    assert len(occurrences_in(dataset.root)) == 1


def test_a_second_service_on_a_folder_is_refused(
    mirror: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.toml").write_text(ALWAYS.format(cron="0 0 * * *"))
    locks = tmp_path / "data" / "state" / "schedules"
    locks.mkdir(parents=True)
    with SiteLock.take(locks / "serve.lock"):
        assert main(arguments(tmp_path, mirror)) == ExitCode.LOCKED
    assert f"process {os.getpid()}" in capsys.readouterr().err


def test_a_service_does_not_start_on_a_broken_timetable(
    mirror: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.toml").write_text(ALWAYS.format(cron="61 * * * 0"))
    assert main(arguments(tmp_path, mirror)) == ExitCode.USAGE
    error = capsys.readouterr().err
    assert all(part in error for part in (f"{tmp_path}/t.toml:6: ", "'61'", "'sun'"))
    assert not (tmp_path / "data").exists()
