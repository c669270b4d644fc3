"""Logged requests, responses, faults and the comparison of validators."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final

HTML: Final = "text/html; charset=UTF-8"
XML: Final = "application/xml; charset=UTF-8"
JSON: Final = "application/json; charset=UTF-8"
TEXT: Final = "text/plain; charset=UTF-8"


@dataclass(frozen=True)
class Request:
    """One request and the status of its response.

    `at` is `time.monotonic()` on arrival, `target` path and query, `headers` have names in lower case, `status` 0 is no
    response, `bytes` the length of the body sent, `connection` the number of the connection since the start.
    """

    at: float
    host: str
    method: str
    target: str
    status: int
    headers: dict[str, str]
    bytes: int
    connection: int


@dataclass(frozen=True)
class Response:
    """One response; `cut` is the number of body bytes after which the connection ends, None to send all."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


@dataclass
class Fault:
    """Changes to the correct response; None leaves a part unchanged.

    `delay` is in seconds, before the response. `cut` ends the connection after as many bytes of body, `drop` without
    a response. `times` is the number of requests affected, None for all.
    """

    status: int | None = None
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: int | None = None
    drop: bool = False
    times: int | None = None


def redirect(status: int, location: str) -> Response:
    return Response(status, b"", {"Location": location, "Content-Type": HTML})


def http_date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC).replace(microsecond=0), usegmt=True)


def unchanged(asked: Mapping[str, str], own: Mapping[str, str]) -> bool:
    """Report if the validators of a request match those of the page; an ETag precedes a date."""
    if tags := asked.get("if-none-match"):
        known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return "ETag" in own and ("*" in known or own["ETag"].removeprefix("W/") in known)
    since = asked.get("if-modified-since")
    if not since or "Last-Modified" not in own:
        return False
    try:
        return parsedate_to_datetime(own["Last-Modified"]) <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return False
