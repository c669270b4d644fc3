"""Alerts: each alarm is told once when it appears and once when it is healed, whatever happens in between."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
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
from schedules.alerting.deliveries import GIVEN_UP_AFTER, LONGEST_PAUSE, Told, standing, told_of
from schedules.alerting.messages import subject_of
from schedules.alerting.notifier import Alerts, tell_after_turn
from schedules.alerting.transports import Undelivered
from schedules.service.notifier_thread import NotifierThread
from schedules.timetable.alert_targets import Target
from schedules.timetable.config import Timetable
from schedules.timetable.occurrences import Occurrences, State, occurrences_file
from tests.support.alert_receivers import answering, webhook
from tests.support.commands import PROJECT, QUICK, khobor
from tests.support.hostile_text import EVIL, UNSAFE
from tests.support.run_reports import NIGHT, START, a_report, alarm, keep

CHAT = '\n[alert.chat]\nkind = "webhook"\nurl = "{url}"\n'
HOUR = timedelta(hours=1)


@dataclass
class Desk:
    """A data folder, its timetable, a clock, and all that each target was sent; some may be out of reach."""

    dataset: DataFolder
    path: Path
    moment: datetime = START
    sent: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    unreachable: set[str] = field(default_factory=set)
    tried: list[datetime] = field(default_factory=list)

    def send(self, target: Target, event: Mapping[str, Any]) -> None:
        if target.name in self.unreachable:
            self.tried.append(self.moment)
            raise Undelivered("nobody is there")
        self.sent.setdefault(target.name, []).append(event)

    def named(self, *names: str) -> None:
        """Let these be the targets."""
        self.path.write_text(NIGHT + "".join(CHAT.format(url="http://127.0.0.1:9").replace("chat", n) for n in names))

    def look(self) -> datetime | None:
        """Look as a process does that has just been started."""
        alerts = Alerts(self.dataset, self.said.append, lambda: self.moment, self.send)
        return alerts.look(Timetable.read(self.path))

    def report(self, *alarms: dict[str, Any], **more: Any) -> list[tuple[list[str], list[str]]]:
        """A run an hour later, and then what is told: the keys that appeared and those that were healed."""
        self.moment += HOUR
        keep(self.dataset, a_report(self.moment - timedelta(minutes=1), *alarms, **more))
        return self.heard()

    def heard(self, target: str = "chat") -> list[tuple[list[str], list[str]]]:
        """What a target is told now."""
        self.sent[target] = []
        self.look()
        return [
            tuple([each["key"].rpartition("/")[2] for each in event[what]] for what in ("appeared", "healed"))  # type: ignore[misc]
            for event in self.sent[target]
        ]


@pytest.fixture
def desk(place: Path) -> Desk:
    dataset = DataFolder(place / "data")
    dataset.prepare()
    found = Desk(dataset, place / "timetable.toml")
    found.named("chat")
    return found


# Once ---------------------------------------------------------------------------------------------------------------


def test_an_alarm_is_told_when_it_appears_and_when_it_is_healed_and_never_again(desk: Desk) -> None:
    assert desk.report() == []
    assert desk.report(alarm("byline")) == [(["byline"], [])]
    assert desk.report(alarm("byline", "byline: filled in 1 of 60 stories")) == []
    assert [each["sentence"] for each in standing(desk.dataset).alarms] == ["byline: filled in 1 of 60 stories"]
    assert desk.report(alarm("byline"), alarm("tags")) == [(["tags"], [])]
    assert desk.report(alarm("tags")) == [([], ["byline"])]
    assert desk.report() == [([], ["tags"])]
    assert desk.report() == desk.heard() == []
    assert desk.report(alarm("byline")) == [(["byline"], [])]


def test_what_a_night_found_is_healed_by_a_night_and_not_by_what_reads_less(desk: Desk) -> None:
    assert desk.report(alarm("byline")) == [(["byline"], [])]
    assert desk.report(schedule="day") == []
    assert desk.report(alarm("byline"), schedule="day") == []
    assert desk.report(code=143) == desk.report(code=4, alarms=[alarm("unreachable")])[:0] == []
    assert desk.report() == [([], ["unreachable"])], "the incremental runs have it still"
    assert desk.report(schedule="day") == [([], ["byline"])]


def test_the_kind_of_a_run_counts_and_not_what_its_schedule_is_called(desk: Desk) -> None:
    assert desk.report(alarm("byline"), mode="full") == [(["byline"], [])]
    assert desk.report(schedule="another", mode="incremental") == []
    assert desk.report(schedule="another", mode="full") == [([], ["byline"])]


def test_a_run_by_hand_tells_nobody_and_heals_nothing(desk: Desk) -> None:
    assert desk.report(alarm("tags"), schedule=None) == []
    assert desk.report(alarm("byline")) == [(["byline"], [])]
    assert desk.report(schedule=None) == []
    assert [each["key"] for each in standing(desk.dataset).alarms] == ["kalbela/field/byline"]


def test_a_turn_that_was_killed_before_it_judged_its_run_is_told_when_its_claim_is_settled(desk: Desk) -> None:
    report = a_report(START, alarm("byline"), schedule=None)
    schedule = Timetable.read(desk.path).named("night")
    [due] = list(schedule.until(START, START - timedelta(days=1)))[:1]
    keep(desk.dataset, report)
    with closing(Occurrences.open(occurrences_file(desk.dataset))) as occurrences:
        occurrences.claim(schedule, due, START)
        occurrences.start("night", due.key, START)
        occurrences.set_runs("night", due.key, [report["run_id"]])
        assert desk.heard() == []
        occurrences.finish("night", due.key, START, exit_code=1, reason="killed")
    assert desk.heard() == [(["byline"], [])]
    assert desk.sent["chat"][0]["schedule"] == "night"


def test_a_time_for_which_nothing_could_be_started_is_told_until_one_was(desk: Desk) -> None:
    schedule = Timetable.read(desk.path).named("night")
    nights = list(schedule.until(START, START - timedelta(days=3)))
    with closing(Occurrences.open(occurrences_file(desk.dataset))) as occurrences:
        for due, state in ((nights[1], State.FAILED_TO_START), (nights[0], None)):
            occurrences.claim(schedule, due, START)
            occurrences.finish("night", due.key, START, state=state, exit_code=7, reason="the disk is full")
            told = desk.heard()
            assert told == ([(["start"], [])] if state else [([], ["start"])])
    assert "night could not be started: the disk is full" in subject_of(desk.sent["chat"][0])


@pytest.mark.parametrize("code", [1, 3, 4, 7, 8, 9])
def test_a_report_of_an_older_version_that_was_not_good_is_an_alarm_by_itself(desk: Desk, code: int) -> None:
    old = {"alarms": None, "verdict": {"exit_code": code, "problems": ["the disk is full", "no list latest"]}}
    assert desk.report(**old) == [([str(code)], [])]
    assert desk.sent["chat"][0]["appeared"][0]["sentence"] == "kalbela: the disk is full; no list latest"
    assert desk.report(**old) == []
    assert desk.report() == [([], [str(code)])]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"run_id": 3}', '{"schedule": {}, "site": 3}'])
def test_a_file_that_is_no_report_keeps_nobody_from_hearing_of_the_others(desk: Desk, text: str) -> None:
    (desk.dataset.runs / "20261122T110000Z-kalbela-0000.json").write_text(text)
    assert (["byline"], []) in desk.report(alarm("byline"))


# Whom ---------------------------------------------------------------------------------------------------------------


def test_a_report_of_odd_parts_says_what_it_can(desk: Desk) -> None:
    odd = {"alarms": [3, {"key": ""}, {}, "x"], "measures": [], "verdict": {"exit_code": 3, "problems": None}}
    assert desk.report(**odd) == [(["3"], [])]
    assert desk.report(**odd | {"alarms": {}, "mode": [1]}) == []


def test_whoever_is_named_later_is_told_what_stands_and_who_is_named_no_more_is_forgotten(desk: Desk) -> None:
    desk.named()
    assert desk.report(alarm("byline")) == desk.report(alarm("tags")) == []
    desk.named("chat", "desk")
    assert desk.heard() == [(["tags"], [])]
    assert desk.heard("desk") == []
    desk.unreachable = {"desk"}
    assert desk.report(alarm("tags"), alarm("byline")) == [(["byline"], [])]
    assert [state.waiting for state in standing(desk.dataset).targets] == [0, 1]
    desk.named("chat")
    desk.unreachable = set()
    assert desk.heard("desk") == []
    assert [state.name for state in standing(desk.dataset).targets] == ["chat"]


def test_one_that_is_out_of_reach_is_tried_with_growing_pauses_and_keeps_nobody_else_waiting(desk: Desk) -> None:
    desk.named("chat", "desk")
    desk.look()
    desk.unreachable = {"desk"}
    assert desk.report(alarm("byline")) == [(["byline"], [])]
    for tries in range(1, 10):
        [next_at] = [state.next_at for state in standing(desk.dataset).targets if state.next_at]
        for desk.moment in (next_at - timedelta(seconds=1), next_at):
            assert len(desk.tried) == tries
            desk.look()
    pauses = [(after - before).total_seconds() for before, after in zip(desk.tried, desk.tried[1:], strict=False)]
    assert pauses[:6] == [30, 60, 120, 240, 480, 960]
    assert max(pauses) == pauses[-1] == LONGEST_PAUSE.total_seconds()
    assert len([sentence for sentence in desk.said if "desk" in sentence]) == 1, "said once, not each time"
    [state] = [state for state in standing(desk.dataset).targets if state.failures]
    assert desk.look() == state.next_at
    assert "alerts do not reach desk: nobody is there" in state.in_words()
    assert "1 waiting" in state.in_words()
    desk.unreachable = set()
    desk.moment += HOUR
    assert desk.heard("desk") == [(["byline"], [])]
    assert desk.look() is None
    assert not [state for state in standing(desk.dataset).targets if state.failures or state.waiting]


def test_an_alert_that_could_not_be_sent_for_a_week_is_given_up_and_the_next_one_is_not(desk: Desk) -> None:
    desk.look()
    desk.unreachable = {"chat"}
    desk.report(alarm("byline"))
    desk.moment += GIVEN_UP_AFTER
    desk.report(alarm("tags"))
    desk.moment += HOUR * 2
    desk.look()
    assert any("given up" in sentence for sentence in desk.said)
    desk.unreachable = set()
    desk.moment += HOUR * 2
    assert desk.heard() == [(["tags"], ["byline"])]


def test_a_clock_that_is_set_back_by_years_does_not_silence_a_target(desk: Desk) -> None:
    desk.look()
    desk.unreachable = {"chat"}
    desk.report(alarm("byline"))
    desk.moment -= timedelta(days=3)
    desk.unreachable = set()
    assert desk.heard() == [(["byline"], [])]


def test_what_a_page_says_reaches_nobody_as_more_than_words(desk: Desk) -> None:
    desk.report(alarm("byline", EVIL, samples=[EVIL] * 500, field={EVIL: [EVIL]}, measure={"now": [0, 52]}))
    [event] = desk.sent["chat"]
    assert not UNSAFE.search(json.dumps(event, ensure_ascii=False).replace("\\", ""))
    assert "\n" not in subject_of(event)
    assert len(subject_of(event)) <= 140
    assert event["appeared"][0]["measure"] == {"now": [0, 52]}
    assert len(json.dumps(event)) < 20_000


def test_of_very_many_alarms_the_first_are_listed_and_the_rest_counted(desk: Desk) -> None:
    desk.report(*(alarm(f"field{number}") for number in range(120)))
    [event] = desk.sent["chat"]
    assert (len(event["appeared"]), event["not_listed"], event["standing"]) == (50, 70, 120)


# Kills and damage ---------------------------------------------------------------------------------------------------

LOOK = """
import sys
from pathlib import Path
from pipelines.storage.data_folder import DataFolder
from schedules.alerting.notifier import Alerts
from schedules.timetable.config import Timetable
Alerts(DataFolder(Path(sys.argv[1])), print).look(Timetable.read(Path(sys.argv[2])))
"""


def test_who_is_killed_between_sending_and_remembering_sends_the_same_again_and_not_nothing(desk: Desk) -> None:
    with webhook() as posted:
        desk.path.write_text(NIGHT + CHAT.format(url=posted.url))
        keep(desk.dataset, a_report(now() - HOUR, alarm("byline")))
        command = [sys.executable, "-c", LOOK, str(desk.dataset.root), str(desk.path)]
        trap = os.environ | {"KHOBOR_FAILPOINT": "alert.sent=kill", "KHOBOR_TESTING": "1"}
        killed = subprocess.run(command, cwd=PROJECT, env=trap, capture_output=True)
        assert killed.returncode == -signal.SIGKILL
        for _ in range(2):
            Alerts(desk.dataset, desk.said.append).look(Timetable.read(desk.path))
    assert [event["id"] for event in posted.events] == [posted.events[0]["id"]] * 2
    assert posted.headers[0]["Idempotency-Key"] == posted.headers[1]["Idempotency-Key"]


def test_a_memory_that_is_damaged_is_moved_aside_and_what_stands_is_told_once_more(desk: Desk) -> None:
    assert desk.report(alarm("byline")) == [(["byline"], [])]
    told_of(desk.dataset).write_bytes(b"a diary, and no database at all\n" * 99)
    assert standing(desk.dataset).trouble
    assert desk.heard() == [(["byline"], [])]
    assert any("damaged" in sentence and "moved" in sentence for sentence in desk.said)
    assert len(list(desk.dataset.state.glob("alerts-damaged-*"))) == 1
    assert desk.heard() == []


def test_of_two_that_look_at_once_one_does(desk: Desk) -> None:
    desk.look()
    with SiteLock.take(desk.dataset.state / "schedules" / "alerts.lock"), pytest.raises(SiteLocked):
        desk.look()


def test_whoever_only_looks_makes_and_changes_nothing(desk: Desk) -> None:
    assert standing(desk.dataset).alarms == ()
    assert not told_of(desk.dataset).exists()
    desk.report(alarm("byline"))
    before = told_of(desk.dataset).read_bytes()
    found = standing(desk.dataset)
    assert [each["stands_since"] for each in found.alarms] == [desk.moment.isoformat()]
    assert json.loads(json.dumps(found.as_dict()))["alarms"][0]["key"] == "kalbela/field/byline"
    assert told_of(desk.dataset).read_bytes() == before


def test_nothing_is_written_while_nothing_changes(desk: Desk) -> None:
    desk.report(alarm("byline"))
    with closing(Told.open(told_of(desk.dataset))) as told:
        before = told._sql.execute("PRAGMA data_version").fetchone()
        for _ in range(3):
            desk.look()
        assert told._sql.execute("PRAGMA data_version").fetchone() == before


# Beside a service, and after a turn ---------------------------------------------------------------------------------


def until(so: Any, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_target_that_hangs_holds_neither_the_service_nor_its_end(desk: Desk) -> None:
    hangs = threading.Event()
    herald = NotifierThread(desk.dataset, lambda: Timetable.read(desk.path), desk.said.append, 0.05)
    herald._alerts.clock = lambda: desk.moment
    herald._alerts.send = lambda target, event: hangs.wait(20) and None  # type: ignore[return-value]
    keep(desk.dataset, a_report(START - HOUR, alarm("byline")))
    herald.start()
    began = time.monotonic()
    herald.end(0.3)
    assert time.monotonic() - began < 2
    hangs.set()
    herald._thread.join(5)


def test_an_error_of_ours_in_telling_is_said_once_and_does_not_end_it(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = threading.Event()

    def timetable() -> Timetable:
        if not broken.is_set():
            raise KeyError("ours")
        return Timetable.read(desk.path)

    herald = NotifierThread(desk.dataset, timetable, desk.said.append, 0.02)
    herald.start()
    until(lambda: capsys.readouterr().err.count("Traceback") + len(desk.said) >= 4)
    broken.set()
    until(lambda: "alerts: well again" in desk.said)
    herald.end()
    assert len([sentence for sentence in desk.said if "an error of ours, KeyError" in sentence]) == 2


def test_after_a_turn_whoever_cannot_be_reached_is_tried_for_a_while_and_the_rest_is_kept(desk: Desk) -> None:
    desk.named("chat")
    keep(desk.dataset, a_report(now() - HOUR, alarm("byline")))
    began = time.monotonic()
    tell_after_turn(desk.dataset, Timetable.read(desk.path), desk.said.append, 0.3)
    assert time.monotonic() - began < 5
    assert len([sentence for sentence in desk.said if "alerts do not reach chat" in sentence]) == 1
    assert [state.waiting for state in standing(desk.dataset).targets] == [1]


# As a person does it ------------------------------------------------------------------------------------------------


def unavailable(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 503 no\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def test_a_run_of_the_timetable_tells_and_one_by_hand_does_not(place: Path) -> None:
    data, timetable = place / "data", place / "timetable.toml"
    with webhook() as posted, answering(unavailable) as port:
        timetable.write_text(f'{NIGHT}{CHAT.format(url=posted.url)}[metrics]\nfile = "{place}/khobor.prom"\n')
        common = ["--data", str(data), "--mirror", f"http://127.0.0.1:{port}", *QUICK]
        assert khobor("crawl", "kalbela", *common).returncode == 4
        assert not told_of(DataFolder(data)).exists()
        done = khobor("schedule", "run", "night", "--timetable", str(timetable), *common)
    assert done.returncode == 4, done.stderr
    event = posted.events[0]
    assert (event["site"], event["schedule"], event["exit_code"]) == ("kalbela", "night", 4)
    assert event["appeared"][0]["key"] == "kalbela/robots"
    assert "robots.txt" in subject_of(event)
    assert f"told chat: {subject_of(event)}" in done.stderr
    written = (place / "khobor.prom").read_text()
    assert 'khobor_last_run_exit_code{schedule="night",site="kalbela"} 4.0' in written
    assert 'khobor_runs_total{exit_code="4",schedule="by hand",site="kalbela"} 1.0' in written


def test_everyone_can_be_sent_a_test_and_what_came_of_it_is_said(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KHOBOR_TOKEN", "hunter2-5f0e9a7c")
    timetable = place / "timetable.toml"
    asked = ["alerts", "--timetable", str(timetable), "--data", str(place)]
    with webhook() as posted:
        dead = CHAT.format(url="http://127.0.0.1:9").replace("chat", "gone")
        timetable.write_text(NIGHT + CHAT.format(url=posted.url) + 'token_from = "KHOBOR_TOKEN"\n' + dead)
        assert main([*asked, "--try"]) == 3
    shown, errors = capsys.readouterr()
    assert "chat (webhook) reached" in shown
    assert "gone (webhook) not reached: " in shown
    assert "hunter2" not in shown + errors
    assert [event["test"] for event in posted.events] == [True]
    assert list(place.iterdir()) == [timetable], "a test leaves nothing behind"
    timetable.write_text(NIGHT)
    assert main([*asked, "--try"]) == 2
    assert "[alert.NAME]" in capsys.readouterr().err


def test_what_stands_and_whom_it_does_not_reach_is_shown_to_whoever_asks(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.look()
    desk.unreachable = {"chat"}
    desk.report(alarm("byline", EVIL))
    data = ["--data", str(desk.dataset.root)]
    for command in (["alerts", "--timetable", str(desk.path)], ["runs"]):
        assert main([*command, *data]) == 0
        shown = capsys.readouterr().out
        assert "1 alarm stands" in shown
        assert "alerts do not reach chat: nobody is there" in shown
        assert not UNSAFE.search(shown)
    assert main(["alerts", "--json", *data]) == 0
    assert json.loads(capsys.readouterr().out)["targets"][0]["waiting"] == 1
