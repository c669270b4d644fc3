"""Detection of pages behind a paywall, which contain only the free beginning of a story."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from crawler.bengali.text import compile_nfc, count_words

_NOT_FREE = frozenset(("false", "no", "0"))
_LOCKED_TIERS = frozenset(("locked", "premium", "paid", "subscriber"))
_TIER_NAMES = ("article:content_tier", "og:article:content_tier", "content_tier")
_SELECTOR = re.compile(r"[.#]?[\w-]{1,100}(?:\s*,\s*[.#]?[\w-]{1,100}){0,9}")
_MIN_PAID_TEXT = 300  # characters in the paid part of a page that holds the whole story
_WHOLE = 0.8  # share of the declared words
_MARKER = (
    '[class*="paywall" i], [id*="paywall" i], [class*="subscriber-only" i], [class*="premium-content" i],'
    ' [class*="regwall" i], [data-paywall]'
)
_INVITATION = compile_nfc(
    r"\b(?:subscri(?:be|bers?)|log ?in|sign ?in|register)\b.{0,80}\b(?:continue|read|access|full|rest)\b"
    r"|\b(?:continue|keep) reading\b.{0,80}\b(?:subscri|log ?in|sign ?in|register)"
    r"|\bsubscribers? only\b|only (?:for|to) subscribers"
    r"|(?:সম্পূর্ণ|পুরো|বাকি অংশ).{0,40}পড়তে.{0,60}(?:সাবস্ক্রাইব|লগ ?ইন|নিবন্ধন|গ্রাহক)",
    re.IGNORECASE | re.DOTALL,
)
_MAX_MARKER_TEXT = 2_000  # characters; a longer element is the story inside an element named after the paywall


def is_partial(
    articles: Sequence[Mapping[str, Any]], meta_tags: Mapping[str, str], tree: LexborHTMLParser, text: str
) -> bool:
    """Return True if a page contains only part of its story, because the rest must be paid for.

    The page declares this in JSON-LD or meta elements, or asks readers to subscribe or log in to read the rest.

    :param articles: JSON-LD objects of the story
    :param text: the extracted text; if it has nearly all words that JSON-LD declares, the story is complete
    """
    if any(_has_all_words(article, text) for article in articles):
        return False
    if any(_is_not_free(article) and not _shows_paid_part(article, tree) for article in articles):
        return True
    if any((meta_tags.get(name) or "").strip().lower() in _LOCKED_TIERS for name in _TIER_NAMES):
        return True
    texts = (node.text(separator=" ") for node in tree.css(_MARKER))
    return any(len(text) <= _MAX_MARKER_TEXT and _INVITATION.search(" ".join(text.split())) for text in texts)


def _is_not_free(value: Mapping[str, Any]) -> bool:
    return str(value.get("isAccessibleForFree", "")).rpartition("/")[2].strip().lower() in _NOT_FREE


def _has_all_words(article: Mapping[str, Any], text: str) -> bool:
    declared = str(article.get("wordCount", ""))
    return declared.isascii() and declared.isdigit() and 0 < _WHOLE * int(declared[:9]) <= count_words(text)


def _shows_paid_part(article: Mapping[str, Any], tree: LexborHTMLParser) -> bool:
    """Return True if the page contains text in the elements that JSON-LD names as the part to be paid for."""
    parts = article.get("hasPart")
    found = [part for part in (parts if isinstance(parts, list) else [parts]) if isinstance(part, dict)]
    selectors = [str(part.get("cssSelector", "")).strip() for part in found if _is_not_free(part)]
    shown = (node.text() for each in selectors if _SELECTOR.fullmatch(each) for node in tree.css(each))
    return sum(len(" ".join(text.split())) for text in shown) >= _MIN_PAID_TEXT
