"""Pagination of listings, by HTML fragments that a button loads or by links to numbered pages."""

import re
from urllib.parse import parse_qs, urlsplit

from crawler.entry_points import Pagination
from crawler.parsing.page import Page
from crawler.urls.standard import join

_LIST_ID = re.compile(r"[\w-]{1,64}")
_MAX_LINKS = 2000
# A link whose path and query are in its text as they are: without escapes, dot segments and anything to resolve.
_PLAIN = re.compile(r"(?:https?:/)?/(?!.*/\.)[A-Za-z0-9_.~/?=&:-]*")


def fragment_list_id(page: Page, pagination: Pagination) -> str | None:
    """Return the id that a listing's "more" button sends to load further fragments of HTML; None without a button."""
    button = page.tree.css_first(pagination.button) if pagination.button else None
    list_id = button.attributes.get(pagination.attribute) if button is not None else None
    return list_id if list_id and _LIST_ID.fullmatch(list_id) else None


def next_page_link(page: Page, url: str, number: int) -> str | None:
    """Return the link to the page after page ``number`` of a listing, or None if there is none.

    The URL is never constructed. The page must link to its own path with the next number (`?page=3`, `/page/3`), or
    mark the link with `rel=next`.
    """
    path, following = re.sub(r"/page/[0-9]+$", "", urlsplit(url).path).rstrip("/"), str(number + 1)
    is_numbered_so = re.compile(rf"(?<![0-9]){following}(?![0-9])").search
    for node in page.tree.css("a[href], link[rel=next][href]")[:_MAX_LINKS]:
        attributes = node.attributes
        href, rel = attributes.get("href") or "", (attributes.get("rel") or "").split()
        if not is_numbered_so(href) and "next" not in rel and _PLAIN.fullmatch(href):
            continue  # most links, of which parsing would take longer than all the rest of the page
        try:
            link = join(page.base_url, href)
            parts = urlsplit(link)
            numbers = parse_qs(parts.query).get("page", [])
        except ValueError:
            continue
        target = parts.path.rstrip("/")
        is_numbered = (target, numbers) == (path, [following]) or target == f"{path}/page/{following}"
        is_marked = "next" in rel and target.startswith(path) and link != url
        if parts.scheme in ("http", "https") and (is_numbered or is_marked):
            return link
    return None
