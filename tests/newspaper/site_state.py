"""State of the newspaper at one time: entries of its lists, feeds and listings with their URLs."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from random import Random
from typing import ClassVar, Final

from .bengali_text import DHAKA
from .decoy_urls import LOUD, SITE, decoy_href
from .publication_plan import PublicationPlan, Slot
from .sections import SECTIONS, within
from .stories import Story
from .text_generator import BEATS, TextGenerator

LIST_LENGTH: Final = 20
PAGE_LENGTH: Final = 50
FEED_LENGTH: Final = 30
_LINGERING: Final = timedelta(hours=1)  # how long the popular list keeps a removed story
_STALE: Final = timedelta(hours=120)
_POPULAR_PAGES: Final = 2
_LONG_LIST: Final = timedelta(days=30)  # how far back `latest-news` goes

# Spellings of a URL by place, for stories with the trait `address variants`.
_VARIANTS: Final = {
    "latest": "https://kalbela.com{path}",
    "popular": "https://www.kalbela.com{path}?utm_source=site&utm_medium=popular",
    "latest-news": "https://www.kalbela.com{path}/",
    "rss": "https://www.kalbela.com{path}?utm_source=rss&utm_campaign=feed",
    "category": "https://www.kalbela.com{path}#details_content",
    "related": "http://www.kalbela.com{path}",
}


@dataclass(frozen=True)
class Entry:
    """Entry of lists and feeds: a story, or a decoy (`story` is None)."""

    slot: Slot
    headline: str
    kicker: str | None
    path: str
    href_of_decoy: str | None = None
    story: Story | None = None

    def href(self, place: str) -> str:
        if self.href_of_decoy is not None:
            return self.href_of_decoy
        if "address variants" in self.slot.traits and place in _VARIANTS:
            return _VARIANTS[place].format(path=self.path)
        return SITE + self.path


@dataclass(frozen=True)
class Row:
    """One row of a printed list; `url` and `story_id` are None for a decoy."""

    rank: int
    href: str
    headline: str
    kicker: str | None
    url: str | None
    story_id: str | None


class Edition:
    """One edition of the newspaper; each story is written once."""

    kind: ClassVar[type[Story]] = Story

    def __init__(self, seed: int, catalogue: PublicationPlan) -> None:
        self.seed, self.catalogue = seed, catalogue
        self._stories: dict[int, Story] = {}

    def story(self, slot: Slot) -> Story:
        if slot.number not in self._stories:
            source = self.story(slot.source) if slot.source else None
            self._stories[slot.number] = self.kind(self.seed, slot, source)
        return self._stories[slot.number]


class SiteState:
    """The newspaper at the time `now`, entries newest first."""

    def __init__(self, edition: Edition, now: datetime) -> None:
        self.edition, self.now = edition, now
        self._slots = list(edition.catalogue.until(now))[::-1]
        self.entries = [self.entry(slot) for slot in self._slots if not self.gone(slot)]
        self.entries.sort(key=lambda entry: entry.slot.published, reverse=True)

    def gone(self, slot: Slot) -> bool:
        return slot.removed is not None and slot.removed[0] <= self.now

    def entry(self, slot: Slot) -> Entry:
        if slot.decoy:
            headline = _trap_headline(self.edition.seed, slot)
            href = decoy_href(slot.decoy, slot.number, slot.section, headline)
            return Entry(slot, headline, None, f"/{slot.section}/{slot.number}", href)
        story = self.edition.story(slot)
        return Entry(slot, story.headline(self.now), story.kicker, story.path(self.now), None, story)

    @cached_property
    def removed(self) -> list[Entry]:
        return [self.entry(slot) for slot in self._slots if self.gone(slot)]

    @cached_property
    def stories(self) -> list[Story]:
        return [entry.story for entry in self.entries if entry.story is not None]

    @cached_property
    def most_read(self) -> list[Entry]:
        """Entries with readers, most read first; a removed story stays for a while."""
        lingering = [e for e in self.removed if e.slot.removed and self.now - e.slot.removed[0] < _LINGERING]
        scored = [(self._popularity(entry.slot), entry.slot.number, entry) for entry in [*self.entries, *lingering]]
        return [entry for score, _, entry in sorted(scored, key=lambda item: item[:2], reverse=True) if score > 0]

    def rows(self, name: str) -> list[Row]:
        """Return the rows of `latest` or `popular`."""
        entries = (self.entries if name == "latest" else self.most_read)[:LIST_LENGTH]
        return [self._row(name, rank, entry) for rank, entry in enumerate(entries, 1)]

    @cached_property
    def doors(self) -> dict[str, list[Entry]]:
        feeds = {f"rss/{name}": self.feed(name) for name in feed_names()}
        categories = {f"category/{path}": self.category(path) for path in SECTIONS}
        return {
            "latest": self.entries[:LIST_LENGTH],
            "popular": self.most_read[:LIST_LENGTH],
            "latest-news": self.fresh(_LONG_LIST),
            "popular-news": self.most_read[: PAGE_LENGTH * _POPULAR_PAGES],
            "json": self.json("national"),
            "sitemap": [*self.entries, *self.removed],
            "news-sitemap": self.fresh(timedelta(hours=48)),
            **feeds,
            **categories,
        }

    def category(self, path: str) -> list[Entry]:
        """Return the entries of a section and the sections below it."""
        return [entry for entry in self.entries if within(entry.path.strip("/").rpartition("/")[0], path)]

    def feed(self, name: str) -> list[Entry]:
        """Return the entries of a feed: `latest`, `popular` or a section; the latest for one without stories."""
        if name in ("latest", "popular"):
            return (self.entries if name == "latest" else self.most_read)[:FEED_LENGTH]
        return (self.category(name) or self.entries)[:FEED_LENGTH]

    def json(self, path: str) -> list[Entry]:
        """Return the entries of a section's JSON feed: stories only."""
        return [entry for entry in self.category(path) if entry.story is not None][:LIST_LENGTH]

    def fresh(self, age: timedelta) -> list[Entry]:
        return [entry for entry in self.entries if self.now - entry.slot.published <= age]

    def months(self) -> dict[str, list[Entry]]:
        """Return all entries by month (2025-06), oldest first, with removed stories."""
        months: dict[str, list[Entry]] = {}
        for entry in sorted(self.doors["sitemap"], key=lambda entry: entry.slot.published):
            months.setdefault(f"{entry.slot.published.astimezone(DHAKA):%Y-%m}", []).append(entry)
        return months

    def related(self, story: Story, count: int) -> Iterator[Entry]:
        """Yield earlier stories that a story's page links to, of its own section first."""
        rng = story.rng("related")
        earlier = [e for e in self.entries if e.story and e.slot.published < story.published]
        near = [e for e in earlier if e.slot.section == story.slot.section][:40]
        pool = near if len(near) >= count else [*near, *earlier[:40]]
        yield from rng.sample(pool, min(count, len(pool)))

    def _row(self, name: str, rank: int, entry: Entry) -> Row:
        story = entry.story
        identity = f"kalbela:{story.number}" if story else None
        url = story.url(self.now) if story else None
        return Row(rank, entry.href(name), entry.headline, entry.kicker, url, identity)

    def _popularity(self, slot: Slot) -> float:
        """Return the popularity of a page: it rises and fades in hours, and old pages return now and then."""
        rng = Random(f"{self.edition.seed}/popularity/{slot.number}")
        weight, peak = math.exp(rng.gauss(0, 1)), rng.uniform(2, 14)
        age = self.now - slot.published
        if age > _STALE:
            spell = int(self.now.timestamp() // (12 * 3600)) + slot.number
            return weight * 0.4 if age.days > 30 and spell % 11 == 0 else 0.0
        if slot.decoy in LOUD:
            weight, peak = max(weight * 3, 4.0), max(peak, 12.0)
        hours = age / timedelta(hours=1) + 0.1
        return weight * hours / peak * math.exp(1 - hours / peak)


def feed_names() -> list[str]:
    """Return the names of the RSS feeds: two lists and some sections."""
    sections = "country-news national politics sports world business-news entertainment capital probash technology"
    return ["latest", "popular", *sections.split(), "lifestyle", "dainikshiksha", "health"]


def _trap_headline(seed: int, slot: Slot) -> str:
    rng = Random(f"{seed}/trap/{slot.number}")
    return TextGenerator(rng, BEATS[SECTIONS[slot.section].beat], slot.published).headline()
