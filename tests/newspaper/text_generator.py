"""Generator of Bengali news prose: patterns filled with words by a seeded random generator.

No pattern has more than three words between two slots, and each slot has dozens of fillings. So two stories share next
to no run of five words, as in a real newspaper.
"""

import re
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

from .bengali_text import DHAKA, MONTHS, WEEKDAYS, digits, genitive, grouped, locative, objective, stored
from .vocabulary import PATTERNS, WORDS


@dataclass(frozen=True)
class Beat:
    """Subject of a section, as the kinds of words in its stories."""

    topics: str
    people: str
    institutions: str = "institutions"
    places: tuple[str, ...] = ("districts", "towns")
    foreign: bool = False


BEATS: Final = {
    "country": Beat("topics country", "officials"),
    "capital": Beat("topics country", "officials", places=("neighbourhoods",)),
    "national": Beat("topics national", "officials", places=("districts", "neighbourhoods")),
    "politics": Beat("topics politics", "party people", places=("districts", "neighbourhoods", "towns")),
    "world": Beat("topics world", "world people", "world institutions", ("countries", "cities"), foreign=True),
    "sports": Beat("topics sports", "sports people", "sports institutions", ("cities", "districts", "countries")),
    "other": Beat("topics other", "other people", places=("districts", "cities", "neighbourhoods")),
}

_SLOT = re.compile(r"\{(\w+)(?:\.(\w))?\}")
_CASES: Final[dict[str | None, Callable[[str], str]]] = {
    "g": genitive,
    "l": locative,
    "k": objective,
    "p": lambda word: word + "রা",
    "d": lambda word: word + "দের",
    None: str,
}


class TextGenerator:
    """Text of one story, with the same people, places and topics throughout."""

    def __init__(self, rng: Random, beat: Beat, moment: datetime) -> None:
        self.rng, self.beat, self.moment = rng, beat, moment
        places = [word for kind in beat.places for word in WORDS[kind]]
        self.places = rng.sample(places, 4)
        self.institutions = rng.sample(WORDS[beat.institutions], 3)
        self.topics = rng.sample(WORDS[beat.topics], 6)
        self.names = [self._new_name() for _ in range(3)]
        self.people = [f"{rng.choice(WORDS[beat.people])} {name}" for name in self.names]
        self._patterns = self._endless(PATTERNS["sentences"])
        self._quotes = self._endless(PATTERNS["quotes"])

    def aside(self, rng: Random) -> "TextGenerator":
        """Return a copy that draws on another random generator and leaves this one as it was."""
        twin = copy(self)
        twin.rng = rng
        twin._patterns, twin._quotes = twin._endless(PATTERNS["sentences"]), twin._endless(PATTERNS["quotes"])
        return twin

    def sentence(self) -> str:
        text = self.fill(next(self._patterns))
        return text if text.endswith("”") else f"{text}।"

    def paragraph(self) -> str:
        return " ".join(self.sentence() for _ in range(self.rng.choice((1, 2, 2, 3))))

    def headline(self) -> str:
        return self.fill(self.rng.choice(PATTERNS["headlines"]))

    def fill(self, pattern: str) -> str:
        """Return the pattern with its slots filled, in stored form."""
        return stored(_SLOT.sub(lambda slot: _CASES[slot[2]](self._word(slot[1])), pattern))

    def day(self, offset: int = 0) -> str:
        """Return a weekday and date, `offset` days from the story's: রোববার (১১ জানুয়ারি)."""
        day = self.moment.astimezone(DHAKA) + timedelta(days=offset)
        return f"{WEEKDAYS[day.weekday()]} ({digits(day.day)} {MONTHS[day.month - 1]})"

    def number(self) -> str:
        """Return a number as newspapers write it: ৪৭, ৩,২৫০, ১২ হাজার."""
        kind = self.rng.randrange(4)
        if kind == 0:
            return f"{digits(self.rng.randint(2, 95))} হাজার"
        return grouped(self.rng.randint(3, 99) if kind < 3 else self.rng.randint(101, 9999))

    def _word(self, slot: str) -> str:
        rng = self.rng
        words: dict[str, Callable[[], str]] = {
            "place": lambda: rng.choice(self.places),
            "inst": lambda: rng.choice(self.institutions),
            "topic": lambda: rng.choice(self.topics),
            "person": lambda: rng.choice(self.people),
            "name": lambda: self.names[0],
            "n": self.number,
            "pct": lambda: f"{digits(rng.randint(3, 97))} শতাংশ",
            "money": lambda: f"{self.number()} {rng.choice(('টাকা', 'কোটি টাকা', 'লাখ টাকা', 'ডলার'))}",
            "day": lambda: self.day(-rng.randrange(3)),
            "when": lambda: f"{self.day(-rng.randrange(3))} {rng.choice(WORDS['dayparts'])}",
            "quote": lambda: f"“{self.fill(next(self._quotes))}।”",
            "shortquote": lambda: self.fill(rng.choice(PATTERNS["short quotes"])),
            "short": lambda: rng.choice(("করল", "করবে", "করছে", "করেনি", "করতে চায়")),
        }
        return words[slot]() if slot in words else rng.choice(WORDS[_KINDS[slot]])

    def _new_name(self) -> str:
        if self.beat.foreign:
            return self.rng.choice(WORDS["foreign names"])
        return f"{self.rng.choice(WORDS['given names'])} {self.rng.choice(WORDS['surnames'])}"

    def _endless(self, patterns: list[str]) -> Iterator[str]:
        while True:
            yield from self.rng.sample(patterns, len(patterns))


_SLOTS = "adj=adjectives action=actions verb=verbs say=speaking adv=adverbs join=joiners group=groups matter=matters"
_KINDS: Final = dict(pair.split("=") for pair in _SLOTS.split())
