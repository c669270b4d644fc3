"""A mirror stands in for all of a site's own hosts: addresses and Host header stay, only the connection goes there."""

import socket
from collections.abc import Hashable
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.web.client import HTTPConnectionPool
from twisted.web.iweb import IPolicyForHTTPS

from crawler.downloader.allowed_hosts import DEFAULT_PORTS
from crawler.safe_text import one_line

CONNECT_SECONDS = 10


def read_mirror(text: str) -> str:
    """The mirror's base address (`http://127.0.0.1:8137`) from what a person wrote; `ValueError` says what is wrong."""
    shown = one_line(repr(text), 80)
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as error:
        raise ValueError(f"the mirror {shown} is not an address: {error}") from error
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"the mirror {shown} should look like http://127.0.0.1:8137")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"the mirror {shown} may not carry a user name")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"the mirror {shown} should end after the port: it answers for every path")
    if port == 0:
        raise ValueError(f"the mirror {shown} has no port that can be connected to")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port or DEFAULT_PORTS[parts.scheme]}"


def answers(mirror: str, seconds: float = 3) -> bool:
    """Whether something accepts connections at the mirror's address."""
    parts = urlsplit(read_mirror(mirror))
    try:
        with socket.create_connection((parts.hostname, parts.port), timeout=seconds):
            return True
    except OSError:
        return False


class MirrorPool(HTTPConnectionPool):
    """A pool whose every connection goes to the mirror, whatever endpoint was asked for.

    All connections of the download handler come from its pool, so with this one nothing else can be contacted: no
    name is looked up but the mirror's own, once, here. `OSError` where that name is unknown.
    """

    def __init__(self, reactor: Any, mirror: str, policy: IPolicyForHTTPS) -> None:
        super().__init__(reactor, persistent=True)  # type: ignore[no-untyped-call]
        self._mirror = _endpoint(reactor, mirror, policy)

    def getConnection(self, key: Hashable, endpoint: IStreamClientEndpoint) -> Deferred[Any]:  # noqa: N802
        """A connection to the mirror; those of different hosts are kept apart by `key`."""
        return super().getConnection(("mirror", key), self._mirror)


def _endpoint(reactor: Any, mirror: str, policy: Any) -> Any:
    """Where the mirror listens. It is connected to by number: the crawl's resolver refuses private addresses."""
    parts = urlsplit(read_mirror(mirror))
    assert parts.hostname is not None
    assert parts.port is not None
    family, *_, address = socket.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)[0]
    kind = TCP6ClientEndpoint if family == socket.AF_INET6 else TCP4ClientEndpoint
    endpoint: Any = kind(reactor, str(address[0]), parts.port, CONNECT_SECONDS)
    if parts.scheme == "http":
        return endpoint
    return wrapClientTLS(policy.creatorForNetloc(parts.hostname.encode("ascii"), parts.port), endpoint)
