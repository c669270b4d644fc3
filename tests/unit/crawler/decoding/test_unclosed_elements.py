"""Elements that are never read and never closed hide no text."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from crawler.decoding.unclosed_elements import SKIPPED_CONTAINERS, close_elements, may_be_unclosed
from crawler.parsing.page import Page
from crawler.spiders.kalbela import LAYOUT_2023, Kalbela
from crawler.urls import SiteUrl

URL = "https://www.kalbela.com/world/north-korea/154313"


def paragraphs(inner: str) -> list[str]:
    html = f"""<!DOCTYPE html><html><head><title>শিরোনাম</title></head><body><h1 class="details-title">শিরোনাম</h1>
        <div class="dtl_section"><div class="dtl_content_section">{inner}</div></div>
        <footer>পাদ</footer></body></html>"""
    rules = Kalbela.make_url_rules()
    address = rules.identify(URL)
    assert isinstance(address, SiteUrl)
    page = Page(html.encode(), URL, datetime(2026, 1, 12, tzinfo=UTC))
    return LAYOUT_2023.parse(page, address, rules, Kalbela.zone).story.body.split("\n\n")


CAPTION = "<figure><img><figcaption>একটি <b>ছবি</b>"


@pytest.mark.parametrize(
    ("inner", "unclosed"),
    [
        (f"<div>{CAPTION}</figcaption></figure></div>", False),
        (f"{CAPTION}</figcaption></figure><p>পরে</p>", False),
        *(
            (f"{CAPTION}<{tag}>পরে</{tag}>", True)
            for tag in ("p", "blockquote", "h4", "ul", "pre", "article", "center")
        ),
        (f"{CAPTION}<br>পরে", True),
        (f"{CAPTION}</figcaption>পরে", True),
    ],
)
def test_figure_with_plain_caption_is_closed(inner: str, unclosed: bool) -> None:
    container = LexborHTMLParser(f'<form><div id="text">{inner}</div></form>').css_first("#text")
    assert container is not None
    assert may_be_unclosed(container) is unclosed


NAMES = sorted(SKIPPED_CONTAINERS - {"iframe", "textarea"})


@pytest.mark.parametrize("name", [*NAMES, "FORM", "iframe", "textarea"])
def test_unclosed_element_hides_no_paragraph(name: str) -> None:
    assert paragraphs(f"<p>এক।</p><{name} class='x'><p>দুই।</p><p>তিন।</p>")[:3] == ["এক।", "দুই।", "তিন।"]


@pytest.mark.parametrize(
    "markup",
    [
        "<p>এক।</p><form><div></form><p>দুই।</p>",
        "<p>এক।</p><form><a href=/x></form><p>দুই।</p>",
        "<p>এক।</p><form action=/x><span>খুঁজুন</form><p>দুই।</p>",
        "<p>এক।</p><div><aside></div><p>দুই।</p><aside>খ</aside>",
        "<p>এক।</p><figure><img src=x><figcaption>ছবি</figure><p>দুই।</p>",
        "<p>এক।</p><aside data-x='</div>'>ক</aside><p>দুই।</p>",
        "<p>এক।</p><aside><script>x('</aside>')</script>ক</aside><p>দুই।</p>",
        "<p>এক।</p><svg><path d='x'/><title>ক</title></svg><p>দুই।</p><form>খ</form>",
        "<p>এক।</p><nav><div>ক</div></nav><p>দুই।</p><aside><p>খ</p></aside>",
        "<section><p>এক।</p><figure><b>ক</figure></b></section><p>দুই।</p>",
    ],
)
def test_closed_element_stays_hidden(markup: str) -> None:
    assert paragraphs(markup) == ["এক।", "দুই।"]


def test_closed_page_is_not_changed() -> None:
    html = "<div><form><p>ক<input></form><aside><nav>খ</nav></aside><svg><g><path/></g></svg></div><!-- <form> -->"
    assert close_elements(html) == html


def insert_unclosed(pieces: list[str], breaks: list[tuple[int, str]]) -> str:
    for at, name in breaks:
        pieces.insert(at % (len(pieces) + 1), f"<{name}>")
    return "".join(pieces)


def shown(count: int, breaks: list[tuple[int, str]], depths: list[int]) -> bool:
    numbered = [f"{'<div>' * depth}<p>অনুচ্ছেদ {n}।</p>{'</div>' * depth}" for n, depth in enumerate(depths[:count])]
    expected = [f"অনুচ্ছেদ {n}।" for n in range(len(numbered))]
    return paragraphs(insert_unclosed(numbered, breaks)) == expected


CLASS = (
    st.integers(1, 6),
    st.lists(st.tuples(st.integers(0, 20), st.sampled_from(NAMES)), max_size=3),
    st.lists(st.integers(0, 3), min_size=6, max_size=6),
)


@settings(deadline=None, max_examples=50)
@given(*CLASS)
def test_no_unclosed_element_hides_text(count: int, breaks: list[tuple[int, str]], depths: list[int]) -> None:
    assert shown(count, breaks, depths)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(deadline=None, max_examples=10_000)
@given(*CLASS)
def test_no_unclosed_element_hides_text_soak(count: int, breaks: list[tuple[int, str]], depths: list[int]) -> None:
    assert shown(count, breaks, depths)
