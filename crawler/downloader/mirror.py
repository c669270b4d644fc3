"""Connection of all requests to one server, called a mirror, that serves copies of a site's pages.

The URLs of requests stay the same.
"""

import socket
from collections.abc import Hashable
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.web.client import HTTPConnectionPool
from twisted.web.iweb import IPolicyForHTTPS

from crawler.safe_text import one_line
from crawler.urls.standard import DEFAULT_PORTS

CONNECT_SECONDS = 10


def read_mirror(text: str) -> str:
    """Return the normalised URL of a mirror (`http://127.0.0.1:8137`); raise :class:`ValueError` if it is not valid."""
    shown = f"the mirror {one_line(repr(text), 80)}"
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{shown} is not a URL: {error}") from error
    for is_wrong, problem in (
        (parts.scheme not in DEFAULT_PORTS or not parts.hostname, "should look like http://127.0.0.1:8137"),
        (parts.username is not None or parts.password is not None, "must not contain a user name"),
        (
            parts.path not in ("", "/") or parts.query or parts.fragment,
            "should end after the port: it serves every path",
        ),
        (port == 0, "has no port to connect to"),
    ):
        if is_wrong:
            raise ValueError(f"{shown} {problem}")
    assert parts.hostname is not None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port or DEFAULT_PORTS[parts.scheme]}"


def is_listening(mirror: str, seconds: float = 3) -> bool:
    parts = urlsplit(read_mirror(mirror))
    try:
        with socket.create_connection((parts.hostname, parts.port), timeout=seconds):
            return True
    except OSError:
        return False


class MirrorPool(HTTPConnectionPool):
    """Connection pool that connects every request to the mirror; URLs and Host headers are not changed.

    The mirror is a server with copies of a site's pages. The download handler gets all its connections from this pool,
    so no other host is contacted, and only the host name of the mirror is resolved.

    :raises OSError: the host name of the mirror is unknown
    """

    def __init__(self, reactor: Any, mirror: str, policy: IPolicyForHTTPS) -> None:
        super().__init__(reactor, persistent=True)  # type: ignore[no-untyped-call]
        self._mirror = _endpoint(reactor, mirror, policy)

    def getConnection(self, key: Hashable, endpoint: IStreamClientEndpoint) -> Deferred[Any]:  # noqa: N802
        return super().getConnection(("mirror", key), self._mirror)


def _endpoint(reactor: Any, mirror: str, policy: Any) -> Any:
    """Return the endpoint (Twisted's address to connect to) of the mirror.

    Its host name is resolved here, because the resolver of the crawl rejects private addresses.
    """
    parts = urlsplit(read_mirror(mirror))
    assert parts.hostname is not None and parts.port is not None
    family, *_, address = socket.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)[0]
    kind = TCP6ClientEndpoint if family == socket.AF_INET6 else TCP4ClientEndpoint
    endpoint: Any = kind(reactor, str(address[0]), parts.port, CONNECT_SECONDS)
    if parts.scheme == "http":
        return endpoint
    return wrapClientTLS(policy.creatorForNetloc(parts.hostname.encode("ascii"), parts.port), endpoint)
