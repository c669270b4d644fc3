"""Delivery: one event to one target, within its time, or one sentence that says why not and holds no secret."""

import json
import os
import signal
import smtplib
import socket
import ssl
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from http.client import HTTPConnection, HTTPException, HTTPSConnection, RemoteDisconnected
from tempfile import TemporaryFile
from threading import Event as Flag
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from crawler.safe_text import one_line
from schedules.alerting.messages import chat_text_of, subject_of, text_of
from schedules.timetable.alert_targets import Target, url_error

LONGEST_SAID = 200
USER_AGENT = "Khobor alerts"


class Undelivered(Exception):
    """The event did not reach the target; says why in one sentence, without any secret."""


def deliver(target: Target, event: Mapping[str, Any]) -> str | None:
    """Send an event to a target; returns what is to be said of it all the same, None where all is well.

    Raises :class:`Undelivered` if it did not arrive, or perhaps did not.
    """
    secrets = {name: _secret(name) for name in target.variables}
    try:
        return _WAYS[target.kind](target, event, secrets)
    except Undelivered as error:
        raise Undelivered(_without(secrets, str(error))) from None
    except (OSError, HTTPException, smtplib.SMTPException, ValueError) as error:
        raise Undelivered(_without(secrets, _said(error, target))) from None


def _secret(name: str) -> str:
    if not (value := os.environ.get(name, "").strip()):
        raise Undelivered(f"the environment variable {name} is not set where this runs")
    return value


def _without(secrets: Mapping[str, str], sentence: str) -> str:
    """The sentence without any secret, as it is and as a mail server gets it: somebody may say it back to us."""
    for name, value in secrets.items():
        for shown in (value, b64encode(value.encode()).decode()):
            sentence = sentence.replace(shown, f"[{name}]")
    return one_line(sentence, LONGEST_SAID)


def _said(error: Exception, target: Target) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {target.seconds:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not to be trusted ({error.verify_message})"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"the mail server takes neither user nor password (code {error.smtp_code})"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"the mail server refuses {', '.join(error.recipients)}"
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return f"the mail server says {error.smtp_code} {text}"
    if isinstance(error, smtplib.SMTPServerDisconnected | RemoteDisconnected | ConnectionResetError | BrokenPipeError):
        return "the connection was closed before the answer"
    if isinstance(error, HTTPException):
        return "what it answers is not HTTP"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


@contextmanager
def _within(seconds: float, connected: Callable[[], socket.socket | None]) -> Iterator[None]:
    """Shut the connection when the time is over: a server that sends a byte now and then would hold us for ever."""
    done, late = Flag(), Flag()

    def watch() -> None:
        wait = seconds
        while not done.wait(wait):
            late.set()
            wait = 0.2  # again, since a connection may just be wrapped into an encrypted one
            if (found := connected()) is not None:
                with suppress(OSError):
                    socket.socket.shutdown(found, socket.SHUT_RDWR)

    Thread(target=watch, name="khobor-alert-deadline", daemon=True).start()
    try:
        yield
    except (OSError, HTTPException, smtplib.SMTPException) as error:
        if late.is_set():
            raise TimeoutError from error
        raise
    finally:
        done.set()


# A webhook ----------------------------------------------------------------------------------------------------------


def _post(target: Target, event: Mapping[str, Any], secrets: Mapping[str, str]) -> str | None:
    url = target.url or secrets[target.url_from or ""]
    if fault := url_error(url):
        raise Undelivered(f"{target.url_from} {fault}")
    parts = urlsplit(url)
    if target.token_from and parts.scheme != "https" and target.url is None:
        raise Undelivered(f"the token would be sent unencrypted: let {target.url_from} begin with https://")
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": USER_AGENT}
    headers["Idempotency-Key"] = str(event["id"])
    if target.token_from:
        headers["Authorization"] = f"Bearer {secrets[target.token_from]}"
    body = json.dumps({"text": chat_text_of(event), **event}, ensure_ascii=False).encode()
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = _connection(parts.scheme, parts.hostname or "", parts.port, target.seconds)
    with closing(connection), _within(target.seconds, lambda: connection.sock):
        connection.request("POST", path, body, headers)
        with connection.getresponse() as answer:
            pass  # its first lines say all that we want to know
    if not 200 <= answer.status < 300:
        elsewhere = "; it leads elsewhere: write the address itself" if 300 <= answer.status < 400 else ""
        raise Undelivered(f"it answers {answer.status} {answer.reason}{elsewhere}")
    return None


def _connection(scheme: str, host: str, port: int | None, seconds: float) -> HTTPConnection:
    if scheme == "https":
        return HTTPSConnection(host, port, timeout=seconds, context=ssl.create_default_context())
    return HTTPConnection(host, port, timeout=seconds)


# Mail ---------------------------------------------------------------------------------------------------------------


def mail_of(target: Target, event: Mapping[str, Any]) -> EmailMessage:
    """The event as a mail; of the same event always with the same Message-ID, so that twice is seen as once."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = subject_of(event)
    mail["From"] = target.sender
    mail["To"] = ", ".join(target.to)
    mail["Date"] = datetime.fromisoformat(event["at"])
    mail["Message-ID"] = f"<{event['id']}@{target.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text_of(event), cte="quoted-printable")
    return mail


def _mail(target: Target, event: Mapping[str, Any], secrets: Mapping[str, str]) -> str | None:
    context = ssl.create_default_context()
    server = _mail_server(target, context)
    with _within(target.seconds, lambda: server.sock):
        try:
            server.connect(target.server, target.port)
            if target.security == "starttls":
                server.starttls(context=context)
            if target.user_from and target.password_from:
                server.login(secrets[target.user_from], secrets[target.password_from])
            refused = server.send_message(mail_of(target, event))
            with suppress(OSError, smtplib.SMTPException):  # it has the mail
                server.quit()
        finally:
            server.close()
    return f"the mail server took it, but not for {', '.join(refused)}" if refused else None


def _mail_server(target: Target, context: ssl.SSLContext) -> smtplib.SMTP:
    """A client that is not connected, so that its connection can be shut while the server is still greeting."""
    server: Any = (
        smtplib.SMTP_SSL(context=context, timeout=target.seconds, local_hostname="localhost")
        if target.security == "ssl"
        else smtplib.SMTP(timeout=target.seconds, local_hostname="localhost")
    )
    server._host = target.server  # whose certificate it is to be; connect() does not say it
    client: smtplib.SMTP = server
    return client


# A command ----------------------------------------------------------------------------------------------------------


def _call(target: Target, event: Mapping[str, Any], secrets: Mapping[str, str]) -> str | None:
    program = target.command[0]
    with TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                target.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,
            )
        except OSError as error:
            raise Undelivered(f"{program} cannot be started: {error.strerror}") from error
        try:
            process.communicate(json.dumps(event, ensure_ascii=False).encode() + b"\n", timeout=target.seconds)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise Undelivered(f"{program} did not end within {target.seconds:g} s and was killed") from None
        if process.returncode:
            said.seek(0)
            words = said.read(4 * LONGEST_SAID).decode(errors="replace").strip()
            raise Undelivered(f"{program} ended with code {process.returncode}" + (f": {words}" if words else ""))
    return None


_WAYS: Mapping[str, Callable[[Target, Mapping[str, Any], Mapping[str, str]], str | None]] = {
    "webhook": _post,
    "mail": _mail,
    "command": _call,
}
