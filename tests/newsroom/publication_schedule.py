"""When a newsroom publishes, corrects, moves and takes down: hundreds of stories a day, in bursts.

The counter of ids also numbers pictures, videos and drafts, so about a fifth of it never becomes a story.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from random import Random
from typing import ClassVar, Final

from ..newspaper.bengali_text import DHAKA
from ..newspaper.publication_plan import PublicationPlan, Slot
from ..newspaper.sections import SECTIONS
from ..newspaper.site_state import Edition
from ..newspaper.stories import Story

# Stories an hour of an ordinary day, midnight to midnight, without the print edition and the bursts.
_HOURS: Final = (2, 1, 0.6, 0.4, 0.4, 0.8, 3, 6, 9, 11, 12, 12, 11, 10, 11, 12, 13, 14, 14, 14, 13, 11, 8, 4)
_PRINTED: Final = {path: section.weight for path, section in SECTIONS.items() if section.printed}
_ONLINE: Final = {path: section.weight for path, section in SECTIONS.items() if not section.printed}
# The print edition goes online at midnight, whole, within these minutes.
_MINUTES_OF_PRINT: Final = 9
_SHARE_OF_PRINT: Final = 0.1
_IDS_PER_STORY: Final = 1.25
_FIRST_ID: Final = (date(2026, 9, 1), 330_000)
_KINDS: Final = (("touch",), ("text",), ("text",), ("headline",), ("text", "headline"), ("text", "text"))
_NEVER_CORRECTED: Final = {"no meta", "bad date", "copy", "print twin", "retouched"}
_NEVER_ANOTHER_TEXT: Final = {"flash", "english", "one line"}


class PublicationSchedule(PublicationPlan):
    """The slots of a newsroom; see the module."""

    most_a_day: ClassVar[int] = 2000

    def numbers(self, rng: Random, day: date, count: int) -> list[int]:
        """Ids in the order of publication, but for neighbours that changed places; some ids are nobody's."""
        epoch, base = _FIRST_ID
        width = round(self.per_day * _IDS_PER_STORY)
        first = base + (day - epoch).days * width
        numbers = sorted(rng.sample(range(first, first + width), count))
        for i in range(count - 1):
            if rng.random() < 0.12:
                numbers[i], numbers[i + 1] = numbers[i + 1], numbers[i]
        return numbers

    def section(self, rng: Random, moment: datetime) -> str:
        """A section of the print edition while that goes online, another at any other time."""
        local = moment.astimezone(DHAKA)
        shares = _PRINTED if local.hour == 0 and local.minute < _MINUTES_OF_PRINT else _ONLINE
        return rng.choices(list(shares), list(shares.values()))[0]

    def moments(self, rng: Random, day: date) -> list[datetime]:
        """The print edition at midnight, two bursts or a big one by day, and the rest by the hour."""
        weekend = 0.8 if day.weekday() == 4 else 1.0
        count = round(self.per_day * weekend * rng.uniform(0.93, 1.07))
        midnight = datetime.combine(day, time(), DHAKA)
        found = {midnight + timedelta(seconds=rng.randrange(60 * _MINUTES_OF_PRINT)) for _ in range(self._printed)}
        for size in (round(count * 0.13),) if day.toordinal() % 3 == 0 else (round(count * 0.04),) * 2:
            start = midnight + timedelta(minutes=rng.randint(9 * 60, 21 * 60))
            found |= {start + timedelta(seconds=rng.randrange(12 * 60)) for _ in range(size)}
        while len(found) < count:
            hour = rng.choices(range(24), _HOURS)[0]
            found.add(midnight + timedelta(hours=hour, seconds=rng.randrange(3600)))
        return sorted(found)

    @property
    def _printed(self) -> int:
        return round(self.per_day * _SHARE_OF_PRINT)

    def fated(self, slot: Slot) -> Slot:
        """Few stories are taken down; half of them within the hour."""
        slot = super().fated(slot)
        rng = Random(f"{self.seed}/farewell/{slot.number}")
        if slot.removed is None:
            return slot
        if rng.random() > 0.3:
            return Slot(**{**vars(slot), "removed": None, "traits": slot.traits - {"removed"}})
        soon = slot.published + timedelta(minutes=rng.randint(3, 60))
        return Slot(**{**vars(slot), "removed": (soon, slot.removed[1])}) if rng.random() < 0.5 else slot


class LivingStory(Story):
    """A story that is corrected at the rhythm of a newsroom: mostly within minutes, at times after hours."""

    @cached_property
    def corrections(self) -> list[tuple[str, datetime]]:
        if self.slot.kind in _NEVER_CORRECTED or "steady" in self.traits or self.slot.decoy:
            return []
        rng = self.rng("newsroom")
        if rng.random() < 0.35:
            return []
        kinds = rng.choice(_KINDS)
        if self.slot.kind in _NEVER_ANOTHER_TEXT:
            kinds = ("touch",)
        moment, dated = self.published, []
        for kind in kinds:
            spans = ((2, 25), (25, 75), (120, 1200))
            least, most = rng.choices(spans, (55, 25, 20))[0]
            moment = moment.replace(second=0) + timedelta(minutes=rng.randint(least, most))
            dated.append((kind, moment))
        return dated


class LivingEdition(Edition):
    kind: ClassVar[type[Story]] = LivingStory


def utc(moment: datetime) -> datetime:
    """The moment in UTC."""
    return moment.astimezone(UTC)
