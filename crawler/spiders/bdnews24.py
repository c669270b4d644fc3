"""bdnews24.com Bangla, Dhaka, bangla.bdnews24.com, on the CMS of eMythMakers.

Story ids are random hashes of 12 hexadecimal digits, so they have no order and remain text. Paths below `/tube/` and
some others have the same form, but lead to videos and pictures; `/corporate/` is paid text. Page 3 of `/archive` and
later pages repeat page 2. No feed and no list of the most read stories was found. Reliability of these facts (A to C,
see `crawler.cms`): URLs A, lists B, article C.
"""

import re
from zoneinfo import ZoneInfo

from crawler.cms import emythmakers
from crawler.entry_points import Listing, Pagination, Sitemap
from crawler.parsing.ranked_lists import RankedList

_SECTIONS = (
    "bangladesh samagrabangladesh world cricket sport ctg glitz politics tech campus opinion economy business arts"
    " probash kidz health lifestyle science environment special"
)


class Bdnews24(emythmakers.EMythMakers):
    name = "bdnews24"
    title = "বিডিনিউজ টোয়েন্টিফোর ডটকম"
    hosts = ("bangla.bdnews24.com",)
    zone = ZoneInfo("Asia/Dhaka")
    story_path = re.compile(
        r"\A/(?!hello/hello-video/)(?P<section>[a-z][\w-]*+(?:/[a-z][\w-]*+)?)/(?P<id>[0-9a-f]{12})"
    )
    links_from_root = True
    other_kinds = frozenset(("tube", "media_bn", "photostory", "corporate"))
    examples = ("https://bangla.bdnews24.com/lifestyle/horoscope/d4c4251770f7",)
    lists = (RankedList("latest", ("#data-wrapper",), ".SubCat-wrapper", title="h5", page="^/archive"),)
    entry_points = (
        Listing(name="archive", paths=("/archive?page={page}",), pagination=Pagination(limit=2), incremental=True),
        Sitemap(name="sitemap", paths=("/news_sitemap.xml",)),
        Listing(name="section", paths=tuple(f"/{section}" for section in _SECTIONS.split())),
    )
