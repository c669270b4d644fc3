"""Pagination of listings, by HTML fragments that a button loads or by links to numbered pages."""

import re
from urllib.parse import parse_qs, urlsplit

from crawler.entry_points import Pagination
from crawler.parsing.page import Page
from crawler.urls.standard import join

_LIST_ID = re.compile(r"[\w-]{1,64}")
_MAX_LINKS = 2000


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
    path = re.sub(r"/page/[0-9]+$", "", urlsplit(url).path).rstrip("/")
    for node in page.tree.css("a[href], link[rel=next][href]")[:_MAX_LINKS]:
        try:
            link = join(page.base_url, node.attributes.get("href") or "")
            parts = urlsplit(link)
            numbers = parse_qs(parts.query).get("page", [])
        except ValueError:
            continue
        target = parts.path.rstrip("/")
        is_numbered = (target, numbers) == (path, [str(number + 1)]) or target == f"{path}/page/{number + 1}"
        is_marked = "next" in (node.attributes.get("rel") or "").split() and target.startswith(path) and link != url
        if parts.scheme in ("http", "https") and (is_numbered or is_marked):
            return link
    return None
