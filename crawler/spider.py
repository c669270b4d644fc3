"""Base class of the spiders; it crawls a site according to the class attributes of a subclass."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

from scrapy.http import Request, Response

from crawler.clock import now, stopped_at
from crawler.declarations import declared_at
from crawler.decoding.decode_errors import DecodeError
from crawler.downloader.conditional import is_conditional, validator
from crawler.downloader.errors import FetchError, outcome_of
from crawler.downloader.response_check import check_response, is_complete
from crawler.downloader.robots import PoliteRobots
from crawler.entry_point_following import EntryPointFollower
from crawler.entry_points import Feed, Json, Listing, Sitemap
from crawler.generic.generic_layout import GenericLayout
from crawler.items import Fetch, Ranking, Snapshot
from crawler.link_following import is_front_page, position_of
from crawler.outcomes import Outcome
from crawler.parsing import time_limit
from crawler.parsing.layout import Layout
from crawler.parsing.parser import PageParser, PageResponse, ParsedPage
from crawler.parsing.ranked_lists import LIST_NAMES, RankedRow
from crawler.priorities import SEED_PRIORITY, entry_point_priority, ranked_priority
from crawler.urls import SiteUrl, SkippedUrl


class SpiderArgumentError(ValueError):
    """Raised before the first request if a spider argument (`-a NAME=VALUE`) is not valid."""


class NewspaperSpider(EntryPointFollower):
    """Base class of a site's spider; a subclass only sets class attributes.

    For each response, the spider yields a snapshot of each ranked list, a request for each link and, last, the story.
    A page without a story yields a :class:`~crawler.items.Fetch`, the record of the request and its outcome.
    """

    title: ClassVar[str]
    seeds: ClassVar[tuple[str, ...]] = ()
    verified: ClassVar[str] = ""  # the real pages that the declarations were tried on; empty if there are none
    front_page: ClassVar[str] = "/"
    layouts: ClassVar[tuple[Layout, ...]]
    #: Minimum and maximum time between two requests of an entry point; within them it adapts to the rate of change.
    entry_point_intervals: ClassVar[tuple[timedelta, timedelta]] = (timedelta(hours=1), timedelta(days=7))

    def __init__(self, seed: str = "", **unknown: Any) -> None:
        """Set the URLs to start from: those in ``seed``, separated by spaces, or else the site's declared seeds."""
        super().__init__()
        self.starts = tuple(seed.split()) or self.seeds
        if unknown:
            raise SpiderArgumentError(f"unknown argument -a {next(iter(unknown))}: use -a seed=URL")
        for link in self.starts:
            if isinstance(target := self.url_rules.identify(link), SkippedUrl):
                raise SpiderArgumentError(f"{link!r} is not a seed of {self.name} ({target.reason})")
        self.page_parser = PageParser(self.url_rules, self.layouts, self.lists, self.zone, GenericLayout())
        #: Parses a page; the parse worker sets its own method here.
        self.parse_page: Callable[[PageResponse], Awaitable[ParsedPage]] = self._parse_in_process
        self.allowed_domains = list(self.hosts)
        self._home = f"https://{self.hosts[0]}{self.front_page}"
        # For each list: the rows parsed last, if links to pages without a story were followed, and the snapshot.
        self._last_lists: dict[str, tuple[list[RankedRow], bool, Snapshot]] = {}

    @classmethod
    def list_names(cls) -> tuple[str, ...]:
        """Return the names of the site's ranked lists (`latest`, `popular`) that a run may request."""
        documents = (each.ranked for each in cls.entry_points if isinstance(each, Json) and not each.disallowed)
        return tuple(dict.fromkeys((*(ranked.name for ranked in cls.lists), *filter(None, documents))))

    @classmethod
    def handles_request(cls, request: Request) -> bool:
        """Return True if the URL of a request is on a host of this newspaper.

        Scrapy calls this, for example in `scrapy shell`, to select the spider for a URL.
        """
        return urlsplit(request.url).hostname in cls.hosts

    async def start(self) -> AsyncIterator[Any]:
        """Yield the requests for the seeds and the front page; in a full run, also for the sitemaps in robots.txt.

        A full run crawls the whole site.
        """
        starts = () if self.is_incremental and self.starts == self.seeds else self.starts
        for link in (*starts, self._home):
            for output in self._follow(self.url_rules.identify(link), "", "seed", 0, SEED_PRIORITY):
                yield output
        robots = self.crawler.get_downloader_middleware(PoliteRobots)
        if robots is None or self.is_incremental:
            return
        home = f"https://{self.hosts[0]}/"
        for sitemap in self._without_paths(Sitemap):
            for link in (await robots.robots_for(home)).sitemaps:
                target, priority = self.url_rules.identify(link, home), entry_point_priority(sitemap, 0)
                for output in self._follow(target, "", sitemap.name, 0, priority, entry_point=sitemap):
                    yield output

    async def parse(self, response: Response, **_: Any) -> AsyncIterator[Any]:
        fetch = self.fetch_of(response)
        parsed: ParsedPage | None = None
        if page := self.page_of(response, fetch):
            try:
                parsed = await self.parse_page(page)
            except (DecodeError, FetchError) as error:
                fetch.outcome, fetch.reason = outcome_of(error)
        had_gap = self._list_gap
        # The outputs are yielded without an await in between, so that those of another page cannot interleave.
        for output in self.outputs(parsed, response, fetch):
            yield output
        for output in self._request_entry_points(again=self._list_gap != had_gap):
            yield output

    async def _parse_in_process(self, page: PageResponse) -> ParsedPage:
        with time_limit.limited():
            return self.page_parser.parse(page)

    def fetch_of(self, response: Response) -> Fetch:
        fetch: Fetch | None = response.meta.get("fetch")
        if fetch is None:  # `scrapy parse` and `scrapy shell` set none
            fetch = self.new_fetch(self.url_rules.identify(response.url), via="seed", referrer=None, depth=0)
        fetch.fetched_at = response.meta.get("received_at") or now()
        fetch.status, fetch.bytes = response.status, len(response.body)
        fetch.complete = is_complete(response)
        fetch.milliseconds = round(response.meta.get("download_latency", 0) * 1000)
        fetch.attempts = response.meta.get("sent", 0)
        fetch.etag = validator(response, "ETag")
        fetch.last_modified = validator(response, "Last-Modified")
        return fetch

    def page_of(self, response: Response, fetch: Fetch) -> PageResponse | None:
        """Return the page to parse, or None if the response is rejected; the outcome of ``fetch`` is then set."""
        position = position_of(response)
        rejection = check_response(response)
        # An empty fragment marks the end of a listing.
        is_end = position.fragment is not None and response.status == 200 and not response.body.strip()
        if rejection is not None and not is_end:
            if response.status == 304 and not is_conditional(response):
                rejection = Outcome.HTTP_ERROR, "status 304 for a request without a condition"
            fetch.outcome, fetch.reason = rejection
            return None
        return PageResponse(
            url=response.url,
            body=response.body,
            fetched_at=fetch.fetched_at,
            content_type=_header(response, "Content-Type"),
            is_story=fetch.story_id is not None,
            entry_point=response.meta.get("entry_point"),
            position=position,
            find_feeds=is_front_page(fetch),
            find_links=is_front_page(fetch) or not self.is_incremental,
        )

    def outputs(self, parsed: ParsedPage | None, response: Response, fetch: Fetch) -> list[Any]:
        """Return the snapshots, requests and, last, the story or fetch of a page; ``parsed`` is None if there is none.

        They are all seen at the time of the fetch.
        """
        with stopped_at(fetch.fetched_at):
            return [*self._outputs(parsed, response, fetch)] if parsed else [fetch]

    def _outputs(self, parsed: ParsedPage, response: Response, fetch: Fetch) -> Iterator[Any]:
        fetch.removed = parsed.removed
        if parsed.unfit is not None:
            fetch.reason = f"{parsed.unfit} ({declared_at(type(self), 'entry_points', fetch.via)})"
        entry_point = response.meta.get("entry_point")
        fetch.is_html = not isinstance(entry_point, (Feed, Sitemap, Json))
        self._ranked_keys.clear()
        for name, rows in parsed.lists.items():
            yield from self._follow_ranked_list(name, rows, response, fetch)
        if entry_point is not None and not isinstance(entry_point, Listing):
            yield from self._follow_entries(parsed, response, entry_point, fetch)
        else:
            if entry_point is not None:
                yield from self._follow_listing(parsed, entry_point, position_of(response), fetch)
            yield from self._follow_linked(parsed.links, fetch)
            if self._list_gap or not self.is_incremental:
                yield from self._request_entry_points()  # first, as the head may name their feeds too
                for feed in self._without_paths(Feed):
                    for link in parsed.feed_urls:
                        yield from self._request_first_page(feed, link, fetch.url, fetch.depth)
        if parsed.story is None:
            self._set_yield(parsed, response, fetch)
            yield fetch
            return
        story = parsed.story.story
        story.discovered_via, story.depth, story.run_id = fetch.via, fetch.depth, self.run_id
        parsed.story.fetch = fetch
        parsed.story.is_canonical |= fetch.moved_to is not None
        yield parsed.story

    def _follow_ranked_list(self, name: str, rows: list[RankedRow], response: Response, fetch: Fetch) -> Iterator[Any]:
        # A list may link to a page that is not a story and has lists itself. Only one such page in a row is followed.
        follows_pages = fetch.story_id is not None or fetch.via not in LIST_NAMES
        self._ranked_keys.update(row.target.key for row in rows)
        last = self._last_lists.get(name)
        if last is not None and last[:2] == (rows, follows_pages):
            fetch.unchanged_lists[name] = last[2]
            return
        snapshot = self._snapshot(name, rows, response, fetch)
        self._list_gap = self._list_gap or (not snapshot.overlaps and name == "latest")
        self._last_lists[name] = rows, follows_pages, snapshot
        yield snapshot
        for row in rows:
            target = row.target
            if not follows_pages and isinstance(target, SiteUrl) and not target.story_id:
                target = SkippedUrl(target.url, Outcome.NOT_A_STORY, "linked from a list on a page that is not a story")
            hinted_by = self._note_link(name, target, row.headline)
            depth = fetch.depth + 1
            yield from self._follow(
                target, fetch.url, name, depth, ranked_priority(row.rank, depth), hinted_by=hinted_by
            )

    def _snapshot(self, name: str, rows: list[RankedRow], response: Response, fetch: Fetch) -> Snapshot:
        return Snapshot(
            site=self.name,
            name=name,
            observed_at=fetch.fetched_at,
            overlaps=not self.memory.knows_stories() or any(self.memory.was_known(row.target.key) for row in rows),
            rows=[
                Ranking(
                    site=self.name,
                    observed_at=fetch.fetched_at,
                    list=name,
                    rank=row.rank,
                    story_id=row.target.story_id if isinstance(row.target, SiteUrl) else None,
                    url=row.target.url,
                    headline=row.headline,
                    page_url=self.url_rules.identify(response.url).url,
                    last_observed_at=fetch.fetched_at,
                    run_id=self.run_id,
                )
                for row in rows
            ],
        )


def _header(response: Response, name: str) -> str | None:
    value = response.headers.get(name)
    return value.decode("latin-1")[:200] if value else None
