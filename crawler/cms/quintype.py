"""Sites on the CMS Quintype: Prothom Alo, in Bengali and English.

The pages contain their data as JSON in `script#static-page`. A browser builds story cards from it that are not in the
HTML. Class names with a hash change with each release and are not used. Reliability of these facts (A to C, see
`crawler.cms`): body, JSON-LD, lists and keys of the page's JSON A, writer without a page C, other fields B.
"""

from crawler.cms import structured_data as data
from crawler.entry_points import EntryPoint, Feed, Json, JsonPath, Listing, Sitemap
from crawler.parsing.extractors import attribute, css, json_ld, script_json
from crawler.parsing.layout import Layout
from crawler.parsing.ranked_lists import RankedList
from crawler.spider import NewspaperSpider

LAYOUT = Layout(
    name="quintype",
    title=(".story-title-info h1", "h1"),
    headline=(css(".story-title-info h1"), *data.HEADLINE),
    section=data.SECTION,
    kicker=(css(".story-title-info .sub-title"), json_ld("alternativeHeadline")),
    authors=(
        # The author's name is "লেখা:" ("text:") if the writer has no page of their own.
        css('.author-name-location-wrapper:has(.contributor-name:lexbor-contains("লেখা:")) .author-location'),
        css(".author-name-location-wrapper .contributor-name", exclude=".author-location"),
        css(".print-authors-list"),
        *data.AUTHORS,
    ),
    published=(
        *data.PUBLISHED,
        attribute(".time-social-share-wrapper time, .story-metadata-wrapper time", "datetime"),
        css(".time-social-share-wrapper, .story-metadata-wrapper"),
    ),
    updated=data.UPDATED,
    edition=(script_json("#static-page", "qt.data.story.metadata.story-attributes.edition"),),
    image=(attribute(".story-page-hero img", "data-src", "src"), *data.IMAGE),
    caption=(
        css(".story-page-hero .story-element-image-caption", exclude=".story-element-image-attribution"),
        attribute(".story-page-hero img", "alt"),
    ),
    credit=(css(".story-page-hero .story-element-image-attribution"),),
    body=(".story-content-wrapper .story-element-text", ".story-element-text"),
    story_container=".story-content-wrapper",
    exclude=f".story-element-text-also-read, .adsBox, .dfp-ad-unit, .print-adslot, .print-none, {data.ADVERTS}",
    tags=".tag-list a, .print-tags a",
    keywords=(json_ld("keywords"),),
)
#: Where a page's JSON and the collections of the API have their stories.
STORIES = JsonPath(items="**.story", link="url", title="headline", modified="last-published-at")


class Quintype(NewspaperSpider):
    layouts = (LAYOUT,)
    lists = (
        RankedList(
            name="latest",
            # Only the active tab is in the HTML; a click on the other loads the most read stories.
            regions=('.serial-stories-tabs:has(.active-tab:lexbor-contains("সর্বশেষ"))',),
            rows=".numbered-story-headline-wrapper > .numbered-story-headline",
            rank=".headline-number",
            title=".tilte-no-link-parent",
            drop=".sub-title",
        ),
    )


def entry_points(sections: str) -> tuple[EntryPoint, ...]:
    """Return the entry points of a site: page and API of the latest stories, API of the most read, feed and sections.

    The most read stories are the ranked list `popular` (grade C).

    :param sections: section paths, separated by spaces
    """
    api = "/api/v1/collections/{name}?item-type=story&offset=0&limit={limit}"
    return (
        Listing(
            name="latest-news", paths=("/collection/latest",), script="#static-page", entries=STORIES, incremental=True
        ),
        Json(name="latest-api", paths=(api.format(name="latest-all", limit=40),), entries=STORIES),
        Json(
            name="popular-api",
            paths=(api.format(name="mostread", limit=20),),
            entries=STORIES,
            ranked="popular",
            incremental=True,
        ),
        Feed(name="rss", paths=("/feed/", "/stories.rss"), incremental=True),
        Sitemap(name="sitemap", paths=("/news_sitemap.xml", "/sitemap/sitemap-daily-{date}.xml")),
        Listing(
            name="section",
            paths=tuple(f"/{section}" for section in sections.split()),
            script="#static-page",
            entries=STORIES,
        ),
    )
