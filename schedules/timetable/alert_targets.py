"""Alert targets in a timetable: webhooks, mail addresses and commands to which alerts are sent.

Secrets are kept in environment variables. The timetable has only the names of these variables, for example
`password_from = "KHOBOR_SMTP_PASSWORD"`.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from schedules.timetable.validation import TABLE_NAME

PORTS = {"starttls": 587, "ssl": 465, "none": 25}
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
MIN_SECONDS, MAX_SECONDS = 0.1, 120
_VARIABLE = re.compile(r"KHOBOR_[A-Z0-9_]{1,60}")
_MAIL_ADDRESS = re.compile(r"[!-;=?A-~]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
_SERVER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}|::1")


def url_error(url: str) -> str | None:
    """Return an error message for the URL of a webhook, or None if the URL is valid.

    The message does not contain the URL, because it may be a secret.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in ("http", "https") or not host:
        return "is not a URL that begins with https:// (or http://)"
    if parts.username is not None or parts.password is not None:
        return "contains a user name: leave it out and name a variable with a token in token_from"
    return None if url.isascii() and url.isprintable() and " " not in url else "contains a character to be escaped"


def _matching(pattern: re.Pattern[str], expected: str) -> BeforeValidator:
    def check(value: Any) -> Any:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError(f"should be {expected}")
        return value

    return BeforeValidator(check)


def _check_url(url: str) -> str:
    if error := url_error(url):
        raise ValueError(error)
    return url


def _check_recipients(to: tuple[str, ...]) -> tuple[str, ...]:
    if not to:
        raise ValueError('should name a recipient, such as ["desk@example.org"]')
    return tuple(dict.fromkeys(to))


def _check_command(command: tuple[str, ...]) -> tuple[str, ...]:
    if not command or not command[0].strip() or any("\0" in argument for argument in command):
        raise ValueError('should begin with a program, such as ["/usr/local/bin/page", "khobor"]')
    return command


def _file_at(path: Any) -> Path:
    if not isinstance(path, str) or not path.startswith("/") or Path(path).name in ("", ".."):
        raise ValueError("should be the absolute path of a file, which begins with /")
    return Path(path)


Variable = Annotated[str, _matching(_VARIABLE, "the name of an environment variable, such as 'KHOBOR_SMTP_PASSWORD'")]
MailAddress = Annotated[str, _matching(_MAIL_ADDRESS, "a mail address such as 'desk@example.org'")]


class Target(BaseModel):
    """Target to which alerts are sent.

    ``seconds`` is the time limit for sending one alert. Fields that end in `_from` are names of environment variables
    with secrets.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_by_name=True)
    name: str = Field(validation_alias=TABLE_NAME)
    kind: str
    seconds: float = Field(default=20, ge=MIN_SECONDS, le=MAX_SECONDS)

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the environment variables that contain the secrets of this alert target."""
        return tuple(value for key, value in self if key.endswith("_from") and value)


class Webhook(Target):
    """Alert target that receives each alert as a POST request with JSON.

    Its URL is ``url``, or the value of the environment variable ``url_from`` if the URL is a secret.
    """

    kind: Literal["webhook"] = "webhook"
    url: Annotated[str, AfterValidator(_check_url)] | None = None
    url_from: Variable | None = None
    token_from: Variable | None = None

    @field_validator("token_from")
    @classmethod
    def _is_encrypted(cls, value: str | None, info: Any) -> str | None:
        if (url := info.data.get("url")) and not (url.startswith("https:") or urlsplit(url).hostname in LOCAL_HOSTS):
            raise ValueError("the token would be sent unencrypted: write a URL that begins with https://")
        return value

    @model_validator(mode="after")
    def _has_one_url(self) -> Self:
        if bool(self.url) == bool(self.url_from):
            raise ValueError('write either url, or url_from if the URL is a secret: url_from = "KHOBOR_WEBHOOK"')
        return self


class Mail(Target):
    """Alert target that receives mail through an SMTP server.

    An encrypted connection is required unless the server is this machine.
    """

    kind: Literal["mail"] = "mail"
    server: Annotated[str, _matching(_SERVER, "the name of a server")] = Field(examples=['"smtp.example.org"'])
    security: Literal["starttls", "ssl", "none"] = "starttls"
    port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    sender: MailAddress = Field(validation_alias="from", examples=['"khobor@example.org"'])
    to: Annotated[tuple[MailAddress, ...], Field(strict=False), AfterValidator(_check_recipients)] = Field(
        examples=['["desk@example.org"]']
    )
    user_from: Variable | None = None
    password_from: Variable | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the SMTP server; the default port is the standard one for the kind of encryption."""
        return self.server, self.port or PORTS[self.security]

    @field_validator("security")
    @classmethod
    def _is_encrypted(cls, value: str, info: Any) -> str:
        if value == "none" and info.data.get("server") not in (None, *LOCAL_HOSTS):
            local = " or ".join(LOCAL_HOSTS)
            raise ValueError(f"mail would be sent unencrypted, which is for {local} only: write 'starttls' or 'ssl'")
        return value

    @model_validator(mode="after")
    def _has_user_and_password(self) -> Self:
        if bool(self.user_from) != bool(self.password_from):
            raise ValueError("user_from and password_from belong together: write both or neither")
        return self


class Command(Target):
    """Alert target that is a program; it receives each alert as JSON on its standard input."""

    kind: Literal["command"] = "command"
    command: Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_check_command)] = Field(
        examples=['["/usr/local/bin/page", "khobor"]']
    )


class Metrics(BaseModel):
    """Path of the file with the metrics, which the textfile collector of the Prometheus node exporter reads."""

    model_config = ConfigDict(extra="forbid", strict=True)
    file: Annotated[Path, BeforeValidator(_file_at)] = Field(examples=['"/var/lib/node-exporter/khobor.prom"'])
