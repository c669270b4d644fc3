"""How a listing goes on: in fragments that a button asks for, or on pages that the listing itself links to."""

import re
from urllib.parse import parse_qs, urljoin, urlsplit

from crawler.entry_points import Pagination
from crawler.parsing.page import Page

_LISTING = re.compile(r"[\w-]{1,64}")
_MOST_LINKS = 2000


def fragment_list_id(page: Page, pagination: Pagination) -> str | None:
    """The id under which a listing's button asks for its fragments; None where there is no such button."""
    button = page.tree.css_first(pagination.button) if pagination.button else None
    found = button.attributes.get(pagination.attribute) if button is not None else None
    return found if found and _LISTING.fullmatch(found) else None


def next_page_link(page: Page, url: str, number: int) -> str | None:
    """The link of a listing's page to the page after it, ``number`` being its own; None where there is none.

    It is never made up: the page links to its own path with the next number (`?page=3`, `/page/3`), or says that a
    link is the next one.
    """
    path = re.sub(r"/page/[0-9]+$", "", urlsplit(url).path).rstrip("/")
    for node in page.tree.css("a[href], link[rel=next][href]")[:_MOST_LINKS]:
        try:
            link = urljoin(page.base, (node.attributes.get("href") or "").strip())
            parts = urlsplit(link)
            numbers = parse_qs(parts.query).get("page", [])
        except ValueError:
            continue
        there = parts.path.rstrip("/")
        onward = (there, numbers) == (path, [str(number + 1)]) or there == f"{path}/page/{number + 1}"
        is_next = "next" in (node.attributes.get("rel") or "").split() and there.startswith(path)
        if parts.scheme in ("http", "https") and (onward or (is_next and link != url)):
            return link
    return None
