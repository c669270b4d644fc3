"""Access control of the dashboard: allowed host names, request limits, access token and security headers.

One small middleware does all of this, because it is easier to audit than several middlewares from different libraries.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "khobor"
TOKEN_VARIABLE = "KHOBOR_DASHBOARD_TOKEN"
MIN_TOKEN_LENGTH = 16
MAX_TARGET_LENGTH = 500
_HOST = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(:[0-9]+)?")
# Paths that need no token, because they contain no data.
PUBLIC_PATHS = ("/healthz", "/login", "/static/page.css")
SECURITY_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; connect-src 'self'; "
        b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"cache-control", b"private, no-cache"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


@dataclass(frozen=True, slots=True)
class Denied:
    """Result of the access control for a denied request: the HTTP status and the reason."""

    status: int
    reason: str


@dataclass(frozen=True)
class AccessPolicy:
    """Rules of the dashboard that decide if an HTTP request is allowed.

    :param names: host names that are allowed in the Host header, in lower case
    :param token: access token that requests must have, or None if none is required
    :param any_ip: also allow any IP address in the Host header; this is safe, because a DNS rebinding attack needs a
        host name
    """

    names: frozenset[str]
    token: str | None = None
    any_ip: bool = False

    def check(self, scope: Scope) -> Denied | None:
        """Return the HTTP status and reason with which a request is denied, or None if it is allowed."""
        headers = dict(scope["headers"])
        if not self._is_allowed_host(headers.get(b"host", b"")):
            return Denied(421, "this host name is not allowed; add it with `khobor serve --allowed-host HOST`")
        if len(scope["raw_path"] or b"") + len(scope["query_string"]) > MAX_TARGET_LENGTH:
            return Denied(414, "the URL is too long")
        if scope["method"] not in ("GET", "HEAD") and (scope["method"], scope["path"]) != ("POST", "/login"):
            return Denied(405, "the dashboard is read-only")
        if self.token is not None and scope["path"] not in PUBLIC_PATHS and not self._is_authorised(headers):
            return Denied(401, "a token is required")
        return None

    def _is_allowed_host(self, host: bytes) -> bool:
        name = host_name(host.decode("latin-1"))
        return name is not None and (name in self.names or (self.any_ip and _is_ip(name)))

    def _is_authorised(self, headers: Mapping[bytes, bytes]) -> bool:
        scheme, _, credentials = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"bearer" and self.is_token(credentials.strip()):
            return True
        cookies = (part.strip().partition(b"=") for part in headers.get(b"cookie", b"").split(b";"))
        expected = self.cookie_value().encode()
        return any(name == COOKIE.encode() and hmac.compare_digest(value, expected) for name, _, value in cookies)

    def is_token(self, candidate: bytes) -> bool:
        """Return True if ``candidate`` equals the access token.

        The comparison takes constant time, so that its duration reveals nothing about the token.
        """
        return self.token is not None and hmac.compare_digest(candidate, self.token.encode())

    def cookie_value(self) -> str:
        """Return the value of the login cookie, an HMAC of the access token; the token cannot be derived from it."""
        return hmac.new((self.token or "").encode(), b"khobor status page", hashlib.sha256).hexdigest()


def access_policy(host: str, names: Iterable[str], token: str | None) -> AccessPolicy:
    """Build the access rules of a dashboard that listens at ``host``.

    ``names`` are further host names that are allowed in the Host header of requests.
    """
    allowed = {"localhost", "127.0.0.1", "::1", host.lower(), *(name.lower().rstrip(".") for name in names)}
    return AccessPolicy(frozenset(allowed), token, any_ip=not is_loopback(host))


def host_name(host: str) -> str | None:
    """Return the host name in a Host header, in lower case and without port, or None if the header is malformed."""
    match = _HOST.fullmatch(host)
    return (match[1].strip("[]").lower().rstrip(".") or None) if match else None


def _is_ip(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Return True if ``host`` is a loopback address or `localhost`, to which only this machine can connect."""
    return host == "localhost" or (_is_ip(host) and ip_address(host).is_loopback)


class AccessMiddleware:
    """ASGI middleware that rejects requests denied by the policy, and adds security headers to every response."""

    def __init__(self, app: ASGIApp, policy: AccessPolicy, deny: Callable[[Scope, Denied], ASGIApp]) -> None:
        self._app, self._policy, self._deny = app, policy, deny

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *SECURITY_HEADERS]
            await send(message)

        if scope["type"] != "http":
            return
        denied = self._policy.check(scope)
        app = self._app if denied is None else self._deny(scope, denied)
        await app(scope, receive, send_with_headers)
