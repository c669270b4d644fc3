"""Entry points of a site: listings, feeds, sitemaps and JSON documents that link to its stories."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta


@dataclass(frozen=True, kw_only=True)
class Pagination:
    """Pagination: further pages are fragments that a button loads, linked numbered pages, or numbered in a path.

    Pages are requested until one links to stories of earlier runs and to hardly any new ones. An entry point with
    `{page}` or `{offset}` in a path is requested with the next number; other pages must be linked.

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

    :param name: value of `stories.discovered_via` and `fetches.via`
    :param paths: URLs, or URL paths on the site's first host; empty if robots.txt or a page's head names the URLs. They
        may contain `{date}` (also `{date:%d-%m-%Y}`), the day in the site's zone, and `{page}` or `{offset}`
    :param limit: maximum number of entries of one feed or sitemap to follow, newest first
    :param incremental: request it in every incremental run too; other entry points wait for a full run
    :param days: number of days for which a path with `{date}` is requested, today being the first
    :param disallowed: why it is declared but never requested, such as the rule of robots.txt
    """

    name: str
    paths: tuple[str, ...] = ()
    limit: int = 1000
    incremental: bool = False
    days: int = 2
    disallowed: str = ""
    pagination: Pagination | None = None

    def first_pages(self, today: date) -> Iterator[tuple[str, "CrawlPosition"]]:
        """Yield the URL of the first page of each path, with its position; none if the site disallows requests."""
        first = (self.pagination or Pagination()).first
        for path in () if self.disallowed else self.paths:
            for day in (today - timedelta(n) for n in range(self.days if "{date" in path else 1)):
                url = path.format(date=day, page="{page}", offset="{offset}")
                position = CrawlPosition(page=first, template=url) if "{" in url else CrawlPosition()
                yield url.format(page=first, offset=0), position

    def next_page(self, position: "CrawlPosition") -> tuple[str, "CrawlPosition"] | None:
        """Return URL and position of the page after a numbered one; None for other pages and at the limit."""
        pagination, number = self.pagination or Pagination(), position.page + 1
        if not position.template or number >= pagination.first + pagination.limit:
            return None
        offset = (number - pagination.first) * pagination.step
        return position.template.format(page=number, offset=offset), replace(position, page=number)


@dataclass(frozen=True, kw_only=True)
class JsonPath:
    """Where a JSON document has its entries; a path is a series of keys such as `data.stories`.

    :param items: path to the entries; `*` stands for each value of a list or object, `**` for all objects at any depth
    :param link: path to an entry's URL, or a pattern such as `/{Slug}/{ContentID}` of its values
    :param title: path to the headline, which may be HTML
    :param rank: path to the rank; without one, the position of an entry is its rank
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

    :param script: selector of a script element with JSON, from which the page makes further links to stories
    :param entries: where the links are in it
    """

    script: str = ""
    entries: JsonPath = JsonPath()


@dataclass(frozen=True, kw_only=True)
class Json(EntryPoint):
    """A JSON document that lists stories.

    :param ranked: name of the ranked list that the document is, if any (`latest`, `popular`)
    :param html: path to HTML whose links are the entries, instead of ``entries``
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
    """Position of a request relative to the first page of its entry point.

    :param page: page number within an entry point with numbered pages
    :param template: URL with `{page}` or `{offset}`, if the entry point declares one
    :param fragment: fragment number within a listing with a button, which requests fragments of ``list_id``
    :param previous_keys: keys of the stories on the previous page or fragment
    :param sitemap_depth: number of sitemap indexes above this sitemap
    """

    page: int = 1
    template: str = ""
    fragment: int | None = None
    list_id: str | None = None
    previous_keys: tuple[str, ...] = ()
    sitemap_depth: int = 0


def dump_position(entry_point: EntryPoint, position: CrawlPosition) -> str:
    """Serialise an entry point's name and a position as JSON, so that a later run can request the URL."""
    return json.dumps({"name": entry_point.name, "kind": type(entry_point).__name__, **asdict(position)})


def load_position(text: str, entry_points: Iterable[EntryPoint]) -> tuple[EntryPoint, CrawlPosition] | None:
    """Parse the output of :func:`dump_position`; return None if the site no longer declares the entry point."""
    values = json.loads(text)
    wanted = values.pop("name"), values.pop("kind")
    values["previous_keys"] = tuple(values["previous_keys"])
    for entry_point in entry_points:
        if (entry_point.name, type(entry_point).__name__) == wanted:
            return entry_point, CrawlPosition(**values)
    return None
