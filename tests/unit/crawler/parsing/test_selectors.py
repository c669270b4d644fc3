"""Shared searches of a page for classes and ids."""

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


@pytest.mark.parametrize("doctype", ["<!doctype html>", ""])  # without one, names ignore case
def test_joint_search_equals_single_searches(doctype: str) -> None:
    root = LexborHTMLParser(doctype + BODY).root
    assert root is not None
    found = {name: [node.mem_id for node in nodes] for name, nodes in find_anchors(root, NAMES).items()}
    assert found == {name: [node.mem_id for node in root.css(name)] for name in NAMES}
    assert all(found.values()) is not bool(doctype)


@pytest.mark.parametrize(
    ("selector", "anchor"),
    [
        (".one", ".one"),
        (".one h1", ".one"),
        (".one + p", ".one"),
        (".one h1, .two h1", None),
        ("[class*=one]", None),
        (".one.two", None),
    ],
)
def test_anchor_is_a_class_or_id(selector: str, anchor: str | None) -> None:
    assert anchor_of(selector) == anchor


def test_lists_and_body_are_anchors() -> None:
    assert {"#latestview1", "#mostview1", ".dtl_content_section", ".rpt_info_section"} <= {
        *Kalbela().page_parser.anchors
    }
