"""Each alarm is sent once when it appears and once when it clears, whatever happens in between."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crawler.clock import now
from khobor import main
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.site_lock import SiteLock, SiteLocked
from schedules.alerting.deliveries import MAX_AGE, MAX_PAUSE, Deliveries, TargetState, active_alarms, deliveries_path
from schedules.alerting.messages import subject
from schedules.alerting.notifier import Notifier, notify_with_retries
from schedules.alerting.transports import DeliveryError
from schedules.service.notifier_thread import NotifierThread
from schedules.timetable.alert_targets import Target
from schedules.timetable.config import Timetable
from schedules.timetable.occurrences import Occurrences, State, occurrences_file
from tests.support.alert_receivers import http_server, webhook_server
from tests.support.commands import QUICK, khobor
from tests.support.hostile_text import HOSTILE_TEXT, UNSAFE
from tests.support.project import PROJECT
from tests.support.run_reports import NIGHT, START, alarm, keep, make_report

CHAT = '\n[alert.chat]\nkind = "webhook"\nurl = "{url}"\n'
HOUR = timedelta(hours=1)
Events = list[tuple[list[str], list[str]]]


@dataclass
class Desk:
    """A data folder, its timetable, a clock, and the events that each target received."""

    dataset: DataFolder
    path: Path
    moment: datetime = START
    sent: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    unreachable: set[str] = field(default_factory=set)
    attempts: list[datetime] = field(default_factory=list)

    def send(self, target: Target, event: Mapping[str, Any]) -> None:
        if target.name in self.unreachable:
            self.attempts.append(self.moment)
            raise DeliveryError("connection refused")
        self.sent.setdefault(target.name, []).append(event)

    def set_targets(self, *names: str) -> None:
        self.path.write_text(NIGHT + "".join(CHAT.format(url="http://127.0.0.1:9").replace("chat", n) for n in names))

    @property
    def timetable(self) -> Timetable:
        return Timetable.read(self.path)

    @property
    def targets(self) -> list[TargetState]:
        return list(active_alarms(self.dataset).targets)

    def run_once(self) -> datetime | None:
        """One pass of a notifier that has just been started."""
        return Notifier(self.dataset, self.log.append, lambda: self.moment, self.send).run_once(self.timetable)

    def report(self, *alarms: dict[str, Any], **more: Any) -> Events:
        """A run an hour later; returns the fields whose alarms appeared and cleared, for each event that was sent."""
        self.moment += HOUR
        keep(self.dataset, make_report(self.moment - timedelta(minutes=1), *alarms, **more))
        return self.received()

    def received(self, target: str = "chat") -> Events:
        """The events that a target receives now."""
        self.sent[target] = []
        self.run_once()
        return [(_fields(event["appeared"]), _fields(event["cleared"])) for event in self.sent[target]]


def _fields(alarms: list[dict[str, Any]]) -> list[str]:
    return [each["key"].rpartition("/")[2] for each in alarms]


@pytest.fixture
def desk(memory_folder: Path) -> Desk:
    dataset = DataFolder(memory_folder / "data")
    dataset.prepare()
    desk = Desk(dataset, memory_folder / "timetable.toml")
    desk.set_targets("chat")
    return desk


def test_alarm_is_sent_once_each_way(desk: Desk) -> None:
    assert desk.report() == []
    assert desk.report(alarm("byline")) == [(["byline"], [])]
    assert desk.report(alarm("byline", "byline: filled in 1 of 60 stories")) == []
    assert [a["sentence"] for a in active_alarms(desk.dataset).alarms] == ["byline: filled in 1 of 60 stories"]
    assert desk.report(alarm("byline"), alarm("tags")) == [(["tags"], [])]
    assert desk.report(alarm("tags")) == [([], ["byline"])]
    assert desk.report() == [([], ["tags"])]
    assert desk.report() == desk.received() == []
    assert desk.report(alarm("byline")) == [(["byline"], [])]


def test_only_good_runs_of_a_mode_clear_its_alarms(desk: Desk) -> None:
    assert desk.report(alarm("byline")) == [(["byline"], [])]
    assert desk.report(schedule="day") == []
    assert desk.report(alarm("byline"), schedule="day") == []
    assert desk.report(code=143) == []
    assert desk.report(code=4, alarms=[alarm("unreachable")]) == [(["unreachable"], [])]
    assert desk.report() == [([], ["unreachable"])], "the other schedule still has it"
    assert desk.report(schedule="day") == [([], ["byline"])]
    assert desk.report(alarm("byline"), mode="full") == [(["byline"], [])]
    assert desk.report(schedule="another", mode="incremental") == []
    assert desk.report(schedule="another", mode="full") == [([], ["byline"])]


def test_run_by_hand_sends_and_clears_nothing(desk: Desk) -> None:
    assert desk.report(alarm("tags"), schedule=None) == []
    assert desk.report(alarm("byline")) == [(["byline"], [])]
    assert desk.report(schedule=None) == []
    assert desk.report() == [([], ["byline"])]


def test_unevaluated_run_waits_until_claim_settles(desk: Desk) -> None:
    report = make_report(START, alarm("byline"), schedule=None)
    schedule = desk.timetable.named("night")
    due = next(iter(schedule.until(START, START - timedelta(days=1))))
    keep(desk.dataset, report)
    with closing(Occurrences.open(occurrences_file(desk.dataset))) as occurrences:
        occurrences.claim(schedule, due, START)
        occurrences.start("night", due.key, START)
        occurrences.set_runs("night", due.key, [report["run_id"]])
        assert desk.received() == []
        occurrences.finish("night", due.key, START, exit_code=1, reason="killed")
    assert desk.received() == [(["byline"], [])]
    assert desk.sent["chat"][0]["schedule"] == "night"


def test_refused_start_is_alarm_until_good_run(desk: Desk) -> None:
    schedule = desk.timetable.named("night")
    nights = list(schedule.until(START, START - timedelta(days=5)))
    with closing(Occurrences.open(occurrences_file(desk.dataset))) as occurrences:
        for due, state, code, events in (
            (nights[3], State.FAILED_TO_START, 7, [(["start"], [])]),
            (nights[2], State.LATE, None, []),
            (nights[1], None, 1, []),
            (nights[0], None, 0, [([], ["start"])]),
        ):
            occurrences.claim(schedule, due, START)
            occurrences.finish("night", due.key, START, state=state, exit_code=code, reason="the disk is full")
            assert desk.received() == events
    assert "the disk is full" in subject(desk.sent["chat"][0])


@pytest.mark.parametrize("text", ["", "{", "[]", '{"run_id": 3}', '{"schedule": {}, "site": 3}'])
def test_invalid_report_does_not_stop_others(desk: Desk, text: str) -> None:
    (desk.dataset.runs / "20261122T110000Z-kalbela-0000.json").write_text(text)
    odd = {"alarms": [3, {"key": ""}, {}, "x", alarm("byline")], "measures": [], "verdict": []}
    assert desk.report(**odd)[-1] == (["byline"], [])
    assert desk.report(alarms={}, code=4) == []


def test_hostile_text_stays_one_bounded_line(desk: Desk) -> None:
    odd = {"samples": [HOSTILE_TEXT] * 500, "field": {HOSTILE_TEXT: [HOSTILE_TEXT]}, "measure": {"now": [0, 52]}}
    desk.report(alarm("byline", HOSTILE_TEXT, **odd))
    [event] = desk.sent["chat"]
    assert not UNSAFE.search(json.dumps(event, ensure_ascii=False).replace("\\", ""))
    assert "\n" not in subject(event)
    assert len(subject(event)) <= 140
    assert event["appeared"][0]["measure"] == {"now": [0, 52]}
    assert len(json.dumps(event)) < 20_000
    desk.report(*(alarm(f"field{number}") for number in range(120)))
    [event] = desk.sent["chat"]
    assert (len(event["appeared"]), event["not_listed"], event["active"]) == (50, 70, 120)


def test_new_target_receives_active_alarms(desk: Desk) -> None:
    desk.set_targets()
    assert desk.report(alarm("byline")) == desk.report(alarm("tags")) == []
    desk.set_targets("chat", "desk")
    assert desk.received() == [(["tags"], [])]
    assert desk.received("desk") == []
    desk.unreachable = {"desk"}
    assert desk.report(alarm("tags"), alarm("byline")) == [(["byline"], [])]
    assert [state.waiting for state in desk.targets] == [0, 1]
    desk.set_targets("chat")
    desk.unreachable = set()
    assert desk.received("desk") == [], "a removed target is forgotten"
    assert [state.name for state in desk.targets] == ["chat"]


def test_unreachable_target_is_retried_with_growing_pauses(desk: Desk) -> None:
    desk.set_targets("chat", "desk")
    desk.run_once()
    desk.unreachable = {"desk"}
    assert desk.report(alarm("byline")) == [(["byline"], [])]
    for attempts in range(1, 10):
        [next_at] = [state.next_at for state in desk.targets if state.next_at]
        for desk.moment in (next_at - timedelta(seconds=1), next_at):
            assert len(desk.attempts) == attempts
            desk.run_once()
    pauses = [(after - before).total_seconds() for before, after in zip(desk.attempts, desk.attempts[1:], strict=False)]
    assert pauses[:6] == [30, 60, 120, 240, 480, 960]
    assert max(pauses) == pauses[-1] == MAX_PAUSE.total_seconds()
    assert len([line for line in desk.log if "desk" in line]) == 1, "logged once, not at each failure"
    [state] = [state for state in desk.targets if state.failures]
    assert desk.run_once() == state.next_at
    assert all(text in str(state) for text in ("desk", "connection refused", "1 waiting"))
    desk.unreachable = set()
    desk.moment += HOUR
    assert desk.received("desk") == [(["byline"], [])]
    assert desk.run_once() is None
    assert not [state for state in desk.targets if state.failures or state.waiting]


def test_undelivered_alert_is_dropped_after_a_week(desk: Desk) -> None:
    desk.run_once()
    desk.unreachable = {"chat"}
    desk.report(alarm("byline"))
    desk.moment += MAX_AGE
    desk.report(alarm("tags"))
    desk.moment += HOUR * 2
    desk.run_once()
    assert any("dropped" in line for line in desk.log)
    desk.unreachable = set()
    desk.moment += HOUR * 2
    assert desk.received() == [(["tags"], ["byline"])]


def test_clock_set_back_does_not_pause_target(desk: Desk) -> None:
    desk.run_once()
    desk.unreachable = {"chat"}
    desk.report(alarm("byline"))
    desk.moment -= timedelta(days=3)
    desk.unreachable = set()
    assert desk.received() == [(["byline"], [])]


RUN_ONCE = """
import sys
from pathlib import Path
from pipelines.storage.data_folder import DataFolder
from schedules.alerting.notifier import Notifier
from schedules.timetable.config import Timetable
Notifier(DataFolder(Path(sys.argv[1])), print).run_once(Timetable.read(Path(sys.argv[2])))
"""


def test_kill_after_sending_repeats_the_event(desk: Desk) -> None:
    with webhook_server() as posted:
        desk.path.write_text(NIGHT + CHAT.format(url=posted.url))
        keep(desk.dataset, make_report(now() - HOUR, alarm("byline")))
        command = [sys.executable, "-c", RUN_ONCE, str(desk.dataset.root), str(desk.path)]
        trap = os.environ | {"KHOBOR_FAILPOINT": "alert.sent=kill", "KHOBOR_TESTING": "1"}
        killed = subprocess.run(command, cwd=PROJECT, env=trap, capture_output=True)
        assert killed.returncode == -signal.SIGKILL
        for _ in range(2):
            Notifier(desk.dataset, desk.log.append).run_once(desk.timetable)
    assert [event["id"] for event in posted.events] == [posted.events[0]["id"]] * 2
    assert posted.headers[0]["Idempotency-Key"] == posted.headers[1]["Idempotency-Key"]


def test_damaged_or_locked_database(desk: Desk) -> None:
    assert desk.report(alarm("byline")) == [(["byline"], [])]
    deliveries_path(desk.dataset).write_bytes(b"text, not a database\n" * 99)
    assert active_alarms(desk.dataset).error
    assert desk.received() == [(["byline"], [])]
    assert any("damaged" in line and "moved" in line for line in desk.log)
    assert len(list(desk.dataset.state.glob("alerts-damaged-*"))) == 1
    assert desk.received() == []
    with SiteLock.take(desk.dataset.state / "schedules" / "alerts.lock"), pytest.raises(SiteLocked):
        desk.run_once()


def test_reading_active_alarms_changes_nothing(desk: Desk) -> None:
    assert active_alarms(desk.dataset).alarms == ()
    assert not deliveries_path(desk.dataset).exists()
    desk.report(alarm("byline"))
    before = deliveries_path(desk.dataset).read_bytes()
    active = active_alarms(desk.dataset)
    assert [each["active_since"] for each in active.alarms] == [desk.moment.isoformat()]
    assert json.loads(json.dumps(active.as_dict()))["alarms"][0]["key"] == "kalbela/field/byline"
    assert deliveries_path(desk.dataset).read_bytes() == before
    with closing(Deliveries.open(deliveries_path(desk.dataset))) as deliveries:
        version = deliveries._sql.execute("PRAGMA data_version").fetchone()
        for _ in range(3):
            desk.run_once()
        assert deliveries._sql.execute("PRAGMA data_version").fetchone() == version, "nothing new, nothing written"


def until(condition: Callable[[], object], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_hanging_target_does_not_delay_the_service(desk: Desk) -> None:
    hangs = threading.Event()
    thread = NotifierThread(desk.dataset, lambda: desk.timetable, desk.log.append, 0.05)
    thread._notifier.clock = lambda: desk.moment
    thread._notifier.send = lambda target, event: hangs.wait(20) and None  # type: ignore[return-value]
    keep(desk.dataset, make_report(START - HOUR, alarm("byline")))
    thread.start()
    began = time.monotonic()
    thread.stop(0.3)
    assert time.monotonic() - began < 2
    hangs.set()
    thread._thread.join(5)


def test_internal_error_is_logged_once_and_survived(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    broken = threading.Event()

    def timetable() -> Timetable:
        if not broken.is_set():
            raise KeyError("ours")
        return desk.timetable

    thread = NotifierThread(desk.dataset, timetable, desk.log.append, 0.02)
    thread.start()
    until(lambda: capsys.readouterr().err.count("Traceback") + len(desk.log) >= 4)
    broken.set()
    until(lambda: len(desk.log) >= 4)
    thread.stop()
    assert len([line for line in desk.log if "KeyError" in line]) == 2, "of alerts and of metrics"


def test_retries_after_a_run_are_bounded(desk: Desk) -> None:
    keep(desk.dataset, make_report(now() - HOUR, alarm("byline")))
    began = time.monotonic()
    notify_with_retries(desk.dataset, desk.timetable, desk.log.append, 0.3)
    assert time.monotonic() - began < 5
    assert len([line for line in desk.log if "chat" in line]) == 1
    assert [state.waiting for state in desk.targets] == [1]


def unavailable(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 503 no\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def test_scheduled_run_sends_alerts_and_writes_metrics(memory_folder: Path) -> None:
    data, timetable = memory_folder / "data", memory_folder / "timetable.toml"
    with webhook_server() as posted, http_server(unavailable) as port:
        timetable.write_text(f'{NIGHT}{CHAT.format(url=posted.url)}[metrics]\nfile = "{memory_folder}/khobor.prom"\n')
        common = ["--data", str(data), "--mirror", f"http://127.0.0.1:{port}", *QUICK]
        assert khobor("crawl", "kalbela", *common).returncode == 4
        assert not deliveries_path(DataFolder(data)).exists()
        done = khobor("schedule", "run", "night", "--timetable", str(timetable), *common)
    assert done.returncode == 4, done.stderr
    event = posted.events[0]
    assert (event["site"], event["schedule"], event["exit_code"]) == ("kalbela", "night", 4)
    assert event["appeared"][0]["key"] == "kalbela/robots"
    assert "robots.txt" in subject(event)
    assert subject(event) in done.stderr
    written = (memory_folder / "khobor.prom").read_text()
    assert 'khobor_last_run_exit_code{schedule="night",site="kalbela"} 4.0' in written
    assert 'khobor_runs_total{exit_code="4",schedule="by hand",site="kalbela"} 1.0' in written


def test_alerts_command_sends_test_to_targets(
    memory_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KHOBOR_TOKEN", "hunter2-5f0e9a7c")
    timetable = memory_folder / "timetable.toml"
    command = ["alerts", "--timetable", str(timetable), "--data", str(memory_folder), "--test"]
    with webhook_server() as posted:
        dead = CHAT.format(url="http://127.0.0.1:9").replace("chat", "gone")
        timetable.write_text(NIGHT + CHAT.format(url=posted.url) + 'token_from = "KHOBOR_TOKEN"\n' + dead)
        assert main(command) == 3
    shown, errors = capsys.readouterr()
    assert "chat (webhook) reached" in shown
    assert "gone (webhook) not reached: " in shown
    assert "hunter2" not in shown + errors
    assert [event["test"] for event in posted.events] == [True]
    assert list(memory_folder.iterdir()) == [timetable], "a test leaves nothing behind"
    timetable.write_text(NIGHT)
    assert main(command) == 2
    assert "[alert.NAME]" in capsys.readouterr().err


def test_commands_show_alarms_and_unreachable_targets(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.run_once()
    desk.unreachable = {"chat"}
    desk.report(alarm("byline", HOSTILE_TEXT))
    data = ["--data", str(desk.dataset.root)]
    for command in (["alerts", "--timetable", str(desk.path)], ["runs"]):
        assert main([*command, *data]) == 0
        shown = capsys.readouterr().out
        assert all(text in shown for text in ("লাল", "chat", "connection refused"))
        assert not UNSAFE.search(shown)
    assert main(["alerts", "--json", *data]) == 0
    assert json.loads(capsys.readouterr().out)["targets"][0]["waiting"] == 1
