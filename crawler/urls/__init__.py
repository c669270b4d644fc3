"""URLs of a site: the bytes to request, and a key that is equal for all URLs of one story or page.

A URL is requested exactly as it is linked (:mod:`crawler.urls.standard`). Its normal form
(:mod:`crawler.urls.normal_form`) is only used to identify the page. Modules here import only `crawler.outcomes` and
`crawler.safe_text`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from urllib.parse import parse_qsl, quote, unquote, urljoin, urlsplit

from crawler.outcomes import Outcome
from crawler.safe_text import UNSAFE
from crawler.urls.normal_form import canonical_path, canonical_query
from crawler.urls.standard import Url, UrlError

MAX_LENGTH = 2048
_MAX_KNOWN = 2_048  # links
# Characters to escape in a URL: the unsafe ones, white space, zero-width characters and those a URL must not contain.
_ESCAPED = re.compile(rf"[{UNSAFE}\t\n \xa0\u200b-\u200d\u202f\u3000<>\"\\^`{{|}}]")
# Prefixes and suffixes of the paths of AMP and mobile editions, which show the same story.
_TWIN = re.compile(r"\A/(?:amp|m)(?=/)|(?:/amp|\.(?:amp|app|lite))\Z")
# Cloudflare's own paths, among them hidden links that trap crawlers (`/cdn-cgi/content?id=…`).
_TRAPS = frozenset(("cdn-cgi",))
# Lists of stories by a person, a subject or words, on all kinds of sites; their ids are not those of stories.
_LISTS = frozenset(("author", "authors", "reporter", "search", "tag", "tags", "topic", "topics", "writer", "writers"))
_NUMBER = re.compile(r"[^\s/?&#]{1,200}")
_NO_TARGET = re.compile(r"(?:#.*|https?:/*)?", re.IGNORECASE | re.DOTALL)
# A URL or path that is canonical except for scheme and host. Most are, and a match is several times as fast as parsing.
_CANONICAL = re.compile(
    r"(?:(?P<scheme>https?://)(?P<host>[a-z0-9.-]+))?(?P<path>(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9_.-]+)+)"
)


@dataclass(frozen=True, slots=True)
class SiteUrl:
    """A URL on one of the site's hosts.

    :ivar url: the normal form, used to identify the page
    :ivar key: equal for all URLs of one story or page
    :ivar story_id: id of the story, or None if the URL is not that of a story; likewise ``section``
    :ivar request_url: the URL as linked, which is requested
    """

    url: str
    key: str
    story_id: str | None = None
    section: str | None = None
    request_url: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class SkippedUrl:
    """A link that is not requested, with the outcome (final state of a URL) and the reason to be recorded."""

    url: str
    outcome: Outcome
    reason: str

    @property
    def key(self) -> str:
        return self.url

    request_url = key


@dataclass(frozen=True)
class UrlRules:
    """Rules by which the URLs of one site are recognised.

    :param site: name of the site, which is the first half of each ``story_id``
    :param hosts: the site's hosts, with the canonical one first; links to other hosts are not followed
    :param story: pattern of a story's path, with the group ``id`` and optionally ``section``
    :param parameter: query parameter that holds the id, if the path has none (`/news.php?news=123`)
    :param from_root: relative links lack the first slash of their path, so they are resolved against the home page
    :param other_kinds: first path segments of pages that have an id but are not stories (videos, polls, pages of lists)
    """

    site: str
    hosts: tuple[str, ...]
    story: re.Pattern[str]
    other_kinds: frozenset[str] = frozenset()
    parameter: str = ""
    from_root: bool = False

    def identify(self, link: str, base: str = "") -> SiteUrl | SkippedUrl:
        """Resolve a link on the page ``base``; return its URL, or a :class:`SkippedUrl` if it must not be requested."""
        if (match := _CANONICAL.fullmatch(link)) and len(link) <= MAX_LENGTH:
            scheme, host = (match["scheme"], match["host"]) if match["host"] else _origin_of(base)
            if host in self.hosts:
                return self._known(match["path"], "", scheme + host + match["path"])
        shown = _printable(link)
        if _NO_TARGET.fullmatch(link.strip()):
            return SkippedUrl(shown, Outcome.INVALID_URL, "no URL, or a fragment of the same page")
        too_long = SkippedUrl(shown, Outcome.INVALID_URL, f"longer than {MAX_LENGTH} characters")
        if len(link) > MAX_LENGTH:
            return too_long
        try:
            root = _parse_base(base) if base else None
            if root is not None and self.from_root:
                root = replace(root, path="/", query=None)
            url = Url.parse(link, root)
        except UrlError as error:
            return SkippedUrl(shown, Outcome.INVALID_URL, _printable(str(error)))
        if url.has_user:
            return SkippedUrl(shown, Outcome.INVALID_URL, "contains a user name")
        url = replace(url, host=url.host.removesuffix("."))
        if url.host not in self.hosts or url.port is not None:
            return SkippedUrl(shown, Outcome.OFFSITE, f"host {_printable(url.origin.partition('//')[2])}")
        own = self._own(canonical_path(url.path), url.query or "", str(url))
        return own if max(len(own.request_url), len(own.url)) <= MAX_LENGTH else too_long

    def absolute(self, link: str, base: str) -> str | None:
        """Return the absolute URL of a link to any host, such as that of a picture, or None if the link is not valid.

        If the host is one of the site's hosts, it is replaced by the canonical one.
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

    @cached_property
    def _known(self) -> Callable[[str, str, str], SiteUrl | SkippedUrl]:
        """Cache of :meth:`_own`, because most links of a page are in the menus and lists of the others too."""
        return lru_cache(maxsize=_MAX_KNOWN)(self._own)

    def _own(self, path: str, raw_query: str, request_url: str) -> SiteUrl | SkippedUrl:
        origin = f"https://{self.hosts[0]}"
        plain = _TWIN.sub("", path)
        first = unquote(plain.split("/", 2)[1]).lower() if plain.count("/") > 1 else ""
        if first in self.other_kinds or first in _TRAPS:
            return SkippedUrl(origin + path, Outcome.NOT_A_STORY, f"below /{first}/")
        match = None if first in _LISTS else self.story.fullmatch(plain) or self.story.fullmatch(path)
        if match and (number := self._number(match, raw_query)):
            story_id = f"{self.site}:{number}"
            path += "" if "id" in match.groupdict() else f"?{self.parameter}={number}"
            section = match.groupdict().get("section")
            return SiteUrl(origin + path, story_id, story_id, section.lower() if section else None, request_url)
        query = canonical_query(raw_query)
        url = origin + path + (f"?{query}" if query else "")
        return SiteUrl(url, url, request_url=request_url)

    def _number(self, match: re.Match[str], raw_query: str) -> str | None:
        """Return the publisher's id of a story, which is in the path or in the query."""
        number = match.groupdict().get("id") or dict(parse_qsl(raw_query)).get(self.parameter, "")
        return number if _NUMBER.fullmatch(number) else None


def is_twin(url: str) -> bool:
    """Return True if a URL belongs to the AMP or mobile version of a page."""
    return _TWIN.search(urlsplit(url).path) is not None


@lru_cache(maxsize=16)
def _parse_base(base: str) -> Url:
    return Url.parse(base)


@lru_cache(maxsize=16)
def _origin_of(base: str) -> tuple[str, str]:
    """Return the scheme, with its slashes, and the host of a base URL; both are empty if the URL is not valid."""
    try:
        url = _parse_base(base)
    except UrlError:
        return "", ""
    scheme, _, host = url.origin.partition("://")
    return f"{scheme}://", "" if url.has_user else host


def _printable(text: str, limit: int = MAX_LENGTH) -> str:
    return _ESCAPED.sub(lambda match: quote(match[0], errors="replace"), text[:limit])[:limit]
