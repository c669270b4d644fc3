"""The base spider: from a newspaper's declarations to requests, lists and stories.

A newspaper is a subclass with declarations and no code. Each response is one fetch; the lists on it are one snapshot
each; each link is one request outward; and the story comes last, when everything that its page led to is known.
"""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import scrapy
from scrapy.http import Request, Response
from twisted.python.failure import Failure

from crawler import budget
from crawler.addresses import Address, Addresses, NoAddress
from crawler.answers import judge_response
from crawler.clock import now
from crawler.decoding import decompress, sniff
from crawler.doors import Door, Kind
from crawler.layouts import Layout, choose
from crawler.lists import Entry, RankedList, newest_first, read_feed, read_links, read_list, read_sitemap
from crawler.records import Fetch, Outcome, Ranking, Snapshot, Story
from crawler.refusals import Refusal, outcome_of
from crawler.robots import PoliteRobots
from crawler.sources import Page

# What is asked for first, from first to last; within a class the nearer to the seed, then the better placed.
_SEED, _RANKED, _DOOR, _NAMED = range(4)
_CLASS, _DEPTH = 10**15, 10**12
_NEWEST = 10**12 - 1
LARGEST_FEED = 16 * 2**20


class Newspaper(scrapy.Spider):
    """A newspaper: what its file declares, and how every newspaper is read."""

    title: ClassVar[str]
    hosts: ClassVar[tuple[str, ...]]
    zone: ClassVar[ZoneInfo]
    seeds: ClassVar[tuple[str, ...]]
    front_page: ClassVar[str] = "/"
    story_path: ClassVar[re.Pattern[str]]
    other_kinds: ClassVar[frozenset[str]] = frozenset()
    layouts: ClassVar[tuple[Layout, ...]]
    lists: ClassVar[tuple[RankedList, ...]] = ()
    doors: ClassVar[tuple[Door, ...]] = ()

    def __init__(self, seed: str | None = None, **arguments: Any) -> None:
        """:param seed: addresses to start from instead of the declared ones, separated by spaces"""
        super().__init__(**arguments)
        self.addresses = self.identities()
        self.allowed_domains = list(self.hosts)
        self.starts = tuple(seed.split()) if seed else self.seeds
        self.run_id = ""
        # Whether an address was known before this run; whoever keeps records knows.
        self.was_known: Callable[[str], bool] = lambda key: False
        self._named: set[str] = set()  # every address that a link of this run was found to stand for

    @classmethod
    def identities(cls) -> Addresses:
        """How this newspaper writes its addresses."""
        return Addresses(cls.name, cls.hosts, cls.story_path, cls.other_kinds)

    # Ways in ---------------------------------------------------------------------------------------------------------

    async def start(self) -> AsyncIterator[Any]:
        """Seeds and front page first, then the doors that have an address of their own."""
        for link in (*self.starts, f"https://{self.hosts[0]}{self.front_page}"):
            for output in self._follow(link, "", via="seed", depth=0, place=(_SEED, 0)):
                yield output
        for door in self.doors:
            for path in door.paths:
                for output in self._open(door, path, f"https://{self.hosts[0]}/", 0):
                    yield output
        for door in self._doors_without_path(Kind.SITEMAP):
            for link in await self._named_by_robots():
                for output in self._open(door, link, "", 0):
                    yield output

    async def _named_by_robots(self) -> list[str]:
        robots = self.crawler.get_downloader_middleware(PoliteRobots)
        return (await robots.robots_for(f"https://{self.hosts[0]}/")).sitemaps if robots else []

    def _doors_without_path(self, kind: Kind) -> Iterator[Door]:
        return (door for door in self.doors if door.kind is kind and not door.paths)

    # What came back --------------------------------------------------------------------------------------------------

    def parse(self, response: Response, **_: Any) -> Iterator[Any]:
        """One response: its lists, its links outward, and its story or its fetch."""
        fetch = self._fetched(response)
        verdict = judge_response(response)
        if verdict is not None and not self._is_end_of_listing(response):
            fetch.outcome, fetch.reason = verdict
            yield fetch
            return
        door: Door | None = response.meta.get("door")
        if door is not None and door.kind is not Kind.PAGE:
            yield from self._read_entries(response, door, fetch)
            return
        try:
            budget.check(response.body)
            with budget.limited():
                outputs = list(self._read_page(response, door, fetch))
        except Refusal as refusal:
            fetch.outcome, fetch.reason = refusal.outcome, refusal.reason
            outputs = [fetch]
        yield from outputs

    def failed(self, failure: Failure) -> Iterator[Fetch]:
        """What came of a request without a response."""
        request: Request = failure.request  # type: ignore[attr-defined]
        fetch: Fetch = request.meta["fetch"]
        fetch.fetched_at = now()
        fetch.outcome, fetch.reason = outcome_of(failure)
        fetch.attempts = request.meta.get("sent", 0)
        yield fetch

    def _is_end_of_listing(self, response: Response) -> bool:
        """A fragment without anything is how a listing says that it ends."""
        return "fragment" in response.meta and response.status == 200 and not response.body.strip()

    def _read_page(self, response: Response, door: Door | None, fetch: Fetch) -> Iterator[Any]:
        page = Page(response.body, response.url, fetch.fetched_at, _header(response, "Content-Type"))
        for ranked in self.lists:
            yield from self._read_ranks(page, ranked, fetch)
        if door is not None:
            yield from self._read_door(page, door, response, fetch)
        if fetch.story_id is None and fetch.via == "seed":
            yield from self._read_head(page, fetch)
        target = self.addresses.identify(response.url)
        if fetch.story_id is None or not isinstance(target, Address):
            fetch.outcome = Outcome.LIST
            yield fetch
            return
        yield self._read_story(page, target, fetch)

    def _read_story(self, page: Page, target: Address, fetch: Fetch) -> Story:
        layout = choose(self.layouts, page)
        if layout is None:  # a step will refuse it by name, with the page kept
            story = Story(site=self.name, story_id=target.key, url=target.url, fetched_at=page.fetched_at)
        else:
            story = layout.read(page, target, self.addresses, self.zone)
        story.discovered_via, story.depth, story.run_id, story.fetch = fetch.via, fetch.depth, self.run_id, fetch
        return story

    # Links outward ---------------------------------------------------------------------------------------------------

    def _read_ranks(self, page: Page, ranked: RankedList, fetch: Fetch) -> Iterator[Any]:
        rows = read_list(page, ranked, self.addresses)
        if not rows:
            return
        yield Snapshot(
            site=self.name,
            name=ranked.name,
            observed_at=page.fetched_at,
            rows=[
                Ranking(
                    site=self.name,
                    observed_at=page.fetched_at,
                    list=ranked.name,
                    rank=row.rank,
                    story_id=row.target.story_id if isinstance(row.target, Address) else None,
                    url=row.target.url,
                    headline=row.headline,
                    page_url=fetch.url,
                    last_observed_at=page.fetched_at,
                    run_id=self.run_id,
                )
                for row in rows
            ],
        )
        for row in rows:
            place = (_RANKED, row.rank)
            yield from self._ask(row.target, fetch.url, via=ranked.name, depth=fetch.depth + 1, place=place)

    def _read_door(self, page: Page, door: Door, response: Response, fetch: Fetch) -> Iterator[Any]:
        stories = read_links(page, self.addresses)
        for address in stories:
            yield from self._ask_named(address, fetch, door)
        if (more := door.more) is None or all(self.was_known(address.key) for address in stories):
            return
        number: int = response.meta.get("fragment", more.first - 1) + 1
        listing = response.meta.get("listing")
        if listing is None and (button := page.tree.css_first(more.button)) is not None:
            listing = button.attributes.get(more.attribute)
        if listing and number < more.first + more.most and re.fullmatch(r"[\w-]{1,64}", listing):
            path = more.path.format(id=listing, page=number)
            for output in self._open(door, path, fetch.url, fetch.depth):
                if isinstance(output, Request):
                    output.meta.update(fragment=number, listing=listing)
                yield output

    def _read_head(self, page: Page, fetch: Fetch) -> Iterator[Any]:
        links = [node.attributes.get("href") or "" for node in page.tree.css('link[type="application/rss+xml"][href]')]
        for door in self._doors_without_path(Kind.FEED):
            for link in links:
                yield from self._open(door, link, fetch.url, fetch.depth)

    def _read_entries(self, response: Response, door: Door, fetch: Fetch) -> Iterator[Any]:
        further: list[Entry] = []
        try:
            packed = sniff(response.body) == "gzip"
            xml = decompress(response.body, "gzip", LARGEST_FEED) if packed else response.body
        except Refusal as refusal:
            fetch.outcome, fetch.reason = refusal.outcome, refusal.reason
            yield fetch
            return
        if door.kind is Kind.FEED:
            entries = read_feed(xml)
        else:
            entries, further = read_sitemap(xml)
        for entry in newest_first(further):
            yield from self._open(door, entry.link, response.url, fetch.depth)
        for entry in newest_first(entries)[: door.most]:
            target = self.addresses.identify(entry.link, response.url)
            if isinstance(target, NoAddress) or target.story_id:
                yield from self._ask_named(target, fetch, door)
        fetch.outcome = Outcome.LIST
        yield fetch

    def _ask_named(self, target: Address | NoAddress, fetch: Fetch, door: Door) -> Iterator[Any]:
        number = target.story_id.rpartition(":")[2] if isinstance(target, Address) and target.story_id else ""
        newness = _NEWEST - int(number) if number.isdigit() and int(number) < _NEWEST else _NEWEST
        return self._ask(target, fetch.url, via=door.name, depth=fetch.depth + 1, place=(_NAMED, newness))

    def _open(self, door: Door, link: str, base: str, depth: int) -> Iterator[Any]:
        return self._follow(link, base, via=door.name, depth=depth, place=(_DOOR, 0), door=door)

    def _follow(
        self, link: str, base: str, *, via: str, depth: int, place: tuple[int, int], door: Door | None = None
    ) -> Iterator[Any]:
        target = self.addresses.identify(link, base)
        return self._ask(target, base or None, via=via, depth=depth, place=place, door=door)

    def _ask(
        self,
        target: Address | NoAddress,
        referrer: str | None,
        *,
        via: str,
        depth: int,
        place: tuple[int, int],
        door: Door | None = None,
    ) -> Iterator[Any]:
        """The request for a link; or, once a run, the fetch that says why there is none."""
        if target.url in self._named:  # most links of most pages: the lists are the same everywhere
            return
        self._named.add(target.url)
        fetch = self.begin(target, via=via, referrer=referrer, depth=depth)
        if isinstance(target, NoAddress):
            fetch.fetched_at, fetch.outcome, fetch.reason = now(), target.outcome, target.reason
            yield fetch
            return
        kind, order = place
        priority = -(kind * _CLASS + min(depth, 999) * _DEPTH + min(order, _NEWEST))
        yield self.request(fetch, priority=priority, door=door)

    def priority_of_leftover(self, depth: int) -> int:
        """Where a story stands that an earlier run left open: with those that doors named."""
        return -(_NAMED * _CLASS + min(depth, 999) * _DEPTH)

    def begin(self, target: Address | NoAddress, *, via: str, referrer: str | None, depth: int) -> Fetch:
        """The record of an address from the moment it is discovered."""
        key, story_id = (target.key, target.story_id) if isinstance(target, Address) else (target.url, None)
        return Fetch(
            site=self.name,
            url=target.url,
            key=key,
            story_id=story_id,
            via=via,
            referrer=referrer,
            depth=depth,
            attempts=0,
            run_id=self.run_id,
        )

    def request(self, fetch: Fetch, *, priority: int, door: Door | None = None) -> Request:
        """The request of a fetch."""
        meta = {"fetch": fetch, "door": door}
        return Request(fetch.url, self.parse, errback=self.failed, meta=meta, priority=priority)

    def _fetched(self, response: Response) -> Fetch:
        fetch: Fetch | None = response.meta.get("fetch")
        if fetch is None:  # `scrapy parse` and `scrapy shell` ask without the frontier
            fetch = self.begin(self.addresses.identify(response.url), via="seed", referrer=None, depth=0)
        fetch.fetched_at = now()
        fetch.status, fetch.bytes = response.status, len(response.body)
        fetch.milliseconds = round(response.meta.get("download_latency", 0) * 1000)
        fetch.attempts = response.meta.get("sent", 0)
        fetch.etag = _header(response, "ETag")
        fetch.last_modified = _header(response, "Last-Modified")
        return fetch


def _header(response: Response, name: str) -> str | None:
    value = response.headers.get(name)
    return value.decode("latin-1")[:200] if value else None
