"""Stories of an independent newspaper with all their states, and the truth about them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from random import Random


@dataclass(frozen=True)
class Section:
    """A section: path below the root, printed name, subject of its stories, share of the day's stories."""

    path: str
    name: str
    beat: str
    weight: int = 1
    number: int = 0  # the site's own number of the section, where it has one


@dataclass(frozen=True)
class Block:
    """A part of the body; `kind` is p, head, quote or item."""

    kind: str
    text: str


@dataclass(frozen=True)
class State:
    """Content of a story from a moment on; `updated` is the update time that the site gives, if any."""

    since: datetime
    revision: int
    headline: str
    blocks: tuple[Block, ...]
    updated: datetime | None

    @property
    def parts(self) -> list[tuple[str, list[str]]]:
        """Return the blocks as kind and texts, with the items of one list together."""
        kinds = groupby(enumerate(self.blocks), lambda pair: "item" if pair[1].kind == "item" else pair[0])
        grouped = [[block for _, block in pairs] for _, pairs in kinds]
        return [(blocks[0].kind, [block.text for block in blocks]) for blocks in grouped]

    @property
    def lead(self) -> str:
        return self.blocks[0].text


@dataclass(frozen=True)
class Picture:
    """The lead picture: file name without folder, caption and credit."""

    name: str
    taken: datetime
    caption: str | None
    credit: str | None

    @property
    def printed(self) -> str:
        """Return caption and credit as one line."""
        return " ".join(part for part in (self.caption, self.credit) if part)


@dataclass(frozen=True)
class Story:
    """A story from its publication to its removal."""

    seed: str
    number: int
    id: str
    section: Section
    published: datetime
    removed: datetime | None
    kicker: str | None
    authors: tuple[str, ...]
    tags: tuple[str, ...]
    edition: str
    picture: Picture | None
    appeal: float
    signoff: str | None
    slug: str
    states: tuple[State, ...]

    def at(self, moment: datetime) -> State:
        """Return the content at a moment, the first content before publication."""
        return next((state for state in reversed(self.states) if state.since <= moment), self.states[0])

    def alive(self, moment: datetime) -> bool:
        return self.published <= moment and (self.removed is None or moment < self.removed)

    def rng(self, purpose: str) -> Random:
        return Random(f"{self.seed}/{self.id}/{purpose}")

    def pick(self, name: str, *choices: str) -> str:
        return self.rng(f"variation {name}").choice(choices)


@dataclass(frozen=True)
class Row:
    """One row of a ranked list as a page prints it; `kicker` is None where the row has none."""

    rank: int
    story_id: str
    url: str
    headline: str
    kicker: str | None


@dataclass(frozen=True)
class Truth:
    """Fields of a story's page at a moment, taken from the story and never from a page.

    Times are as precise as the page shows them: `precision` (second, minute or day) is that of `published_at`, and
    `updated_precision` that of `updated_at`. A field that the page does not show is None or empty. `paragraphs` are the
    story's own lines in order; `optional` are lines, or ends of lines, that a reader may keep or drop, such as the
    desk's initials. `variations` names the readings of uncertain facts that this page uses.
    """

    story_id: str
    url: str
    section: str
    section_name: str
    headline: str
    kicker: str | None
    authors: tuple[str, ...]
    published_at: datetime | None
    updated_at: datetime | None
    edition: str | None
    tags: tuple[str, ...]
    image_url: str | None
    image_caption: str | None
    image_credit: str | None
    paragraphs: tuple[str, ...]
    revision: int
    precision: str = "second"
    updated_precision: str = "second"
    optional: frozenset[str] = frozenset()
    variations: frozenset[str] = frozenset()

    def reads_as(self, body: str) -> bool:
        """Report if a body read from the page has this story's lines, with or without the optional texts."""
        return self._own(body.split("\n\n")) == self._own(self.paragraphs)

    def _own(self, lines: Iterable[str]) -> list[str]:
        for text in self.optional:
            lines = [line.removesuffix(text).rstrip() for line in lines]
        return [line for line in lines if line]
