"""One story with its states over time, without markup and noise."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from random import Random
from typing import Final

from . import seed as seed_article
from .bengali_text import DHAKA, ZWJ, ZWNJ
from .decoy_urls import SITE
from .picture import Picture, picture_of
from .publication_plan import Slot
from .sections import SECTIONS
from .story_bodies import Block, compose_body, english_body, english_headline, flash_body, one_line, reworded
from .text_generator import BEATS, TextGenerator
from .vocabulary import WORDS

_AGENCIES: Final = {
    "AFP": ("খবর এএফপির।", "সূত্র : এএফপি"),
    "Reuters": ("খবর রয়টার্সের।", "সূত্র: রয়টার্স"),
    "BBC": ("খবর বিবিসির।", "খবর বিবিসি"),
    "AP": ("খবর এপির।", "সূত্র : এপি"),
    "UNB": ("খবর ইউএনবির।", "সূত্র: ইউএনবি"),
    "BSS": ("খবর বাসসের।", "সূত্র : বাসস"),
}
# What is done to a story after it is published, in order: the update line alone, the text, the headline.
_CORRECTIONS: Final = ((), (), ("touch",), ("touch",), ("text",), ("text",), ("headline",), ("text", "headline"))
_NEVER_CORRECTED: Final = {"seed", "no meta", "bad date", "copy", "print twin", "retouched"}
_BYLINES: Final = {
    "sports": ("ক্রীড়া ডেস্ক", "ক্রীড়া প্রতিবেদক"),
    "national": ("কালবেলা প্রতিবেদক",),
    "politics": ("কালবেলা প্রতিবেদক", "কালবেলা ডেস্ক"),
    "capital": ("কালবেলা প্রতিবেদক",),
}


@dataclass(frozen=True)
class State:
    """Content of a story from a time on."""

    since: datetime
    revision: int
    headline: str
    updated: datetime | None
    blocks: tuple[Block, ...]

    @property
    def body(self) -> str:
        """The story's own text, paragraphs joined by a blank line."""
        return "\n\n".join(line for block in self.blocks for line in block.paragraphs)


class Story:
    """A story of the catalogue, written when it is first asked for."""

    def __init__(self, seed: int, slot: Slot, source: "Story | None") -> None:
        self.slot, self.seed, self.source = slot, seed, source
        self.number, self.published, self.traits = slot.number, slot.published, slot.traits
        self._composer = TextGenerator(self.rng("text"), BEATS[SECTIONS[slot.section].beat], slot.published)
        self.first_headline = self._headline()

    def section(self, now: datetime) -> str:
        """The section in which the story stands at a moment."""
        return self.slot.moved[1] if self.slot.moved and self.slot.moved[0] <= now else self.slot.section

    def path(self, now: datetime) -> str:
        return f"/{self.section(now)}/{self.number}"

    def url(self, now: datetime) -> str:
        return SITE + self.path(now)

    def headline(self, now: datetime) -> str:
        """Its headline at a moment. Costs nothing, where `state` writes the whole story."""
        return next((headline for since, headline in reversed(self._headlines) if since <= now), self.first_headline)

    def state(self, now: datetime) -> State:
        """What it says at a moment, not before its publication."""
        return next(state for state in reversed(self.states) if state.since <= now)

    @cached_property
    def states(self) -> tuple[State, ...]:
        if self.slot.kind == "seed":
            blocks = tuple(Block("p", (text,)) for text in seed_article.PARAGRAPHS)
            first = State(self.published, 1, self.first_headline, None, blocks)
            return (first, replace(first, since=seed_article.UPDATED, revision=2, updated=seed_article.UPDATED))
        states = [State(self.published, 1, self.first_headline, None, self._blocks())]
        for kind, moment in self.corrections:
            blocks = states[-1].blocks
            if kind == "text":
                text = self._without_joiners(self._composer.paragraph())
                blocks = (*blocks[:1], Block("p", (text,)), *blocks[1:])
            states.append(State(moment, len(states) + 1, self.headline(moment), moment, blocks))
        return tuple(states)

    @property
    def kicker(self) -> str | None:
        if not self.traits & {"kicker", "hanger", "kicker and hanger"}:
            return None
        return self.rng("kicker").choice(WORDS["kickers"])

    @cached_property
    def byline(self) -> str | None:
        if self.slot.kind == "no meta" or "no byline" in self.traits:
            return None
        if self.slot.kind == "seed":
            return seed_article.BYLINE
        rng, beat = self.rng("byline"), SECTIONS[self.slot.section].beat
        if "agency byline" in self.traits:
            return {"UNB": "ইউএনবি", "BSS": "বাসস"}.get(self.agency or "", "কালবেলা ডেস্ক")
        if beat == "country" and rng.random() < 0.85:
            return f"{rng.choice(WORDS['towns'])} ({rng.choice(WORDS['districts'])}) প্রতিনিধি"
        if rng.random() < 0.06:
            return f"{rng.choice(WORDS['given names'])} {rng.choice(WORDS['surnames'])}"
        return rng.choice(_BYLINES.get(beat, ("কালবেলা ডেস্ক",)))

    @cached_property
    def agency(self) -> str | None:
        if self.source is not None and self.slot.kind != "same headline":
            return self.source.agency
        if self.slot.kind == "seed":
            return "AFP"
        rng, beat = self.rng("agency"), SECTIONS[self.slot.section].beat
        if self.slot.kind in ("flash", "one line", "english"):
            return None
        if "agency byline" in self.traits:
            return rng.choice(("UNB", "BSS"))
        if beat == "world" and rng.random() < 0.6:
            return rng.choice(("AFP", "Reuters", "BBC", "AP"))
        return rng.choice(("UNB", "BSS")) if "agency" in self.traits else None

    @property
    def edition(self) -> str | None:
        """`online` or `print`."""
        if self.slot.kind == "no meta":
            return None
        return "print" if SECTIONS[self.slot.section].printed else "online"

    @cached_property
    def tags(self) -> tuple[str, ...]:
        rng = self.rng("tags")
        return () if "no tags" in self.traits else tuple(rng.sample(WORDS["tags"], rng.randint(1, 6)))

    @cached_property
    def picture(self) -> Picture | None:
        return picture_of(self.slot, self.rng("picture"), self._composer.aside(self.rng("caption")))

    def rng(self, purpose: str) -> Random:
        """A generator of this story's own for one purpose, the same whenever it is asked for."""
        return Random(f"{self.seed}/{self.number}/{purpose}")

    def _headline(self) -> str:
        if self.slot.kind == "seed":
            return seed_article.HEADLINE
        if self.slot.headline is not None:
            return self.slot.headline
        if self.source is not None and self.slot.kind in ("copy", "same headline"):
            return self.source.first_headline
        if self.slot.kind == "english":
            return english_headline(self.rng("headline"))
        return self._without_joiners(self._composer.headline())

    def _blocks(self) -> tuple[Block, ...]:
        rng = self.rng("body")
        if self.slot.decoy == "no text":
            return ()
        if self.source is not None and self.slot.kind != "same headline":
            blocks = self.source.states[0].blocks
            return blocks if self.slot.kind == "copy" else reworded(blocks, self._composer)
        if self.slot.kind == "english":
            return english_body(rng)
        if self.slot.kind == "flash":
            return flash_body(rng, self._composer)
        if self.slot.kind == "one line":
            return one_line(self._composer)
        blocks = compose_body(self._composer, rng, self.traits)
        return self._credited(rng, tuple(block.mapped(self._without_joiners) for block in blocks))

    def _credited(self, rng: Random, blocks: tuple[Block, ...]) -> tuple[Block, ...]:
        """The body with the agency's credit: at the end of the first paragraph, or as a last line."""
        if self.agency is None:
            return blocks
        sentence, line = _AGENCIES[self.agency]
        if rng.random() < 0.6:
            return (Block("p", (f"{blocks[0].lines[0]} {sentence}",)), *blocks[1:])
        return (*blocks, Block("p", (line,)))

    @cached_property
    def corrections(self) -> list[tuple[str, datetime]]:
        """What is corrected and when: the update line alone, the text or the headline, all within the first day."""
        if self.slot.kind in _NEVER_CORRECTED or "steady" in self.traits or self.slot.decoy:
            return []
        rng = self.rng("corrections")
        kinds: tuple[str, ...] = rng.choice(_CORRECTIONS)
        if self.slot.kind == "pinned":
            kinds = tuple(kind for kind in kinds if kind != "headline")
        if self.slot.kind in ("flash", "english", "one line"):
            kinds = tuple("touch" for kind in kinds if kind != "headline")
        moment, dated = self.published, []
        for kind in kinds:
            moment = moment.replace(second=0) + timedelta(minutes=rng.randint(1, 75))
            if moment.astimezone(DHAKA).date() == self.published.astimezone(DHAKA).date():
                dated.append((kind, moment))
        return dated

    @cached_property
    def _headlines(self) -> list[tuple[datetime, str]]:
        composer = self._composer.aside(self.rng("headlines"))
        moments = [moment for kind, moment in self.corrections if kind == "headline"]
        return [(moment, self._without_joiners(composer.headline())) for moment in moments]

    def _without_joiners(self, text: str) -> str:
        """Some stories were typed, or lost, without joiners: that is how they are printed."""
        return re.sub(f"[{ZWJ}{ZWNJ}]", "", text) if "joiners lost" in self.traits else text
