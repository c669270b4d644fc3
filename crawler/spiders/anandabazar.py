"""Anandabazar Patrika (আনন্দবাজার পত্রিকা), Kolkata, www.anandabazar.com, on the CMS of the ABP group.

Times are Indian (+05:30). The number after `/cid/` identifies a story. The slug may change; its end names the edition.
`/amp/…` and `/app/…` are other versions of a story. Pages print only the date of the last update; that of publication
is in JSON-LD. Text behind the paywall may be cut. Reliability of these facts (A to C, see `crawler.cms`): URLs and
printed dates A, section pages B, article C (of 2023); the elements of kicker and tags are not known, so the kicker is
the line directly above the headline, and tags are the links to topics.
"""

import re
from zoneinfo import ZoneInfo

from crawler.cms import structured_data as data
from crawler.entry_points import Listing, Pagination, Sitemap
from crawler.parsing.extractors import attribute, css, page_url
from crawler.parsing.layout import Layout
from crawler.spider import NewspaperSpider

_SECTIONS = "india west-bengal world sports entertainment lifestyle business editorial editorial/essays rabibashoriyo"

LAYOUT = Layout(
    name="anandabazar-2023",
    title=(".articlebox h1, .articletbox h1", "h1"),
    headline=(css(".articlebox h1, .articletbox h1"), *data.HEADLINE),
    section=data.SECTION,
    kicker=(css(":is(.articlebox, .articletbox) :has(+ h1)"),),
    subtitle=(css(".articlebox h2, .articletbox h2"),),
    byline=(css(".editbox > h5, .bynowtxt"), *data.AUTHORS),
    authors=data.AUTHORS,
    dates=(css(".editbtm span", matching="আপডেট"), css(".editbox", matching="আপডেট")),
    published=data.PUBLISHED,
    updated=data.UPDATED,
    edition=(page_url(r"-prnt(?=/|$)", "print"), page_url(r"-dgtld?(?=/|$)", "online")),
    image=(attribute(".leadimgbox img", "data-src", "src"), *data.IMAGE),
    caption=(css(".leadimgbox"), attribute(".leadimgbox img", "alt")),
    body=(".articlebox .contentbox", "#contentbox", ".contentbox"),
    tags='.tagbox a[href*="/topic/"], [class*=tags] a[href*="/topic/"]',
    exclude=f".stkyadbox, .articlestkyfooter, {data.ADVERTS}",
)


class Anandabazar(NewspaperSpider):
    name = "anandabazar"
    title = "আনন্দবাজার পত্রিকা"
    hosts = ("www.anandabazar.com", "anandabazar.com")
    zone = ZoneInfo("Asia/Kolkata")
    numbered = True
    story_path = re.compile(
        r"\A(?:/app(?=/))?/(?P<section>[a-z0-9][\w-]*+(?:/[a-z0-9][\w-]*+)??)/[\w-]++/cid/(?P<id>[0-9]++)"
    )
    other_kinds = frozenset(["video", "photogallery", "topic", "web-stories", "recipes", "weddings", "horoscope"])
    examples = ("https://www.anandabazar.com/editorial/essays/how-urbanisation-is-killing-prnt/cid/1626869",)
    layouts = (LAYOUT,)
    entry_points = (
        Sitemap(name="sitemap", paths=("/news-sitemap.xml",), incremental=True),
        Listing(name="section", paths=tuple(f"/{each}" for each in _SECTIONS.split()), incremental=True),
        Listing(
            name="section-pages",
            paths=tuple(f"/{each}/page-{{page}}" for each in _SECTIONS.split()),
            pagination=Pagination(first=2),
        ),
    )
