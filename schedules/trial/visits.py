"""Visits of a trial: pages that are downloaded and parsed one after another, with a maximum number of requests."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from crawler.clock import now
from crawler.decoding.decode_errors import DecodeError
from crawler.downloader.errors import FetchError, RunEnded, outcome_of
from crawler.downloader.response_check import check_response
from crawler.downloader.robots import PoliteRobots, Robots
from crawler.entry_points import CrawlPosition, EntryPoint
from crawler.items import Fetch
from crawler.outcomes import Outcome
from crawler.parsing.parser import PageParser, PageResponse, ParsedPage
from crawler.safe_text import one_line
from crawler.scrapy_internals import is_closing
from crawler.urls import SiteUrl, SkippedUrl
from crawler.worker.extension import ParserFailed, ParseWorker
from schedules.runner.saved_pages import ReadPage, read_story, text_steps

MAX_REQUESTS = 15
#: Name of the pages that are read as stories.
STORY, FRONT_PAGE = "story", "front page"


Report = Callable[[int, str, str, str], None]


@dataclass(frozen=True, kw_only=True)
class Target:
    """A page to visit.

    :param name: `front page`, `story`, or the name of the entry point (listing, feed, sitemap or JSON document)
    :param source: name of the page or list that links to it
    """

    name: str
    url: str
    entry_point: EntryPoint | None = None
    position: CrawlPosition = field(default_factory=CrawlPosition)
    source: str = ""


@dataclass(kw_only=True)
class Visit:
    """Result of a visit.

    :ivar url: URL of the response, which differs from that of the target after a redirect
    :ivar parsed: the parsed page, or None if the response is not a page or cannot be parsed
    :ivar story: the story on the page, if it was read as one
    :ivar stories: URLs of stories that the page links to, without repetitions
    """

    target: Target
    url: str
    outcome: Outcome
    reason: str | None = None
    status: int | None = None
    bytes: int | None = None
    parsed: ParsedPage | None = None
    story: ReadPage | None = None
    stories: list[SiteUrl] = field(default_factory=list)

    @property
    def link_count(self) -> int:
        """Number of links on a page, or of entries in a document."""
        if self.parsed is None:
            return 0
        return self.parsed.link_count or len(self.parsed.entries) + len(self.parsed.sitemaps) or len(self.parsed.links)


def origin_of(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])


class RequestBudget:
    """Downloader middleware that fails each request beyond a maximum number.

    It is the last one before the download, so that requests for robots.txt, redirects and retries count too.
    """

    def __init__(self, limit: int) -> None:
        self.limit, self.sent = limit, 0

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler.settings.getint("KHOBOR_MAX_PAGES"))

    def process_request(self, request: Request) -> None:
        if self.sent >= self.limit:
            raise FetchError(Outcome.PENDING, f"all {self.limit} requests are used")
        self.sent += 1


class Visits:
    """Pages visited in a trial, and the means to visit further ones.

    :param parser: parser of the pages, which runs in a process of its own
    :param report: function that is called after each visit, with the number of requests sent so far, and the name, URL
        and result of the page
    :ivar robots: robots.txt of each host that was visited, by origin
    :ivar omitted: names of the entry points that were not visited, to keep requests for stories
    """

    def __init__(self, parser: PageParser, entry_points: tuple[EntryPoint, ...], report: Report) -> None:
        self.rules = parser.url_rules
        self.pages: list[Visit] = []
        self.robots: dict[str, Robots] = {}
        self.omitted: list[str] = []
        self.crawler: Crawler
        self._report, self._steps = report, text_steps()
        self._worker = ParseWorker(parser, entry_points, self._steps)

    @property
    def sent(self) -> int:
        budget = self.crawler.get_downloader_middleware(RequestBudget)
        return budget.sent if budget else 0

    @property
    def left(self) -> int:
        return MAX_REQUESTS - self.sent

    async def robots_of(self, url: str) -> Robots:
        """Return the robots.txt of a URL's host; nothing is requested if it was already read."""
        if (origin := origin_of(url)) not in self.robots:
            middleware = self.crawler.get_downloader_middleware(PoliteRobots)
            assert middleware is not None
            robots: Robots = await self._until_closed(middleware.robots_for(url))
            self.robots[origin] = robots
            delay = f"asks for {robots.crawl_delay:g} s between requests" if robots.crawl_delay else ""
            self._report(self.sent, "robots.txt", f"{origin}/robots.txt", robots.error or delay or "read")
        return self.robots[origin]

    async def visit(self, target: Target) -> Visit:
        """Download and parse a page, and return the result, which is also added to ``pages``."""
        visit = Visit(target=target, url=target.url, outcome=Outcome.PENDING)
        try:
            await self.robots_of(target.url)
            await self._download(visit)
        except (FetchError, DecodeError, ParserFailed) as error:
            visit.outcome, visit.reason = outcome_of(error)
        self.pages.append(visit)
        result = f"{visit.status or ''} {visit.outcome}" + (f": {visit.reason}" if visit.reason else "")
        self._report(self.sent, target.name, target.url, result.strip())
        return visit

    def close(self) -> None:
        self._worker.close()

    async def _until_closed(self, work: Awaitable[Any]) -> Any:
        if is_closing(self.crawler):
            raise RunEnded("the trial ended before the request was sent")
        return await work

    async def _download(self, visit: Visit) -> None:
        target = visit.target
        identified = self.rules.identify(target.url)
        story_id = identified.story_id if isinstance(identified, SiteUrl) and target.name == STORY else None
        fetch = Fetch(url=target.url, story_id=story_id, via=target.name)
        meta = {"fetch": fetch, "entry_point": target.entry_point, "verbatim_url": True}
        request = Request(target.url, meta=meta, callback=NO_CALLBACK, dont_filter=True)
        assert self.crawler.engine is not None
        try:
            response = await self._until_closed(self.crawler.engine.download_async(request))
        except Exception as error:  # each has an outcome; an internal error is `unreadable`
            raise FetchError(*outcome_of(error)) from error
        visit.url, visit.status, visit.bytes = response.url, response.status, len(response.body)
        if rejection := check_response(response):
            visit.outcome, visit.reason = rejection
            if pause := response.headers.get("Retry-After"):
                visit.reason += f", Retry-After: {one_line(pause.decode('latin-1'), 40)}"
        elif story_id and self._is_other_page(story_id, response.url):
            visit.outcome, visit.reason = Outcome.REDIRECTED, f"redirected to {response.url}"
        else:
            await self._parse(visit, response, is_story=story_id is not None)

    def _is_other_page(self, story_id: str, url: str) -> bool:
        target = self.rules.identify(url)
        return isinstance(target, SkippedUrl) or (self.rules.site != "unknown" and target.story_id != story_id)

    async def _parse(self, visit: Visit, response: Response, *, is_story: bool) -> None:
        content_type = response.headers.get("Content-Type")
        page = PageResponse(
            url=response.url,
            body=response.body,
            fetched_at=now(),
            content_type=content_type.decode("latin-1")[:200] if content_type else None,
            is_story=is_story,
            entry_point=visit.target.entry_point,
            position=visit.target.position,
            find_feeds=visit.target.entry_point is None and not is_story,
            find_links=True,
        )
        visit.parsed = parsed = await self._worker.parse(page)
        linked = [*parsed.links, *(self.rules.identify(entry.url, response.url) for entry in parsed.entries)]
        stories = {each.key: each for each in linked if isinstance(each, SiteUrl) and each.story_id}
        visit.stories = [*stories.values()]
        if parsed.story is not None:
            visit.story = read_story(parsed.story, self._steps, response.url)
            visit.outcome, visit.reason = visit.story.outcome, visit.story.reason
        elif visit.stories or parsed.sitemaps:
            visit.outcome = Outcome.LIST
        else:
            visit.outcome, visit.reason = Outcome.EMPTY, parsed.unfit
