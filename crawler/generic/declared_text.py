"""Comparison of the text that was extracted from a page with the text that the page declares in JSON-LD.

The declared text is the value of `articleBody`.
"""

from collections import Counter
from collections.abc import Sequence
from html import unescape

from selectolax.lexbor import LexborHTMLParser

from crawler.bengali.text import letter_runs
from crawler.generic.container import Candidate
from crawler.parsing.html_limits import limit_markup
from crawler.parsing.page import PARSER_OPTIONS, Page
from crawler.parsing.text_blocks import TextBlock, text_blocks

_MIN_WORDS = 40
_MAX_MARKUP = 2**20  # characters
_AGREES = 0.5  # share of the declared words that the chosen text must have
_OF_TEXT = 0.8  # share of a block's words that are in the declared text


class DeclaredText:
    """The longest `articleBody` that a page declares in JSON-LD; empty if there is none."""

    def __init__(self, page: Page) -> None:
        bodies = (value.get("articleBody") for value in page.json_ld)
        text = max((body for body in bodies if isinstance(body, str)), key=len, default="")
        self._markup = unescape(text) if len(text) <= _MAX_MARKUP else ""
        self._words = Counter(letter_runs(self._markup.casefold()))

    def disagrees(self, lines: Sequence[Candidate]) -> bool:
        """Return True if most words of the declared text are missing from the extracted lines.

        The result is always False for a declared text of less than 40 words.
        """
        total = self._words.total()
        if total < _MIN_WORDS:
            return False
        chosen = Counter(word for each in lines for word in letter_runs(each.block.text.casefold()))
        return (chosen & self._words).total() < _AGREES * total

    def matching(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return the blocks of prose in which nearly all words occur in the declared text."""
        return [each for each in candidates if each.prose and self._declares(each.block.text)]

    def _declares(self, text: str) -> bool:
        words = Counter(letter_runs(text.casefold()))
        return (words & self._words).total() >= _OF_TEXT * words.total()

    def blocks(self) -> list[TextBlock]:
        """Return the declared text as text blocks."""
        if "<" not in self._markup:
            return [TextBlock(line, line) for line in self._markup.splitlines() if line.strip()]
        body = LexborHTMLParser(limit_markup(self._markup), options=PARSER_OPTIONS).body
        return [*text_blocks(body)] if body is not None else []
