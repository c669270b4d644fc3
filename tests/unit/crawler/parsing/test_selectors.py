"""Searching a page: what is found together is what each search would find alone."""

import pytest
from selectolax.lexbor import LexborHTMLParser

from crawler.parsing.selectors import anchor_of, find_anchors
from crawler.spiders.kalbela import Kalbela

NAMES = (".one", ".two", "#three", ".Four-4")
BODY = """
<div class="one two">ক<p class="two">খ</p><p class="one">গ</p></div>
<div id="three" class="ONE">ঘ</div><p id="THREE">ঙ</p><p class="four-4">চ</p>
<p class="\tone\n
two ">ছ</p><p class="one&nbsp;two">জ</p><p class="">ঝ</p><p class="onetwo three">ঞ</p><p id=" three">ট</p><p id>ঠ</p>
"""


@pytest.mark.parametrize("doctype", ["<!doctype html>", ""])  # without one, names are alike in either case
def test_what_is_found_together_is_what_each_search_finds(doctype: str) -> None:
    root = LexborHTMLParser(doctype + BODY).root
    assert root is not None
    found = {name: [node.mem_id for node in nodes] for name, nodes in find_anchors(root, NAMES).items()}
    assert found == {name: [node.mem_id for node in root.css(name)] for name in NAMES}
    assert all(found.values()) is not bool(doctype)


@pytest.mark.parametrize(
    ("selector", "anchor"),
    [
        (".one", ".one"),
        ("#three", "#three"),
        (".one h1", ".one"),
        (".one h1, .one h2", ".one"),
        (".one + p", ".one"),
        ("h1", None),
        (".one h1, .two h1", None),
        ("[class*=one]", None),
        (".one.two", None),
        ("", None),
    ],
)
def test_a_search_begins_with_a_class_or_an_id(selector: str, anchor: str | None) -> None:
    assert anchor_of(selector) == anchor


def test_the_lists_and_the_text_are_found_in_the_one_search_of_a_page() -> None:
    assert {"#latestview1", "#mostview1", ".dtl_content_section", ".rpt_info_section"} <= {
        *Kalbela().page_parser.anchors
    }
