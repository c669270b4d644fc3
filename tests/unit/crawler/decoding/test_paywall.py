"""Signs of a paywall."""

from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser

from crawler.decoding.paywall import is_partial

LONG = "<p>words of the paid part of this story</p>" * 20


def partial(html: str = "<p>text</p>", words: int = 60, tier: str = "", **article: Any) -> bool:
    return is_partial(
        [article] if article else [], {"article:content_tier": tier}, LexborHTMLParser(html), "word " * words
    )


@pytest.mark.parametrize("value", ["False", False, "false", "http://schema.org/False", "no"])
def test_story_declared_not_free_is_partial(value: Any) -> None:
    assert partial(isAccessibleForFree=value)


@pytest.mark.parametrize("value", ["True", True, None, "http://schema.org/True", [], {}])
def test_other_values_are_not_partial(value: Any) -> None:
    assert not partial(isAccessibleForFree=value)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (f"<div class='paid'>{LONG}</div>", False),
        ("<div class='paid'>Subscribe</div>", True),
        ("<div>text</div>", True),
    ],
)
def test_shown_paid_part_makes_story_whole(html: str, expected: bool) -> None:
    part = {"@type": "WebPageElement", "isAccessibleForFree": False, "cssSelector": ".paid"}
    assert partial(html, isAccessibleForFree=False, hasPart=part) is expected
    assert partial(html, isAccessibleForFree=False, hasPart=[{"isAccessibleForFree": True}, part, "x"]) is expected


def test_invalid_selector_is_ignored() -> None:
    assert partial(isAccessibleForFree=False, hasPart={"isAccessibleForFree": False, "cssSelector": "[[" * 50})


def test_declared_word_count_makes_story_whole() -> None:
    assert not partial(isAccessibleForFree=False, wordCount=70)
    assert partial(isAccessibleForFree=False, wordCount="700")


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<div class='paywall-box'>Subscribe now to continue reading this story.</div>", True),
        ("<div id='js-paywall'>সম্পূর্ণ প্রতিবেদন পড়তে সাবস্ক্রাইব করুন</div>", True),
        ("<div class='paywall-config'></div>", False),
        (f"<div class='paywall'>Subscribe to continue reading. {LONG * 3}</div>", False),
        ("<p>Subscribe to our newsletter to read more.</p>", False),
    ],
)
def test_invitation_in_marked_element_is_partial(html: str, expected: bool) -> None:
    assert partial(html) is expected


def test_locked_tier_is_partial() -> None:
    assert partial(tier="locked")
    assert not partial(tier="free")
