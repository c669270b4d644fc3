"""Publication plan: ids, times, sections, traits and later changes of stories, as a function of seed and day."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import ClassVar, Final

from . import seed as seed_article
from .bengali_text import DHAKA
from .decoy_urls import DECOYS, LOUD
from .sections import SECTIONS
from .variations import Assignment

# The newspaper's single counter of ids on known days.
_COUNTS = """2023-08-08 13586, 2023-08-22 17084, 2023-10-01 27499, 2024-01-23 59929, 2024-03-31 77230,
    2024-10-17 131001, 2025-06-22 198602, 2026-07-08 306710, 2026-08-10 317255, 2026-08-20 320468"""
_KNOWN = (item.split() for item in _COUNTS.split(","))
_COUNTER: Final = sorted(
    [(datetime.fromisoformat(f"{day}T00:00+06:00").astimezone(DHAKA), int(number)) for day, number in _KNOWN]
    + [(seed_article.PUBLISHED, seed_article.NUMBER)]
)
# Stories per hour of a day; the print edition goes online between two and four.
_HOURS: Final = (3, 2, 4, 4, 2, 1, 2, 3, 5, 7, 9, 10, 10, 9, 9, 10, 11, 11, 12, 12, 11, 10, 8, 5)
_BORROWING: Final = ("copy", "print twin", "retouched", "same headline")
_PRINT_HOURS: Final = (2, 3)
_FIRST_DAY: Final = date(2023, 8, 10)


@dataclass(frozen=True)
class Slot:
    """Planned publication of one story, without its text."""

    number: int
    published: datetime
    section: str
    index: int
    kind: str | None = None
    traits: frozenset[str] = frozenset()
    headline: str | None = None
    source: "Slot | None" = field(default=None, repr=False)
    removed: tuple[datetime, str] | None = None
    moved: tuple[datetime, str] | None = None
    decoy: str | None = None


class PublicationPlan:
    """All slots of one edition; a day is planned when the clock reaches it."""

    max_per_day: ClassVar[int] = 200

    def __init__(self, seed: int, stories: int, start: datetime, per_day: int, *, decoys: bool) -> None:
        self.seed, self.start, self.decoys = seed, start, decoys
        self.per_day = min(per_day, self.max_per_day)
        self._deal = Assignment(seed)
        self._slots: list[Slot] = []
        old_count = min(max(8, stories // 20), 200)
        recent = self._back_from_start(stories - 1 - old_count)
        self._planned = start.astimezone(DHAKA).date()
        old = self._old(old_count, recent[0].published.astimezone(DHAKA).date())
        traits = frozenset({"canonical", "og", "no tags", "seed"})
        seed_slot = Slot(seed_article.NUMBER, seed_article.PUBLISHED, seed_article.SECTION, 0, "seed", traits)
        self._slots = sorted([*old, seed_slot, *recent], key=lambda slot: slot.published)

    def until(self, now: datetime) -> Iterator[Slot]:
        """Yield the slots published up to a time, oldest first, with removed stories."""
        while self._planned < now.astimezone(DHAKA).date():
            self._planned += timedelta(days=1)
            self._slots.extend(self._day(self._planned))
        return (slot for slot in self._slots if slot.published <= now)

    def _back_from_start(self, wanted: int) -> list[Slot]:
        """Return the newest slots, with as many stories readable at the start as wanted."""
        day = self.start.astimezone(DHAKA).date()
        days = [self._day(day)]
        readable = self._readable(days[0])
        while len(readable) < wanted:
            day -= timedelta(days=1)
            days.append(self._day(day))
            readable = self._readable(days[-1]) + readable
        first = readable[len(readable) - wanted].published
        return [slot for slots in reversed(days) for slot in slots if slot.published >= first]

    def _readable(self, slots: list[Slot]) -> list[Slot]:
        """Return the stories that are published and not removed at the start."""
        published = (slot for slot in slots if slot.decoy is None and slot.published <= self.start)
        return [slot for slot in published if slot.removed is None or slot.removed[0] > self.start]

    def _old(self, count: int, before: date) -> list[Slot]:
        rng = Random(f"{self.seed}/old")
        days = [_FIRST_DAY + timedelta(days=i) for i in range((before - _FIRST_DAY).days - 30)]
        days.remove(seed_article.PUBLISHED.date())
        return [self._old_slot(rng, day, i) for i, day in enumerate(rng.sample(days, count))]

    def _old_slot(self, rng: Random, day: date, i: int) -> Slot:
        moment = _midnight(day) + timedelta(seconds=rng.randrange(8 * 3600, 23 * 3600))
        traits = self._deal.habits(i, "pinned")
        return Slot(_counter(moment), moment, PublicationPlan.section(self, rng, moment), i, None, traits)

    def _day(self, day: date) -> list[Slot]:
        rng = Random(f"{self.seed}/day/{day}")
        moments = self.moments(rng, day)
        pinned = dict(zip(_pinned_moments(self.seed), reversed(seed_article.LATEST), strict=True))
        pinned = {moment: row for moment, row in pinned.items() if moment.astimezone(DHAKA).date() == day}
        if pinned:
            quiet = (min(pinned), seed_article.VISITED)
            moments = [moment for moment in moments if not quiet[0] <= moment <= quiet[1]]
        kinds = self._traps(day)
        decoys = dict(zip(rng.sample(moments, min(len(moments), len(kinds))), kinds, strict=False))
        ordered = sorted({*moments, *pinned})
        numbers = self.numbers(rng, day, len(ordered))
        slots: list[Slot] = []
        for place, moment in enumerate(ordered):
            index = day.toordinal() * 97 + place
            base = Slot(numbers[place], moment, self.section(rng, moment), index, decoy=decoys.get(moment))
            if moment in pinned:
                section, headline = pinned[moment]
                base = replace(base, section=section, headline=headline, kind="pinned")
            slots.append(self._dealt(base, slots))
        return slots

    def numbers(self, rng: Random, day: date, count: int) -> list[int]:
        """Return the ids of a day's stories in order of publication, but for some neighbours in swapped places."""
        first, end = self.id_range(day)
        return swapped(rng, rng.sample([n for n in range(first, end) if n != seed_article.NUMBER], count))

    def id_range(self, day: date) -> tuple[int, int]:
        return _counter(_midnight(day)), _counter(_midnight(day + timedelta(days=1)))

    def section(self, rng: Random, moment: datetime) -> str:
        """Return a section by its share of the newspaper; those of the print edition only when it goes online."""
        printed = 8 if moment.astimezone(DHAKA).hour in _PRINT_HOURS else 0
        shares = [section.weight * (printed if section.printed else 1) for section in SECTIONS.values()]
        return rng.choices(list(SECTIONS), shares)[0]

    def _traps(self, day: date) -> list[str]:
        if not self.decoys:
            return []
        rng = Random(f"{self.seed}/traps")
        loud, quiet = sorted(LOUD), sorted(set(DECOYS) - LOUD)
        rng.shuffle(loud)
        rng.shuffle(quiet)
        turn = day.toordinal()
        return [loud[(turn * 2 + i) % len(loud)] for i in range(2)] + [
            quiet[(turn * 3 + i) % len(quiet)] for i in range(3)
        ]

    def moments(self, rng: Random, day: date) -> list[datetime]:
        weekend = 0.8 if day.weekday() == 4 else 1.0
        count = round(self.per_day * weekend * rng.uniform(0.93, 1.07))
        hours = rng.choices(range(24), _HOURS, k=count)
        return sorted({_midnight(day) + timedelta(hours=hour, seconds=rng.randrange(3600)) for hour in hours})

    def _dealt(self, slot: Slot, earlier: list[Slot]) -> Slot:
        """Return the slot with its kind, traits and changes; a borrowing kind takes an ordinary story of the day."""
        if slot.decoy:
            return slot
        kind = slot.kind or self._deal.kind(slot.index)
        source = _source(earlier) if kind in _BORROWING else None
        if kind in _BORROWING and source is None:
            kind = None
        slot = replace(slot, kind=kind, traits=self._deal.habits(slot.index, kind), source=source)
        if source is not None:
            earlier[earlier.index(source)] = steady = replace(source, traits=source.traits | {"steady"})
            slot = replace(slot, source=steady)
        return self.fated(_rehoused(slot))

    def fated(self, slot: Slot) -> Slot:
        """Return the slot with its later change: removed, or moved to another section."""
        rng = Random(f"{self.seed}/fate/{slot.number}")
        later = slot.published + timedelta(minutes=rng.randint(90, 1500))
        if "removed" in slot.traits:
            return replace(slot, removed=(later, rng.choice(("404", "410", "home"))))
        if "moved" in slot.traits:
            others = [path for path, s in SECTIONS.items() if s.weight and not s.printed and path != slot.section]
            return replace(slot, moved=(later, rng.choice(others)))
        return slot


def _source(earlier: list[Slot]) -> Slot | None:
    unfit = {"removed", "moved", "steady", "no byline", "e-mail", "joiners lost"}
    fit = (s for s in reversed(earlier) if s.kind is None and s.decoy is None and not s.traits & unfit)
    return next(fit, None)


def _rehoused(slot: Slot) -> Slot:
    if slot.kind == "print twin":
        return replace(slot, section="ajkerpatrika/lastpage")
    if slot.kind == "no meta":
        return replace(slot, section="celebration")
    if slot.kind == "copy" and slot.source and slot.source.section == slot.section:
        return replace(slot, section="national" if slot.section != "national" else "capital")
    if slot.kind in _BORROWING and slot.kind != "same headline" and slot.source and slot.kind != "copy":
        return replace(slot, section=slot.source.section)
    return slot


def _pinned_moments(seed: int) -> list[datetime]:
    rng = Random(f"{seed}/pinned")
    moment = seed_article.VISITED - timedelta(seconds=rng.randint(60, 300))
    moments = []
    for _ in seed_article.LATEST:
        moments.append(moment)
        moment -= timedelta(seconds=rng.randint(240, 840))
    return moments[::-1]


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=DHAKA)


def _counter(moment: datetime) -> int:
    """Return the id counter at a time, interpolated linearly between known values."""
    later = next((i for i, (known, _) in enumerate(_COUNTER) if known > moment), len(_COUNTER) - 1)
    (t0, n0), (t1, n1) = _COUNTER[max(later, 1) - 1], _COUNTER[max(later, 1)]
    return round(n0 + (n1 - n0) * ((moment.astimezone(UTC) - t0) / (t1 - t0)))


def swapped(rng: Random, numbers: list[int]) -> list[int]:
    """Return numbers in order, about one in eight in the place of its neighbour."""
    numbers = sorted(numbers)
    for i in range(len(numbers) - 1):
        if rng.random() < 0.12:
            numbers[i], numbers[i + 1] = numbers[i + 1], numbers[i]
    return numbers
