"""Sites on a Laravel system with routes below `/ajax/load/`: Jugantor, Daily Sun, Bhorer Kagoj and Jamuna TV.

A page contains its story twice, for desktops and for phones. The lists of the side column are empty in the HTML and
filled from `/ajax/load/latestnews/…` and `/ajax/load/popularnews/…`. `/ajax/store/newsView` counts readers and must
never be requested. Reliability of these facts (A to C, see `crawler.cms`): Jugantor A, the others C.
"""

from crawler.cms import structured_data as data
from crawler.entry_points import EntryPoint, Json, JsonPath, Listing, Pagination, Sitemap
from crawler.parsing.extractors import Extractor, attribute, css
from crawler.parsing.layout import Layout
from crawler.spider import NewspaperSpider


def _either(name: str, inside: str = "", *, matching: str = "") -> tuple[Extractor, ...]:
    """Return two extractors of a field, one for the desktop version of the story and one for its phone version."""
    return tuple(css(f".{copy}{name}{inside}", matching=matching) for copy in ("desktopDetail", "detail"))


LAYOUT = Layout(
    name="laravel-ajax",
    title=(".desktopDetailHeadline", ".detailHeadline"),
    headline=(*_either("Headline"), *data.HEADLINE),
    section=(*_either("Cat"), *data.SECTION),
    kicker=_either("Shoulder"),
    subtitle=_either("Hanger"),
    authors=(*_either("Reporter", " a"), *_either("Reporter"), *data.AUTHORS),
    dates=_either("PTime", matching="প্রকাশ|আপডেট"),
    published=data.PUBLISHED,
    updated=data.UPDATED,
    edition=_either("PTime"),
    image=(attribute(".desktopDetailPhoto img", "data-src", "src"), attribute(".detailPhoto img", "data-src", "src"))
    + data.IMAGE,
    ignored_images="/uploads/settings/",
    caption=_either("Photo", " figcaption"),
    body=(".desktopDetailBody", ".detailBody"),
    exclude=data.ADVERTS,
    tags=".desktopDetailTag a",
)


class LaravelAjax(NewspaperSpider):
    numbered = True
    layouts = (LAYOUT,)


def entry_points(sections: str, *, disallowed: str = "") -> tuple[EntryPoint, ...]:
    """Return the entry points of a site: page of the latest stories, JSON of both ranked lists, sitemap and sections.

    :param sections: section paths, separated by spaces
    :param disallowed: reason why the two JSON lists are not requested
    """
    popular = JsonPath(link="link")
    return (
        Listing(name="latest-news", paths=("/latest",), incremental=True),
        Json(
            name="latest-json",
            paths=("/ajax/load/latestnews/10/0/0",),
            entries=JsonPath(title="headline"),
            ranked="latest",
            incremental=True,
            disallowed=disallowed,
        ),
        Json(
            name="popular-json",
            paths=("/ajax/load/popularnews/15/0",),
            entries=popular,
            ranked="popular",
            incremental=True,
            disallowed=disallowed,
        ),
        Sitemap(name="sitemap", paths=("/news_sitemap.xml",)),
        Listing(name="section", paths=tuple(f"/{each}" for each in sections.split()), pagination=Pagination()),
    )
