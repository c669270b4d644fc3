"""Requests for entry points (listings, feeds, sitemaps, JSON documents) and for the links found in them."""

from hashlib import blake2b

from scrapy.http import Request, Response
from twisted.python.failure import Failure

from crawler.clock import now
from crawler.entry_points import FLOW, CrawlPosition, EntryPoint, Listing, Pagination
from crawler.items import Fetch
from crawler.link_following import LinkFollower, Outputs, position_of
from crawler.outcomes import Outcome
from crawler.parsing.feeds import FeedEntry, modification_times, newest_first
from crawler.parsing.parser import ParsedPage
from crawler.priorities import entry_point_priority
from crawler.urls import SiteUrl

# Nested sitemap indexes are requested down to this depth.
MAX_SITEMAP_DEPTH = 2
# Minimum share of new stories on a page of a listing for which its next page is requested without a further check.
_MIN_NEW_SHARE = 0.2


class EntryPointFollower(LinkFollower):
    """Spider that requests a site's entry points and follows the links in them.

    Entry points are listings, feeds, sitemaps and JSON documents that link to stories.
    """

    _home: str  # URL of the front page

    def failed(self, failure: Failure) -> Outputs:
        yield from super().failed(failure)
        yield from self._request_entry_points()

    def _request_entry_points(self, *, again: bool = False) -> Outputs:
        """Yield the requests for all entry points (feeds etc.) with declared paths; without ``again``, once per run.

        An incremental run, which looks for new stories only, requests only those marked ``incremental``. If stories
        were missed since the last run, the others follow; the scheduler holds them until it is known if the first ones
        reach back to stories of earlier runs.
        """
        if self._entry_points_requested and not again:
            return
        self._entry_points_requested = True
        base, today = f"https://{self.hosts[0]}/", now().astimezone(self.zone).date()
        for entry_point in self.entry_points:
            if entry_point.incremental or self._list_gap or not self.is_incremental:
                for link, position in entry_point.first_pages(today):
                    yield from self._request_first_page(entry_point, link, base, 0, position)

    def _request_first_page(
        self, entry_point: EntryPoint, link: str, base: str, depth: int, position: CrawlPosition | None = None
    ) -> Outputs:
        for output in self._request_entry_point(entry_point, link, base, depth, position):
            if isinstance(output, Request):
                output.meta["only_for_gap"] = self.is_incremental and not entry_point.incremental
            yield output

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
        known = []
        for entry in newest_first(parsed.entries)[: entry_point.limit]:
            target = self.url_rules.identify(entry.url, response.url)
            if isinstance(target, SiteUrl):
                if not target.story_id:
                    continue
                known.append(self.memory.was_known(target.key))
                fetch.new_links += target.key not in self._discovered and not known[-1]
            yield from self._follow_story(
                target, fetch, entry_point, self._note_link(entry_point.name, target, entry.headline, times[entry])
            )
        if known and known[-1] and not all(known):
            self._note_overlap(entry_point)
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
        fresh = sum(not self.memory.was_known(story.key) for story in parsed.links if story.key not in self._discovered)
        fetch.new_links += fresh
        reaches_known = self._reaches_known_stories(parsed.links, fresh, position)
        known = [self.memory.was_known(story.key) for story in parsed.links if story.key not in self._ranked_keys]
        if reaches_known and any(known) and (not all(known) or position != CrawlPosition()):
            self._note_overlap(listing)
        for story in parsed.links:
            if story.key not in self._ranked_keys:  # otherwise it is noted already, by a ranked list on the page
                self._note_link(listing.name, story)
            yield from self._follow_story(story, fetch, listing)
        if listing.pagination is not None and not reaches_known:
            yield from self._follow_next_page(parsed, listing, position, fetch)

    def _note_overlap(self, entry_point: EntryPoint) -> None:
        """Record that an entry point reaches back to known stories, if it has all new ones (a long list or a feed).

        A page without any unknown story does not show this: it may be an old copy.
        """
        if entry_point.incremental and entry_point.name in FLOW:
            self.gap_filled_by = self.gap_filled_by or entry_point.name

    def _reaches_known_stories(self, stories: list[SiteUrl], fresh: int, position: CrawlPosition) -> bool:
        """Return True if a listing page links to stories known from earlier runs and to hardly any new ones.

        The further pages of the listing are then not requested.
        """
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

    def _set_yield(self, parsed: ParsedPage, response: Response, fetch: Fetch) -> None:
        """Set the outcome of a page without a story to `list`, or to `empty` if it has no entry and no link to a story.

        Further pages of a listing are never `empty`, because the listing may end before them; nor is the page of the
        current day.
        """
        if not fetch.is_html:
            is_empty = not (parsed.entries or parsed.sitemaps or position_of(response).may_be_empty)
        elif is_empty := position_of(response) == CrawlPosition() and parsed.link_count > 0 and not parsed.links:
            fetch.links, fetch.reason = parsed.link_count, fetch.reason or f"{parsed.link_count} links, none to a story"
        fetch.outcome = Outcome.EMPTY if is_empty else Outcome.LIST
        if fetch.is_html and parsed.links and fetch.key == self.url_rules.identify(self._home).key:
            fetch.front_page = blake2b("\n".join(link.key for link in parsed.links).encode(), digest_size=8).hexdigest()
