"""Following of links: the links of a parsed page become requests, at most one per URL and run.

It is long because the state of the run that it consults is used by all kinds of links.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar, Protocol
from zoneinfo import ZoneInfo

import scrapy
from scrapy.exceptions import ResponseDataLossError
from scrapy.http import Request, Response
from twisted.python.failure import Failure

from crawler.clock import now
from crawler.downloader.errors import outcome_of
from crawler.entry_points import CrawlPosition, EntryPoint, Listing, Pagination, load_position
from crawler.items import Fetch
from crawler.outcomes import Outcome
from crawler.parsing.feeds import FeedEntry, modification_times, newest_first
from crawler.parsing.parser import ParsedPage
from crawler.parsing.ranked_lists import LIST_NAMES, RankedList
from crawler.priorities import entry_point_priority, ranked_priority, story_priority
from crawler.urls import SiteUrl, SkippedUrl, UrlRules

#: Requests, and records (:class:`Fetch`) of URLs that are not requested.
Outputs = Iterator[Any]
# Nested sitemap indexes are requested down to this depth.
MAX_SITEMAP_DEPTH = 2
# Minimum share of new stories on a page of a listing for which its next page is requested without a further check.
_MIN_NEW_SHARE = 0.2


class CrawlMemory(Protocol):
    """Interface to the URLs and stories recorded by earlier runs; the default methods suit a site's first run."""

    def knows_stories(self) -> bool:
        """Report if an earlier run stored a story."""
        return False

    def was_known(self, key: str) -> bool:
        """Report if a URL got an outcome in an earlier run."""
        return False

    def note_link(self, via: str, target: SiteUrl, headline: str | None, updated_at: datetime | None) -> bool:
        """Record a link to a story, found in the list or entry point ``via``; report if the story may have changed."""
        return False


class NoMemory(CrawlMemory):
    """Empty memory, for `scrapy parse`, `scrapy shell` and tests."""


class LinkFollower(scrapy.Spider):
    """Spider that turns each link into a request or, if it is not to be requested, a fetch with the reason."""

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
        self._list_gap = False  # the `latest` list has no known story, so some were missed since the last run
        self._entry_points_requested = False
        self._discovered: set[str] = set()
        self._ranked_keys: set[str] = set()  # stories in the ranked lists of the current page

    @classmethod
    def make_url_rules(cls) -> UrlRules:
        return UrlRules(cls.name, cls.hosts, cls.story_path, cls.other_kinds, cls.story_parameter, cls.links_from_root)

    def failed(self, failure: Failure) -> Outputs:
        request: Request = failure.request  # type: ignore[attr-defined]
        fetch: Fetch = request.meta["fetch"]
        fetch.fetched_at = now()
        fetch.outcome, fetch.reason = outcome_of(failure)
        fetch.attempts = request.meta.get("sent", 0)
        fetch.complete = False if isinstance(failure.value, ResponseDataLossError) else None
        yield fetch
        yield from self._request_entry_points()

    def _request_entry_points(self, *, again: bool = False) -> Outputs:
        """Request the entry points with paths, once per run; incremental runs skip most unless stories were missed."""
        if self._entry_points_requested and not again:
            return
        self._entry_points_requested = True
        base, today = f"https://{self.hosts[0]}/", now().astimezone(self.zone).date()
        for entry_point in self.entry_points:
            if entry_point.incremental or self._list_gap or not self.is_incremental:
                for link, position in entry_point.first_pages(today):
                    yield from self._request_entry_point(entry_point, link, base, 0, position)

    def _request_entry_point(
        self, entry_point: EntryPoint, link: str, base: str, depth: int, position: CrawlPosition | None = None
    ) -> Outputs:
        target, priority = self.url_rules.identify(link, base), entry_point_priority(entry_point, depth)
        return self._follow(target, base, entry_point.name, depth, priority, entry_point=entry_point, position=position)

    def _without_paths(self, kind: type[EntryPoint]) -> list[EntryPoint]:
        return [each for each in self.entry_points if isinstance(each, kind) and not each.paths]

    def _follow_entries(self, parsed: ParsedPage, response: Response, entry_point: EntryPoint, fetch: Fetch) -> Outputs:
        fetch.new_links += bool(parsed.sitemaps)
        yield from self._follow_sitemaps(parsed.sitemaps, response, entry_point, fetch)
        times = dict(zip(parsed.entries, modification_times(parsed.entries), strict=True))
        for entry in newest_first(parsed.entries)[: entry_point.limit]:
            target = self.url_rules.identify(entry.url, response.url)
            if isinstance(target, SiteUrl):
                if not target.story_id:
                    continue
                fetch.new_links += target.url not in self._discovered and not self.memory.was_known(target.key)
            yield from self._follow_story(
                target, fetch, entry_point, self._note_link(entry_point.name, target, entry.headline, times[entry])
            )
        if fetch.new_links and (following := entry_point.next_page(position_of(response))):
            yield from self._request_entry_point(entry_point, following[0], fetch.url, fetch.depth, following[1])

    def _follow_sitemaps(
        self, sitemaps: list[FeedEntry], response: Response, entry_point: EntryPoint, fetch: Fetch
    ) -> Outputs:
        position = CrawlPosition(sitemap_depth=position_of(response).sitemap_depth + 1)
        for entry in newest_first(sitemaps)[: entry_point.limit]:
            for output in self._request_entry_point(entry_point, entry.url, response.url, fetch.depth, position):
                if position.sitemap_depth >= MAX_SITEMAP_DEPTH and isinstance(output, Request):
                    output = output.meta["fetch"]
                    output.fetched_at, output.outcome = now(), Outcome.TOO_DEEP
                yield output

    def _follow_listing(self, parsed: ParsedPage, listing: Listing, position: CrawlPosition, fetch: Fetch) -> Outputs:
        fresh = sum(not self.memory.was_known(story.key) for story in parsed.links if story.url not in self._discovered)
        fetch.new_links += fresh
        reaches_known = self._reaches_known_stories(parsed.links, fresh, position)
        for story in parsed.links:
            if story.key not in self._ranked_keys:  # otherwise it is noted already, by a ranked list on the page
                self._note_link(listing.name, story)
            yield from self._follow_story(story, fetch, listing)
        if listing.pagination is not None and not reaches_known:
            yield from self._follow_next_page(parsed, listing, position, fetch)

    def _reaches_known_stories(self, stories: list[SiteUrl], fresh: int, position: CrawlPosition) -> bool:
        """Report if a page of a listing links to stories known from earlier runs and to hardly any new ones."""
        own = {story.key for story in stories if story.key not in self._ranked_keys}
        if fresh >= _MIN_NEW_SHARE * len(own):
            return fresh == 0
        # The first fragment may repeat the stories of the listing's own page.
        repeats = position.fragment is not None and own <= set(position.previous_keys)
        return not repeats and any(map(self.memory.was_known, own))

    def _follow_next_page(self, parsed: ParsedPage, listing: Listing, position: CrawlPosition, fetch: Fetch) -> Outputs:
        pagination = listing.pagination or Pagination()
        if declared := listing.next_page(position):
            yield from self._request_entry_point(listing, declared[0], fetch.url, fetch.depth, declared[1])
            return
        if parsed.listing_id is not None:
            number = pagination.first if position.fragment is None else position.fragment + 1
            link: str | None = pagination.path.format(id=parsed.listing_id, page=number)
            within_limit = number < pagination.first + pagination.limit
            following = CrawlPosition(
                fragment=number, list_id=parsed.listing_id, previous_keys=tuple(story.key for story in parsed.links)
            )
        else:
            link, within_limit = parsed.next_page, position.page <= pagination.limit
            following = CrawlPosition(page=position.page + 1)
        if link is not None and within_limit:
            yield from self._request_entry_point(listing, link, fetch.url, fetch.depth, following)

    def _note_link(
        self, via: str, target: SiteUrl | SkippedUrl, headline: str | None = None, updated_at: datetime | None = None
    ) -> str | None:
        """Record a link to a story; return ``via`` if the link suggests that the story has changed, otherwise None."""
        if not isinstance(target, SiteUrl) or target.story_id is None:
            return None
        return via if self.memory.note_link(via, target, headline, updated_at) else None

    def _follow_story(
        self, target: SiteUrl | SkippedUrl, fetch: Fetch, entry_point: EntryPoint, hinted_by: str | None = None
    ) -> Outputs:
        depth = fetch.depth + 1
        priority = story_priority(getattr(target, "story_id", None), depth, numbered=self.numbered)
        return self._follow(target, fetch.url, entry_point.name, depth, priority, hinted_by=hinted_by)

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
        """Yield the request for a link, or a fetch with the reason why it is not requested.

        A URL found before in the run is followed again only if ``hinted_by`` is set.
        """
        if target.url in self._discovered and not hinted_by:
            return
        self._discovered.add(target.url)
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
            url=target.url,
            key=target.key,
            story_id=target.story_id if isinstance(target, SiteUrl) else None,
            via=via,
            referrer=referrer,
            depth=depth,
            attempts=0,
            run_id=self.run_id,
        )

    def resume(self, fetch: Fetch, saved_position: str | None = None) -> Request | None:
        """Return the request for a URL that an earlier run left unfinished.

        Return None for a URL that every run requests anyway, and for an entry point that the site no longer declares.
        """
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
        meta = {"fetch": fetch, "entry_point": entry_point, "position": position or CrawlPosition(), "at_once": at_once}
        return Request(fetch.url, self.parse, errback=self.failed, meta=meta, priority=priority)


def position_of(response: Response) -> CrawlPosition:
    """Return the position with which a response was requested, or the default one, as for `scrapy parse`."""
    return response.meta.get("position") or CrawlPosition()
