"""Survey of an unknown site with a few requests: front page, feeds, sitemaps, pages of lists and some stories."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from crawler.decoding.charset import sniff
from crawler.decoding.decode_errors import DecodeError
from crawler.decoding.decompress import decompress
from crawler.downloader.robots import Robots
from crawler.entry_points import Feed, Sitemap
from crawler.outcomes import Outcome
from crawler.parsing import time_limit
from crawler.parsing.feeds import FeedEntry, is_feed_link, newest_first, parse_feed, parse_sitemap
from crawler.parsing.html_limits import check_element_count
from crawler.parsing.page import Page, visible_text
from crawler.parsing.parser import MAX_FEED_BYTES
from crawler.parsing.ranked_lists import LIST_NAMES
from crawler.urls import SiteUrl, UrlRules
from schedules.drafting.ranked_blocks import heading_name
from schedules.drafting.story_urls import Link, StoryUrls, find_story_urls
from schedules.trial.page_requests import FetchedPage, SiteRequests

MAX_FEEDS, MAX_SITEMAPS, MAX_LISTINGS, MAX_STORIES = 2, 3, 2, 5
_WELL_KNOWN_FEEDS = ("/feed/", "/rss.xml", "/rss/rss.xml")
_WELL_KNOWN_SITEMAPS = ("/news-sitemap.xml", "/sitemap.xml")
_MAX_LINKS = 3000
_PATHS = {
    "latest": re.compile(
        r"/(?:latest|recent|all|archive)s?(?:[-_/]?(?:news|stories))?/?|/collection/latest|/(?:আজকের|সর্বশেষ)-খবর",
        re.IGNORECASE,
    ),
    "popular": re.compile(r"/(?:popular|most[-_](?:read|popular|viewed))(?:[-_]?news)?/?", re.IGNORECASE),
}
_ANY = re.compile(r"(?!)")  # no path is that of a story yet


@dataclass
class Document:
    """A feed or sitemap: its entries, where its URL was found, and if that was an index of sitemaps."""

    entries: list[FeedEntry]
    origin: str
    is_part: bool = False


@dataclass
class Survey:
    """What the requests to a site returned.

    :ivar url: URL of the front page, after redirects
    :ivar listings: pages of lists, with the name of the list and the text of the link
    :ivar log: every URL that was asked for, with the reason if there was no readable response
    """

    url: str
    hosts: tuple[str, ...]
    front_problem: tuple[Outcome, str] | None = None
    front: Page | None = None
    robots: Robots = field(default_factory=Robots)
    feeds: dict[str, Document] = field(default_factory=dict)
    sitemaps: dict[str, Document] = field(default_factory=dict)
    listings: dict[str, tuple[str, str, Page]] = field(default_factory=dict)
    stories: list[Page] = field(default_factory=list)
    story_urls: StoryUrls | None = None
    log: dict[str, str] = field(default_factory=dict)
    sent: int = 0

    @property
    def pages(self) -> list[Page]:
        front = [self.front] if self.front is not None else []
        return [*front, *(page for _, _, page in self.listings.values()), *self.stories]

    def rules(self, site: str = "site") -> UrlRules:
        """Return the rules for the URLs of the site, with the drafted story path if there is one."""
        found = self.story_urls
        if found is None:
            return UrlRules(site, self.hosts, _ANY)
        return UrlRules(site, self.hosts, re.compile(found.pattern), parameter=found.parameter)

    def links(self) -> list[Link]:
        """Return the distinct links to the site's own pages, from the feeds, the sitemaps and all pages read."""
        rules, links = UrlRules("site", self.hosts, _ANY), dict[str, Link]()
        documents = [*self.feeds.items(), *self.sitemaps.items()]
        entries = ((entry.url, entry.headline or "", source) for source, each in documents for entry in each.entries)
        for link, text, base in entries:
            if isinstance(target := rules.identify(link, base), SiteUrl):
                links.setdefault(target.url, Link(target.url, text, is_entry=True))
        for page in self.pages:
            for link, text in _links_of(page):
                if isinstance(target := rules.identify(link, page.base_url), SiteUrl):
                    known = links.get(target.url)
                    if known is None or (not known.is_headline and len(text) > len(known.text)):
                        links[target.url] = Link(target.url, text)
        return [*links.values()]


async def survey_site(requests: SiteRequests, url: str, hosts: tuple[str, ...]) -> Survey:
    """Request the front page, and then what it, its feeds and its sitemaps lead to."""
    survey = Survey(url, hosts, log=requests.log)
    front = await requests.get(url)
    survey.sent = requests.sent
    if front.problem is not None or (page := _page(front)) is None:
        survey.front_problem = front.problem or (Outcome.CORRUPT, "the page cannot be parsed")
        return survey
    survey.url, survey.front = front.url, page
    host = urlsplit(front.url).hostname or hosts[0]
    survey.hosts = (host, *(each for each in hosts if each != host))
    survey.robots = await requests.robots(front.url)
    await _request_feeds(requests, survey)
    await _request_sitemaps(requests, survey)
    await _request_listings(requests, survey)
    survey.story_urls = find_story_urls(survey.links())
    await _request_stories(requests, survey)
    survey.sent = requests.sent
    return survey


async def _request_feeds(requests: SiteRequests, survey: Survey) -> None:
    assert survey.front is not None
    nodes = (node.attributes for node in survey.front.tree.css("link[type][href]"))
    declared = [node["href"] or "" for node in nodes if is_feed_link(node)]
    for link, origin in _unique(survey, declared, "head of the front page", _WELL_KNOWN_FEEDS, "well-known path"):
        if len(survey.feeds) >= MAX_FEEDS or (survey.feeds and origin == "well-known path"):
            return
        fetched = await requests.get(link, Feed(name="feed"))
        if fetched.problem is None and (entries := _entries(fetched)[0]):
            survey.feeds[link] = Document(entries, origin)


async def _request_sitemaps(requests: SiteRequests, survey: Survey) -> None:
    waiting = _unique(survey, survey.robots.sitemaps, "robots.txt", _WELL_KNOWN_SITEMAPS, "well-known path")
    waiting.sort(key=lambda each: "news" not in each[0])
    asked = 0
    while waiting and asked < MAX_SITEMAPS:
        link, origin = waiting.pop(0)
        if survey.sitemaps and origin == "well-known path":
            return
        asked += 1
        fetched = await requests.get(link, Sitemap(name="sitemap"))
        if fetched.problem is not None:
            continue
        entries, children = _entries(fetched, is_sitemap=True)
        if entries or children:
            survey.sitemaps[link] = Document(entries, origin, origin.startswith("index "))
        if not entries and children:  # of an index, the newest sitemap
            newest = newest_first(children)[0].url
            rules = survey.rules()
            if isinstance(target := rules.identify(newest, link), SiteUrl):
                waiting.insert(0, (target.request_url, f"index {urlsplit(link).path}"))


async def _request_listings(requests: SiteRequests, survey: Survey) -> None:
    """Request the pages of the latest and most popular stories to which the front page links.

    A link whose text is the heading of such a list is preferred to one with such a path.
    """
    assert survey.front is not None
    home = survey.rules().identify(survey.url).url
    found: list[tuple[int, str, str, str]] = []
    for link, text in _links_of(survey.front):
        target = survey.rules().identify(link, survey.front.base_url)
        if not isinstance(target, SiteUrl) or target.url == home:
            continue
        path = unquote(urlsplit(target.url).path)
        by_path = next((name for name, pattern in _PATHS.items() if pattern.fullmatch(path)), None)
        if name := heading_name(text) or by_path:
            found.append((0 if heading_name(text) else 1, name, target.request_url, text or path))
    for name in LIST_NAMES:
        links = dict.fromkeys((link, text) for _, each, link, text in sorted(found, key=_rank) if each == name)
        for link, text in [*links][:MAX_LISTINGS]:
            fetched = await requests.get(link)
            if fetched.problem is None and (page := _page(fetched)) is not None:
                survey.listings[link] = (name, text, page)
                break


def _rank(candidate: tuple[int, str, str, str]) -> int:
    return candidate[0]


async def _request_stories(requests: SiteRequests, survey: Survey) -> None:
    if survey.story_urls is None:
        return
    urls = [*survey.story_urls.ids]
    # Of different sections, since a section may have a template of its own.
    by_section: dict[str, list[str]] = {}
    for link in urls:
        by_section.setdefault(urlsplit(link).path.rpartition("/")[0].partition("/")[2].partition("/")[0], []).append(
            link
        )
    turns = [
        link
        for turn in zip(*(_padded(each, MAX_STORIES) for each in by_section.values()), strict=True)
        for link in turn
    ]
    for link in [each for each in turns if each][:MAX_STORIES]:
        fetched = await requests.get(link)
        if fetched.problem is None and (page := _page(fetched)) is not None:
            survey.stories.append(page)


def _padded(links: list[str], length: int) -> list[str]:
    return (links + [""] * length)[:length]


def _unique(
    survey: Survey, first: Iterable[str], first_origin: str, second: Iterable[str], second_origin: str
) -> list[tuple[str, str]]:
    """Return the URLs on the site's hosts with their origins; those of other hosts are noted in the log."""
    found: dict[str, str] = {}
    for links, origin in ((first, first_origin), (second, second_origin)):
        for link in links:
            target = survey.rules().identify(link, survey.url)
            if isinstance(target, SiteUrl):
                found.setdefault(target.request_url, origin)
            else:
                survey.log[target.url] = f"not requested: {target.reason}"
    return [*found.items()]


def _links_of(page: Page) -> Iterator[tuple[str, str]]:
    for node in page.tree.css("a[href]")[:_MAX_LINKS]:
        text = visible_text(node) or node.attributes.get("aria-label") or node.attributes.get("title") or ""
        yield node.attributes.get("href") or "", " ".join(text.split())


def _page(fetched: FetchedPage) -> Page | None:
    """Parse a page within the limits of a run; return None if it exceeds them."""
    try:
        with time_limit.limited():
            check_element_count(fetched.body)
            page = Page(fetched.body, fetched.url, fetched.fetched_at, fetched.content_type)
            _ = page.tree, page.json_ld, page.meta_tags
    except DecodeError:
        return None
    return page


def _entries(fetched: FetchedPage, *, is_sitemap: bool = False) -> tuple[list[FeedEntry], list[FeedEntry]]:
    try:
        body = fetched.body
        body = decompress(body, "gzip", MAX_FEED_BYTES) if sniff(body) == "gzip" else body
        with time_limit.limited():
            return parse_sitemap(body) if is_sitemap else (parse_feed(body), [])
    except DecodeError:
        return [], []
