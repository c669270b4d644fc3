"""Parser of http and https URLs according to the WHATWG URL standard (https://url.spec.whatwg.org/).

A browser resolves a link by these rules: backslashes are read as slashes, tabs and line breaks are removed, missing
slashes are added, and nothing is decoded. The site expects the request that a browser sends. `urllib.parse` and w3lib
follow RFC 3986 instead: they change some of these bytes, and keep others that cannot be sent.
"""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote_to_bytes

import idna

DEFAULT_PORTS = {"http": 80, "https": 443}

_TRIMMED = "".join(map(chr, range(0x21)))
_REMOVED = str.maketrans("", "", "\t\n\r")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*+):")
_PATH_ESCAPED = re.compile('[^\x21-\x7e]|["#<>?^`{}]')
_QUERY_ESCAPED = re.compile("[^\x21-\x7e]|[\"#<>']")
_DOT = re.compile(r"\.|%2e", re.IGNORECASE)
_DOT_SEGMENT = re.compile(r"(?:\.|%2e){1,2}", re.IGNORECASE)
_FORBIDDEN_IN_HOST = re.compile("[\x00-\x20\x7f#%/:<>?@\\[\\\\\\]^|]")
_DIGITS = re.compile("0*+(?:[1-9][0-9]{0,4}+)?")
_PORT = re.compile(r":([^:\]]*+)\Z")


class UrlError(ValueError):
    """Raised if a link is not a URL, or if its scheme is neither http nor https."""


@dataclass(frozen=True, slots=True)
class Url:
    """The parts of a URL as it is requested: percent-encoded, but not normalised in any other way.

    :ivar has_user: True if the URL contains a user name or password
    :ivar port: port number, or None for the default port of the scheme
    :ivar query: query without the question mark, or None if the URL has no query
    """

    scheme: str
    host: str
    port: int | None
    path: str
    query: str | None
    has_user: bool = False

    @classmethod
    def parse(cls, link: str, base: Self | None = None) -> Self:
        """Parse a link, which may be relative to ``base``, without its fragment.

        :raises UrlError: the link is not valid, or a browser would not request it from a web server
        """
        text = link.strip(_TRIMMED).translate(_REMOVED).partition("#")[0]
        match = _SCHEME.match(text)
        scheme = match[1].lower() if match else base.scheme if base else ""
        if scheme not in DEFAULT_PORTS:
            raise UrlError(f"scheme {scheme or 'missing'}, not http or https")
        rest, mark, raw_query = text[match.end() if match else 0 :].partition("?")
        rest, query = rest.replace("\\", "/"), escape(raw_query, _QUERY_ESCAPED) if mark else None
        is_relative = base is not None and base.scheme == scheme
        if rest.startswith("//") or not is_relative:
            authority, slash, path = rest.lstrip("/").partition("/")
            _user, at, host_port = authority.rpartition("@")
            host, port = _host_and_port(host_port, scheme)
            return cls(scheme, host, port, _path(slash + path, "/"), query, bool(at))
        assert base is not None
        if not rest:
            query, path = (query if mark else base.query), base.path
        else:
            path = _path(rest, base.path)
        return cls(scheme, base.host, base.port, path, query, base.has_user)

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}" + (f":{self.port}" if self.port is not None else "")

    def __str__(self) -> str:
        return self.origin + self.path + (f"?{self.query}" if self.query is not None else "")


def join(base: str, link: str) -> str:
    """Return the URL to request for a link on the page ``base``.

    :raises UrlError: the link is not valid, or a browser would not request it from a web server
    """
    return str(Url.parse(link, Url.parse(base) if base else None))


def escape(text: str, escaped: re.Pattern[str] = _PATH_ESCAPED) -> str:
    """Percent-encode the characters that a URL must not contain.

    Existing escapes are kept, even invalid ones such as `%zz`.
    """
    return escaped.sub(lambda match: "".join(f"%{octet:02X}" for octet in _utf8(match[0])), text)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # a lone surrogate is encoded as U+FFFD
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def _path(path: str, base: str) -> str:
    segments = [] if path.startswith("/") else base.split("/")[1:-1]
    *folders, last = path.removeprefix("/").split("/")
    for segment in (*folders, last):
        if not _DOT_SEGMENT.fullmatch(segment):
            segments.append(escape(segment))
        elif len(_DOT.findall(segment)) == 2:
            del segments[-1:]
    if _DOT_SEGMENT.fullmatch(last):
        segments.append("")
    return "/" + "/".join(segments)


def _host_and_port(text: str, scheme: str) -> tuple[str, int | None]:
    match = _PORT.search(text)
    digits = match[1] if match else ""
    if digits and not (_DIGITS.fullmatch(digits) and int(digits) < 2**16):
        raise UrlError("malformed: port out of range, or not a number")
    port = int(digits) if digits else None
    return _host(text[: match.start()] if match else text), None if port == DEFAULT_PORTS[scheme] else port


def _host(text: str) -> str:
    """Return a host name in lower case and in ASCII (IDNA); IPv6 addresses are returned unchanged."""
    if text.startswith("[") and text.endswith("]"):
        return text.lower()
    host = unquote_to_bytes(_utf8(text)).decode("utf-8", errors="replace")
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True, transitional=False).decode()
        except idna.IDNAError as error:
            raise UrlError("malformed: not a host name") from error
    if not host or _FORBIDDEN_IN_HOST.search(host):
        raise UrlError("malformed: not a host name")
    return host.lower()
