"""Admission: who may ask for the page, by which name, and how; and what every answer says to the browser."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "khobor"
TOKEN_VARIABLE = "KHOBOR_DASHBOARD_TOKEN"
SHORTEST_TOKEN = 16
LONGEST_ADDRESS = 500
# What is served to whoever asks: it says nothing of the data.
OPEN = ("/healthz", "/login", "/static/page.css")
HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; connect-src 'self'; "
        b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a request is not answered."""

    status: int
    sentence: str


@dataclass(frozen=True)
class Admission:
    """The rule of one page: ``names`` it may be asked by, in small letters; ``token`` or none."""

    names: frozenset[str]
    token: str | None = None
    #: Whether any address in numbers will do. A name can be pointed at us by a stranger, a number cannot.
    numbers: bool = False

    def refusal(self, scope: Scope) -> Refused | None:
        """Why this request is refused, None for one that is welcome."""
        headers = dict(scope["headers"])
        if not self._is_ours(headers.get(b"host", b"")):
            return Refused(421, "this page is not at that name; `khobor serve --allowed-host HOST` adds one")
        if len(scope["raw_path"] or b"") + len(scope["query_string"]) > LONGEST_ADDRESS:
            return Refused(414, "the address is too long")
        if scope["method"] not in ("GET", "HEAD") and (scope["method"], scope["path"]) != ("POST", "/login"):
            return Refused(405, "there is nothing to be changed here")
        if self.token is not None and scope["path"] not in OPEN and not self._is_known(headers):
            return Refused(401, "this page is for those who have its token")
        return None

    def _is_ours(self, host: bytes) -> bool:
        name = host_name(host.decode("latin-1"))
        return name is not None and (name in self.names or (self.numbers and _is_number(name)))

    def _is_known(self, headers: Mapping[bytes, bytes]) -> bool:
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"bearer" and self.is_token(given.strip()):
            return True
        found = (part.strip().partition(b"=") for part in headers.get(b"cookie", b"").split(b";"))
        ours = self.pass_for_cookie().encode()
        return any(name == COOKIE.encode() and hmac.compare_digest(value, ours) for name, _, value in found)

    def is_token(self, given: bytes) -> bool:
        """Whether it is the token; takes as long for any answer."""
        return self.token is not None and hmac.compare_digest(given, self.token.encode())

    def pass_for_cookie(self) -> str:
        """What a browser keeps in place of the token, which it cannot be told from."""
        return hmac.new((self.token or "").encode(), b"khobor status page", hashlib.sha256).hexdigest()


def host_name(host: str) -> str | None:
    """The name in a Host header, without its port, in small letters; None for what is none."""
    name, port = host, ""
    if host.startswith("["):
        name, bracket, port = host[1:].partition("]")
        if not bracket:
            return None
    elif ":" in host:
        name, _, port = host.partition(":")
        port = f":{port}"
    if port and not (port[0] == ":" and port[1:].isascii() and port[1:].isdigit()):
        return None
    return name.lower().rstrip(".") or None


def _is_number(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can ask at this address."""
    return host == "localhost" or (_is_number(host) and ip_address(host).is_loopback)


def admission_for(host: str, names: Iterable[str], token: str | None) -> Admission:
    """The rule for a page that listens at a host."""
    own = {"localhost", "127.0.0.1", "::1", host.lower(), *(name.lower().rstrip(".") for name in names)}
    return Admission(frozenset(own), token, numbers=not is_loopback(host))


class Guarded:
    """An application that only those who are welcome reach, and whose every answer is sealed."""

    def __init__(self, application: ASGIApp, admission: Admission, refuse: Any) -> None:
        self._application, self._admission, self._refuse = application, admission, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        if scope["type"] != "http":
            return
        refused = self._admission.refusal(scope)
        if refused is None:
            await self._application(scope, receive, sealed)
        else:
            await self._refuse(scope, refused)(scope, receive, sealed)
