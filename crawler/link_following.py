"""Following of links: each link of a parsed page becomes a request, at most one per URL and run."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, ClassVar, Protocol
from zoneinfo import ZoneInfo

import scrapy
from scrapy.exceptions import ResponseDataLossError
from scrapy.http import Request, Response
from twisted.python.failure import Failure

from crawler.clock import now
from crawler.downloader.archive import HttpExchange
from crawler.downloader.errors import outcome_of
from crawler.entry_points import CrawlPosition, EntryPoint, load_position
from crawler.items import Fetch
from crawler.parsing.ranked_lists import LIST_NAMES, RankedList
from crawler.priorities import entry_point_priority, linked_priority, ranked_priority, story_priority
from crawler.urls import SiteUrl, SkippedUrl, UrlRules

#: Requests, and records (:class:`Fetch`) of URLs that are not requested.
Outputs = Iterator[Any]


#: Values of ``via`` for a story that only the front page, or only another page, links to.
FRONT_PAGE, RELATED = "front_page", "related"


class CrawlMemory(Protocol):
    """Interface to the URLs and stories that earlier runs recorded.

    The default methods behave as in the first run of a site, when nothing is recorded.
    """

    def knows_stories(self) -> bool:
        """Return True if an earlier run stored a story."""
        return False

    def was_known(self, key: str) -> bool:
        """Return True if an earlier run recorded an outcome (final state) for a URL, which is given by its key."""
        return False

    def note_link(self, via: str, target: SiteUrl, headline: str | None, updated_at: datetime | None) -> bool:
        """Record a link to a story; return True if the headline or time beside it suggests that the story has changed.

        :param via: name of the ranked list, feed or other page with the link
        """
        return False


class NoMemory(CrawlMemory):
    """CrawlMemory without any recorded URL or story, for `scrapy parse`, `scrapy shell` and tests."""


class LinkFollower(scrapy.Spider):
    """Spider that yields a request for each link or, if the link must not be requested, a record with the reason."""

    hosts: ClassVar[tuple[str, ...]]
    story_path: ClassVar[re.Pattern[str]]
    links_from_root: ClassVar[bool] = False  # relative links lack the first slash of their path
    story_parameter: ClassVar[str] = ""  # query parameter that holds the id, if the path has none
    other_kinds: ClassVar[frozenset[str]] = frozenset()
    lists: ClassVar[tuple[RankedList, ...]] = ()
    entry_points: ClassVar[tuple[EntryPoint, ...]] = ()
    numbered: ClassVar[bool] = False  # story ids are one increasing counter
    examples: ClassVar[tuple[str, ...]] = ()  # real URLs of stories, against which story_path is checked
    zone: ClassVar[ZoneInfo]

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.url_rules = self.make_url_rules()
        #: Id and mode of the run and memory of earlier runs; the `Run` extension sets them before the first request.
        self.run_id, self.is_incremental = "", False
        self.memory: CrawlMemory = NoMemory()
        #: Archives a response as received, and returns the file, offset and length; None if nothing is archived.
        self.archive: Callable[[HttpExchange], tuple[str, int, int]] | None = None
        self._list_gap = False  # the `latest` list has no known story, so some were missed since the last run
        self.gap_filled_by = ""  # entry point with all new stories of the site that reaches back to the last run
        self._entry_points_requested = False
        self._discovered: set[str] = set()
        self._linked: set[str] = set()  # keys of stories that only the front page or a story links to
        self._ranked_keys: set[str] = set()  # stories in the ranked lists of the current page

    @classmethod
    def make_url_rules(cls) -> UrlRules:
        return UrlRules(cls.name, cls.hosts, cls.story_path, cls.other_kinds, cls.story_parameter, cls.links_from_root)

    def failed(self, failure: Failure) -> Outputs:
        request: Request = failure.request  # type: ignore[attr-defined]
        fetch: Fetch = request.meta["fetch"]
        fetch.fetched_at = request.meta.get("received_at") or now()  # a response with an error, or none
        fetch.outcome, fetch.reason = outcome_of(failure)
        fetch.attempts = request.meta.get("sent", 0)
        fetch.complete = False if isinstance(failure.value, ResponseDataLossError) else None
        yield fetch

    def _note_link(
        self, via: str, target: SiteUrl | SkippedUrl, headline: str | None = None, updated_at: datetime | None = None
    ) -> str | None:
        """Record a link to a story; return ``via`` if the link suggests that the story has changed, otherwise None.

        :param via: name of the ranked list, feed or other page with the link
        """
        if not isinstance(target, SiteUrl) or target.story_id is None:
            return None
        return via if self.memory.note_link(via, target, headline, updated_at) else None

    def _follow_story(
        self, target: SiteUrl | SkippedUrl, fetch: Fetch, entry_point: EntryPoint, hinted_by: str | None = None
    ) -> Outputs:
        depth = fetch.depth + 1
        priority = story_priority(getattr(target, "story_id", None), depth, numbered=self.numbered)
        return self._follow(target, fetch.url, entry_point.name, depth, priority, hinted_by=hinted_by)

    def _follow_linked(self, stories: list[SiteUrl], fetch: Fetch) -> Outputs:
        """Yield requests for the linked stories that no list, feed or sitemap has linked to so far in this run.

        The scheduler sends them only when no other request is left, and drops those for stories that are already
        stored.
        """
        depth, via = fetch.depth + 1, FRONT_PAGE if is_front_page(fetch) else RELATED
        for story in stories:
            if not self._discovered.isdisjoint((story.key, story.request_url)) or story.key in self._linked:
                continue
            self._linked.add(story.key)
            new = self.new_fetch(story, via=via, referrer=fetch.url, depth=depth)
            yield self.request(new, linked_priority(story.story_id, depth, numbered=self.numbered))

    def _follow(
        self,
        target: SiteUrl | SkippedUrl,
        referrer: str,
        via: str,
        depth: int,
        priority: int,
        *,
        entry_point: EntryPoint | None = None,
        position: CrawlPosition | None = None,
        hinted_by: str | None = None,
    ) -> Outputs:
        """Yield the request for a link, or a :class:`Fetch` with the reason why the link is not requested.

        A URL that was already found in this run is requested again only if ``hinted_by`` is given.

        :param via: name of the list, feed or other page with the link
        :param depth: number of links from the seed
        :param hinted_by: name of the list or feed that suggests a change of the story
        """
        if target.request_url in self._discovered and not hinted_by:
            return
        self._discovered.update((target.request_url, target.key))
        fetch = self.new_fetch(target, via=via, referrer=referrer or None, depth=depth)
        fetch.hinted_by = hinted_by
        if isinstance(target, SkippedUrl):
            fetch.fetched_at, fetch.outcome, fetch.reason = now(), target.outcome, target.reason
            yield fetch
        else:
            yield self.request(fetch, priority, entry_point, position)

    def new_fetch(self, target: SiteUrl | SkippedUrl, *, via: str, referrer: str | None, depth: int) -> Fetch:
        return Fetch(
            site=self.name,
            url=target.request_url,
            key=target.key,
            normal_url=target.url,
            story_id=target.story_id if isinstance(target, SiteUrl) else None,
            via=via,
            referrer=referrer,
            depth=depth,
            fetched_at=now(),  # when it was discovered, until there is a response
            attempts=0,
            run_id=self.run_id,
        )

    def resume(self, fetch: Fetch, saved_position: str | None = None) -> Request | None:
        """Return the request for a URL that an earlier run discovered but did not finish.

        Return None for a URL that every run requests anyway, and for a listing, feed or other document with links to
        stories that the site no longer declares.
        """
        fetch.normal_url = self.url_rules.identify(fetch.url).url
        if fetch.story_id is not None:
            if fetch.via in LIST_NAMES:
                return self.request(fetch, ranked_priority(0, fetch.depth))
            return self.request(fetch, story_priority(fetch.story_id, fetch.depth, numbered=self.numbered))
        if saved_position is None or (loaded := load_position(saved_position, self.entry_points)) is None:
            return None
        return self.request(fetch, entry_point_priority(loaded[0], fetch.depth), *loaded)

    def request(
        self,
        fetch: Fetch,
        priority: int,
        entry_point: EntryPoint | None = None,
        position: CrawlPosition | None = None,
    ) -> Request:
        # Full runs are so rare that their lists hardly ever overlap. A gap therefore does not make them request entry
        # points before they are due.
        at_once = entry_point is not None and (entry_point.incremental or (self._list_gap and self.is_incremental))
        if fetch.story_id is None:
            on_page = (ranked.name for ranked in self.lists if ranked.page and ranked.is_on(fetch.url))
            fetch.ranked_list = getattr(entry_point, "ranked", "") or next(on_page, "")
        meta = {"fetch": fetch, "entry_point": entry_point, "position": position or CrawlPosition(), "at_once": at_once}
        meta["verbatim_url"] = True  # otherwise Scrapy changes the escapes
        return Request(fetch.url, self.parse, errback=self.failed, meta=meta, priority=priority)


def is_front_page(fetch: Fetch) -> bool:
    return fetch.story_id is None and fetch.via == "seed"


def position_of(response: Response) -> CrawlPosition:
    """Return the position of a response within its entry point (listing, feed etc.), such as the page number.

    The default is the first page. It is used if the request has no position, for example in `scrapy parse`.
    """
    return response.meta.get("position") or CrawlPosition()
