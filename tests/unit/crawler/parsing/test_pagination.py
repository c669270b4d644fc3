"""Pagination of listings by a button or by links of the page."""

from datetime import UTC, datetime

import pytest

from crawler.entry_points import Pagination
from crawler.parsing.page import Page
from crawler.parsing.pagination import fragment_list_id, next_page_link

URL = "https://www.kalbela.com/latest-news"
PAGINATION = Pagination(button="a#find_more[data-cat-id]", attribute="data-cat-id", path="/more?cat={id}&page={page}")


def page(markup: str, url: str = URL) -> Page:
    return Page(f"<html><body>{markup}</body></html>".encode(), url, datetime(2026, 1, 1, tzinfo=UTC), "text/html")


ONWARD = [
    ('<a href="?page=2">2</a>', URL, 1, f"{URL}?page=2"),
    ('<a href="/latest-news?page=1">1</a><a href="/latest-news?page=3">3</a>', f"{URL}?page=2", 2, f"{URL}?page=3"),
    ('<a href="/latest-news/page/2">2</a>', URL, 1, f"{URL}/page/2"),
    ('<a href="/latest-news/page/3">3</a>', f"{URL}/page/2", 2, f"{URL}/page/3"),
    ('<a rel="next" href="/latest-news?start=50">পরের পাতা</a>', URL, 1, f"{URL}?start=50"),
    ('<a href="?page=3">3</a>', URL, 1, None),
    ('<a href="/sports?page=2">2</a>', URL, 1, None),
    ('<a rel="next" href="/sports?start=50">2</a>', URL, 1, None),
    ('<a href="javascript:load(2)">2</a><a href="http://[">x</a>', URL, 1, None),
    ('<a rel="next" href="/latest-news">the same</a>', URL, 1, None),
]


@pytest.mark.parametrize(("markup", "url", "number", "onward"), ONWARD)
def test_next_page_is_linked_from_the_page(markup: str, url: str, number: int, onward: str | None) -> None:
    assert next_page_link(page(markup, url), url, number) == onward


@pytest.mark.parametrize(
    ("markup", "listing"),
    [
        ('<a id="find_more" data-cat-id="12">আরও</a>', "12"),
        ('<a id="find_more" data-cat-id="1&amp;cat=2">আরও</a>', None),
        ('<a id="find_more">আরও</a>', None),
        ("", None),
    ],
)
def test_button_gives_a_plain_list_id(markup: str, listing: str | None) -> None:
    assert fragment_list_id(page(markup), PAGINATION) == listing
    assert fragment_list_id(page(markup), Pagination()) is None
