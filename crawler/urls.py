"""What an address stands for: the identity of a story or a page, whatever way the address was written."""

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode, urljoin, urlsplit

from crawler.outcomes import Outcome

LONGEST = 2048
_TRACKING = re.compile(
    r"utm_\w+|at_(medium|campaign|\w+)|fb(clid|_\w+)|[gyt]clid|g(ad_\w+|braid|clsrc)|wbraid|dclid|msclkid|t[tw]clid"
    r"|igshid?|mibextid|mc_[ce]id|mkt_tok|_ga|_gl|_hs\w+|ref(_?src)?|s_cid|smid|cmpid|ocid|__twitter_impression",
    re.IGNORECASE,
)
# White space and controls, what steers the direction of text or has no width, and what no address may hold.
_UNSAFE = re.compile(
    r"[\x00-\x20\x7f-\xa0\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\u3000\ufeff\ud800-\udfff<>\"\\^`{|}]"
)
_SEGMENT_SAFE = ":@!$&'()*+,;=~-._"
_NOWHERE = re.compile(r"(?:#.*|https?:/*)?", re.IGNORECASE | re.DOTALL)
# An address that is canonical but for its scheme and host; nearly all are, and taking the others apart costs far more.
_PLAIN = re.compile(r"https?://(?P<host>[a-z0-9.-]+)(?P<path>(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9_.-]+)+)")


@dataclass(frozen=True, slots=True)
class SiteUrl:
    """One address, identified.

    ``url`` is canonical and fit for storing; ``key`` is equal for two url_rules of the same story or page; ``story_id``
    and ``section`` are set when it is a story's.
    """

    url: str
    key: str
    story_id: str | None = None
    section: str | None = None


@dataclass(frozen=True, slots=True)
class SkippedUrl:
    """Something that stood where an address should, and why it is not asked for."""

    url: str
    outcome: Outcome
    reason: str

    @property
    def key(self) -> str:
        """What it is known by, for want of better."""
        return self.url


@dataclass(frozen=True)
class UrlRules:
    """How one newspaper writes its url_rules.

    :param site: name of the newspaper, the first half of every ``story_id``
    :param hosts: its own hosts, the canonical one first; every other host is off site
    :param story: pattern of a story's path, with groups ``id`` and (if it has any) ``section``
    :param other_kinds: first path segments below which an id belongs to something else (videos, polls, pages of lists)
    """

    site: str
    hosts: tuple[str, ...]
    story: re.Pattern[str]
    other_kinds: frozenset[str] = frozenset()

    def identify(self, link: str, base: str = "") -> SiteUrl | SkippedUrl:
        """The address that a link on the page ``base`` stands for, or why it stands for none."""
        if (plain := _PLAIN.fullmatch(link)) and plain["host"] in self.hosts and len(link) <= LONGEST:
            return self._own(plain["path"], "")
        shown, link = _printable(link), link.strip()
        if _NOWHERE.fullmatch(link):
            return SkippedUrl(shown, Outcome.INVALID_URL, "no address, or a place on the same page")
        too_long = SkippedUrl(shown, Outcome.INVALID_URL, f"longer than {LONGEST} characters")
        if len(link) > LONGEST:
            return too_long
        try:
            parts = urlsplit(urljoin(base, link))
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError as error:
            return SkippedUrl(shown, Outcome.INVALID_URL, f"not an address: {_printable(str(error))}")
        if parts.scheme not in ("http", "https"):
            return SkippedUrl(shown, Outcome.INVALID_URL, f"scheme {_printable(parts.scheme) or 'missing'}")
        if parts.username is not None or parts.password is not None:
            return SkippedUrl(shown, Outcome.INVALID_URL, "carries a user name")
        if host not in self.hosts or port not in (None, 80, 443):
            return SkippedUrl(shown, Outcome.OFFSITE, f"host {_printable(parts.netloc)}")
        own = self._own(canonical_path(parts.path), parts.query)
        return own if max(len(parts.geturl()), len(own.url)) <= LONGEST else too_long

    def absolute(self, link: str, base: str) -> str | None:
        """The full address of anything, a picture say, on whatever host, fit for storing; None where it is none.

        What is on one of the newspaper's own hosts is on its canonical one.
        """
        if _NOWHERE.fullmatch(link := link.strip()) or len(link) > LONGEST:
            return None
        try:
            parts = urlsplit(urljoin(base, link))
            if parts.hostname in self.hosts and parts.port is None:
                parts = parts._replace(scheme="https", netloc=self.hosts[0])
        except ValueError:
            return None
        url = _printable(parts.geturl(), LONGEST + 1)
        return url if parts.scheme in ("http", "https") and parts.hostname and len(url) <= LONGEST else None

    def _own(self, path: str, raw_query: str) -> SiteUrl | SkippedUrl:
        origin = f"https://{self.hosts[0]}"
        if path.count("/") > 1 and (first := unquote(path.split("/", 2)[1]).lower()) in self.other_kinds:
            return SkippedUrl(origin + path, Outcome.NOT_A_STORY, f"address of another kind: /{first}/")
        if match := self.story.fullmatch(path):
            story_id = f"{self.site}:{match['id'].lstrip('0') or '0'}"
            section = match.groupdict().get("section")
            return SiteUrl(origin + path, story_id, story_id, section.lower() if section else None)
        query = canonical_query(raw_query)
        url = origin + path + (f"?{query}" if query else "")
        return SiteUrl(url, url)


def canonical_path(path: str) -> str:
    """A path in one form: dot segments resolved, NFC, one way of escaping, no empty segment, no slash at the end."""
    segments: list[str] = []
    for escaped in path.split("/"):
        segment = _composed(unquote(escaped))
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(quote(segment, safe=_SEGMENT_SAFE, errors="replace"))
    return "/" + "/".join(segments)


def canonical_query(query: str) -> str:
    """A query without tracking parameters, sorted, NFC."""
    pairs = ((_composed(name), _composed(value)) for name, value in parse_qsl(query, keep_blank_values=True))
    return urlencode(sorted(pair for pair in pairs if not _TRACKING.fullmatch(pair[0])), errors="replace")


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _printable(text: str, longest: int = LONGEST) -> str:
    return _UNSAFE.sub(lambda match: quote(match[0], errors="replace"), text[:longest])[:longest]
