"""Parser of robots.txt according to RFC 9309, for the product token `khobor`.

Scrapy's parser (Protego) is not used, for two reasons. It searches the whole User-Agent header for the names of groups,
so a contact URL in the header can match the group of another crawler. It also keeps every group, so a file of 500 KB
with many agents takes minutes.
"""

import codecs
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

PRODUCT_TOKEN = "khobor"
MAX_ROBOTS_BYTES = 512 * 1024

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# Characters without a glyph, U+FFFD, and bytes that are not UTF-8.
_BLANK = "\ufffd" + "".join(
    character
    for character in map(chr, (*range(0x3001), 0xFEFF, *range(0xDC80, 0xDD00)))
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs")
)
_INLINE_TAG = re.compile(r"</?(?:a|b|i|em|strong|span|font|code)(?=[\s/>])[^<>\r\n]*+>", re.IGNORECASE)
_TAG = re.compile(r"<(?!https?:)[^<>\r\n]*+>")
_LINE_END = re.compile("[\r\n\v\f\x85\u2028\u2029]|<!--|-->")
# Accepts the misspellings that Google's parser accepts.
_FIELD = re.compile(
    r"(?P<agent>user[-_ ]?agents?)|(?P<disallow>dis{1,2}al{1,2}[oa]w|diasllow)|(?P<allow>allow)"
    r"|(?P<delay>crawl[-_ ]?delay)|(?P<sitemap>site[-_ ]?maps?)",
    re.IGNORECASE,
)
_VALUE_START = re.compile(r"[/*]|https?:", re.IGNORECASE)
_TOKEN = re.compile(rf"[\"']?(?:(?P<any>\*)(?![^\s\"'])|(?P<own>{PRODUCT_TOKEN})(?![\w-]))", re.IGNORECASE)
_QUOTED = re.compile(r"\A([\"'])(.*)\1\Z")
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,9})?")
_SEPARATOR = re.compile(r"\s++|[,;|](?=https?:|/)", re.IGNORECASE)
_URL_START = re.compile(r"https?:|/", re.IGNORECASE)
_AUTHORITY = re.compile(r"\A[a-z][a-z0-9+.-]*+://[^/?#]*+", re.IGNORECASE)
_ESCAPE = re.compile(rb"%([0-9a-f]{2})|[^!#&'()+,./:;=?@\[\]~\w-]", re.IGNORECASE)
_UNRESERVED = re.compile(rb"[\w.~-]")


@dataclass(frozen=True)
class RobotsRules:
    """The rules of a robots.txt that apply to this crawler, and all sitemaps that the file names."""

    rules: tuple[tuple[str, bool], ...] = ()  # (path pattern, True for Allow or False for Disallow)
    crawl_delay: float | None = None
    sitemaps: tuple[str, ...] = ()

    def allows(self, url: str) -> bool:
        """Return True if a URL may be requested.

        The longest matching pattern decides; of equally long patterns, Allow takes precedence over Disallow.
        """
        path = _normal_path(url)
        return next((allowed for pattern, allowed in self._by_length if pattern.matches(path)), True)

    @cached_property
    def _by_length(self) -> list[tuple["_Pattern", bool]]:
        patterns = [(_Pattern.parse(text), allowed) for text, allowed in dict.fromkeys(self.rules)]
        return sorted(patterns, key=lambda rule: (rule[0].length, rule[1]), reverse=True)


@dataclass(frozen=True, slots=True)
class _Pattern:
    parts: tuple[bytes, ...]  # between the asterisks
    is_whole: bool  # ends with `$`
    length: int

    @classmethod
    def parse(cls, text: str) -> "_Pattern":
        is_whole = text.endswith("$")
        octets = text.removesuffix("$").encode("utf-8", errors="surrogateescape")
        parts = [_normal(part) for part in re.split(rb"\*+", octets)]
        return cls(tuple(parts), is_whole, sum(map(len, parts)) + len(parts) - 1 + is_whole)

    def matches(self, path: bytes) -> bool:
        """Return True if the pattern matches a path from its beginning.

        Each part between asterisks is searched once, because its first match suffices.
        """
        first, *middle = self.parts
        if not path.startswith(first):
            return False
        position = len(first)
        last = middle.pop() if self.is_whole and middle else None
        for part in middle:
            if (found := path.find(part, position)) < 0:
                return False
            position = found + len(part)
        if last is not None:
            return len(path) - len(last) >= position and path.endswith(last)
        return not self.is_whole or position == len(path)


@dataclass(eq=False)
class _Group:
    rules: list[tuple[str, bool]] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    is_named: bool = False


def parse_robots(body: bytes) -> RobotsRules:
    """Parse the first 512 KiB of a robots.txt; lines that are plain text or HTML are ignored.

    A group of rules ends at the first User-agent line after a rule. Crawl-delay and Sitemap do not end a group, and a
    Crawl-delay applies to the agents named before it.
    """
    own, default = _Group(), _Group()
    named: list[_Group] = []  # groups of the current User-agent lines that apply to this crawler
    sitemaps: list[str] = []
    has_rule = False
    for kind, value in _fields(_text(body)):
        if kind == "sitemap":
            sitemaps += _urls(value)
        elif kind == "agent":
            if has_rule:
                named, has_rule = [], False
            if token := _TOKEN.match(value):
                group = own if token["own"] else default
                group.is_named = True
                if group not in named:
                    named.append(group)
        elif kind == "delay":
            for group in named:
                group.delays += _seconds(value)
        else:
            has_rule = True
            for group in named if value else ():
                group.rules.append((_QUOTED.sub(r"\2", value), kind == "allow"))
    group = own if own.is_named else default
    return RobotsRules(tuple(group.rules), max(group.delays, default=None), tuple(dict.fromkeys(sitemaps)))


def _text(body: bytes) -> str:
    start = body[:MAX_ROBOTS_BYTES]
    charset = next((charset for mark, charset in _MARKS if start.startswith(mark)), None) or _charset(start[:1024])
    text = start.decode(charset, errors="surrogateescape" if charset == "utf-8" else "replace")
    text = text.replace("\0", "")  # UTF-32 read as UTF-16, too
    if len(body) > MAX_ROBOTS_BYTES:
        text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1]
    return text


def _charset(start: bytes) -> str:
    """Return the charset of a file without a byte order mark; UTF-16 is detected by its zero bytes."""
    halves = [start[at::2].count(0) * 2 > len(start) // 2 for at in (0, 1)]
    return {(True, False): "utf-16-be", (False, True): "utf-16-le"}.get((halves[0], halves[1]), "utf-8")


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """Yield (field, value) of each robots.txt line with a known field.

    An HTML tag counts as a line break, except for inline elements.
    """
    for line in _LINE_END.split(_TAG.sub("\n", _INLINE_TAG.sub("", text))):
        content = line.partition("#")[0].strip(_BLANK)
        if match := _FIELD.match(content):
            kind, rest = match.lastgroup or "", content[match.end() :]
            value = rest.lstrip(_BLANK)
            if value.startswith((":", "\uff1a")):
                yield kind, value[1:].strip(_BLANK)
            elif value != rest and (kind == "agent" or _VALUE_START.match(value)):
                yield kind, value


def _urls(value: str) -> list[str]:
    """Return the URLs in the value of a Sitemap line, which may contain several, with or without quotes."""
    urls: list[str] = []
    for word in _SEPARATOR.split(value):
        word = word.strip("\"'<>()[],;")
        if not urls or _URL_START.match(word):
            urls.append(word)
        else:
            urls[-1] += f" {word}"
    return [url for url in urls if url]


def _seconds(value: str) -> list[float]:
    try:
        return [float(value)]
    except ValueError:
        number = _NUMBER.match(value)
        return [float(number[0])] if number else []


def _normal_path(url: str) -> bytes:
    path = _AUTHORITY.sub("", url.partition("#")[0], count=1)
    return _normal((path if path.startswith("/") else f"/{path}").encode("utf-8", errors="surrogateescape"))


def _normal(octets: bytes) -> bytes:
    """Return the normal form of a URL path; only unreserved and reserved characters are not percent-encoded.

    `*` and `$` are encoded too, because they are wildcards in the patterns of robots.txt.
    """
    return _ESCAPE.sub(_escaped, octets)


def _escaped(match: re.Match[bytes]) -> bytes:
    if match[1] is None:
        return b"%%%02X" % ord(match[0])
    octet = bytes.fromhex(match[1].decode())
    return octet if _UNRESERVED.match(octet) else match[0].upper()
