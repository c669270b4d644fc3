"""Reading an answer: from its bytes to all that a spider goes by. Pure, so that it can be done in another process."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from crawler.decoding.charset import sniff
from crawler.decoding.decompress import decompress
from crawler.entry_points import CrawlPosition, EntryPoint, Feed, Listing
from crawler.items import ParsedStory, Story
from crawler.parsing import html_limits
from crawler.parsing.feeds import FeedEntry, parse_feed, parse_sitemap
from crawler.parsing.layout import Layout, choose_layout
from crawler.parsing.page import Page
from crawler.parsing.pagination import fragment_list_id, next_page_link
from crawler.parsing.ranked_lists import RankedList, RankedRow, parse_ranked_list, story_links
from crawler.parsing.selectors import landmark_of
from crawler.urls import SiteUrl, UrlRules

MAX_FEED_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class PageResponse:
    """What came from an address, and what of it is wanted beside its lists.

    :param content_type: the header, if there was one
    :param is_story: whether the address is a story's, which is then read
    :param entry_point: the entry point that it belongs to, if any, and its ``position`` from there
    :param find_feeds: whether the feeds that its head names are wanted
    """

    url: str
    body: bytes
    fetched_at: datetime
    content_type: str | None = None
    is_story: bool = False
    entry_point: EntryPoint | None = None
    position: CrawlPosition = field(default_factory=CrawlPosition)
    find_feeds: bool = False


@dataclass(slots=True, kw_only=True)
class ParsedPage:
    """What an answer says.

    :ivar lists: the rows of each ranked list that is on the page, by the list's name
    :ivar links: of a listing, the stories that it links to, in the order of the page
    :ivar listing_id: of a listing that goes on in fragments, the id to ask for them with
    :ivar next_page: of one that goes on in pages, the link of the next one
    :ivar feed_urls: the feeds that the page's head names
    :ivar entries: of a feed or sitemap, the pages that it names; ``sitemaps``, the sitemaps
    :ivar story: the story; if no layout fits the page, it has no layout, and ``missing`` names the parts not found
    """

    lists: dict[str, list[RankedRow]] = field(default_factory=dict)
    links: list[SiteUrl] = field(default_factory=list)
    listing_id: str | None = None
    next_page: str | None = None
    feed_urls: list[str] = field(default_factory=list)
    entries: list[FeedEntry] = field(default_factory=list)
    sitemaps: list[FeedEntry] = field(default_factory=list)
    story: ParsedStory | None = None


@dataclass(frozen=True)
class PageParser:
    """Reads the answers of one newspaper, by what its file declares."""

    url_rules: UrlRules
    layouts: tuple[Layout, ...]
    lists: tuple[RankedList, ...]
    zone: ZoneInfo

    def parse(self, answer: PageResponse) -> ParsedPage:
        """What an answer says; raises a `DecodeError` where reading it would cost too much, or it is broken.

        How long it may take is a matter of whoever calls it.
        """
        if answer.entry_point is not None and not isinstance(answer.entry_point, Listing):
            return _read_entries(answer.body, answer.entry_point)
        html_limits.check(answer.body)
        return self._read_page(answer)

    @cached_property
    def landmarks(self) -> tuple[str, ...]:
        """What nearly every page is searched for: the lists, and what the newest layout keeps fields in."""
        regions = (landmark_of(ranked.regions[0]) for ranked in self.lists)
        return tuple(dict.fromkeys((*filter(None, regions), *(self.layouts[0].landmarks if self.layouts else ()))))

    def _read_page(self, answer: PageResponse) -> ParsedPage:
        page = Page(answer.body, answer.url, answer.fetched_at, answer.content_type)
        page.look_for(self.landmarks)
        reading = ParsedPage()
        for ranked in self.lists:
            if rows := parse_ranked_list(page, ranked, self.url_rules):
                reading.lists[ranked.name] = rows
        if isinstance(answer.entry_point, Listing):
            self._read_listing(page, answer, answer.entry_point, reading)
        if answer.find_feeds:
            links = page.tree.css('link[type="application/rss+xml"][href]')
            reading.feed_urls = [node.attributes.get("href") or "" for node in links]
        target = self.url_rules.identify(answer.url)
        if answer.is_story and isinstance(target, SiteUrl):
            reading.story = self._read_story(page, target)
        return reading

    def _read_listing(self, page: Page, answer: PageResponse, listing: Listing, reading: ParsedPage) -> None:
        reading.links = story_links(page, self.url_rules)
        if listing.pagination is not None:
            reading.listing_id = answer.position.list_id or fragment_list_id(page, listing.pagination)
            if reading.listing_id is None:
                reading.next_page = next_page_link(page, answer.url, answer.position.page)

    def _read_story(self, page: Page, target: SiteUrl) -> ParsedStory:
        layout = choose_layout(self.layouts, page)
        if layout is None:  # a step will refuse it by name, with the page kept
            story = Story(site=self.url_rules.site, story_id=target.key, url=target.url, fetched_at=page.fetched_at)
            return ParsedStory(story=story, missing=self.layouts[0].missing(page))
        return layout.read(page, target, self.url_rules, self.zone)


def _read_entries(body: bytes, entry_point: EntryPoint) -> ParsedPage:
    xml = decompress(body, "gzip", MAX_FEED_BYTES) if sniff(body) == "gzip" else body
    if isinstance(entry_point, Feed):
        return ParsedPage(entries=parse_feed(xml))
    entries, sitemaps = parse_sitemap(xml)
    return ParsedPage(entries=entries, sitemaps=sitemaps)
