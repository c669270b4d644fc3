"""Canonical URLs, and the keys that identify a story or page for all spellings of its URL."""

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode, urljoin, urlsplit

from crawler.outcomes import Outcome
from crawler.safe_text import UNSAFE

MAX_LENGTH = 2048
_TRACKING = re.compile(
    r"utm_\w+|at_(medium|campaign|\w+)|fb(clid|_\w+)|[gyt]clid|g(ad_\w+|braid|clsrc)|wbraid|dclid|msclkid|t[tw]clid"
    r"|igshid?|mibextid|mc_[ce]id|mkt_tok|_ga|_gl|_hs\w+|ref(_?src)?|s_cid|smid|cmpid|ocid|__twitter_impression",
    re.IGNORECASE,
)
# Characters to escape in a URL: the unsafe ones, white space, zero-width characters and those a URL must not contain.
_ESCAPED = re.compile(rf"[{UNSAFE}\t\n \xa0\u200b-\u200d\u202f\u3000<>\"\\^`{{|}}]")
_SEGMENT_SAFE = ":@!$&'()*+,;=~-._"
# Prefixes and suffixes of the paths of AMP and mobile editions, which show the same story.
_TWIN = re.compile(r"\A/(?:amp|m)(?=/)|(?:/amp|\.(?:amp|app|lite))\Z")
# Cloudflare's own paths, among them hidden links that trap crawlers (`/cdn-cgi/content?id=…`).
_TRAPS = frozenset(("cdn-cgi",))
_NUMBER = re.compile(r"[^\s/?&#]{1,200}")
_NO_TARGET = re.compile(r"(?:#.*|https?:/*)?", re.IGNORECASE | re.DOTALL)
# A URL that is canonical except for scheme and host. Most are, and this match is several times as fast as parsing them.
_CANONICAL = re.compile(r"https?://(?P<host>[a-z0-9.-]+)(?P<path>(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9_.-]+)+)")


@dataclass(frozen=True, slots=True)
class SiteUrl:
    """A URL on one of the site's hosts.

    ``url`` is canonical and safe to store; ``key`` is equal for all URLs of one story or page; ``story_id`` and
    ``section`` are set for a story's URL.
    """

    url: str
    key: str
    story_id: str | None = None
    section: str | None = None


@dataclass(frozen=True, slots=True)
class SkippedUrl:
    """A link that is not requested, with the outcome and reason to record."""

    url: str
    outcome: Outcome
    reason: str

    @property
    def key(self) -> str:
        return self.url


@dataclass(frozen=True)
class UrlRules:
    """Rules by which the URLs of one site are recognised.

    :param site: name of the site, the first half of each ``story_id``
    :param hosts: the site's hosts, with the canonical one first; links to other hosts are not followed
    :param story: pattern of a story's path, with the group ``id`` and optionally ``section``
    :param parameter: query parameter that holds the id, if the path has none (`/news.php?news=123`)
    :param from_root: relative links lack the first slash of their path, so they start at the home page
    :param other_kinds: first path segments of pages that have an id but are no story (videos, polls, pages of lists)
    """

    site: str
    hosts: tuple[str, ...]
    story: re.Pattern[str]
    other_kinds: frozenset[str] = frozenset()
    parameter: str = ""
    from_root: bool = False

    def identify(self, link: str, base: str = "") -> SiteUrl | SkippedUrl:
        """Return the URL of a link on the page ``base``, or the reason why it is not requested."""
        if (match := _CANONICAL.fullmatch(link)) and match["host"] in self.hosts and len(link) <= MAX_LENGTH:
            return self._own(match["path"], "")
        shown, link = _printable(link), link.strip()
        if _NO_TARGET.fullmatch(link):
            return SkippedUrl(shown, Outcome.INVALID_URL, "no URL, or a fragment of the same page")
        too_long = SkippedUrl(shown, Outcome.INVALID_URL, f"longer than {MAX_LENGTH} characters")
        if len(link) > MAX_LENGTH:
            return too_long
        try:
            parts = urlsplit(urljoin(urljoin(base, "/") if self.from_root else base, link))
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError as error:
            return SkippedUrl(shown, Outcome.INVALID_URL, f"malformed: {_printable(str(error))}")
        if parts.scheme not in ("http", "https"):
            return SkippedUrl(shown, Outcome.INVALID_URL, f"scheme {_printable(parts.scheme) or 'missing'}")
        if parts.username is not None or parts.password is not None:
            return SkippedUrl(shown, Outcome.INVALID_URL, "contains a user name")
        if host not in self.hosts or port not in (None, 80, 443):
            return SkippedUrl(shown, Outcome.OFFSITE, f"host {_printable(parts.netloc)}")
        own = self._own(canonical_path(parts.path), parts.query)
        return own if max(len(parts.geturl()), len(own.url)) <= MAX_LENGTH else too_long

    def absolute(self, link: str, base: str) -> str | None:
        """Return the absolute URL of a link to any host, such as that of a picture, or None if the link is not valid.

        A host of the site is replaced by the canonical one.
        """
        if _NO_TARGET.fullmatch(link := link.strip()) or len(link) > MAX_LENGTH:
            return None
        try:
            parts = urlsplit(urljoin(base, link))
            if parts.hostname in self.hosts and parts.port is None:
                parts = parts._replace(scheme="https", netloc=self.hosts[0])
        except ValueError:
            return None
        url = _printable(parts.geturl(), MAX_LENGTH + 1)
        return url if parts.scheme in ("http", "https") and parts.hostname and len(url) <= MAX_LENGTH else None

    def _own(self, path: str, raw_query: str) -> SiteUrl | SkippedUrl:
        origin = f"https://{self.hosts[0]}"
        plain = _TWIN.sub("", path)
        first = unquote(plain.split("/", 2)[1]).lower() if plain.count("/") > 1 else ""
        if first in self.other_kinds or first in _TRAPS:
            return SkippedUrl(origin + path, Outcome.NOT_A_STORY, f"below /{first}/")
        if (match := self.story.fullmatch(plain)) and (number := self._number(match, raw_query)):
            story_id = f"{self.site}:{number}"
            path += "" if "id" in match.groupdict() else f"?{self.parameter}={number}"
            section = match.groupdict().get("section")
            return SiteUrl(origin + path, story_id, story_id, section.lower() if section else None)
        query = canonical_query(raw_query)
        url = origin + path + (f"?{query}" if query else "")
        return SiteUrl(url, url)

    def _number(self, match: re.Match[str], raw_query: str) -> str | None:
        """Return the publisher's id, which is in the path or in the query."""
        number = match.groupdict().get("id") or dict(parse_qsl(raw_query)).get(self.parameter, "")
        return number if _NUMBER.fullmatch(number) else None


def is_twin(url: str) -> bool:
    """Report if a URL is that of the AMP or mobile edition of a page."""
    return _TWIN.search(urlsplit(url).path) is not None


def canonical_path(path: str) -> str:
    """Return a path in NFC, uniformly percent-encoded, without dot segments, empty segments and a final slash."""
    segments: list[str] = []
    for escaped in path.split("/"):
        segment = _nfc(unquote(escaped))
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(quote(segment, safe=_SEGMENT_SAFE, errors="replace"))
    return "/" + "/".join(segments)


def canonical_query(query: str) -> str:
    """Return a query string in NFC, with sorted parameters and without tracking parameters such as `utm_source`."""
    pairs = ((_nfc(name), _nfc(value)) for name, value in parse_qsl(query, keep_blank_values=True))
    return urlencode(sorted(pair for pair in pairs if not _TRACKING.fullmatch(pair[0])), errors="replace")


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _printable(text: str, limit: int = MAX_LENGTH) -> str:
    return _ESCAPED.sub(lambda match: quote(match[0], errors="replace"), text[:limit])[:limit]
