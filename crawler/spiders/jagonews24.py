"""Jago News 24 (জাগো নিউজ), Dhaka, www.jagonews24.com, on its own system.

`/m/<section>/<sub>/<id>` and `/amp/<id>` are other versions of a story; the number alone identifies it. Dates have the
time first. The byline occurs twice, once for print. A text ends with the initials of the desk. Reliability of these
facts (A to C, see `crawler.cms`): URLs A; article and lists A in June 2020, B until 2026; feed and sitemap B.
"""

import re
from zoneinfo import ZoneInfo

from crawler.cms import structured_data as data
from crawler.entry_points import Feed, Listing, Sitemap
from crawler.parsing.extractors import attribute, css
from crawler.parsing.layout import Layout
from crawler.parsing.ranked_lists import RankedList
from crawler.spider import NewspaperSpider

_SECTIONS = "national politics economy international country sports entertainment technology lifestyle health opinion"
_META = ".time-with-author"

LAYOUT = Layout(
    name="jagonews24-2020",
    title=("h1",),
    headline=(css("h1"), *data.HEADLINE),
    section=(css("ol.breadcrumb li:last-child a"), *data.SECTION),
    authors=(css(f"{_META} a.hidden-print"), css(f"{_META} a.visible-print-view"), *data.AUTHORS),
    dates=(css(_META),),
    published=data.PUBLISHED,
    updated=data.UPDATED,
    image=(attribute(".featured-image img", "data-src", "src"), *data.IMAGE),
    caption=(css('.featured-image [class*="caption"]'), attribute(".featured-image img", "alt")),
    body=(".content-details",),
    exclude=data.ADVERTS,
    tags='.photo-tags a[href*="/topic/"]',
)


class JagoNews24(NewspaperSpider):
    name = "jagonews24"
    title = "জাগো নিউজ"
    hosts = ("www.jagonews24.com", "jagonews24.com")
    zone = ZoneInfo("Asia/Dhaka")
    numbered = True
    story_path = re.compile(
        r"\A(?:/(?P<section>[a-z][\w-]*+(?:/(?!news/|article/)[a-z][\w-]*+)?)(?:/(?:news|article))?)?/(?P<id>[0-9]++)"
    )
    other_kinds = frozenset(["topic", "archive", "photo", "video", "author"])
    examples = ("https://www.jagonews24.com/m/opinion/article/1149584", "https://www.jagonews24.com/amp/775698")
    layouts = (LAYOUT,)
    lists = (
        RankedList("latest", (".jagoTab2 #tab21",), "li.media", ".media-left span", ".media-heading"),
        RankedList("popular", (".jagoTab2 #tab22",), "li.media", ".media-left span", ".media-heading"),
    )
    entry_points = (
        Feed(name="rss", paths=("/rss/rss.xml",), incremental=True),
        Sitemap(name="sitemap", paths=("/sitemaps/news-sitemap.xml",)),
        Listing(name="archive", paths=("/archive?dateFrom={date:%d/%m/%Y}&dateTo={date:%d/%m/%Y}",)),
        Listing(name="section", paths=tuple(f"/{section}" for section in _SECTIONS.split())),
    )
