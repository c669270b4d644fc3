"""Statistics of the fields of a run's stories: fill rates, extractors used, suspicious values and lengths.

They are counted in memory and reported as shares and distributions. These do not depend on the number of stories in a
run, so runs of different sizes can be compared.
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

#: The columns of `stories` that a page or its URL provides.
COLUMNS = (
    *("section", "headline", "kicker", "subtitle", "byline", "authors", "published_at", "updated_at", "edition"),
    *("agency", "image_url", "image_caption", "image_credit", "body", "tags"),
)
#: Fields that every layout requires. They are also counted on pages that match no layout.
ESSENTIAL = ("headline", "body")
# One extractor finds a caption together with its credit.
_EXTRACTED_WITH = {"image_credit": "image_caption"}
_SHORT_TEXTS = ("headline", "kicker", "subtitle", "byline", "image_caption", "image_credit")
_DIGIT = re.compile(r"\d")
# Tolerance for a wrong clock, which is off by minutes rather than hours.
_CLOCK_TOLERANCE = timedelta(hours=1)
MAX_LENGTHS = 10_000
# Each value is compared with that of the tenth story before, because adjacent stories may have the same minute.
_DISTANCE = 10


@dataclass
class FieldStat:
    """Counters for the values of one column.

    :ivar filled: number of stories with a value
    :ivar by: number of stories by layout and extractor that found the value (`layout/extractor`)
    :ivar traits: number of values by suspicious property, such as `digits` or `again` (same value as an earlier story)
    :ivar lengths: number of values by class of length (see :func:`half_octave`), in characters, words or list entries
    :ivar previous: last values, with which the next one is compared
    """

    filled: int = 0
    by: Counter[str] = field(default_factory=Counter)
    traits: Counter[str] = field(default_factory=Counter)
    lengths: Counter[int] = field(default_factory=Counter)
    previous: deque[Any] = field(default_factory=lambda: deque(maxlen=_DISTANCE))

    def count(self, value: Any, *, may_repeat: bool = False, words: int | None = None) -> None:
        """Count a non-empty value, its length and its suspicious properties.

        :param may_repeat: do not count repetitions of an earlier value, because they are normal in this column
        :param words: number of words, to be given for prose; digits are then not counted, because they are normal in
            prose
        """
        self.filled += 1
        if not isinstance(value, datetime):
            self.lengths[half_octave(len(value) if words is None else words)] += 1
        if isinstance(value, str) and words is None and _DIGIT.search(value):
            self.traits["digits"] += 1
        if self.previous and self.previous[0] == value and not may_repeat:
            self.traits["again"] += 1
        self.previous.append(value)


class FieldStats:
    """Statistics of the fields of all stories, and of all ranked lists, in one run.

    :param lists: names of the site's ranked lists, so that a list which appears on no page is reported too
    """

    def __init__(self, lists: Sequence[str] = ()) -> None:
        self.pages = 0
        self._layouts: Counter[str] = Counter()  # stories by layout
        self._missing: Counter[str] = Counter()  # pages that match no layout, by the parts that the newest one lacks
        self._unreadable_dates = 0  # stories with at least one
        self._fields = {name: FieldStat() for name in COLUMNS}
        self._paragraphs: Counter[int] = Counter()
        self._body_sizes: list[tuple[int, int]] = []  # words and paragraphs
        self._lists: dict[str, Counter[int]] = {name: Counter() for name in lists}
        self._lists_on_stories: Counter[str] = Counter()

    def count_story(self, parsed: ParsedStory) -> None:
        story = parsed.story
        self.pages += 1
        if story.layout is None or parsed.missing:  # read by no layout of the site
            self._missing.update(parsed.missing)
            return
        self._layouts[story.layout] += 1
        self._unreadable_dates += bool(parsed.unreadable_dates)
        for name, stat in self._fields.items():
            if (extractor := parsed.extracted_by.get(_EXTRACTED_WITH.get(name, name))) is not None:
                stat.by[f"{story.layout}/{extractor}"] += 1
            if (value := getattr(story, name)) not in (None, "", []):
                # A print edition is uploaded at once, and all of its stories have the same time.
                may_repeat = name == "published_at" and story.edition == "print"
                stat.count(value, may_repeat=may_repeat, words=_count_words(value) if name == "body" else None)
        self._count_traits(story)

    def _count_traits(self, story: Story) -> None:
        texts = Counter(getattr(story, name) for name in _SHORT_TEXTS)
        for name in _SHORT_TEXTS:
            if (text := getattr(story, name)) and texts[text] > 1:
                self._fields[name].traits["same"] += 1
        at = story.fetched_at
        for name in ("published_at", "updated_at"):
            if at and (moment := getattr(story, name)) and moment > at + _CLOCK_TOLERANCE:
                self._fields[name].traits["ahead"] += 1
        if story.published_at and story.updated_at and story.updated_at < story.published_at:
            self._fields["updated_at"].traits["too early"] += 1
        if story.body:
            paragraphs = story.body.count("\n\n") + 1
            self._paragraphs[half_octave(paragraphs)] += 1
            if len(self._body_sizes) < MAX_LENGTHS:
                self._body_sizes.append((_count_words(story.body), paragraphs))

    def count_list(self, name: str, rows: int, *, beside_story: bool) -> None:
        self._lists.setdefault(name, Counter())[rows] += 1
        self._lists_on_stories[name] += beside_story

    def as_dict(self) -> dict[str, Any]:
        stories = self._layouts.total()
        unfit = self.pages - stories
        words, paragraphs = zip(*self._body_sizes, strict=True) if self._body_sizes else ((), ())
        return {
            "pages": self.pages,
            "layouts": dict(self._layouts),
            "lacking": dict(self._missing),
            "fields": {
                name: {
                    "filled": stat.filled + (unfit - self._missing[name] if name in ESSENTIAL else 0),
                    "of": self.pages if name in ESSENTIAL else stories,
                    "values": stat.filled,
                    "by": dict(stat.by),
                    "traits": dict(stat.traits),
                    "lengths": _sorted(stat.lengths),
                }
                for name, stat in self._fields.items()
            },
            "paragraphs": _sorted(self._paragraphs),
            "median_words": float(median(words)) if words else None,
            "median_paragraphs": float(median(paragraphs)) if paragraphs else None,
            "unreadable_dates": self._unreadable_dates,
            "lists": {
                name: {
                    "pages": rows.total(),
                    "beside_stories": self._lists_on_stories[name],
                    "rows": _sorted(rows),
                }
                for name, rows in self._lists.items()
            },
        }


def _sorted(counts: Counter[int]) -> dict[str, int]:
    return {str(key): n for key, n in sorted(counts.items())}


def _count_words(text: str) -> int:
    return text.count(" ") + text.count("\n\n") + 1


def half_octave(number: int) -> int:
    """Return the class of a length on a logarithmic scale that has two classes per doubling of the length.

    A length of 1 is in class 0, and a length of 0 in class -1.
    """
    return int(2 * log2(number)) if number > 0 else -1
