"""Limits on HTML before it is parsed."""

import gzip
from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from crawler.decoding.attribute_limit import MAX_ATTRIBUTES
from crawler.parsing.html_limits import MAX_DEPTH, limit_markup
from crawler.parsing.page import Page
from tests.support.project import PROJECT

REAL = PROJECT.parent / "shared" / "real"


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


@pytest.mark.parametrize("form", ["a{}=1", "a{}", 'a{} = "ক > খ"', "a{}='x'/"])
def test_excess_attributes_are_dropped_and_counted(form: str) -> None:
    names = " ".join(form.format(number) for number in range(9_000))
    removed = Counter[str]()
    limited = limit_markup(f"<p>আগে</p><div class=x {names}><p>পরে</p></div><i>শেষ</i>", removed)
    assert removed == {"attributes": 9_001 - MAX_ATTRIBUTES}
    node = LexborHTMLParser(limited).css_first("div.x")
    assert node is not None
    assert len(node.attributes) == MAX_ATTRIBUTES
    assert node.text() == "পরে"
    assert limited.endswith("<p>পরে</p></div><i>শেষ</i>")


@pytest.mark.parametrize("value", ["ক খ " * 5_000, "a=1 " * 3_000, "<b> = " * 3_000, "/ > " * 4_000])
@pytest.mark.parametrize("copies", [1, 30])
def test_long_attribute_value_is_not_changed(value: str, copies: int) -> None:
    markup = f"<div data-x='{value}' style=\"{value}\"><p>কথা</p></div>" * copies
    assert limit_markup(markup) == markup


def test_json_in_a_script_is_not_shortened() -> None:
    markup = f"""<script type="application/ld+json">{{"articleBody": "x <p {"শব্দ " * 9_000}"}}</script><p>কথা</p>"""
    assert limit_markup(markup) == markup


def test_empty_element_is_open_on_every_page() -> None:
    one = "<p>আগে</p><div class='box'/><p>পরে</p>"
    for markup in (one, one * 3_000):
        node = LexborHTMLParser(limit_markup(markup)).css_first("div.box")
        assert node is not None
        assert "পরে" in node.text()


def test_scripts_and_comments_are_not_changed() -> None:
    script = "<script>for (i=0; i<n; i++) { if (a<b && c>d) x('<div>') }</script><!-- <div><div> --><style>a<b</style>"
    icons = "<svg><g><path d='M1 1'/></g><use href='#x'/></svg>"
    markup = (script + icons + "<div title='<div>'><p>কথা <br/>আর</p></div>") * 1500
    removed = Counter[str]()
    assert limit_markup(markup, removed) == markup
    deep = limit_markup(markup + "<div>" * 9_000, removed)
    assert deep.startswith(markup)
    assert removed == {"deep elements": 9_000 - MAX_DEPTH}


def test_large_page_keeps_its_text() -> None:
    markup = "<div class=a><p>এক <b>দুই</b> <em>তিন</em><br>চার</p><ul><li>পাঁচ<li>ছয়</ul></div>" * 3000
    assert limit_markup(markup) == markup
    unclosed = "<font color=red>" * 400 + markup
    removed = Counter[str]()
    limited = limit_markup(unclosed, removed)
    assert LexborHTMLParser(limited).text() == LexborHTMLParser(markup).text()
    assert len(LexborHTMLParser(limited).css("div.a > ul > li")) == 6000
    assert removed == {"formatting": 400 + 4 * 3000}


@pytest.mark.parametrize("stray", ["", "</x>", "</div>" * 50_000, "<br>", "<!-- x -->", "<p>ক"])
def test_deep_nesting_among_other_tags_is_flattened(stray: str) -> None:
    many = stray if len(stray) > 20 else ""
    markup = many + f"<div>{'' if many else stray}" * 40_000 + "শেষ" + "</div>" * 40_000
    removed = Counter[str]()
    flat = limit_markup(markup, removed)
    assert removed["deep elements"] >= 2 * (40_000 - MAX_DEPTH)
    assert depth(flat) < 2 * MAX_DEPTH + 10


@pytest.mark.skipif(not REAL.exists(), reason="no real pages beside the project")
def test_real_page_is_not_changed() -> None:
    changed = []
    for path in sorted(REAL.glob("*.html.gz")):
        html = gzip.decompress(path.read_bytes()).decode(errors="replace")
        removed = Counter[str]()
        if limit_markup(html, removed) != html or removed:
            changed.append((path.name, removed))
    assert changed == []


NODES = st.recursive(
    st.sampled_from(["কথা ", "<br>", "<img src=x>", "<p>ক", "<!-- খ -->", "<script>'<div>'</script>"]),
    lambda inner: st.tuples(
        st.sampled_from(["div", "span", "b", "ul", "table", "form", "section"]),
        st.integers(0, 700),
        st.lists(inner, max_size=4),
    ).map(lambda part: f"<{part[0]} data-x='{'y z ' * part[1]}'>{''.join(part[2])}</{part[0]}>"),
)


def words_are_kept(inner: str) -> bool:
    markup = inner * (25_000 // inner.count("<") + 1) if "<" in inner else inner
    markup = markup[:300_000]
    return LexborHTMLParser(limit_markup(markup)).text().split() == LexborHTMLParser(markup).text().split()


@settings(deadline=None, max_examples=20)
@given(NODES)
def test_no_limit_removes_words(inner: str) -> None:
    assert words_are_kept(inner)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(deadline=None, max_examples=10_000)
@given(NODES)
def test_no_limit_removes_words_soak(inner: str) -> None:
    assert words_are_kept(inner)


@pytest.mark.parametrize("unclosed", ["<script>", "<!--", "<style>", "<textarea>", "<div", "<title>", "<b"])
def test_unclosed_element_is_not_expanded(unclosed: str) -> None:
    assert len(limit_markup(unclosed * 200_000)) <= len(unclosed) * 200_000


def test_parser_does_not_update_selectedcontent() -> None:
    # Updating it takes minutes for a form with many options.
    form = "<select><button><selectedcontent></selectedcontent></button>" + "<option>ক" * 500 + "</select>"
    shown = Page(form.encode(), "https://www.kalbela.com/", datetime.now(UTC)).tree.css_first("selectedcontent")
    assert shown is not None
    assert shown.text() == ""
