"""Kalbela (কালবেলা), Dhaka, www.kalbela.com, on the CMS of Orange BD, with the layout of 2023.

The id at the end of the path is one increasing counter for all stories of the site. The sections before it vary in
number and do not identify a story. The archive host numbers its stories separately and is not crawled. Reliability of
these facts (A to C, see `crawler.cms`): URLs, lists and feeds A, article B; robots.txt, sitemaps and JSON-LD of
articles were not seen.
"""

import re
from zoneinfo import ZoneInfo

from crawler.cms import orange_bd
from crawler.entry_points import Feed, Listing, Pagination, Sitemap

_SECTIONS = (
    "national politics country-news world sports dainikshiksha business-news entertainment opinion court-law crime"
    " health religion capital art-literature probash technology job-news chittagong-sarabela lifestyle women-children"
    " legal-advice social-media strange-news corporate environment-climate celebration special"
    " ajkerpatrika/firstpage ajkerpatrika/lastpage ajkerpatrika/khobor ajkerpatrika/khela ajkerpatrika/tarabela"
    " ajkerpatrika/focus ajkerpatrika/banijjobela ajkerpatrika/joto-mot-toto-path ajkerpatrika/information-technology"
    " opinion/editorial opinion/reaction opinion/others opinion/readers-voice world/middle-east world/asia"
    " world/united-states world/africa world/pakistan sports/football sports/cricket sports/others"
    " dainikshiksha/results dainikshiksha/others technology/science lifestyle/others"
)

LAYOUT_2023 = orange_bd.layout("kalbela-2023", "কালবেলা", latin=r"kalbela(?:\.com)?")


class Kalbela(orange_bd.OrangeBd):
    name = "kalbela"
    title = "কালবেলা"
    hosts = ("www.kalbela.com", "kalbela.com")
    zone = ZoneInfo("Asia/Dhaka")
    verified = "both lists (Aug 2026)"
    seeds = ("https://www.kalbela.com/world/north-korea/154313",)
    # Numbers that are dates or page numbers are not ids. Paths below rss and templates are only feeds and fragments.
    story_path = re.compile(
        r"\A/(?!rss/|templates/|json-feed/)(?P<section>[a-z][\w-]*+(?:/[a-z][\w-]*+)*+)(?<!/page)/(?P<id>[0-9]++)",
        re.IGNORECASE,
    )
    layouts = (LAYOUT_2023,)
    entry_points = (
        Listing(name="latest-news", paths=("/latest-news",), pagination=Pagination(), incremental=True),
        Feed(name="rss", paths=("/rss/latest-rss.xml",), incremental=True),
        Listing(name="popular-news", paths=("/popular-news",)),
        Listing(name="all-news", paths=("/all-news",), pagination=Pagination()),
        Feed(name="rss"),  # named in the front page's head
        Sitemap(name="sitemap"),
        Listing(
            name="category",
            paths=tuple(f"/{section}" for section in _SECTIONS.split()),
            pagination=orange_bd.SECTION_PAGES,
        ),
    )
