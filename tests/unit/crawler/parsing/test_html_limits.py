"""Limits on HTML before it is parsed."""

from datetime import UTC, datetime

import pytest
from selectolax.lexbor import LexborHTMLParser

from crawler.parsing.html_limits import limit_markup
from crawler.parsing.page import Page


def depth(markup: str) -> int:
    """Return the depth of the parsed page."""
    root = LexborHTMLParser(markup).root
    deepest, level, node = 0, 0, root
    while node is not None:
        deepest = max(deepest, level)
        if node.first_child is not None:
            node, level = node.first_child, level + 1
            continue
        while node is not None and node.next is None:
            node, level = node.parent, level - 1
        node = node.next if node is not None else None
    return deepest


ORDINARY = "<div><p>এক <b>দুই</b></p></div>" * 400


@pytest.mark.parametrize(
    "markup",
    ["", "text", ORDINARY, "<script>" + "a < b; " * 9000 + "</script>", f"<p data-x='{'ক' * 9000}'>", "x" * 100_000],
)
def test_ordinary_page_is_not_changed(markup: str) -> None:
    assert limit_markup(markup) == markup


@pytest.mark.parametrize(
    "markup",
    [
        "<div>" * 100_000,
        "<x-y>" * 100_000,
        "<div/>" * 100_000,
        "<table><tr><td>" * 30_000,
        "<a href=x><div>" * 50_000,
        "".join(f"<p><font a{number}>" for number in range(30_000)),
    ],
    ids=lambda markup: markup[:12],
)
def test_deep_nesting_is_flattened(markup: str) -> None:
    flat = limit_markup(markup + "<p>শেষ কথা</p>")
    assert len(flat) < len(markup) + 100
    # One level of the markup may become four: a table adds body, row and cell.
    assert depth(flat) < 4 * 400 + 10
    assert "শেষ কথা" in LexborHTMLParser(flat).text()


def test_tag_with_many_attributes_is_removed() -> None:
    markup = "<p>আগে</p><div " + " ".join(f"a{number}=1" for number in range(50_000)) + "><p>পরে</p>"
    assert limit_markup(markup) == "<p>আগে</p><p>পরে</p>"


def test_scripts_and_comments_are_not_changed() -> None:
    script = "<script>for (i=0; i<n; i++) { if (a<b && c>d) x('<div>') }</script><!-- <div><div> --><style>a<b</style>"
    icons = "<svg><path d='M1 1'/><use href='#x'/></svg>"
    markup = (script + icons + "<div><p>কথা</p></div>") * 1500
    flat = limit_markup(markup)
    assert flat.count("<div><p>কথা</p></div>") == 1500
    assert flat.count(script) == 1500
    assert "<path" not in flat


def test_large_page_keeps_its_text() -> None:
    markup = "<div class=a><p>এক <b>দুই</b> <em>তিন</em><br>চার</p><ul><li>পাঁচ<li>ছয়</ul></div>" * 2000
    assert limit_markup(markup) != markup
    assert LexborHTMLParser(limit_markup(markup)).text() == LexborHTMLParser(markup).text()
    assert len(LexborHTMLParser(limit_markup(markup)).css("div.a > ul > li")) == 4000


@pytest.mark.parametrize("unclosed", ["<script>", "<!--", "<style>", "<textarea>", "<div", "<title>", "<b"])
def test_unclosed_element_is_not_expanded(unclosed: str) -> None:
    assert len(limit_markup(unclosed * 200_000)) <= len(unclosed) * 200_000


def test_parser_does_not_update_selectedcontent() -> None:
    # Updating it takes minutes for a form with many options.
    form = "<select><button><selectedcontent></selectedcontent></button>" + "<option>ক" * 500 + "</select>"
    shown = Page(form.encode(), "https://www.kalbela.com/", datetime.now(UTC)).tree.css_first("selectedcontent")
    assert shown is not None
    assert shown.text() == ""
