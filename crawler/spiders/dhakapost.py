"""Dhaka Post (ঢাকা পোস্ট), Dhaka, www.dhakapost.com, on its own system (Next.js).

Class names are those of a CSS utility framework and change freely. Rows of lists are links without rank or time. Every
page begins with a hidden link to `/cdn-cgi/content?id=…`, a trap for crawlers that is never followed. It is not known
if the order of `/popular-bangla-news` is a ranking, so the page is not read as a list. Reliability of these facts (A to
C, see `crawler.cms`): URLs, section page and the list `latest` A, text and date of an article B, its other fields C.
"""

import re
from zoneinfo import ZoneInfo

from crawler.cms import structured_data as data
from crawler.entry_points import Feed, Listing, Sitemap
from crawler.parsing.extractors import attribute, css
from crawler.parsing.layout import Layout
from crawler.parsing.ranked_lists import RankedList
from crawler.spider import NewspaperSpider

_SECTIONS = "national politics economy international country sports entertainment jobs-career opinion"

LAYOUT = Layout(
    name="dhakapost",
    title=("h1",),
    headline=(css("h1"), *data.HEADLINE),
    section=data.SECTION,
    kicker=(css("article header > p:has(+ h1)"),),
    authors=(
        *data.AUTHORS,
        css('article:has(h1) [class*="author"] a, article:has(h1) [class*="writer"] a'),
        css('article:has(h1) [class*="author"], article:has(h1) [class*="writer"]'),
    ),
    published=(attribute("article:has(h1) time", "datetime"), *data.PUBLISHED, css("article:has(h1) time")),
    updated=data.UPDATED,
    image=data.IMAGE,
    caption=(css("article:has(h1) figcaption"),),
    body=('article [class*="news-details"]', '[class*="news-details"]', "article > div:nth-child(3)"),
    exclude=data.ADVERTS,
    promo=("^(?:ফলো করুন|লোড হচ্ছে)",),
    tags='article a[href*="/topic/"]',
)


class DhakaPost(NewspaperSpider):
    name = "dhakapost"
    title = "ঢাকা পোস্ট"
    hosts = ("www.dhakapost.com", "dhakapost.com")
    zone = ZoneInfo("Asia/Dhaka")
    numbered = True
    verified = "section page and the list `latest` (Feb 2026)"
    story_path = re.compile(r"\A/(?P<section>[a-z][\w-]*+(?:/[a-z][\w-]*+)?)/(?P<id>[0-9]++)")
    other_kinds = frozenset(("topic", "archive"))
    examples = ("https://www.dhakapost.com/national/432463",)
    layouts = (LAYOUT,)
    lists = (RankedList("latest", ('div:has(h4:lexbor-contains("সর্বশেষ")) + div.flex-col',), "a.group", title="h3"),)
    entry_points = (
        Listing(name="latest-news", paths=("/latest-news",), incremental=True),
        Feed(name="rss", paths=("/rss/rss.xml",), incremental=True),
        Listing(name="popular-news", paths=("/popular-bangla-news",)),
        Sitemap(name="sitemap", paths=("/sitemaps/news-sitemap.xml",)),
        Listing(name="section", paths=tuple(f"/{section}" for section in _SECTIONS.split())),
    )
