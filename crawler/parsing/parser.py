"""Page parser of a site, which extracts links, lists and the story from the body of a response.

It does not depend on Scrapy, so that it can run in a worker process.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from crawler.decoding.charset import sniff
from crawler.decoding.decompress import decompress
from crawler.decoding.json_documents import JsonEntry, entries_at, html_at, load_json, shape_of
from crawler.decoding.paywall import is_partial
from crawler.entry_points import CrawlPosition, EntryPoint, Feed, Json, Listing
from crawler.items import ParsedStory, Story
from crawler.parsing.feeds import FeedEntry, headline_of, is_feed_link, parse_feed, parse_sitemap
from crawler.parsing.html_limits import check_element_count
from crawler.parsing.layout import Layout, choose_layout
from crawler.parsing.page import Page
from crawler.parsing.pagination import fragment_list_id, next_page_link
from crawler.parsing.ranked_lists import MAX_ROWS, RankedList, RankedRow, parse_ranked_list, story_links, valid_ranks
from crawler.parsing.selectors import anchor_of
from crawler.urls import SiteUrl, UrlRules, is_twin

MAX_FEED_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class PageResponse:
    """A response to parse.

    :param content_type: Content-Type header, if any
    :param is_story: the URL is that of a story, so the story is parsed too
    :param entry_point: the entry point (listing, feed, sitemap or JSON document) to which the URL belongs, if any
    :param position: page number, fragment number or sitemap depth of the URL within its entry point
    :param find_feeds: also return the feeds that the head of the page declares
    :param find_links: also return the links to stories, even if the page is not a listing
    """

    url: str
    body: bytes
    fetched_at: datetime
    content_type: str | None = None
    is_story: bool = False
    entry_point: EntryPoint | None = None
    position: CrawlPosition = field(default_factory=CrawlPosition)
    find_feeds: bool = False
    find_links: bool = False


@dataclass(slots=True, kw_only=True)
class ParsedPage:
    """Result of parsing a page.

    :ivar lists: rows of each ranked list on the page, by the list's name
    :ivar links: stories linked from a listing, a seed page or a page parsed with `find_links`, in document order
    :ivar link_count: number of all links on a listing or a seed page
    :ivar listing_id: id with which further HTML fragments of a listing are requested
    :ivar next_page: link to the next page of a listing
    :ivar feed_urls: feeds that the head of the page declares
    :ivar entries: pages listed in a feed or sitemap
    :ivar sitemaps: sitemaps listed in a sitemap index
    :ivar story: the story; if no layout fits the page, its ``layout`` is None and it lists the missing parts
    :ivar unfit: a message if something that the entry point declares, such as a JSON path, is not in the response
    :ivar removed: number of attributes or elements removed by the limits on markup, by kind
    :ivar evidence: what a subclass of :class:`PageParser` adds, in JSON types
    """

    lists: dict[str, list[RankedRow]] = field(default_factory=dict)
    links: list[SiteUrl] = field(default_factory=list)
    link_count: int = 0
    listing_id: str | None = None
    next_page: str | None = None
    feed_urls: list[str] = field(default_factory=list)
    entries: list[FeedEntry] = field(default_factory=list)
    sitemaps: list[FeedEntry] = field(default_factory=list)
    story: ParsedStory | None = None
    unfit: str | None = None
    removed: dict[str, int] = field(default_factory=dict)
    evidence: dict[str, Any] = field(default_factory=dict)


class StoryReader(Protocol):
    """Interface of a parser for the story on a page; the ``layout`` of the result is None if the page has no story."""

    def parse(self, page: Page, address: SiteUrl, url_rules: UrlRules, zone: ZoneInfo) -> ParsedStory: ...


@dataclass(frozen=True)
class PageParser:
    """Parser of the responses of one site, configured by the class attributes of its spider.

    :param layouts: how the fields of a story are extracted, one layout per page template
    :param fallback: parser of the stories that no layout fits
    """

    url_rules: UrlRules
    layouts: tuple[Layout, ...]
    lists: tuple[RankedList, ...]
    zone: ZoneInfo
    fallback: "StoryReader | None" = None

    def parse(self, response: PageResponse) -> ParsedPage:
        """Parse a response and return the result; the caller must limit the time.

        :raises DecodeError: the page is corrupt, or too large to parse
        """
        if isinstance(response.entry_point, Json):
            return self._parse_json(response, response.entry_point)
        if response.entry_point is not None and not isinstance(response.entry_point, Listing):
            return _parse_entries(response.body, response.entry_point)
        check_element_count(response.body)
        page = Page(response.body, response.url, response.fetched_at, response.content_type)
        page.preload(self.anchors)
        parsed = ParsedPage()
        for ranked in self.lists:
            if rows := parse_ranked_list(page, ranked, self.url_rules):
                parsed.lists[ranked.name] = rows
        if isinstance(response.entry_point, Listing) or response.find_feeds:
            parsed.links, parsed.link_count = story_links(page, self.url_rules), len(page.tree.css("a[href]"))
        if isinstance(response.entry_point, Listing):
            self._parse_listing(page, response, response.entry_point, parsed)
        elif response.find_links:
            parsed.links = story_links(page, self.url_rules)
        if response.find_feeds:
            links = (node.attributes for node in page.tree.css("link[type][href]"))
            parsed.feed_urls = [link["href"] or "" for link in links if is_feed_link(link)]
        target = self.url_rules.identify(response.url)
        if response.is_story and isinstance(target, SiteUrl):
            declared = self._declared(page, target)
            parsed.story = replace(self._parse_story(page, declared or target), is_canonical=declared is not None)
        parsed.removed = dict(page.removed)
        return parsed

    @cached_property
    def anchors(self) -> tuple[str, ...]:
        """Classes and ids with which the selectors of the ranked lists and of the newest layout begin.

        Nearly every page is searched for them, so :meth:`Page.preload` finds all of them in one search.
        """
        regions = (anchor_of(ranked.regions[0]) for ranked in self.lists)
        return tuple(dict.fromkeys((*filter(None, regions), *(self.layouts[0].anchors if self.layouts else ()))))

    def _parse_listing(self, page: Page, response: PageResponse, listing: Listing, parsed: ParsedPage) -> None:
        if listing.script:
            self._add_script_links(page, listing, parsed)
        if listing.pagination is not None:
            parsed.listing_id = response.position.list_id or fragment_list_id(page, listing.pagination)
            if parsed.listing_id is None:
                parsed.next_page = next_page_link(page, response.url, response.position.page)

    def _add_script_links(self, page: Page, listing: Listing, parsed: ParsedPage) -> None:
        node = page.tree.css_first(listing.script)
        document = load_json((node.text() or "").encode()) if node is not None else None
        links = [entry.link for entry in entries_at(document, listing.entries)]
        stories = {story.key: story for story in parsed.links}
        for target in (self.url_rules.identify(link, page.base_url) for link in links):
            if isinstance(target, SiteUrl) and target.story_id:
                stories.setdefault(target.key, target)
        parsed.links = [*stories.values()]
        if not links:
            found = shape_of(document) if node is not None else "no such element"
            parsed.unfit = f"{listing.script} has no {listing.entries.items or 'list'}: {found}"

    def _parse_json(self, response: PageResponse, source: Json) -> ParsedPage:
        """Return the entries of a JSON document; if it is a `latest` or `popular` list, also return its ranked rows."""
        document = load_json(response.body, response.content_type)
        if source.html:
            page = Page(html_at(document, source.html).encode(), response.url, response.fetched_at)
            found = [JsonEntry(story.url, "", None, None) for story in story_links(page, self.url_rules)]
        else:
            found = [*entries_at(document, source.entries)]
        parsed = ParsedPage(entries=[FeedEntry(each.link, headline_of(each.title), each.modified) for each in found])
        if not found:
            parsed.unfit = f"no entries at {source.html or source.entries.items or 'the top'}: {shape_of(document)}"
        if source.ranked and found:
            rows = enumerate(zip(found, parsed.entries[:MAX_ROWS], strict=False), start=1)
            parsed.lists[source.ranked] = valid_ranks(
                [
                    RankedRow(each.rank or position, self.url_rules.identify(each.link, response.url), entry.headline)
                    for position, (each, entry) in rows
                ]
            )
        return parsed

    def _declared(self, page: Page, target: SiteUrl) -> SiteUrl | None:
        """Return the URL that the page of a story declares as its own.

        Return None if it declares no URL, or only the URL of another story.
        """
        declared = (self.url_rules.identify(link, page.base_url) for link in page.own_links if link)
        own = (each for each in declared if isinstance(each, SiteUrl) and each.story_id == target.story_id)
        return next((each for each in own if not is_twin(each.url)), None)

    def _parse_story(self, page: Page, target: SiteUrl) -> ParsedStory:
        if layout := choose_layout(self.layouts, page):
            return _with_access(layout.parse(page, target, self.url_rules, self.zone), page)
        # Without a layout, an item pipeline rejects this story with a reason, and keeps the page.
        story = Story(site=self.url_rules.site, story_id=target.key, url=target.url, fetched_at=page.fetched_at)
        parsed = ParsedStory(story=story)
        if self.fallback is not None:
            parsed = _with_access(self.fallback.parse(page, target, self.url_rules, self.zone), page)
        return replace(parsed, missing=self.layouts[0].missing(page)) if self.layouts else parsed


def _with_access(parsed: ParsedStory, page: Page) -> ParsedStory:
    story = parsed.story
    if story.layout is not None:
        is_teaser = is_partial(page.json_ld, page.meta_tags, page.tree, story.body or "")
        story.access = "partial" if is_teaser else "full"
    return parsed


def _parse_entries(body: bytes, entry_point: EntryPoint) -> ParsedPage:
    xml = decompress(body, "gzip", MAX_FEED_BYTES) if sniff(body) == "gzip" else body
    if isinstance(entry_point, Feed):
        return ParsedPage(entries=parse_feed(xml))
    entries, sitemaps = parse_sitemap(xml)
    return ParsedPage(entries=entries, sitemaps=sitemaps)
