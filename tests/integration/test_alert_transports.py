"""Delivery of an event to a webhook, a mailbox or a command over real sockets, or an error in one sentence."""

import json
import os
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schedules.alerting.messages import new_event, sanitise
from schedules.alerting.transports import DeliveryError, deliver
from schedules.timetable.alert_targets import Command, Mail, Target, Webhook
from tests.support.alert_receivers import http_server, mail_server, webhook_server
from tests.support.fault_server import certified
from tests.support.hostile_text import HOSTILE_TEXT, UNSAFE

SECRET = "hunter2-5f0e9a7c"
MOMENT = datetime(2026, 11, 22, 20, tzinfo=UTC)


def event(sentence: str = "kalbela: no byline on 52 pages", **about: Any) -> dict[str, Any]:
    alarm = {"key": "kalbela/field/byline", "kind": "field", "site": "kalbela", "sentence": sentence}
    alarm |= {"samples": ["archive/site=kalbela/date=2026-11-22/20261121T201000Z-kalbela-0123.warc.gz:1203"]}
    return new_event(MOMENT, [sanitise(alarm)], [], 1, {"site": "kalbela"} | about)


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "localhost.pem"
    certified(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    monkeypatch.setenv("KHOBOR_SMTP_USER", "me")
    monkeypatch.setenv("KHOBOR_SMTP_PASSWORD", SECRET)
    return path


def post(url: str, **more: Any) -> Target:
    return Webhook(name="chat", url=url, **more)


def mail(port: int, **more: Any) -> Target:
    usual: dict[str, Any] = {"server": "localhost", "port": port, "sender": "k@example.org", "to": ("ops@example.org",)}
    usual |= {"user_from": "KHOBOR_SMTP_USER", "password_from": "KHOBOR_SMTP_PASSWORD"}
    return Mail(name="desk", **usual | more)


def call(*command: str, **more: Any) -> Target:
    return Command(name="pager", command=command, **more)


def error_of(target: Target, what: dict[str, Any] | None = None) -> str:
    with pytest.raises(DeliveryError) as undelivered:
        deliver(target, what or event())
    said = str(undelivered.value)
    assert "\n" not in said
    assert not UNSAFE.search(said)
    assert SECRET not in said
    return said


def test_webhook_receives_json_and_chat_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KHOBOR_TOKEN", SECRET)
    with webhook_server() as posted:
        sent = event(HOSTILE_TEXT + " <!channel> @here")
        assert deliver(post(posted.url, token_from="KHOBOR_TOKEN"), sent) is None
    [found], [headers] = posted.events, posted.headers
    text = found.pop("text")
    assert found == sent
    assert "খবর" in text
    assert not UNSAFE.search(text.replace("\n", ""))
    assert not {"<", ">", "@"} & set(text)
    assert headers["Authorization"] == f"Bearer {SECRET}"
    assert headers["Idempotency-Key"] == sent["id"]


def test_secret_webhook_url_is_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    target = Webhook(name="chat", url_from="KHOBOR_WEBHOOK", seconds=2)
    monkeypatch.delenv("KHOBOR_WEBHOOK", raising=False)
    assert error_of(target) == "the environment variable KHOBOR_WEBHOOK is not set in this process"
    with webhook_server() as posted:
        monkeypatch.setenv("KHOBOR_WEBHOOK", f"{posted.url}/{SECRET}")
        deliver(target, event())
    assert len(posted.events) == 1
    for wrong in (f"{posted.url}/{SECRET}", f"{SECRET}", f"ftp://{SECRET}", f"http://me:{SECRET}@127.0.0.1/"):
        monkeypatch.setenv("KHOBOR_WEBHOOK", wrong)
        assert error_of(target)


@pytest.mark.parametrize(("status", "said"), [(500, "500"), (404, "404"), (302, "redirects")])
def test_error_names_the_webhook_status(status: int, said: str) -> None:
    with webhook_server(status) as posted:
        assert said in error_of(post(posted.url))
    assert len(posted.events) == 1, "a redirect is not followed: the token would go with it"


def _drip(connection: socket.socket) -> None:
    for byte in b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 1000:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("say", "said"),
    [
        (lambda connection: time.sleep(5), "no response within 0.4 s"),
        (_drip, "no response within 0.4 s"),
        (
            lambda connection: (time.sleep(0.1), connection.recv(65_536), connection.sendall(b"\x1b[2J go\r\n\r\n")),  # type: ignore[func-returns-value]
            "not HTTP",
        ),
        (lambda connection: None, "closed"),
    ],
    ids=["silent", "dripping", "not HTTP", "hanging up"],
)
def test_slow_server_is_given_up(say: Any, said: str) -> None:
    with http_server(say) as port:
        began = time.monotonic()
        assert said in error_of(post(f"http://127.0.0.1:{port}/", seconds=0.4))
        assert time.monotonic() - began < 3


def test_closed_port_is_an_error() -> None:
    assert "refused" in error_of(post("http://127.0.0.1:9/")).lower()
    assert "refused" in error_of(Mail(name="d", server="127.0.0.1", port=9, sender="a@b.c", to=("a@b.c",))).lower()


@pytest.mark.parametrize("security", ["starttls", "ssl"])
def test_mail_is_encrypted_without_header_injection(security: str, trusted: Path) -> None:
    with mail_server(trusted, wraps=security == "ssl", user="me", password=SECRET) as mailbox:
        sent = event(f"{HOSTILE_TEXT}\r\nBcc: everyone@example.org\r\n\r\n.\r\nforged")
        for _ in range(2):
            assert deliver(mail(mailbox.port, security=security), sent) is None
    first, second = mailbox.mails
    assert first["Message-ID"] == second["Message-ID"], "twice the same is seen as once"
    assert set(first.keys()) <= {
        *("Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted"),
        *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
    }
    assert mailbox.recipients == [["ops@example.org"]] * 2
    assert "খবর" in first["Subject"]
    assert "kalbela/field/byline" in first.get_content()
    assert (
        "khobor archive show archive/site=kalbela/date=2026-11-22/20261121T201000Z-kalbela-0123.warc.gz:1203"
        in first.get_content()
    )
    assert b"MAIL" not in mailbox.in_clear.upper()
    assert b"AUTH" not in mailbox.in_clear


def test_unencrypted_server_receives_nothing(trusted: Path) -> None:
    with mail_server(trusted, offers_starttls=False) as mailbox:
        assert "STARTTLS" in error_of(mail(mailbox.port))
    assert not mailbox.mails
    assert b"AUTH" not in mailbox.in_clear


def test_untrusted_certificate_is_rejected(trusted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.pem"
    certified(other)
    for path, trust in ((other, trusted), (trusted, other)):
        monkeypatch.setenv("SSL_CERT_FILE", str(trust))
        with mail_server(path, wraps=True) as mailbox:
            assert "untrusted" in error_of(mail(mailbox.port, security="ssl"))
        assert not mailbox.mails


def test_wrong_password_is_redacted(trusted: Path) -> None:
    with mail_server(trusted, user="me", password="another") as mailbox:
        assert "rejects user" in error_of(mail(mailbox.port))


def test_rejected_recipient_does_not_stop_others(trusted: Path) -> None:
    with mail_server(trusted, user="me", password=SECRET, refuses="b@example.org") as mailbox:
        remark = deliver(mail(mailbox.port, to=("a@example.org", "b@example.org")), event())
        assert "b@example.org" in (remark or "")
        assert "rejects b@example.org" in error_of(mail(mailbox.port, to=("b@example.org",)))
    assert mailbox.recipients == [["a@example.org"]]


def test_command_receives_event_on_stdin(tmp_path: Path) -> None:
    place = tmp_path / "event"
    sent = event(HOSTILE_TEXT)
    deliver(call(sys.executable, "-c", f"import sys; open({str(place)!r}, 'wb').write(sys.stdin.buffer.read())"), sent)
    assert json.loads(place.read_bytes()) == sent
    assert place.read_bytes().count(b"\n") == 1
    deliver(call("true"), event("x" * 900, filler="y" * 500_000))  # need not read it


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["/nowhere/page"], "/nowhere/page cannot be started: No such file"),
        (["sh", "-c", "printf 'no \\033[2J\\nmodem' >&2; exit 7"], "sh exited with code 7: no [2J modem"),
        (["sh", "-c", "kill -9 $$"], "code -9"),
    ],
)
def test_failed_command_reports_its_output(command: list[str], said: str) -> None:
    assert said in error_of(call(*command))


def test_hanging_command_is_killed_with_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 60 & echo $! > {pids}; echo $$ >> {pids}; wait"
    assert "did not exit within 0.5 s" in error_of(call("sh", "-c", script, seconds=0.5))
    for pid in pids.read_text().split():
        end = time.monotonic() + 5
        while Path(f"/proc/{pid}").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z":
            assert time.monotonic() < end
            time.sleep(0.02)


def test_process_list_has_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KHOBOR_SMTP_PASSWORD", SECRET)
    shown = tmp_path / "shown"
    deliver(call("sh", "-c", f"cat /proc/{os.getpid()}/cmdline /proc/$$/cmdline > {shown}"), event())
    assert SECRET not in shown.read_text()
