"""URL rules and parser for pages of sites that have no site file in `crawler/spiders/`."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

from crawler.generic.generic_layout import GenericLayout
from crawler.outcomes import Outcome
from crawler.parsing.parser import PageParser
from crawler.urls import SiteUrl, SkippedUrl, UrlRules
from crawler.urls.normal_form import canonical_query

_ANY_PATH = re.compile(r".*", re.DOTALL)


@dataclass(frozen=True)
class _HostRules(UrlRules):
    """URL rules for one host, by which every page is a story; its id is the path and query."""

    def _own(self, path: str, raw_query: str, request_url: str) -> SiteUrl | SkippedUrl:
        query = canonical_query(raw_query)
        page = path + (f"?{query}" if query else "")
        story_id = f"{self.site}:{page}"
        return SiteUrl(f"https://{self.hosts[0]}{page}", story_id, story_id, request_url=request_url)


@dataclass(frozen=True)
class UnknownSiteRules(UrlRules):
    """URL rules by which every page is a story, on the host of the page that is parsed.

    Links to other hosts are not followed.
    """

    site: str = "unknown"
    hosts: tuple[str, ...] = ("",)
    story: re.Pattern[str] = _ANY_PATH

    def identify(self, link: str, base: str = "") -> SiteUrl | SkippedUrl:
        try:
            host = (urlsplit(base).hostname if base else urlsplit(urljoin(base, link)).hostname) or ""
        except ValueError as error:
            return SkippedUrl("", Outcome.INVALID_URL, f"malformed: {error}")
        return _rules_of(host).identify(link, base)


@lru_cache(maxsize=256)
def _rules_of(host: str) -> _HostRules:
    return _HostRules(site=host, hosts=(host,), story=_ANY_PATH)


def unknown_site_parser() -> PageParser:
    """Return a parser for pages of any site.

    The time zone of the site is unknown. If a time has no offset, only its day is therefore used.
    """
    return PageParser(UnknownSiteRules(), (), (), ZoneInfo("UTC"), GenericLayout(knows_zone=False))
