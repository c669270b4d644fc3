"""Measures: what the pages of a run gave, field by field and selector by selector, counted in memory.

Only what is alike in a run of three stories and in one of three thousand is counted, so that runs can be compared.
"""

import re
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import log2
from statistics import median
from typing import Any

from crawler.items import ParsedStory, Story

#: The columns of `stories` that a page, or its address, gives.
COLUMNS = (
    *("section", "headline", "kicker", "byline", "published_at", "updated_at", "edition", "agency"),
    *("image_url", "image_caption", "image_credit", "body", "tags"),
)
#: Without these there is no story, so pages that no layout fits count for them too.
ESSENTIAL = ("headline", "body")
# A source gives a caption and its credit as one text.
_GIVEN_WITH = {"image_credit": "image_caption"}
_SHORT_TEXTS = ("headline", "kicker", "byline", "image_caption", "image_credit")
_DIGIT = re.compile(r"\d")
# Clocks differ by minutes, not by hours.
_AHEAD = timedelta(hours=1)
MOST_LENGTHS = 10_000
# What happens fills a few minutes with stories, and those of one minute bear the same moment; ten of them seldom do.
_APART = 10


@dataclass
class FieldStat:
    """One column over all stories of a run."""

    filled: int = 0
    by: Counter[str] = field(default_factory=Counter)  # layout/source
    traits: Counter[str] = field(default_factory=Counter)
    lengths: Counter[int] = field(default_factory=Counter)  # characters, words or entries, by half octave
    before: deque[Any] = field(default_factory=lambda: deque(maxlen=_APART))

    def see(self, value: Any, *, may_repeat: bool = False, words: int | None = None) -> None:
        """Count a value that the column has; ``may_repeat`` says that the same one on many pages is nothing odd.

        ``words`` is how many there are in prose, whose length that is, and in which digits are nothing odd either.
        """
        self.filled += 1
        if not isinstance(value, datetime):
            self.lengths[half_octave(len(value) if words is None else words)] += 1
        if isinstance(value, str) and words is None and _DIGIT.search(value):
            self.traits["digits"] += 1
        # Of two stories so far apart, and not of all: that share does not grow with the run.
        if self.before and self.before[0] == value and not may_repeat:
            self.traits["again"] += 1
        self.before.append(value)


class FieldStats:
    """What one run has seen so far."""

    def __init__(self, mode: str = "full", lists: Sequence[str] = ()) -> None:
        """:param mode: `full` or `incremental`; :param lists: those that may stand beside a story"""
        self.mode = mode
        self.pages = 0
        self.read: Counter[str] = Counter()  # stories by layout
        self.lacking: Counter[str] = Counter()  # pages that no layout fits, by what the newest one misses
        self.unreadable_dates = 0  # stories that have one
        self._fields = {name: FieldStat() for name in COLUMNS}
        self._paragraphs: Counter[int] = Counter()
        self._words: list[int] = []
        self._counts: list[int] = []
        self._lists: dict[str, Counter[int]] = {name: Counter() for name in lists}
        self._lists_on_stories: Counter[str] = Counter()

    def see_story(self, parsed: ParsedStory) -> None:
        """Count what the page of a story gave, whatever became of the story."""
        story = parsed.story
        self.pages += 1
        if story.layout is None:
            for name in parsed.missing:
                self.lacking[name] += 1
            return
        self.read[story.layout] += 1
        self.unreadable_dates += bool(parsed.unreadable_dates)
        for name, found in self._fields.items():
            if (source := parsed.extracted_by.get(_GIVEN_WITH.get(name, name))) is not None:
                found.by[f"{story.layout}/{source}"] += 1
            if (value := getattr(story, name)) not in (None, "", []):
                # A print edition is put in all at once, and its stories bear one and the same moment.
                printed = name == "published_at" and story.edition == "print"
                found.see(value, may_repeat=printed, words=_words_in(value) if name == "body" else None)
        self._see_traits(story)

    def _see_traits(self, story: Story) -> None:
        texts = Counter(getattr(story, name) for name in _SHORT_TEXTS)
        for name in _SHORT_TEXTS:
            if (text := getattr(story, name)) and texts[text] > 1:
                self._fields[name].traits["same"] += 1
        at = story.fetched_at
        for name in ("published_at", "updated_at"):
            if at and (moment := getattr(story, name)) and moment > at + _AHEAD:
                self._fields[name].traits["ahead"] += 1
        if story.published_at and story.updated_at and story.updated_at < story.published_at:
            self._fields["updated_at"].traits["too early"] += 1
        if story.body:
            paragraphs = story.body.count("\n\n") + 1
            self._paragraphs[half_octave(paragraphs)] += 1
            if len(self._words) < MOST_LENGTHS:
                self._words.append(_words_in(story.body))
                self._counts.append(paragraphs)

    def see_list(self, name: str, rows: int, *, beside_story: bool) -> None:
        """Count a list that a page showed."""
        self._lists.setdefault(name, Counter())[rows] += 1
        self._lists_on_stories[name] += beside_story

    def as_dict(self) -> dict[str, Any]:
        """All of it, as JSON holds it."""
        stories = self.read.total()
        unfit = self.pages - stories
        return {
            "mode": self.mode,
            "pages": self.pages,
            "layouts": dict(self.read),
            "lacking": dict(self.lacking),
            "fields": {
                name: {
                    "filled": found.filled + (unfit - self.lacking[name] if name in ESSENTIAL else 0),
                    "of": self.pages if name in ESSENTIAL else stories,
                    "values": found.filled,
                    "by": dict(found.by),
                    "traits": dict(found.traits),
                    "lengths": {str(key): n for key, n in sorted(found.lengths.items())},
                }
                for name, found in self._fields.items()
            },
            "paragraphs": {str(key): n for key, n in sorted(self._paragraphs.items())},
            "median_words": _median(self._words),
            "median_paragraphs": _median(self._counts),
            "unreadable_dates": self.unreadable_dates,
            "lists": {
                name: {
                    "pages": rows.total(),
                    "beside_stories": self._lists_on_stories[name],
                    "rows": {str(length): n for length, n in sorted(rows.items())},
                }
                for name, rows in self._lists.items()
            },
        }


def _words_in(text: str) -> int:
    """How many words a clean text has, as spaces part them."""
    return text.count(" ") + text.count("\n\n") + 1


def half_octave(number: int) -> int:
    """A length's class: two classes to each doubling, 0 for 1 and -1 for nothing."""
    return int(2 * log2(number)) if number > 0 else -1


def _median(numbers: list[int]) -> float | None:
    return float(median(numbers)) if numbers else None
