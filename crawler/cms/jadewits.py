"""Sites on the CMS of jadewits (header `x-powered-by: Witter`), such as Ittefaq, Bangla Tribune and Dhaka Tribune.

Class names begin with `jw_`. Links are empty elements on top of the text (`a.link_overlay`). Lists are filled by
widgets, whose numbers differ from site to site. The JSON of the widgets is below `/api/`, which robots.txt of Ittefaq
and Dhaka Tribune forbids. Reliability of these facts (A to C, see `crawler.cms`): article body A, other fields B.
"""

import re
from urllib.parse import quote

from crawler.cms import structured_data as data
from crawler.entry_points import EntryPoint, Feed, Json, Listing, Pagination, Sitemap
from crawler.parsing.extractors import attribute, before, css, json_ld
from crawler.parsing.layout import Layout
from crawler.parsing.ranked_lists import RankedList
from crawler.spider import NewspaperSpider

LAYOUT = Layout(
    name="jadewits",
    title=("h1[itemprop=headline]", "h1.title"),
    headline=(css("h1[itemprop=headline]"), css("h1.title"), *data.HEADLINE),
    section=(css(".breadcrumb li:nth-child(2) a"), css(".secondary_logo"), *data.SECTION),
    kicker=(before("h2.subtitle", "h1.title"),),
    authors=(
        css(".additional_info_container .author .name"),
        css(".author .name, .author_n_share .name"),
        *data.AUTHORS,
    ),
    published=(attribute(".tts_time", "content"), *data.PUBLISHED, css(".tts_time"), css(".each_row.time")),
    updated=(*data.UPDATED, css(".each_row.time span", matching="আপডেট"), css(".each_row .time", matching="আপডেট")),
    image=(attribute(".featured_image img", "data-src", "src"), json_ld("image", "url"), *data.IMAGE),
    caption=(css(".featured_image .jw_media_caption"), css(".jw_media_caption")),
    body=(
        ".jw_article_body",
        "[itemprop=articleBody]",
        "article.jw_detail_content_holder",
        ".content_detail_each_group",
    ),
    story_container=".content_detail",
    exclude=f".content_highlights, .jwembed, .jw_media_caption, {data.ADVERTS}",
    tags=".topic_list a, .content_tags a",
)


class Jadewits(NewspaperSpider):
    numbered = True
    layouts = (LAYOUT,)


def latest(page: str, widget: int) -> tuple[RankedList, ...]:
    """Return the declaration of the ranked list `latest`, read from one widget of the page with the latest stories.

    :param page: path of the page; other pages may show other stories in the same widget
    :param widget: number of the widget, which differs from site to site
    """
    return (
        RankedList(
            name="latest",
            regions=(f"#contents_{widget}_ajax_container",),
            rows=".each",
            title=".title",
            drop=".subtitle",
            page=f"^{re.escape(quote(page))}/?$",
        ),
    )


def entry_points(page: str, widget: int, sections: str, *, disallowed: str = "") -> tuple[EntryPoint, ...]:
    """Return the entry points of a site: page of the latest stories, feed, JSON of its widget, sitemap and sections.

    :param page: path of the page with the latest stories
    :param widget: number of the widget with the latest stories
    :param sections: section paths, separated by spaces
    :param disallowed: reason why the JSON of the widget is not requested
    """
    api = f"/api/theme_engine/get_ajax_contents?widget={widget}&start={{offset}}&count=20&page_id=0&subpage_id=0"
    return (
        Listing(name="latest-news", paths=(page,), incremental=True),
        Feed(name="rss", paths=("/feed/",), incremental=True),
        Json(
            name="widget",
            paths=(f"{api}&author=0&tags=&archive_time=&filter=",),
            html="html",
            pagination=Pagination(step=20),
            disallowed=disallowed,
        ),
        Sitemap(name="sitemap", paths=("/news-sitemap.xml",)),
        Listing(name="section", paths=tuple(f"/{section}" for section in sections.split())),
    )
