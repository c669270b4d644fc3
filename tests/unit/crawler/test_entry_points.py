"""Positions behind entry points survive from one run to the next."""

import pytest

from crawler.entry_points import CrawlPosition, EntryPoint, Feed, Listing, dump_position, load_position
from crawler.spiders.kalbela import Kalbela

WWW = "https://www.kalbela.com"
LISTING, FEED = Listing(name="rss"), Feed(name="rss", paths=("/rss",))


@pytest.mark.parametrize("entry_point", [LISTING, FEED])
@pytest.mark.parametrize(
    "position",
    [
        CrawlPosition(),
        CrawlPosition(page=3),
        CrawlPosition(fragment=0, list_id="দেশ-7", previous_keys=("kalbela:1", "kalbela:2")),
        CrawlPosition(sitemap_depth=1),
    ],
)
def test_dumped_position_loads_again(entry_point: EntryPoint, position: CrawlPosition) -> None:
    assert load_position(dump_position(entry_point, position), (LISTING, FEED)) == (entry_point, position)
    assert load_position(dump_position(entry_point, position), ()) is None


def test_resumed_requests_keep_their_order() -> None:
    spider = Kalbela()

    def priority(link: str, via: str, saved: str | None = None) -> int:
        fetch = spider.new_fetch(spider.url_rules.identify(link, WWW), via=via, referrer=None, depth=1)
        request = spider.resume(fetch, saved)
        assert request is not None
        return request.priority

    listing = next(each for each in spider.entry_points if each.name == "category")
    ranked = [priority(f"/world/{number}", name) for number, name in enumerate(("latest", "popular"), start=1)]
    section = priority("/world", "category", dump_position(listing, CrawlPosition()))
    story = priority("/world/3", "category")
    assert min(ranked) > section > story
