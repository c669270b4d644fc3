"""Samakal (সমকাল), Dhaka, samakal.com, on the CMS of eMythMakers.

The id alone identifies a story, and any section in the path leads to it. The ids restarted on 30 September 2019. No
list of the most read stories was found. Reliability of these facts (A to C, see `crawler.cms`): URLs and section pages
A, article and feeds B.
"""

import re
from zoneinfo import ZoneInfo

from crawler.cms import emythmakers
from crawler.entry_points import Feed, Listing, Pagination, Sitemap
from crawler.parsing.ranked_lists import RankedList

_SECTIONS = (
    "bangladesh politics economics international sports entertainment whole-country crime opinion capital lifestyle"
    " technology feature probas chakri offbit editorial"
)


class Samakal(emythmakers.EMythMakers):
    name = "samakal"
    title = "সমকাল"
    hosts = ("samakal.com", "www.samakal.com")
    zone = ZoneInfo("Asia/Dhaka")
    numbered = True
    verified = "section page (Aug 2026)"
    story_path = re.compile(r"\A/(?P<section>[a-z][\w-]*+(?:/[a-z][\w-]*+)*?)/article/(?P<id>[0-9]++)(?:/[^/]*+)?")
    examples = (
        "https://samakal.com/opinion/article/368956/প্রধানমন্ত্রীকে-সৌদি",
        "https://samakal.com/economics/article/264110",
    )
    lists = (
        RankedList("latest", ("#data-wrapper",), ".CatListNews", title="h3", drop=".subHeading", page="^/latest/"),
    )
    entry_points = (
        Listing(name="latest-news", paths=("/latest/news?page={page}",), pagination=Pagination(), incremental=True),
        Feed(name="rss", paths=("/rss",), incremental=True),
        Sitemap(name="sitemap", paths=("/news_sitemap.xml", "/sitemap/sitemap-daily-{date}.xml")),
        Listing(name="section", paths=tuple(f"/{section}" for section in _SECTIONS.split())),
    )
