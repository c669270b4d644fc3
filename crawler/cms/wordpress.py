"""Sites on WordPress, which many small and regional newspapers use.

`/wp-json/wp/v2/posts` lists all posts with the time of their last change. Its `_gmt` fields are preferred, because a
site may be set to another time zone. Each site chooses the pattern of its story paths. Reliability of these facts (A to
C, see `crawler.cms`): one page of ukbdnews.com A, the other sites C.
"""

from crawler.cms import structured_data as data
from crawler.entry_points import Feed, Json, JsonPath, Listing, Pagination, Sitemap
from crawler.parsing.extractors import attribute, css, json_ld, meta
from crawler.parsing.layout import Layout
from crawler.spider import NewspaperSpider

# The head or foot of the story; lists of other stories, also inside its article, have times with the same classes.
# The class `updated` of the theme Newspaper (`td-module-date`) is on the time of publication.
_OWN = ("header:has(h1)", ".td-post-header", "h1 ~ .entry-meta", "h1 ~ .post-meta", "article:has(h1) > footer")
_FOOT = "article:has(h1) > footer >"


def _own(selector: str) -> str:
    return ", ".join(f"{place} {selector}" for place in _OWN)  # the parser's :is() finds no descendants


LAYOUT = Layout(
    name="wordpress",
    title=("article h1.entry-title", "h1.entry-title", "h1"),
    headline=(css("article h1.entry-title"), css("h1.entry-title"), css("article h1"), json_ld("headline")),
    section=(*data.SECTION, css(".entry-crumbs span:nth-last-of-type(2) a"), css(".cat-links a, .td-category a")),
    authors=(
        css(f"article:has(h1) .author-name, {_own('.byline .author')}, {_own('.td-post-author-name a')}"),
        css(_own(".author.vcard:not(.td-author-name) .fn")),
        *data.AUTHORS,
    ),
    published=(
        meta("article:published_time"),
        attribute(f"{_FOOT} [itemprop=datePublished]", "content"),
        attribute(_own("time.entry-date"), "datetime"),
        *data.PUBLISHED,
    ),
    updated=(
        meta("article:modified_time"),
        attribute(f"{_FOOT} [itemprop=dateModified]", "content"),
        *data.UPDATED,
        attribute(_own("time.updated:not(.td-module-date)"), "datetime"),
        meta("datemodified"),
    ),
    image=(
        meta("og:image"),
        attribute(".post-thumbnail img, .td-post-featured-image img", "data-src", "src"),
        *data.IMAGE,
    ),
    caption=(css(".wp-caption-text"), css(".td-post-featured-image figcaption, .post-thumbnail figcaption")),
    body=("article .entry-content", ".entry-content", "article .td-post-content", ".td-post-content", ".post-content"),
    exclude=f".sharedaddy, .jp-relatedposts, .wp-caption-text, .td-post-featured-image, .yarpp, {data.ADVERTS}",
    tags=".tags-links a, .td-post-source-tags .td-tags a, [rel=tag]",
)


class WordPress(NewspaperSpider):
    layouts = (LAYOUT,)
    other_kinds = frozenset(("wp-content", "wp-admin", "author", "tag", "category", "newscat", "page"))
    entry_points = (
        Listing(name="front-page", paths=("/",), incremental=True),
        Feed(name="rss", paths=("/feed/",), incremental=True),
        Json(
            name="posts",
            paths=("/wp-json/wp/v2/posts?per_page=50&page={page}",),
            entries=JsonPath(link="link", title="title.rendered", modified="modified_gmt"),
            pagination=Pagination(),
        ),
        Sitemap(name="sitemap"),
    )
