"""The base spider: from a newspaper's declarations to requests, lists and stories.

A newspaper is a subclass with declarations and no code. Each response is one fetch; the lists on it are one snapshot
each; each link is one request outward; and the story comes last, when everything that its page led to is known.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import scrapy
from scrapy.http import Request, Response
from twisted.python.failure import Failure

from crawler.clock import now
from crawler.decoding.decode_errors import DecodeError
from crawler.downloader.errors import FetchError, outcome_of
from crawler.downloader.response_check import judge_response
from crawler.downloader.robots import PoliteRobots
from crawler.entry_points import Door, Kind, Onward, read_back
from crawler.items import Fetch, Ranking, Snapshot
from crawler.outcomes import Outcome
from crawler.parsing import time_limit
from crawler.parsing.feeds import FeedEntry, modification_times, newest_first
from crawler.parsing.layout import Layout
from crawler.parsing.parser import PageParser, PageResponse, ParsedPage
from crawler.parsing.ranked_lists import RankedList, RankedRow
from crawler.priorities import _DOOR, _NAMED, _RANKED, _SEED, _newness, _priority, _worth
from crawler.urls import Address, Addresses, NoAddress

# An index of sitemaps names sitemaps. One that names indexes without an end is not read on.
DEEPEST_SITEMAP = 2
# A page that goes on names mostly what is new; one on which known ground begins, a little.
_MUCH = 0.2
_UNASKED = Outcome.HTTP_ERROR, "status 304, though nothing was known"


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
    # How long a door is left alone, at the least and at the most; between them, as fast as it changes.
    door_rests: ClassVar[tuple[timedelta, timedelta]] = (timedelta(hours=1), timedelta(days=7))

    def __init__(self, seed: str | None = None, **arguments: Any) -> None:
        """:param seed: addresses to start from instead of the declared ones, separated by spaces"""
        super().__init__(**arguments)
        self.addresses = self.identities()
        self.page_parser = PageParser(self.addresses, self.layouts, self.lists, self.zone)
        # Reads in another process, where there is one; without it pages are read here.
        self.reads_apart: Callable[[PageResponse], Awaitable[ParsedPage]] | None = None
        self.allowed_domains = list(self.hosts)
        self.starts = tuple(seed.split()) if seed else self.seeds
        self.run_id = ""
        # Whether an address was known before this run; whoever keeps records knows.
        self.was_known: Callable[[str], bool] = lambda key: False
        # Told whenever a place names a story; whether it says otherwise of it than before.
        self.sees: Callable[[str, Address, str | None, datetime | None], bool] = lambda *said: False
        self.known_at_all = False
        self.is_incremental = False
        # Whether a list had nothing on it that was known before: what came between two visits is behind the doors.
        self._missed = False
        self._doors_open = False
        # Of each list the rows that were read last, whether their links were followed, and the snapshot of them.
        self._standing: dict[str, tuple[list[RankedRow], bool, Snapshot]] = {}
        self._named: set[str] = set()  # every address that a link of this run was found to stand for
        self._on_lists: set[str] = set()  # the stories in the ranked lists of the page that is being read

    @classmethod
    def identities(cls) -> Addresses:
        """How this newspaper writes its addresses."""
        return Addresses(cls.name, cls.hosts, cls.story_path, cls.other_kinds)

    # Ways in ---------------------------------------------------------------------------------------------------------

    async def start(self) -> AsyncIterator[Any]:
        """Seeds and front page; what comes of the first of them opens the doors.

        An incremental run needs no seed of ours.
        """
        starts = () if self.is_incremental and self.starts == self.seeds else self.starts
        for link in (*starts, f"https://{self.hosts[0]}{self.front_page}"):
            for output in self._follow(link, "", via="seed", depth=0, place=(_SEED, 0)):
                yield output
        if not self.is_incremental:
            for door in self._doors_without_path(Kind.SITEMAP):
                for link in await self._named_by_robots():
                    for output in self._open(door, link, "", 0):
                        yield output

    def _open_doors(self) -> Iterator[Any]:
        """The doors with addresses of their own; an incremental run opens few, unless it has missed something."""
        origin = f"https://{self.hosts[0]}/"
        for door in self.doors:
            if door.incremental or self._missed or not self.is_incremental:
                for path in door.paths:
                    yield from self._open(door, path, origin, 0)

    async def _named_by_robots(self) -> list[str]:
        robots = self.crawler.get_downloader_middleware(PoliteRobots)
        return (await robots.robots_for(f"https://{self.hosts[0]}/")).sitemaps if robots else []

    def _doors_without_path(self, kind: Kind) -> Iterator[Door]:
        return (door for door in self.doors if door.kind is kind and not door.paths)

    # What came back --------------------------------------------------------------------------------------------------

    def parse(self, response: Response, **_: Any) -> Iterator[Any] | AsyncIterator[Any]:
        """One response: its lists, its links outward, and its story or its fetch."""
        return self._read_here(response) if self.reads_apart is None else self._read_apart(response, self.reads_apart)

    def _read_here(self, response: Response) -> Iterator[Any]:
        fetch = self._fetched(response)
        reading: ParsedPage | Exception | None = None
        if answer := self._to_read(response, fetch):
            try:
                with time_limit.limited():
                    reading = self.page_parser.parse(answer)
            except (DecodeError, FetchError) as refusal:
                reading = refusal
        yield from self._outputs_of(response, fetch, reading)

    async def _read_apart(
        self, response: Response, read: Callable[[PageResponse], Awaitable[ParsedPage]]
    ) -> AsyncIterator[Any]:
        fetch = self._fetched(response)
        reading: ParsedPage | Exception | None = None
        if answer := self._to_read(response, fetch):
            try:
                reading = await read(answer)
            except (DecodeError, FetchError) as refusal:
                reading = refusal
        for output in self._outputs_of(response, fetch, reading):
            yield output

    def _to_read(self, response: Response, fetch: Fetch) -> PageResponse | None:
        """What to read of a response; None, and the fetch has its outcome, where it is no page."""
        verdict = judge_response(response)
        if verdict is not None and not self._is_end_of_listing(response):
            fetch.outcome, fetch.reason = verdict if response.status != 304 or _has_validators(response) else _UNASKED
            return None
        return PageResponse(
            url=response.url,
            body=response.body,
            fetched_at=fetch.fetched_at,
            content_type=_header(response, "Content-Type"),
            is_story=fetch.story_id is not None,
            door=response.meta.get("door"),
            onward=_onward(response),
            find_feeds=fetch.story_id is None and fetch.via == "seed",
        )

    def _outputs_of(self, response: Response, fetch: Fetch, reading: ParsedPage | Exception | None) -> Iterator[Any]:
        missed = self._missed
        if isinstance(reading, ParsedPage):
            yield from [*self._follow_reading(reading, response, fetch)]  # all of it, before another page's turn
        else:
            if reading is not None:
                fetch.outcome, fetch.reason = outcome_of(reading)
            yield fetch
        if not self._doors_open or self._missed != missed:
            self._doors_open = True
            yield from self._open_doors()

    def failed(self, failure: Failure) -> Iterator[Any]:
        """What came of a request without a response."""
        request: Request = failure.request  # type: ignore[attr-defined]
        fetch: Fetch = request.meta["fetch"]
        fetch.fetched_at = now()
        fetch.outcome, fetch.reason = outcome_of(failure)
        fetch.attempts = request.meta.get("sent", 0)
        yield fetch
        if not self._doors_open:
            self._doors_open = True
            yield from self._open_doors()

    def _is_end_of_listing(self, response: Response) -> bool:
        """A fragment without anything is how a listing says that it ends."""
        return _onward(response).fragment is not None and response.status == 200 and not response.body.strip()

    def _follow_reading(self, reading: ParsedPage, response: Response, fetch: Fetch) -> Iterator[Any]:
        door: Door | None = response.meta.get("door")
        if door is not None and door.kind is not Kind.PAGE:
            yield from self._follow_entries(reading, response, door, fetch)
            return
        self._on_lists.clear()
        for ranked in self.lists:
            if rows := reading.lists.get(ranked.name):
                yield from self._follow_list(ranked, rows, response, fetch)
        if door is not None:
            yield from self._follow_listing(reading, door, response, fetch)
        if self._missed or not self.is_incremental:
            yield from self._follow_feeds(reading, fetch)
        story = reading.story
        if story is None:
            fetch.outcome = Outcome.LIST
            yield fetch
            return
        story.discovered_via, story.depth, story.run_id, story.fetch = fetch.via, fetch.depth, self.run_id, fetch
        yield story

    # Links outward ---------------------------------------------------------------------------------------------------

    def _follow_list(
        self, ranked: RankedList, rows: list[RankedRow], response: Response, fetch: Fetch
    ) -> Iterator[Any]:
        # A list may name a page of another kind, which lists in turn; from one such page to the next there is no end.
        leads_on = fetch.story_id is not None or fetch.via not in [each.name for each in self.lists]
        standing = self._standing.get(ranked.name)
        if standing is not None and standing[:2] == (rows, leads_on):
            self._on_lists.update(row.target.key for row in rows)
            fetch.stood[ranked.name] = standing[2]
            return
        shown_on = fetch.url if response.url == fetch.url else self.addresses.identify(response.url).url
        overlaps = not self.known_at_all or any(self.was_known(row.target.key) for row in rows)
        self._missed = self._missed or (not overlaps and ranked.name == "latest")
        snapshot = Snapshot(
            site=self.name,
            name=ranked.name,
            observed_at=fetch.fetched_at,
            overlaps=overlaps,
            rows=[
                Ranking(
                    site=self.name,
                    observed_at=fetch.fetched_at,
                    list=ranked.name,
                    rank=row.rank,
                    story_id=row.target.story_id if isinstance(row.target, Address) else None,
                    url=row.target.url,
                    headline=row.headline,
                    page_url=shown_on,
                    last_observed_at=fetch.fetched_at,
                    run_id=self.run_id,
                )
                for row in rows
            ],
        )
        self._standing[ranked.name] = rows, leads_on, snapshot
        yield snapshot
        for row in rows:
            place = (_RANKED, row.rank)
            target = row.target if leads_on else _only_story(row.target)
            self._on_lists.add(row.target.key)
            called = self._sees(ranked.name, target, row.headline)
            yield from self._ask(target, fetch.url, via=ranked.name, depth=fetch.depth + 1, place=place, called=called)

    def _follow_listing(self, reading: ParsedPage, door: Door, response: Response, fetch: Fetch) -> Iterator[Any]:
        stories = reading.links
        fresh = sum(not self.was_known(address.key) for address in stories if address.url not in self._named)
        fetch.found += fresh
        goes_on = self._goes_on(stories, fresh, response)
        for address in stories:
            if address.key not in self._on_lists:  # a list beside the listing names it, and has been heard
                self._sees(door.name, address)
            yield from self._ask_named(address, fetch, door)
        if door.more is not None and goes_on:
            yield from self._go_on(reading, door, response, fetch)

    def _goes_on(self, stories: list[Address], fresh: int, response: Response) -> bool:
        """Whether known ground is not reached: much of what a page names beside its lists is new, or none was known."""
        own = {address.key for address in stories if address.key not in self._on_lists}
        if fresh >= _MUCH * len(own):
            return fresh > 0
        # A first fragment may be the page once more.
        onward = _onward(response)
        repeats = onward.fragment is not None and own <= set(onward.before)
        return repeats or not any(map(self.was_known, own))

    def _go_on(self, reading: ParsedPage, door: Door, response: Response, fetch: Fetch) -> Iterator[Any]:
        more, here = door.more, _onward(response)
        assert more is not None
        if reading.listing_id is not None:
            number = more.first if here.fragment is None else here.fragment + 1
            link: str | None = more.path.format(id=reading.listing_id, page=number)
            further = number < more.first + more.most
            before = tuple(each.key for each in reading.links)
            onward = Onward(fragment=number, listing=reading.listing_id, before=before)
        else:
            link, further = reading.next_page, here.page <= more.most
            onward = Onward(page=here.page + 1)
        if link is not None and further:
            yield from self._open(door, link, fetch.url, fetch.depth, onward)

    def _follow_feeds(self, reading: ParsedPage, fetch: Fetch) -> Iterator[Any]:
        for door in self._doors_without_path(Kind.FEED):
            for link in reading.feed_urls:
                yield from self._open(door, link, fetch.url, fetch.depth)

    def _follow_entries(self, reading: ParsedPage, response: Response, door: Door, fetch: Fetch) -> Iterator[Any]:
        entries = reading.entries
        fetch.found += bool(reading.sitemaps)  # what an index names is behind other doors
        yield from self._follow_further(reading.sitemaps, response, door, fetch)
        moments = dict(zip(entries, modification_times(entries), strict=True))
        for entry in newest_first(entries)[: door.most]:
            target = self.addresses.identify(entry.url, response.url)
            if isinstance(target, NoAddress) or target.story_id:
                known = target.url in self._named or self.was_known(target.key)
                fetch.found += isinstance(target, Address) and not known
                called = self._sees(door.name, target, entry.headline, moments[entry])
                yield from self._ask_named(target, fetch, door, called=called)
        fetch.outcome = Outcome.LIST
        yield fetch

    def _follow_further(self, further: list[FeedEntry], response: Response, door: Door, fetch: Fetch) -> Iterator[Any]:
        nested = _onward(response).nested + 1
        for entry in newest_first(further)[: door.most]:
            for output in self._open(door, entry.url, response.url, fetch.depth, Onward(nested=nested)):
                if nested < DEEPEST_SITEMAP or isinstance(output, Fetch):
                    yield output
                else:
                    deep: Fetch = output.meta["fetch"]
                    deep.fetched_at, deep.outcome = now(), Outcome.TOO_DEEP
                    yield deep

    def _sees(
        self, place: str, target: Address | NoAddress, headline: str | None = None, moment: datetime | None = None
    ) -> str | None:
        """Tell whoever keeps records that a place names a story; the place, if it is a cause to look at it again."""
        if not isinstance(target, Address) or target.story_id is None:
            return None
        return place if self.sees(place, target, headline, moment) else None

    def _ask_named(
        self, target: Address | NoAddress, fetch: Fetch, door: Door, *, called: str | None = None
    ) -> Iterator[Any]:
        place = (_NAMED, _newness(target.story_id if isinstance(target, Address) else None))
        return self._ask(target, fetch.url, via=door.name, depth=fetch.depth + 1, place=place, called=called)

    def _open(self, door: Door, link: str, base: str, depth: int, onward: Onward | None = None) -> Iterator[Any]:
        target, place = self.addresses.identify(link, base), (_DOOR, _worth(door))
        return self._ask(target, base or None, via=door.name, depth=depth, place=place, door=door, onward=onward)

    def _follow(self, link: str, base: str, *, via: str, depth: int, place: tuple[int, int]) -> Iterator[Any]:
        return self._ask(self.addresses.identify(link, base), base or None, via=via, depth=depth, place=place)

    def _ask(
        self,
        target: Address | NoAddress,
        referrer: str | None,
        *,
        via: str,
        depth: int,
        place: tuple[int, int],
        door: Door | None = None,
        onward: Onward | None = None,
        called: str | None = None,
    ) -> Iterator[Any]:
        """The request for a link; or, once a run, the fetch that says why there is none."""
        if target.url in self._named and not called:  # most links of most pages: the lists are the same everywhere
            return
        self._named.add(target.url)
        fetch = self.begin(target, via=via, referrer=referrer, depth=depth)
        fetch.called_by = called
        if isinstance(target, NoAddress):
            fetch.fetched_at, fetch.outcome, fetch.reason = now(), target.outcome, target.reason
            yield fetch
            return
        yield self.request(fetch, priority=_priority(place, depth), door=door, onward=onward)

    def begin(self, target: Address | NoAddress, *, via: str, referrer: str | None, depth: int) -> Fetch:
        """The record of an address from the moment it is discovered."""
        story_id = target.story_id if isinstance(target, Address) else None
        return Fetch(
            site=self.name,
            url=target.url,
            key=target.key,
            story_id=story_id,
            via=via,
            referrer=referrer,
            depth=depth,
            attempts=0,
            run_id=self.run_id,
        )

    def ask_again(self, fetch: Fetch, told: str | None = None) -> Request | None:
        """The request of a fetch that an earlier run left open: a story, or what is behind a door and was ``told`` so.

        None for what every run asks for by itself, and for a door that there is no more.
        """
        door = onward = None
        place = (_NAMED, _newness(fetch.story_id))
        if fetch.story_id is None:
            if told is None or (found := read_back(told, self.doors)) is None:
                return None
            door, onward = found
            place = (_DOOR, _worth(door))
        elif fetch.via in [ranked.name for ranked in self.lists]:
            place = (_RANKED, 0)
        return self.request(fetch, priority=_priority(place, fetch.depth), door=door, onward=onward)

    def request(
        self, fetch: Fetch, *, priority: int, door: Door | None = None, onward: Onward | None = None
    ) -> Request:
        """The request of a fetch; ``onward`` says how far behind its door it is, if not at it."""
        # A full run comes so seldom that its lists have seldom anything in common; it goes by what the doors are worth.
        gap = self._missed and self.is_incremental
        at_once = door is not None and (gap or door.incremental)
        meta = {"fetch": fetch, "door": door, "onward": onward or Onward(), "now": at_once}
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


def _onward(response: Response) -> Onward:
    found: Onward | None = response.meta.get("onward")
    return found or Onward()  # `scrapy parse` goes through no door


def _has_validators(response: Response) -> bool:
    """Whether it was asked for only if it had changed."""
    asked = response.request.headers if response.request else {}
    return "If-None-Match" in asked or "If-Modified-Since" in asked


def _only_story(target: Address | NoAddress) -> Address | NoAddress:
    if isinstance(target, NoAddress) or target.story_id:
        return target
    return NoAddress(target.url, Outcome.NOT_A_STORY, "named by a page that is no story either")
