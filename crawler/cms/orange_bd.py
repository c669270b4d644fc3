"""Sites on the CMS of Orange BD, such as Kalbela and Desh TV; its CSS classes begin with `dtl_` and `rpt_`.

`.details-title` is an h1 on most pages and an h2 on some. Dates occur twice, in the left column and in a line for
phones. The lists `latest` and `popular` are in the HTML of every page. The links of their rows have no text, and the
headline is in their attribute `aria-label`. Reliability of these facts (A to C, see `crawler.cms`): lists A, article B.
"""

from crawler.entry_points import Pagination
from crawler.parsing.extractors import attribute, before, css, joined, json_ld, meta
from crawler.parsing.layout import Layout
from crawler.parsing.ranked_lists import RankedList
from crawler.spider import NewspaperSpider

_PICTURE = ".dtl_img_section"
_DATED = "প্রকাশ|আপডেট"
# Elements that end up inside others, because the page does not close those.
_FURTHER = ".dtl_section, .dtl_content_section, .mobile_post_meta, .print_social, .rpt_info_section, #tags_list"
_OTHER_KINDS = (
    "video-gallery video-stories video videos photo-stories photo-gallery photo photos gallery opinion-poll poll print"
    " search podcast cdn-cgi assets latest-news popular-news all-news archive tag tags topic topics page author"
)


def layout(name: str, title: str, *, latin: str) -> Layout:
    """Return the layout of a site, which describes how the fields of a story are extracted from its pages.

    :param name: name of the layout
    :param title: title of the newspaper, with which the titles of its pages end
    :param latin: pattern of its name in Latin letters, which JSON-LD gives as the author of unsigned stories
    """
    site_name = rf"\s*\|\s*(?:দৈনিক\s+)?{title}.*$|\s+[–-]\s+(?:দৈনিক\s+)?{title}\s*$"
    house = rf"^\s*(?:দৈনিক\s+)?(?:{title}|{latin})\s*$"
    return Layout(
        name=name,
        title=(".headline_content_block .details-title", ".details-title"),
        preamble=".rpt_info_section, .rpt_name, .entry_update, .edition, .breadcrumb, .headline_content_block,"
        " .mobile_post_meta, .dtl_img_section",
        headline=(
            css(".headline_content_block .details-title", exclude=f"{_FURTHER}, .sholder"),
            css(".details-title", exclude=f"{_FURTHER}, .sholder"),
            css(
                ".headline_section h1, .headline_content_block h1, #details_content h1", exclude=f"{_FURTHER}, .sholder"
            ),
            json_ld("headline"),
            meta("og:title", remove=site_name),
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
            json_ld("author", "name", remove=house),
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
        ignored_images=r"\blogo\b|placeholder|loading|blank\.|\.svg\b",
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
            rf"^{title} অনলাইন এর সর্বশেষ",
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


class OrangeBd(NewspaperSpider):
    numbered = True
    other_kinds = frozenset(_OTHER_KINDS.split())
    lists = (
        _tab("latest", "latestview", "latest_list_block"),
        _tab("popular", "mostview", "popular_list_block"),
    )


#: Pagination of a section by the button that loads more of it as HTML.
SECTION_PAGES = Pagination(
    button="a#find_more[data-cat-id]",
    attribute="data-cat-id",
    path="/templates/web-view/category_page/more_cat_ajax.php?page={page}&cat={id}",
)
