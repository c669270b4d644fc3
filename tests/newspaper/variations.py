"""The ways in which one story's page differs from the next, and how they are dealt out.

Each trait recurs with a period of its own, so that every edition of a few hundred stories holds each of them several
times, in ever new company. Periods and phases depend on the seed.
"""

from random import Random
from typing import Final

# What kind of thing the story is. A story is of one kind; the first that the deal gives it wins, and as no two periods
# have a common divisor none is always outdone.
STORY_KINDS: Final = {
    "one line": 59,  # a flash of a single sentence
    "flash": 29,  # two sentences cut from a template that many flashes share
    "english": 53,
    "no meta": 43,  # no byline, no date, no edition; stands in `celebration`
    "copy": 47,  # word for word another story, under another id and section
    "print twin": 41,  # nearly word for word another story, in the print edition
    "retouched": 37,  # nearly word for word another story, online
    "same headline": 31,  # another story's headline over other words
    "bad date": 49,  # a publication date that does not exist
}

# How its page is written; any number of them together.
PAGE_VARIATIONS: Final = {
    "h2 title": 9,
    "kicker": 6,
    "hanger": 31,
    "kicker and hanger": 49,
    "no byline": 13,
    "agency byline": 29,
    "no image": 14,
    "sub-html caption": 4,
    "lazy lead": 5,
    "relative image": 23,
    "bold sub-heads": 7,
    "h3 sub-heads": 11,
    "bullets": 8,
    "numbered": 28,
    "quotation": 10,
    "table": 26,
    "broken lines": 17,
    "photos": 9,
    "related line": 4,
    "more line": 10,
    "more box": 13,
    "inline link": 12,
    "inner promo": 37,
    "ads": 2,
    "empty paragraphs": 5,
    "tweet": 22,
    "video": 24,
    "script": 12,
    "agency": 7,
    "agency mentioned": 27,
    "second article": 15,
    "canonical": 2,
    "og": 2,
    "default og image": 6,
    "published_time": 3,
    "json-ld": 5,
    "e-mail": 33,
    "no tags": 6,
    "precomposed": 3,
    "split vowels": 27,
    "nbsp": 5,
    "zero width": 18,
    "control": 35,
    "joiner entities": 8,
    "joiners lost": 19,
    "loose spaces": 6,
    "address variants": 20,
    "removed": 23,
    "moved": 26,
}

# What a kind of story cannot also be.
_PLAIN = {"bold sub-heads", "h3 sub-heads", "bullets", "numbered", "quotation", "table", "broken lines", "e-mail"}
_SHORT = _PLAIN | {"agency", "agency mentioned", "agency byline", "photos", "tweet", "related line", "inline link"}
_FATE = {"removed", "moved"}
_DATES = {"published_time", "json-ld"}
_NOT_WITH: Final = {
    "one line": _SHORT,
    "flash": _SHORT,
    "english": _SHORT | _FATE | {"precomposed", "split vowels", "kicker", "hanger", "kicker and hanger"},
    "no meta": _FATE | _DATES | {"agency byline", "og"},
    "copy": _FATE,
    "print twin": _FATE,
    "retouched": _FATE,
    "same headline": _FATE,
    "bad date": _FATE | _DATES,
    "pinned": _FATE | {"kicker", "hanger", "kicker and hanger", "joiners lost"},
}


class Assignment:
    """Deals traits to stories by their place in the paper's history."""

    def __init__(self, seed: int) -> None:
        self._kinds = {
            name: (period, Random(f"{seed}/deal/{name}").randrange(period)) for name, period in STORY_KINDS.items()
        }
        self._habits = {name: _turn(seed, name, period) for name, period in PAGE_VARIATIONS.items()}

    def kind(self, index: int) -> str | None:
        """The kind of the story at this place, None for an ordinary one."""
        return next((name for name, (period, phase) in self._kinds.items() if index % period == phase), None)

    def habits(self, index: int, kind: str | None) -> frozenset[str]:
        """The habits of the story at this place that go with its kind (`pinned` is a kind too)."""
        dealt = {name for name, (period, phase) in self._habits.items() if index % period == phase}
        return frozenset(dealt - _NOT_WITH.get(kind or "", set()))


def _turn(seed: int, name: str, period: int) -> tuple[int, int]:
    rng = Random(f"{seed}/deal/{name}")
    period += rng.randint(-1, 1) if period > 5 else 0
    return period, rng.randrange(period)
