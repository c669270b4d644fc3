"""Kalbela (কালবেলা), Dhaka, www.kalbela.com: CMS of Orange BD, layout of 2023.

Story ids are one increasing counter for the whole paper, at the end of the path; the sections before it vary in depth
and do not identify a story. The archive host numbers its stories separately and is not crawled. `.details-title` is an
h1 on most pages and an h2 on some; dates occur twice, in the left column and in a line for phones.
"""

import re
from zoneinfo import ZoneInfo

from crawler.entry_points import Feed, Listing, Pagination, Sitemap
from crawler.parsing.extractors import attribute, before, css, joined, json_ld, meta
from crawler.parsing.layout import Layout
from crawler.parsing.ranked_lists import RankedList
from crawler.spider import NewspaperSpider

_PICTURE = ".dtl_img_section"
_SITE_NAME = r"\s*\|\s*(?:দৈনিক\s+)?কালবেলা.*$|\s+[–-]\s+(?:দৈনিক\s+)?কালবেলা\s*$"
_HOUSE = r"^\s*(?:দৈনিক\s+)?(?:কালবেলা|kalbela(?:\.com)?)\s*$"
_DATED = "প্রকাশ|আপডেট"
# Elements that end up inside others, because the page does not close those.
_FURTHER = ".dtl_section, .dtl_content_section, .mobile_post_meta, .print_social, .rpt_info_section, #tags_list"
_OTHER_KINDS = (
    "video-gallery video-stories video videos photo-stories photo-gallery photo photos gallery opinion-poll poll print"
    " search podcast cdn-cgi assets latest-news popular-news all-news archive tag tags topic topics page author"
)
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

LAYOUT_2023 = Layout(
    name="kalbela-2023",
    title=(".headline_content_block .details-title", ".details-title"),
    preamble=".rpt_info_section, .rpt_name, .entry_update, .edition, .breadcrumb, .headline_content_block,"
    " .mobile_post_meta, .dtl_img_section",
    headline=(
        css(".headline_content_block .details-title", exclude=f"{_FURTHER}, .sholder"),
        css(".details-title", exclude=f"{_FURTHER}, .sholder"),
        css(".headline_section h1, .headline_content_block h1, #details_content h1", exclude=f"{_FURTHER}, .sholder"),
        json_ld("headline"),
        meta("og:title", remove=_SITE_NAME),
    ),
    kicker=(
        before(".headline_content_block h5", ".details-title"),
        before(".headline_content_block h6", ".details-title"),
        css(".details-title .sholder"),
    ),
    byline=(
        joined(".rpt_info_section", ".rpt_name", exclude=".entry_update, .edition"),
        css(".rpt_name", exclude=".entry_update, .edition"),
        joined(".rpt_more_list_block", "a, li"),
        css(".rpt_more"),
        json_ld("author", "name", remove=_HOUSE),
    ),
    authors=(css(".rpt_info_section .rpt_name", exclude=".entry_update, .edition"),),
    dates=(
        css(".rpt_info_section", matching=_DATED),
        css(".entry_update", matching=_DATED),
        css('.dtl_content_layer div[style*="inline-block"]', matching=_DATED),
        css(".headline_content_block div, .rpt_and_share_block div", matching=_DATED),
        # A date without a label next to the byline is the date of publication.
        css(".rpt_info_section"),
        css(".entry_update"),
        css(".mobile_post_meta"),
    ),
    published=(meta("article:published_time"), json_ld("datePublished")),
    updated=(meta("article:modified_time"), json_ld("dateModified")),
    edition=(css(".edition"), css(".rpt_info_section"), css(".mobile_post_meta")),
    image=(
        attribute(f"{_PICTURE} img.detailImg", "data-original", "data-src", "src"),
        attribute(f"{_PICTURE} .detailImg", "data-src"),
        attribute(f"{_PICTURE} img", "data-original", "data-src", "src"),
        meta("og:image", matching="/news_photos/"),
        json_ld("image", matching="/news_photos/"),
        json_ld("image", "url", matching="/news_photos/"),
    ),
    ignored_images=r"^data:|\blogo\b|placeholder|loading|blank\.|\.svg\b",
    caption=(
        css(f"{_PICTURE} [class*=caption], {_PICTURE} figcaption, {_PICTURE} + [class*=caption]", exclude=_FURTHER),
        attribute(f"{_PICTURE} [data-sub-html]", "data-sub-html", markup=True),
        css(_PICTURE, exclude=_FURTHER),
        css(f"{_PICTURE} + p", matching="ছবি|গ্রাফিক্স|সংগৃহীত"),
        attribute(f"{_PICTURE} img", "alt", "title"),
    ),
    body=(".dtl_content_section", "#dtl_part .dtl_content"),
    story_container=".dtl_section",
    exclude="[class*=caption], [class*=related], [class*=read_more], [class*=readmore], [class*=share],"
    " [class*=social], [class*=advert], [class*=adsbygoogle], [id*=google_ads], [id*=div-gpt], .ad, .ads,"
    " .google_news, #tags_list, #facebook_comments",
    promo=(
        r"সর্বশেষ খবর পেতে.{0,200}(?:ফিড|চ্যানেল|পেজ|পেইজ|গ্রুপ|অনুসরণ)",
        r"^কালবেলা অনলাইন এর সর্বশেষ",
        r"^(?:Google News|গুগল নিউজ)$",
        r"^ফিডটি অনুসরণ করুন",
    ),
    tags="#tags_list a",
    expected=frozenset(("byline", "published_at", "edition", "image_url")),
)


def _tab(name: str, view: str, block: str) -> RankedList:
    return RankedList(
        name=name,
        regions=(f"#{view}1", f"[id^={view}]", f"[id^={block}]"),
        rows=".sub2-lead-content",
        rank=".news_sl",
        title=".title",
        drop=".sholder",
        headline="@aria-label",
    )


class Kalbela(NewspaperSpider):
    name = "kalbela"
    title = "কালবেলা"
    hosts = ("www.kalbela.com", "kalbela.com")
    zone = ZoneInfo("Asia/Dhaka")
    numbered = True
    seeds = ("https://www.kalbela.com/world/north-korea/154313",)
    # Numbers that are dates or page numbers are not ids. Paths below rss and templates are only feeds and fragments.
    story_path = re.compile(
        r"\A/(?!rss/|templates/|json-feed/)(?P<section>[a-z][\w-]*+(?:/[a-z][\w-]*+)*+)(?<!/page)/(?P<id>[0-9]++)",
        re.IGNORECASE,
    )
    other_kinds = frozenset(_OTHER_KINDS.split())
    layouts = (LAYOUT_2023,)
    lists = (
        _tab("latest", "latestview", "latest_list_block"),
        _tab("popular", "mostview", "popular_list_block"),
    )
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
            pagination=Pagination(
                button="a#find_more[data-cat-id]",
                attribute="data-cat-id",
                path="/templates/web-view/category_page/more_cat_ajax.php?page={page}&cat={id}",
            ),
        ),
    )
