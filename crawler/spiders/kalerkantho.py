"""Kaler Kantho (কালের কণ্ঠ), Dhaka, www.kalerkantho.com, on a system of its publisher (Next.js).

The text is split over several elements, with advertisements in between, and a second story follows on the same page.
Class names of modules end in a code that changes with each build. Section pages are empty without scripts, and their
JSON is below `/api/`, which robots.txt forbids; it allows the daily sitemap. The front page had tabs for the latest and
the best stories of the day in 2023, which were not seen later. `pubDate` in the feed is the time in Dhaka, wrongly
marked as GMT. Reliability of these facts (A to C, see `crawler.cms`): URLs and article A, sitemap and feed B.
"""

import re
from zoneinfo import ZoneInfo

from crawler.cms import structured_data as data
from crawler.entry_points import Feed, Listing, Sitemap
from crawler.parsing.extractors import attribute, css, meta, page_url
from crawler.parsing.layout import Layout
from crawler.spider import NewspaperSpider

_SECTIONS = "national country-news dhaka chattogram Politics Court world sport entertainment business lifestyle opinion"
_TOP = ':is([class*="detailsTop"], [class*="sectionArea"])'
_AREA = '[class*="articleArea"]'

LAYOUT = Layout(
    name="kalerkantho-2026",
    title=("h1.display-6", "h1.my-3", "h1"),
    preamble="time, h1, h6",
    headline=(css("h1.display-6"), css("h1.my-3"), *data.HEADLINE, css("h1")),
    authors=(css(f"{_TOP} span.fw-bold"), css("h6.my-4"), *data.AUTHORS),
    dates=(css("time", matching="প্রকাশ"),),
    published=(meta("article:published_time"), *data.PUBLISHED),
    updated=data.UPDATED,
    edition=(page_url("/print-edition/", "print"), page_url("/online/", "online")),
    image=(attribute(f"{_AREA} figure img, figure img", "src"), *data.IMAGE),
    caption=(css("figure figcaption"),),
    body=('article[class*="detailsBody"]', "article.news-details-content", ".newsArticle", "article.my-5", ".someNews"),
    story_container=f"{_AREA}, main",
    exclude=f".related-story, {data.ADVERTS}",
)


class KalerKantho(NewspaperSpider):
    name = "kalerkantho"
    title = "কালের কণ্ঠ"
    hosts = ("www.kalerkantho.com", "kalerkantho.com")
    zone = ZoneInfo("Asia/Dhaka")
    numbered = True
    verified = "article (Jul 2026, trimmed)"
    story_path = re.compile(r"\A/(?P<section>(?:online|print-edition)/[\w-]++)/\d{4}/\d\d/\d\d/(?P<id>[0-9]++)")
    examples = ("https://www.kalerkantho.com/online/Politics/2026/09/28/1745298",)
    layouts = (LAYOUT,)
    entry_points = (
        Sitemap(name="sitemap", paths=("/daily-sitemap/{date}/sitemap.xml",), incremental=True),
        Feed(name="rss", paths=("/rss.xml",), incremental=True),
        Listing(name="section", paths=tuple(f"/online/{section}" for section in _SECTIONS.split())),
    )
