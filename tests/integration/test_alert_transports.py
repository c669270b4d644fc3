"""Delivery: an event reaches a webhook, a mailbox or a command over real sockets, or one sentence says why not."""

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
from tests.support.alert_receivers import certificate, http_server, mail_server, webhook_server
from tests.support.hostile_text import HOSTILE_TEXT, UNSAFE

SECRET = "hunter2-5f0e9a7c"
MOMENT = datetime(2026, 11, 22, 20, tzinfo=UTC)


def event(sentence: str = "kalbela: no byline on 52 pages", **about: Any) -> dict[str, Any]:
    alarm = {"key": "kalbela/field/byline", "kind": "field", "site": "kalbela", "sentence": sentence}
    alarm |= {"samples": ["state/pages/kalbela/2026-11-22/0123.html.gz"]}
    return new_event(MOMENT, [sanitise(alarm)], [], 1, {"site": "kalbela"} | about)


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = certificate(tmp_path)
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


def refusal(target: Target, what: dict[str, Any] | None = None) -> str:
    with pytest.raises(DeliveryError) as undelivered:
        deliver(target, what or event())
    said = str(undelivered.value)
    assert "\n" not in said
    assert not UNSAFE.search(said)
    assert SECRET not in said
    return said


# A webhook ----------------------------------------------------------------------------------------------------------


def test_a_webhook_is_sent_the_event_as_json_with_words_for_a_chat(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_the_address_of_a_webhook_may_be_the_secret_and_is_never_said(monkeypatch: pytest.MonkeyPatch) -> None:
    target = Webhook(name="chat", url_from="KHOBOR_WEBHOOK", seconds=2)
    monkeypatch.delenv("KHOBOR_WEBHOOK", raising=False)
    assert refusal(target) == "the environment variable KHOBOR_WEBHOOK is not set in this process"
    with webhook_server() as posted:
        monkeypatch.setenv("KHOBOR_WEBHOOK", f"{posted.url}/{SECRET}")
        deliver(target, event())
    assert len(posted.events) == 1
    for wrong in (f"{posted.url}/{SECRET}", f"{SECRET}", f"ftp://{SECRET}", f"http://me:{SECRET}@127.0.0.1/"):
        monkeypatch.setenv("KHOBOR_WEBHOOK", wrong)
        assert refusal(target)


@pytest.mark.parametrize(("status", "said"), [(500, "500"), (404, "404"), (302, "redirects")])
def test_a_webhook_that_does_not_take_it_is_named_with_its_answer(status: int, said: str) -> None:
    with webhook_server(status) as posted:
        assert said in refusal(post(posted.url))
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
def test_whoever_does_not_answer_in_time_is_not_waited_for(say: Any, said: str) -> None:
    with http_server(say) as port:
        began = time.monotonic()
        assert said in refusal(post(f"http://127.0.0.1:{port}/", seconds=0.4))
        assert time.monotonic() - began < 3


def test_a_port_where_nobody_listens_is_named() -> None:
    assert "refused" in refusal(post("http://127.0.0.1:9/")).lower()
    assert "refused" in refusal(Mail(name="d", server="127.0.0.1", port=9, sender="a@b.c", to=("a@b.c",))).lower()


# Mail ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("security", ["starttls", "ssl"])
def test_a_mail_arrives_encrypted_and_no_word_of_it_becomes_a_header(security: str, trusted: Path) -> None:
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
    assert "data/state/pages/kalbela/2026-11-22/0123.html.gz" in first.get_content()
    assert b"MAIL" not in mailbox.in_clear.upper()
    assert b"AUTH" not in mailbox.in_clear


def test_a_server_that_would_have_it_unencrypted_gets_neither_mail_nor_password(trusted: Path) -> None:
    with mail_server(trusted, offers_starttls=False) as mailbox:
        assert "STARTTLS" in refusal(mail(mailbox.port))
    assert not mailbox.mails
    assert b"AUTH" not in mailbox.in_clear


def test_a_certificate_that_nobody_trusts_or_of_another_name_is_refused(
    trusted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path, name in ((certificate(tmp_path, "elsewhere"), "127.0.0.1"), (trusted, "localhost")):
        with mail_server(path, wraps=True) as mailbox:
            if path == trusted:
                monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "elsewhere.pem"))
            assert "untrusted" in refusal(mail(mailbox.port, security="ssl", server=name))
        assert not mailbox.mails


def test_a_password_that_is_wrong_is_not_said_even_where_the_server_says_it(trusted: Path) -> None:
    with mail_server(trusted, user="me", password="another") as mailbox:
        assert "rejects user" in refusal(mail(mailbox.port))


def test_a_recipient_who_is_refused_keeps_it_from_none_of_the_others(trusted: Path) -> None:
    with mail_server(trusted, user="me", password=SECRET, refuses="b@example.org") as mailbox:
        remark = deliver(mail(mailbox.port, to=("a@example.org", "b@example.org")), event())
        assert "b@example.org" in (remark or "")
        assert "rejects b@example.org" in refusal(mail(mailbox.port, to=("b@example.org",)))
    assert mailbox.recipients == [["a@example.org"]]


# A command ----------------------------------------------------------------------------------------------------------


def test_a_command_gets_the_event_on_its_standard_input(tmp_path: Path) -> None:
    place = tmp_path / "event"
    sent = event(HOSTILE_TEXT)
    deliver(call(sys.executable, "-c", f"import sys; open({str(place)!r}, 'wb').write(sys.stdin.buffer.read())"), sent)
    assert json.loads(place.read_bytes()) == sent
    assert place.read_bytes().count(b"\n") == 1


def test_a_command_that_reads_nothing_is_no_failure() -> None:
    deliver(call("true"), event("x" * 900, filler="y" * 500_000))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["/nowhere/page"], "/nowhere/page cannot be started: No such file"),
        (["sh", "-c", "printf 'no \\033[2J\\nmodem' >&2; exit 7"], "sh exited with code 7: no [2J modem"),
        (["sh", "-c", "kill -9 $$"], "code -9"),
    ],
)
def test_a_command_that_fails_is_named_with_its_words(command: list[str], said: str) -> None:
    assert said in refusal(call(*command))


def test_a_command_that_does_not_end_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 60 & echo $! > {pids}; echo $$ >> {pids}; wait"
    assert "did not exit within 0.5 s" in refusal(call("sh", "-c", script, seconds=0.5))
    for pid in pids.read_text().split():
        end = time.monotonic() + 5
        while Path(f"/proc/{pid}").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z":
            assert time.monotonic() < end
            time.sleep(0.02)


def test_no_secret_is_in_the_list_of_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KHOBOR_SMTP_PASSWORD", SECRET)
    shown = tmp_path / "shown"
    deliver(call("sh", "-c", f"cat /proc/{os.getpid()}/cmdline /proc/$$/cmdline > {shown}"), event())
    assert SECRET not in shown.read_text()
