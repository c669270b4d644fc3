"""Entry points of a site: listings, feeds, sitemaps and JSON documents that link to its stories."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta

#: Entry points that list the stories of the whole site as they appear.
FLOW = frozenset(("latest", "latest-news", "all-news", "rss"))


@dataclass(frozen=True, kw_only=True)
class Pagination:
    """Rules for requesting the further pages of a listing or JSON document.

    There are three kinds: HTML fragments that a button loads, linked pages with a number, and URLs with a number in the
    path. The URLs of the last kind are made by counting up `{page}` or `{offset}` in the path of the entry point; pages
    of the other kinds are requested only if the listing links to them or has the button. Requests stop at a page that
    links to stories known from earlier runs and to hardly any new ones.

    :param button: selector of the button that carries the list's id; empty if the listing has numbered pages
    :param attribute: attribute of the button that holds the id
    :param path: URL path of a fragment, with `{id}` and `{page}`
    :param first: number of the first fragment or page; if it is not known, the number of the listing's own page
    :param limit: maximum number of fragments or further pages
    :param step: number of entries per page, by which `{offset}` grows
    """

    button: str = ""
    attribute: str = ""
    path: str = ""
    first: int = 1
    limit: int = 20
    step: int = 0


@dataclass(frozen=True, kw_only=True)
class EntryPoint:
    """A page, feed, sitemap or JSON document (or several of one kind) that is requested for its links to stories.

    :param name: value of `stories.discovered_via` and `fetches.via` for links found here
    :param paths: URLs, or URL paths on the site's first host; empty if the URLs are taken from robots.txt or from the
        head of a page. They may contain `{date}` (also `{date:%d-%m-%Y}`), which is the day in the site's time zone,
        and `{page}` or `{offset}`
    :param limit: maximum number of entries of one feed or sitemap to follow, newest first
    :param incremental: also request it in incremental runs, which look for new stories only; all others are requested
        in full runs (of the whole site) only
    :param days: number of days for which a path with `{date}` is requested, from today back
    :param disallowed: reason why it is declared but never requested, such as the rule of robots.txt
    """

    name: str
    paths: tuple[str, ...] = ()
    limit: int = 1000
    incremental: bool = False
    days: int = 2
    disallowed: str = ""
    pagination: Pagination | None = None

    def first_pages(self, today: date) -> Iterator[tuple[str, "CrawlPosition"]]:
        """Yield the URL of the first page of each path, with its position in the entry point.

        Nothing is yielded if the entry point is marked as disallowed.
        """
        first = (self.pagination or Pagination()).first
        for path in () if self.disallowed else self.paths:
            for day in (today - timedelta(n) for n in range(self.days if "{date" in path else 1)):
                url = path.format(date=day, page="{page}", offset="{offset}")
                is_numbered, may_be_empty = "{" in url, "{date" in path and day == today and self.days > 1
                position = CrawlPosition(page=first, template=url) if is_numbered else CrawlPosition()
                yield url.format(page=first, offset=0), replace(position, may_be_empty=may_be_empty)

    def next_page(self, position: "CrawlPosition") -> tuple[str, "CrawlPosition"] | None:
        """Return the URL and position of the page that follows a page with `{page}` or `{offset}` in its URL.

        Return None for pages without such a number, and when the maximum number of pages is reached.
        """
        pagination, number = self.pagination or Pagination(), position.page + 1
        if not position.template or number >= pagination.first + pagination.limit:
            return None
        offset = (number - pagination.first) * pagination.step
        return position.template.format(page=number, offset=offset), replace(position, page=number)


@dataclass(frozen=True, kw_only=True)
class JsonPath:
    """Paths to the entries of a JSON document and to their fields; a path is a series of keys such as `data.stories`.

    :param items: path to the entries; `*` stands for each value of a list or object, `**` for all objects at any depth
    :param link: path to an entry's URL, or a pattern that is filled with its values, such as `/{Slug}/{ContentID}`
    :param title: path to the headline, which may be HTML
    :param rank: path to the rank; without it, the rank is the position of the entry in the document
    :param modified: path to the date of the last change: ISO 8601, RFC 822, or seconds or milliseconds since 1970
    """

    items: str = ""
    link: str = "url"
    title: str = "title"
    rank: str = ""
    modified: str = ""


@dataclass(frozen=True, kw_only=True)
class Listing(EntryPoint):
    """An HTML page that lists stories, such as the page of a section.

    :param script: selector of a script element with JSON that contains further links to stories
    :param entries: paths to these links in the JSON
    """

    script: str = ""
    entries: JsonPath = JsonPath()


@dataclass(frozen=True, kw_only=True)
class Json(EntryPoint):
    """A JSON document that lists stories.

    :param ranked: name of the ranked list (`latest` or `popular`) that the document contains, if any
    :param html: path to a value that is HTML; if given, the links in that HTML are the entries, instead of ``entries``
    """

    entries: JsonPath = JsonPath()
    ranked: str = ""
    html: str = ""


class Feed(EntryPoint):
    """An RSS or Atom feed."""


class Sitemap(EntryPoint):
    """A sitemap or an index of sitemaps."""


@dataclass(frozen=True, kw_only=True)
class CrawlPosition:
    """Page number, fragment number or sitemap depth of a request within its entry point.

    An entry point is a listing, feed, sitemap or JSON document of a site.

    :param page: page number within an entry point with numbered pages
    :param template: URL with `{page}` or `{offset}`, if the entry point declares one
    :param fragment: number of an HTML fragment that a button of the listing loads; the fragments belong to ``list_id``
    :param previous_keys: keys of the stories on the previous page or fragment
    :param sitemap_depth: number of sitemap indexes above this sitemap
    :param may_be_empty: the page is that of a day that is not over yet, so it may have no story
    """

    page: int = 1
    template: str = ""
    fragment: int | None = None
    list_id: str | None = None
    previous_keys: tuple[str, ...] = ()
    sitemap_depth: int = 0
    may_be_empty: bool = False


def dump_position(entry_point: EntryPoint, position: CrawlPosition) -> str:
    """Serialise the name of an entry point and a position in it as JSON, so that a later run can request the URL.

    An entry point is a listing, feed, sitemap or JSON document of a site.
    """
    return json.dumps({"name": entry_point.name, "kind": type(entry_point).__name__, **asdict(position)})


def load_position(text: str, entry_points: Iterable[EntryPoint]) -> tuple[EntryPoint, CrawlPosition] | None:
    """Parse the output of :func:`dump_position` into an entry point (such as a feed) and a position in it.

    Return None if the site no longer declares the entry point.
    """
    values = json.loads(text)
    wanted = values.pop("name"), values.pop("kind")
    values["previous_keys"] = tuple(values["previous_keys"])
    for entry_point in entry_points:
        if (entry_point.name, type(entry_point).__name__) == wanted:
            return entry_point, CrawlPosition(**values)
    return None
