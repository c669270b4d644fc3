"""Entry points of a site: listings, feeds and sitemaps that link to its stories."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Pagination:
    """Pagination of a listing: its further pages are HTML fragments loaded by a button, or linked numbered pages.

    Pages are requested until one links to stories of earlier runs and to hardly any new ones.

    :param button: selector of the button that carries the list's id; empty if the listing has numbered pages
    :param attribute: attribute of the button that holds the id
    :param path: URL path of a fragment, with `{id}` and `{page}`
    :param first: number of the first fragment; if it is not known, the number of the listing's own page
    :param limit: maximum number of fragments or further pages
    """

    button: str = ""
    attribute: str = ""
    path: str = ""
    first: int = 1
    limit: int = 20


@dataclass(frozen=True, kw_only=True)
class EntryPoint:
    """A page, feed or sitemap (or several of one kind) that is requested for its links to stories.

    :param name: value of `stories.discovered_via` and `fetches.via`
    :param paths: URL paths on the site's first host; empty if robots.txt or a page's head names the URLs
    :param limit: maximum number of entries of one feed or sitemap to follow, newest first
    :param incremental: request it in every incremental run too; other entry points wait for a full run
    """

    name: str
    paths: tuple[str, ...] = ()
    limit: int = 1000
    incremental: bool = False


@dataclass(frozen=True, kw_only=True)
class Listing(EntryPoint):
    """An HTML page that lists stories, such as the page of a section."""

    pagination: Pagination | None = None


class Feed(EntryPoint):
    """An RSS or Atom feed."""


class Sitemap(EntryPoint):
    """A sitemap or an index of sitemaps."""


@dataclass(frozen=True, kw_only=True)
class CrawlPosition:
    """Position of a request relative to the first page of its entry point.

    :param page: page number within a listing with numbered pages
    :param fragment: fragment number within a listing with a button, which requests fragments of ``list_id``
    :param previous_keys: keys of the stories on the previous page or fragment
    :param sitemap_depth: number of sitemap indexes above this sitemap
    """

    page: int = 1
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
