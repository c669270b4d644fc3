"""Servers for alerts: a webhook, a mail server, and a server with a response of the test."""

import base64
import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Posted:
    """Requests to a webhook, and the status of its responses."""

    url: str = ""
    status: int = 204
    events: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def webhook_server(status: int = 204) -> Iterator[Posted]:
    posted = Posted(status=status)

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.events.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            posted.headers.append(dict(self.headers))
            self.send_response(posted.status)
            if 300 <= posted.status < 400:
                self.send_header("Location", posted.url)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with _served(ThreadingHTTPServer(("127.0.0.1", 0), Answering)) as port:
        posted.url = f"http://127.0.0.1:{port}/hook"
        yield posted


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def _served(server: socketserver.BaseServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]  # type: ignore[index,return-value]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def http_server(say: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve connections with ``say``; yields the port."""

    class Saying(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):  # the client closed the connection
                say(self.request)

    with _served(_Server(("127.0.0.1", 0), Saying)) as port:
        yield port


@dataclass
class Mailbox:
    """State of a mail server: its behaviour, the mails received, and the bytes received without TLS."""

    port: int = 0
    offers_starttls: bool = True
    wraps: bool = False
    user: str = ""
    password: str = ""
    refuses: str = ""
    certificate: Path | None = None
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    in_clear: bytes = b""


@contextmanager
def mail_server(certificate: Path | None = None, **behaves: Any) -> Iterator[Mailbox]:
    """Run a mail server; with a certificate it offers TLS, at once (``wraps``) or by STARTTLS."""
    mailbox = Mailbox(certificate=certificate, **behaves)

    def handler(*args: Any) -> None:
        _Conversation(mailbox, args[0]).hold()

    with _served(_Server(("127.0.0.1", 0), handler)) as port:  # type: ignore[arg-type]
        mailbox.port = port
        yield mailbox


class _Conversation:
    def __init__(self, mailbox: Mailbox, connection: socket.socket) -> None:
        self._mailbox, self._connection = mailbox, connection
        self._is_secret = False
        self._recipients: list[str] = []

    def hold(self) -> None:
        with ExitStack() as self._open, suppress(OSError):  # the client closed the connection
            if self._mailbox.wraps:
                self._encrypt()
            self._file = self._open.enter_context(self._connection.makefile("rb"))
            self._say("220 here")
            while (line := self._heard()) and self._answer(line):
                pass

    def _say(self, line: str) -> None:
        self._connection.sendall(f"{line}\r\n".encode())

    def _heard(self) -> bytes:
        line = self._file.readline()
        if not self._is_secret:
            self._mailbox.in_clear += line
        return line

    def _encrypt(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        assert self._mailbox.certificate
        context.load_cert_chain(self._mailbox.certificate)
        self._connection = context.wrap_socket(self._connection, server_side=True, do_handshake_on_connect=False)
        self._open.enter_context(self._connection)
        self._connection.do_handshake()
        self._is_secret = True

    def _answer(self, line: bytes) -> bool:
        command = line.strip().partition(b" ")[0].upper()
        if command == b"EHLO":
            self._say("250-here")
            if self._mailbox.offers_starttls and not self._is_secret:
                self._say("250-STARTTLS")
            self._say("250 AUTH PLAIN")
        elif command == b"STARTTLS":
            self._say("220 go on")
            self._encrypt()
            self._file = self._open.enter_context(self._connection.makefile("rb"))
        elif command == b"AUTH":
            said = base64.b64decode(line.split()[-1]).decode().split("\0")[1:]
            right = said == [self._mailbox.user, self._mailbox.password]
            self._say("235 yes" if right else f"535 no, {said[1]} is not it ({line.split()[-1].decode()})")
        elif command == b"RCPT":
            address = line.decode().partition("<")[2].partition(">")[0]
            refused = address == self._mailbox.refuses
            self._recipients += [] if refused else [address]
            self._say("550 nobody of that name" if refused else "250 yes")
        elif command == b"DATA":
            self._say("354 go on")
            self._take()
            self._say("250 taken")
        else:
            self._say("221 bye" if command == b"QUIT" else "250 yes")
        return command != b"QUIT"

    def _take(self) -> None:
        lines = []
        while (line := self._heard()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        self._mailbox.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))  # type: ignore[arg-type]
        self._mailbox.recipients.append(self._recipients)
