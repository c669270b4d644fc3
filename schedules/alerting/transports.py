"""Send an alert to a webhook, by mail or to a command, within a time limit.

Each error raised here is one sentence without secrets. The library Apprise is not used, because its `notify()` returns
a bool without a reason, its timeouts restart with every byte read, and it sets neither Idempotency-Key nor Message-ID.
"""

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
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection, RemoteDisconnected
from tempfile import TemporaryFile
from threading import Event as Flag
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from crawler.safe_text import one_line
from schedules.alerting.messages import chat_text, plain_text, subject
from schedules.timetable.alert_targets import Command, Mail, Target, Webhook, url_error

MAX_ERROR_LENGTH = 200
USER_AGENT = "Khobor alerts"


class DeliveryError(Exception):
    """An alert target did not confirm the receipt of an alert, which may be lost. The message has no secrets."""


def deliver(target: Target, event: Mapping[str, Any]) -> str | None:
    """Send an alert to a target; return a warning, or None if there is nothing to report.

    Raises :class:`DeliveryError` if the target does not confirm that it received the alert.
    """
    secrets = {name: os.environ.get(name, "").strip() for name in target.variables}
    for name, value in secrets.items():
        if not value:
            raise DeliveryError(f"the environment variable {name} is not set in this process")
    try:
        return _TRANSPORTS[target.kind](target, event, secrets)
    except (DeliveryError, OSError, HTTPException, smtplib.SMTPException, ValueError) as error:
        reason = _reason(error, target)
        # The error of a server may contain a secret, as plain text or in the base64 encoding of the mail protocol.
        for name, value in secrets.items():
            for text in (value, b64encode(value.encode()).decode()):
                reason = reason.replace(text, f"[{name}]")
        raise DeliveryError(one_line(reason, MAX_ERROR_LENGTH)) from None


def _reason(error: Exception, target: Target) -> str:
    match error:
        case TimeoutError():
            return f"no response within {target.seconds:g} s"
        case ssl.SSLCertVerificationError():
            return f"untrusted certificate ({error.verify_message})"
        case smtplib.SMTPAuthenticationError():
            return f"the mail server rejects user or password (code {error.smtp_code})"
        case smtplib.SMTPRecipientsRefused():
            return f"the mail server rejects {', '.join(error.recipients)}"
        case smtplib.SMTPResponseException(smtp_error=bytes() as text):
            return f"the mail server responds {error.smtp_code} {text.decode(errors='replace')}"
        case smtplib.SMTPResponseException():
            return f"the mail server responds {error.smtp_code} {error.smtp_error!s}"
        case smtplib.SMTPServerDisconnected() | RemoteDisconnected() | ConnectionResetError() | BrokenPipeError():
            return "the connection was closed before the response"
        case HTTPException():
            return "the response is not HTTP"
        case OSError(strerror=str() as text):
            return text
    return str(error) or type(error).__name__


@contextmanager
def _deadline(seconds: float, connection: Callable[[], socket.socket | None]) -> Iterator[None]:
    """Context manager that shuts a connection down if the block takes longer than ``seconds``.

    A socket timeout does not limit the total time, because it restarts with every byte received.

    :param connection: function that returns the open socket, or None before it is opened
    """
    done, late = Flag(), Flag()

    def watch() -> None:
        wait = seconds
        while not done.wait(wait):
            late.set()
            wait = 0.2  # repeat this, because STARTTLS may have replaced the socket
            if (open_socket := connection()) is not None:
                with suppress(OSError):
                    socket.socket.shutdown(open_socket, socket.SHUT_RDWR)

    Thread(target=watch, name="khobor-alert-deadline", daemon=True).start()
    try:
        yield
    except (OSError, HTTPException, smtplib.SMTPException) as error:
        if late.is_set():
            raise TimeoutError from error
        raise
    finally:
        done.set()


# Webhook ------------------------------------------------------------------------------------------------------------


def _post(target: Webhook, event: Mapping[str, Any], secrets: Mapping[str, str]) -> str | None:
    url = target.url or secrets[target.url_from or ""]
    if fault := url_error(url):
        raise DeliveryError(f"{target.url_from} {fault}")
    parts = urlsplit(url)
    if target.token_from and parts.scheme != "https" and target.url is None:
        raise DeliveryError(f"the token would be sent unencrypted: let {target.url_from} begin with https://")
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": USER_AGENT}
    headers |= {"Idempotency-Key": str(event["id"])}
    headers |= {"Authorization": f"Bearer {secrets[target.token_from]}"} if target.token_from else {}
    body = json.dumps({"text": chat_text(event), **event}, ensure_ascii=False).encode()
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    https = partial(HTTPSConnection, context=ssl.create_default_context())
    client = https if parts.scheme == "https" else HTTPConnection
    connection = client(parts.hostname or "", parts.port, timeout=target.seconds)
    with closing(connection), _deadline(target.seconds, lambda: connection.sock):
        connection.request("POST", path, body, headers)
        with connection.getresponse() as response:
            pass  # only the status is needed
    if not 200 <= response.status < 300:
        redirect = "; redirects are not followed: configure the final address" if 300 <= response.status < 400 else ""
        raise DeliveryError(f"it responds {response.status} {response.reason}{redirect}")
    return None


# Mail ---------------------------------------------------------------------------------------------------------------


def _message(target: Mail, event: Mapping[str, Any]) -> EmailMessage:
    """Build the mail message of an alert.

    Its Message-ID depends only on the alert, so that mail programs can discard a message that was sent twice.
    """
    mail = EmailMessage(policy=SMTP)
    for name, value in (
        ("Subject", subject(event)),
        ("From", target.sender),
        ("To", ", ".join(target.to)),
        ("Date", datetime.fromisoformat(event["at"])),
        ("Message-ID", f"<{event['id']}@{target.sender.rpartition('@')[2]}>"),
        ("Auto-Submitted", "auto-generated"),
    ):
        mail[name] = value
    mail.set_content(plain_text(event), cte="quoted-printable")
    return mail


def _send_mail(target: Mail, event: Mapping[str, Any], secrets: Mapping[str, str]) -> str | None:
    context = ssl.create_default_context()
    client = partial(smtplib.SMTP_SSL, context=context) if target.security == "ssl" else smtplib.SMTP
    # Created without connecting, so that the deadline also covers the connection and the greeting.
    server: Any = client(timeout=target.seconds, local_hostname="localhost")
    server._host = target.server  # name to be verified in the certificate; connect() does not set it
    with _deadline(target.seconds, lambda: server.sock):
        try:
            server.connect(*target.address)
            if target.security == "starttls":
                server.starttls(context=context)
            if target.user_from and target.password_from:
                server.login(secrets[target.user_from], secrets[target.password_from])
            rejected = server.send_message(_message(target, event))
            with suppress(OSError, smtplib.SMTPException):  # the mail is accepted already
                server.quit()
        finally:
            server.close()
    return f"the mail server rejects {', '.join(rejected)}" if rejected else None


# Command ------------------------------------------------------------------------------------------------------------


def _run_command(target: Command, event: Mapping[str, Any], secrets: Mapping[str, str]) -> str | None:
    program = target.command[0]
    with TemporaryFile() as stderr:
        try:
            process = subprocess.Popen(
                target.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
            )
        except OSError as error:
            raise DeliveryError(f"{program} cannot be started: {error.strerror}") from error
        try:
            process.communicate(json.dumps(event, ensure_ascii=False).encode() + b"\n", timeout=target.seconds)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise DeliveryError(f"{program} did not exit within {target.seconds:g} s and was killed") from None
        if process.returncode:
            stderr.seek(0)
            output = stderr.read(4 * MAX_ERROR_LENGTH).decode(errors="replace").strip()
            raise DeliveryError(f"{program} exited with code {process.returncode}" + (f": {output}" if output else ""))
    return None


_TRANSPORTS: Mapping[str, Callable[[Any, Mapping[str, Any], Mapping[str, str]], str | None]] = {
    "webhook": _post,
    "mail": _send_mail,
    "command": _run_command,
}
