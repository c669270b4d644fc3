"""Variations between the pages of stories, and their assignment to stories.

Each variation recurs with its own period, so every edition of a few hundred stories holds each of them several times,
in changing combinations. Periods and phases depend on the seed.
"""

from random import Random
from typing import Final

# Kinds of stories, with their periods. A story has one kind, the first that is due; no two periods have a common
# divisor, so that none is always preceded by another.
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

# Variations of a page, with their periods; any number of them occur together.
_PERIODS = """
h2 title 9, kicker 6, hanger 31, kicker and hanger 49, no byline 13, agency byline 29, no image 14,
sub-html caption 4, lazy lead 5, relative image 23, bold sub-heads 7, h3 sub-heads 11, bullets 8, numbered 28,
quotation 10, table 26, broken lines 17, photos 9, related line 4, more line 10, more box 13, inline link 12,
inner promo 37, ads 2, empty paragraphs 5, tweet 22, video 24, script 12, agency 7, agency mentioned 27,
second article 15, canonical 2, og 2, default og image 6, published_time 3, json-ld 5, e-mail 33, no tags 6,
precomposed 3, split vowels 27, nbsp 5, zero width 18, control 35, joiner entities 8, joiners lost 19,
loose spaces 6, address variants 20, removed 23, moved 26
"""
PAGE_VARIATIONS: Final = {
    name.strip(): int(period) for name, _, period in (item.rpartition(" ") for item in _PERIODS.split(","))
}

# Variations that a kind of story excludes.
_PLAIN = {"bold sub-heads", "h3 sub-heads", "bullets", "numbered", "quotation", "table", "broken lines", "e-mail"}
_SHORT = _PLAIN | {"agency", "agency mentioned", "agency byline", "photos", "tweet", "related line", "inline link"}
_FATE = {"removed", "moved"}
_DATES = {"published_time", "json-ld"}
_NOT_WITH: Final = {
    **dict.fromkeys(("one line", "flash"), _SHORT),
    **dict.fromkeys(("copy", "print twin", "retouched", "same headline"), _FATE),
    "english": _SHORT | _FATE | {"precomposed", "split vowels", "kicker", "hanger", "kicker and hanger"},
    "no meta": _FATE | _DATES | {"agency byline", "og"},
    "bad date": _FATE | _DATES,
    "pinned": _FATE | {"kicker", "hanger", "kicker and hanger", "joiners lost"},
}


class Assignment:
    """Kinds and variations of stories, by their place in the newspaper's history."""

    def __init__(self, seed: int) -> None:
        self._kinds = {name: _phase(seed, name, period, 0) for name, period in STORY_KINDS.items()}
        self._variations = {name: _phase(seed, name, period, 1) for name, period in PAGE_VARIATIONS.items()}

    def kind(self, index: int) -> str | None:
        """Return the kind of the story at a place, None for an ordinary one."""
        return next((name for name, (period, phase) in self._kinds.items() if index % period == phase), None)

    def habits(self, index: int, kind: str | None) -> frozenset[str]:
        """Return the variations of the story at a place that its kind allows (`pinned` is a kind too)."""
        dealt = {name for name, (period, phase) in self._variations.items() if index % period == phase}
        return frozenset(dealt - _NOT_WITH.get(kind or "", set()))


def _phase(seed: int, name: str, period: int, jitter: int) -> tuple[int, int]:
    rng = Random(f"{seed}/deal/{name}")
    period += rng.randint(-jitter, jitter) if jitter and period > 5 else 0
    return period, rng.randrange(period)
