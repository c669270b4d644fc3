"""Drafted extractors of a layout, and those of the text: its element, and what the texts of all stories repeat."""

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from selectolax.lexbor import LexborNode

from crawler.parsing.page import visible_text
from crawler.parsing.selectors import self_and_ancestors
from crawler.parsing.text_blocks import text_blocks
from schedules.drafting.selector_choice import choose_selector, own_selectors
from schedules.drafting.site_file import literal
from schedules.drafting.story_page import StoryPage

_MAX_PROMO = 200
_USUAL = 0.8  # share of the stories on which a text is where it usually is


@dataclass
class DraftedFields:
    """The extractors of each field as source text, with the number of pages on which each found something."""

    stories: Sequence[StoryPage]
    found: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, name: str, source: str, pages: int) -> None:
        if pages:
            self.found.setdefault(name, {}).setdefault(source, pages)

    def add_css(self, name: str, selector: str, **more: str) -> None:
        """Add an extractor of the text of the elements that match a selector."""
        pages = sum(1 for story in self.stories if any(map(visible_text, story.page.tree.css(selector))))
        arguments = [literal(selector), *(f"{key}={literal(value)}" for key, value in more.items())]
        self.add(name, f"css({', '.join(arguments)})", pages)


def add_body(drafted: DraftedFields) -> None:
    stories = drafted.stories
    whole = [(story.page, story.body) for story in stories if not story.has_headline_in_body]
    if len(whole) >= _USUAL * len(stories) and (selector := choose_selector(whole)):
        drafted.add("body", literal(selector), len(whole))
        return
    # A text in several parts, or one that has no element of its own.
    parts = Counter(each for story in stories for each in dict.fromkeys(_names(story.parts)))
    for selector, _ in parts.most_common():
        if (covered := sum(story.is_covered_by(selector) for story in stories)) >= _USUAL * len(stories):
            drafted.add("body", literal(selector), covered)
            around = [(story.page, story.body) for story in stories if story.has_headline_in_body]
            if container := choose_selector(around):
                drafted.add("story_container", literal(container), len(around))
            return


def add_repeated(drafted: DraftedFields) -> None:
    """Add what the texts of several stories have in common: elements to exclude, and lines of the site's own."""
    seen: dict[str, set[int]] = {}
    elements: dict[str, LexborNode] = {}
    for number, story in enumerate(drafted.stories):
        for part in story.parts:
            for block in text_blocks(part):
                seen.setdefault(block.text, set()).add(number)
                if block.element is not None:
                    elements.setdefault(block.text, block.element)
    parts = {part.mem_id for story in drafted.stories for part in story.parts}
    for text in (text for text, pages in seen.items() if len(pages) >= max(2, len(drafted.stories) / 2)):
        chain = itertools.takewhile(lambda node: node.mem_id not in parts, self_and_ancestors(elements[text]))
        inside = [node for node in chain if node.tag not in ("p", "span", "a", "b", "strong", "em", "i")]
        if inside:
            selector = next(iter(own_selectors(inside[-1])), "") or str(inside[-1].tag)
            drafted.add("exclude", selector, len(seen[text]))
        elif len(text) <= _MAX_PROMO:
            drafted.add("promo", literal(f"^{re.escape(text)}$"), len(seen[text]))


def _names(nodes: Sequence[LexborNode]) -> list[str]:
    return [selector for node in nodes for selector in own_selectors(node)]
