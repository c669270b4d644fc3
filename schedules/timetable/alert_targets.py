"""Targets: whom the timetable names to be told, how each is written there, and where secrets are, which it never holds.

A secret is in an environment variable, and the timetable has its name: `password_from = "KHOBOR_SMTP_PASSWORD"`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from schedules.timetable.validation import Field, Problem, ValueWrong, names, number, one_of, text

KINDS = ("webhook", "mail", "command")
SECURITY = ("starttls", "ssl", "none")
PORTS = {"starttls": 587, "ssl": 465, "none": 25}
HERE = ("localhost", "127.0.0.1", "::1")
MOST_SECONDS = 120
#: Keys under which somebody may write down a secret, which must not be repeated to them.
SECRETS = ("password", "passwd", "token", "secret", "user", "username", "key", "api_key")
_VARIABLE = re.compile(r"KHOBOR_[A-Z0-9_]{1,60}")
_ADDRESS = re.compile(r"[!-;=?A-~]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}|::1")


@dataclass(frozen=True, kw_only=True)
class Target:
    """One that is told; what does not belong to its ``kind`` is as it is here. ``*_from`` name variables."""

    name: str
    kind: str
    seconds: float = 20
    url: str | None = None
    url_from: str | None = None
    token_from: str | None = None
    server: str = ""
    port: int = 0
    security: str = "starttls"
    sender: str = ""
    to: tuple[str, ...] = ()
    user_from: str | None = None
    password_from: str | None = None
    command: tuple[str, ...] = ()

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that hold its secrets."""
        named = (self.url_from, self.token_from, self.user_from, self.password_from)
        return tuple(name for name in named if name)


def target_of(name: str, values: Mapping[str, Any]) -> Target:
    """The target that right values make."""
    given = {"sender" if key == "from" else key: value for key, value in values.items()}
    if given["kind"] == "mail" and "port" not in given:
        given["port"] = PORTS[given.get("security", "starttls")]
    return Target(name=name, **given)


def fields_of(kind: object) -> Mapping[str, Field]:
    """What a target of this kind is made of; where the kind is wrong, of the kind alone."""
    return _FIELDS.get(kind, {}) | _COMMON if isinstance(kind, str) else _COMMON


def together(values: Mapping[str, Any]) -> Iterator[Problem]:
    """What does not go together in values that are each right by themselves."""
    if values.get("kind") == "webhook" and ("url" in values) == ("url_from" in values):
        yield (), 'write either url, or url_from where the address itself is a secret: url_from = "KHOBOR_WEBHOOK"'
    if "token_from" in values and (url := values.get("url")) and not _is_private(url):
        yield ("token_from",), "the token would be sent unencrypted: write an address that begins with https://"
    if values.get("security") == "none" and values.get("server") not in (None, *HERE):
        yield ("security",), f"mail would be sent unencrypted: only to {' or '.join(HERE)}; write 'starttls' or 'ssl'"
    if values.get("kind") == "mail" and ("user_from" in values) != ("password_from" in values):
        key = "user_from" if "user_from" in values else "password_from"
        yield (key,), "user_from and password_from belong together: write both or neither"


def _is_private(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in HERE


# Each by itself -----------------------------------------------------------------------------------------------------


def url_error(url: str) -> str | None:
    """What is wrong with the address of a webhook, without repeating it; it may be a secret."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no address"
    if parts.scheme not in ("http", "https") or not host:
        return "is no address that begins with https:// (or http://)"
    if parts.username is not None or parts.password is not None:
        return "carries a user name: leave it out, and name a variable with a token in token_from"
    return (
        None if url.isascii() and url.isprintable() and " " not in url else "has a blank or a character to be escaped"
    )


def _url(value: Any) -> str:
    found = text(value) if isinstance(value, str) else ""
    if fault := url_error(found):
        raise ValueWrong(f"what is written {fault}")
    return found


def _variable(value: Any) -> str:
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        # Perhaps the secret itself was written: it is not repeated.
        raise ValueWrong("is no name of an environment variable for us: write one such as 'KHOBOR_SMTP_PASSWORD'")
    return value


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueWrong(f"{value!r} is no {what}")
        return value

    return read


_address = _matching(_ADDRESS, "mail address such as 'desk@example.org'")


def _addresses(value: Any) -> tuple[str, ...]:
    found = names(value)
    if not found:
        raise ValueWrong('nobody is named: write ["desk@example.org"]')
    return tuple(_address(each) for each in found)


def _command(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
        raise ValueWrong('is no program with its arguments: write ["/usr/local/bin/page", "khobor"]')
    if not value[0].strip() or any("\0" in each for each in value):
        raise ValueWrong("names no program")
    return tuple(value)


def read_file(value: Any) -> Path:
    """A file by its whole path."""
    found = Path(text(value))
    if not found.is_absolute() or found.name in ("", ".."):
        raise ValueWrong(f"{value!r} is no whole path of a file: write one that begins with /")
    return found


_COMMON = {
    "kind": Field(one_of(KINDS), '"webhook"'),
    "seconds": Field(number(1, MOST_SECONDS), "20", required=False),
}
_FIELDS: dict[str, dict[str, Field]] = {
    "webhook": {
        "url": Field(_url, '"https://example.org/khobor"', required=False),
        "url_from": Field(_variable, '"KHOBOR_WEBHOOK"', required=False),
        "token_from": Field(_variable, '"KHOBOR_WEBHOOK_TOKEN"', required=False),
    },
    "mail": {
        "server": Field(_matching(_HOST, "name of a server"), '"smtp.example.org"'),
        "port": Field(number(1, 65_535, whole=True), "587", required=False),
        "security": Field(one_of(SECURITY), '"starttls"', required=False),
        "from": Field(_address, '"khobor@example.org"'),
        "to": Field(_addresses, '["desk@example.org"]'),
        "user_from": Field(_variable, '"KHOBOR_SMTP_USER"', required=False),
        "password_from": Field(_variable, '"KHOBOR_SMTP_PASSWORD"', required=False),
    },
    "command": {"command": Field(_command, '["/usr/local/bin/page", "khobor"]')},
}
METRICS = {"file": Field(read_file, '"/var/lib/prometheus/node-exporter/khobor.prom"')}
