"""BBC News Bangla (বিবিসি বাংলা), London, www.bbc.com/bengali, on Simorgh, the BBC's own front end.

Simorgh is open source, so its markup is known at first hand. Class names with a hash are not used. Story ids are
random; their last letter is the kind of page. Older stories are `/bengali/news-<number>`. Other versions of a story end
in `.amp`, `.app` or `.lite`, or are on www.bbc.co.uk. The path has no section. Reliability of these facts (A to C, see
`crawler.cms`): feed and body B, all others A.
"""

import re
from zoneinfo import ZoneInfo

from crawler.cms import structured_data as data
from crawler.entry_points import Feed, Listing
from crawler.parsing.extractors import attribute, css, json_ld, meta
from crawler.parsing.layout import Layout
from crawler.parsing.ranked_lists import RankedList
from crawler.spider import NewspaperSpider

_TOPICS = "c907347rezkt cqywj91rkg6t cjgn7233zk5t c8y94k95v52t cg7265yyxn1t cdr56g57y01t c2dwq2nd40xt"
_SITE_NAME = r"\s+-\s+BBC News বাংলা\s*$"

LAYOUT = Layout(
    name="simorgh",
    title=("main h1", "h1"),
    headline=(css("main h1"), json_ld("headline"), meta("og:title", remove=_SITE_NAME)),
    section=(json_ld("about", "name"), meta("article:section")),
    authors=(
        css('[data-testid="byline"] li:first-child, .byline'),
        json_ld("author", "name", remove=r"^BBC News বাংলা$"),
    ),
    published=(*data.PUBLISHED, attribute("main time:not(section time, li time)", "datetime")),
    updated=data.UPDATED,
    image=(json_ld("image", "url"), meta("og:image")),
    caption=(css("main figure figcaption", remove="^(?:ছবির উৎস,.*?)?ছবির ক্যাপশান,"),),
    credit=(css("main figure p[role=text]", remove="^ছবির উৎস,"),),
    body=("main [dir=ltr]:not(figcaption), main h2",),
    story_container="main",
    exclude="h1, figure, time, [data-testid=byline], [aria-labelledby], section, ul[role=list] a,"
    " [data-e2e=related-content]",
    promo=("^সতর্কবাণী:", "^এই খবর নিয়ে আরো তথ্য"),
    tags='[aria-labelledby="related-topics"] a',
)


class BbcBangla(NewspaperSpider):
    name = "bbcbangla"
    title = "বিবিসি বাংলা"
    hosts = ("www.bbc.com", "www.bbc.co.uk", "bbc.com", "feeds.bbci.co.uk")
    zone = ZoneInfo("Asia/Dhaka")
    front_page = "/bengali"
    story_path = re.compile(r"\A/bengali/(?:articles/(?=c))?(?P<id>c[a-z0-9]{10}o|(?:news-)?[0-9]++)")
    examples = ("https://www.bbc.com/bengali/articles/cm2g24p65mno",)
    layouts = (LAYOUT,)
    lists = (
        RankedList(
            "popular", ("main", '[aria-labelledby="Most-Read"]'), "ol > li", "span", "a", page="^/bengali/popular/"
        ),
    )
    entry_points = (
        Feed(name="rss", paths=("https://feeds.bbci.co.uk/bengali/rss.xml",), incremental=True),
        Listing(name="popular-read", paths=("/bengali/popular/read",), incremental=True),
        Listing(name="topic", paths=tuple(f"/bengali/topics/{topic}" for topic in _TOPICS.split())),
    )
