"""Composes Bengali news prose: sentences, quotations and headlines from patterns, words and a seeded generator.

No pattern has more than three words between two slots, and each slot has dozens of fillings, so that two stories share
next to no run of five words, as two real stories do not.
"""

import re
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

from .bengali_text import DHAKA, MONTHS, WEEKDAYS, digits, genitive, grouped, locative, objective, stored
from .vocabulary import WORDS


@dataclass(frozen=True)
class Beat:
    """What a section writes about: the kinds of words that its stories draw on."""

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

SENTENCES: Final = """
{when} {place.l} {inst.g} {adj} {topic} {action} {verb}
{join} {person} {topic.g} {matter} নিয়ে {adv} {say}
{group.p} {adv} {place.g} {topic} {action} {verb}
{person} {say}, {quote}
{quote} {when} {inst.g} এক {adj} সভায় {say} {person}
{join} {n} {group} {place.l} {adj} {topic.l} অংশ নেন
{inst.g} হিসাবে {place.l} {n} জন {group.g} {matter} {adv} বেড়েছে {pct}
{topic.g} কারণে {place.g} {group.d} {matter} {day} থেকে {adv} প্রকট
{person.k} {adv} {topic} {action} করতে {inst.k} চিঠি দিতে দেখা গেছে
{adj} {topic} {action} {verb} {inst}, {join} {group.p} {matter} মানতে নারাজ
{when} {inst} ও {inst} {adv} {topic.g} {action} {verb}
{money} ব্যয়ে {place.l} {adj} {topic} {action} {verb} {inst}
{join} {topic.g} {matter} দেখতে {place.l} যান {person}
{place.g} {group.p} {say}, {topic} {action} না হলে {matter} {adv} বাড়বে
{inst} {adv} {n} জন {group.k} {topic.g} জন্য {action} {verb}
{join} {place.g} {adj} {topic.g} {action} {when} {verb}
{person.g} ভাষ্য, {topic.g} {adj} {matter} {inst.k} {adv} ভাবাচ্ছে
{n} দিন ধরে {place.l} {topic} ঘিরে {group.d} {matter} চরমে
{adj} {matter} কাটাতে {inst.g} {topic} {adv} {action} {verb}
{topic.g} সঙ্গে {matter.g} {adj} সম্পর্ক {adv} {action} {verb} {person}
{pct} {group} {place.l} {topic} চান, {join} বাকিরা {matter} দেখছেন
{join} {inst.g} {adj} প্রতিবেদনে {place.g} {topic.g} {matter} উঠে এসেছে
{when} {group.d} {adj} দাবির মুখে {inst} {topic} {action} {verb}
{person} ও {person} {place.l} {adv} {topic.g} {action} {verb}
{join} {money} {matter} বাবদ {group.d} দিতে হবে, {say} {person}
{inst.g} {n} সদস্য {when} {place.l} {adj} {topic} {action} {verb}
{adv} {place} থেকে {place.l} {topic} নেওয়ার পথে {n} {group} আটকা পড়েন
{topic.l} {adj} {matter} থাকায় {inst} {when} {action} {verb}
{join} {place.g} {n}টি {topic} {adv} {action} {verb}
{group.d} {matter} কমাতে {person.g} {adj} প্রস্তাব {inst} {action} {verb}
{day} পর্যন্ত {place.l} {adj} {topic.g} {n}টি তথ্য মিলেছে
{quote} {topic} প্রসঙ্গে {adv} {say} {person}
{inst} {say}, {place.g} {adj} {topic} {when} আবার {action} {verb}
{person.g} নেতৃত্বে {n} {group} {topic.g} {matter} তুলে ধরেন
{join} {topic} {action} করতে {money} চেয়েছে {place.g} {inst}
{adj} {topic.g} {n} শর্তের একটি {matter}, অন্যটি {topic}
{place.l} {topic} না থাকায় {group.p} {adv} {place.l} ছুটছেন
{join} {inst.g} {person} {when} {group.d} {matter} শুনে {action} {verb}
{matter} আর {matter.g} চাপে {place.g} {group.p} {adv} {topic} ছাড়ছেন
{n} মাসে {place.g} {adj} {topic} থেকে আয় {money}, {say} {inst}
""".strip().splitlines()

QUOTES: Final = """
{topic} {action} না করলে {group.d} {matter} কে দেখবে
আমরা {place.l} {adj} {topic} {adv} {action} করব
{group.d} {matter} নিয়ে {inst} আর চুপ থাকতে পারে না
{adj} {topic} ছাড়া {matter} দূর হবে না, এটাই {adv} বলছি
{n} {group} আমাদের সঙ্গে, {topic} এবার {action} হবেই
{inst.k} বলেছি, {matter} থাকলে {topic} {adv} বন্ধ
{place.g} মানুষ {adj} {topic} চায়, {matter} চায় না
{money} গেল, অথচ {topic.g} {matter} {adv} রয়েই গেল
{topic} {group.d} অধিকার, {inst.g} {adj} দয়া নয়
আগে {matter}, পরে {adj} {topic}; {group.p} তা জানেন
{place.l} {n}টি {topic} {action} হলে {matter} কমবে
কেউ {adv} {topic} {action} করলে {inst} ছাড় দেবে না
{matter.g} প্রশ্নে {inst} আর {group.p} {adv} এক
এই {topic.l} {adj} {matter} আমি {adv} দেখিনি
""".strip().splitlines()

HEADLINES: Final = """
{place.l} {topic} নিয়ে {adj} {matter}
{adj} {topic} {action} {short} {inst}
{inst.g} {adj} {topic} {place.l}
{topic.g} {matter} নিয়ে যা বললেন {name}
‘{shortquote}’
{place.l} {topic} ঘিরে {n} {group} আটক
{n} {group.k} {topic} দেবে {inst}
{matter}: {place.l} {topic} {action} {short} {inst}
{topic} {action}, {place.g} {group.d} {matter}
{name.g} {topic} {action} {short} {inst}
{place} থেকে {place}: {adj} {topic.g} {matter}
{adj} {matter}, {topic} ছাড়ছেন {place.g} {group.p}
{place.l} {topic}, {inst.g} {adj} {action}
{topic.l} {money}, {matter} কাটেনি {place.l}
‘{shortquote}’ : {name}
কেন {place.l} {topic} {action} {short} {inst}
{name.g} {matter}, {topic.l} {adj} মোড়
{n} দিনেও {topic} পেল না {place.g} {group.p}
{group.d} {matter} মেটাতে {place.l} {adj} {topic}
{topic} ও {topic} {action} {short} {place.g} {inst}
""".strip().splitlines()

SHORT_QUOTES: Final = """
{matter} থাকলে {topic} নয়
{place.l} {topic} হবেই
{group.d} {matter} আর নয়
{topic} {action} চান {group.p}
{inst} {matter} মানবে না
{adj} {topic} এখন {adj} {matter}
""".strip().splitlines()

_SLOT = re.compile(r"\{(\w+)(?:\.(\w))?\}")
_CASES: Final[dict[str, Callable[[str], str]]] = {
    "g": genitive,
    "l": locative,
    "k": objective,
    "p": lambda word: word + "রা",
    "d": lambda word: word + "দের",
}


class TextGenerator:
    """Writes one story: its people, places and topics are cast once and recur through it."""

    def __init__(self, rng: Random, beat: Beat, moment: datetime) -> None:
        self.rng, self.beat, self.moment = rng, beat, moment
        places = [word for kind in beat.places for word in WORDS[kind]]
        self.places = rng.sample(places, 4)
        self.institutions = rng.sample(WORDS[beat.institutions], 3)
        self.topics = rng.sample(WORDS[beat.topics], 6)
        self.names = [self._new_name() for _ in range(3)]
        self.people = [f"{rng.choice(WORDS[beat.people])} {name}" for name in self.names]
        self._patterns = self._endless(SENTENCES)
        self._quotes = self._endless(QUOTES)

    def aside(self, rng: Random) -> "TextGenerator":
        """A composer with the same cast and a generator of its own: what it writes leaves this one as it was."""
        twin = copy(self)
        twin.rng = rng
        twin._patterns, twin._quotes = twin._endless(SENTENCES), twin._endless(QUOTES)
        return twin

    def sentence(self) -> str:
        text = self.fill(next(self._patterns))
        return text if text.endswith("”") else f"{text}।"

    def paragraph(self) -> str:
        return " ".join(self.sentence() for _ in range(self.rng.choice((1, 2, 2, 3))))

    def headline(self) -> str:
        return self.fill(self.rng.choice(HEADLINES))

    def fill(self, pattern: str) -> str:
        """The pattern with its slots filled, in stored form."""
        return stored(_SLOT.sub(lambda slot: self._inflected(slot[1], slot[2]), pattern))

    def day(self, offset: int = 0) -> str:
        """A weekday with its date, some days from the story's own: রোববার (১১ জানুয়ারি)."""
        day = self.moment.astimezone(DHAKA) + timedelta(days=offset)
        return f"{WEEKDAYS[day.weekday()]} ({digits(day.day)} {MONTHS[day.month - 1]})"

    def number(self) -> str:
        """A number as newspapers write it: ৪৭, ৩,২৫০, ১২ হাজার."""
        kind = self.rng.randrange(4)
        if kind == 0:
            return f"{digits(self.rng.randint(2, 95))} হাজার"
        return grouped(self.rng.randint(3, 99) if kind < 3 else self.rng.randint(101, 9999))

    def _inflected(self, slot: str, case: str | None) -> str:
        word = self._word(slot)
        return _CASES[case](word) if case else word

    def _word(self, slot: str) -> str:
        rng = self.rng
        match slot:
            case "place":
                return rng.choice(self.places)
            case "inst":
                return rng.choice(self.institutions)
            case "topic":
                return rng.choice(self.topics)
            case "person":
                return rng.choice(self.people)
            case "name":
                return self.names[0]
            case "n":
                return self.number()
            case "pct":
                return f"{digits(rng.randint(3, 97))} শতাংশ"
            case "money":
                return f"{self.number()} {rng.choice(('টাকা', 'কোটি টাকা', 'লাখ টাকা', 'ডলার'))}"
            case "day":
                return self.day(-rng.randrange(3))
            case "when":
                return f"{self.day(-rng.randrange(3))} {rng.choice(WORDS['dayparts'])}"
            case "quote":
                return f"“{self.fill(next(self._quotes))}।”"
            case "shortquote":
                return self.fill(rng.choice(SHORT_QUOTES))
            case "short":
                return rng.choice(("করল", "করবে", "করছে", "করেনি", "করতে চায়"))
        return rng.choice(WORDS[_KINDS[slot]])

    def _new_name(self) -> str:
        if self.beat.foreign:
            return self.rng.choice(WORDS["foreign names"])
        return f"{self.rng.choice(WORDS['given names'])} {self.rng.choice(WORDS['surnames'])}"

    def _endless(self, patterns: list[str]) -> Iterator[str]:
        while True:
            yield from self.rng.sample(patterns, len(patterns))


_KINDS: Final = {
    "adj": "adjectives",
    "action": "actions",
    "verb": "verbs",
    "say": "speaking",
    "adv": "adverbs",
    "join": "joiners",
    "group": "groups",
    "matter": "matters",
}
