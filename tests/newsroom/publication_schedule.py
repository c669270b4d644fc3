"""Publication schedule of a newsroom: hundreds of stories a day, in bursts, with corrections and removals.

The counter of ids also numbers pictures, videos and drafts, so about a fifth of it never becomes a story.
"""

from datetime import date, datetime, time, timedelta
from functools import cached_property
from random import Random
from typing import ClassVar, Final

from ..newspaper.bengali_text import DHAKA
from ..newspaper.publication_plan import PublicationPlan, Slot
from ..newspaper.sections import SECTIONS
from ..newspaper.site_state import Edition
from ..newspaper.stories import Story

# Stories per hour of an ordinary day, without the print edition and the bursts.
_HOURS: Final = (2, 1, 0.6, 0.4, 0.4, 0.8, 3, 6, 9, 11, 12, 12, 11, 10, 11, 12, 13, 14, 14, 14, 13, 11, 8, 4)
_PRINTED: Final = {path: section.weight for path, section in SECTIONS.items() if section.printed}
_ONLINE: Final = {path: section.weight for path, section in SECTIONS.items() if not section.printed}
# The whole print edition goes online within these minutes after midnight.
_MINUTES_OF_PRINT: Final = 9
_SHARE_OF_PRINT: Final = 0.1
_IDS_PER_STORY: Final = 1.25
_FIRST_ID: Final = (date(2026, 9, 1), 330_000)
_KINDS: Final = (("touch",), ("text",), ("text",), ("headline",), ("text", "headline"), ("text", "text"))
_NEVER_CORRECTED: Final = {"no meta", "bad date", "copy", "print twin", "retouched"}
_NEVER_ANOTHER_TEXT: Final = {"flash", "english", "one line"}


class PublicationSchedule(PublicationPlan):
    max_per_day: ClassVar[int] = 2000

    def id_range(self, day: date) -> tuple[int, int]:
        epoch, base = _FIRST_ID
        width = round(self.per_day * _IDS_PER_STORY)
        return base + (day - epoch).days * width, base + (day - epoch).days * width + width

    def section(self, rng: Random, moment: datetime) -> str:
        """Return a section of the print edition while it goes online, else an online section."""
        local = moment.astimezone(DHAKA)
        shares = _PRINTED if local.hour == 0 and local.minute < _MINUTES_OF_PRINT else _ONLINE
        return rng.choices(list(shares), list(shares.values()))[0]

    def moments(self, rng: Random, day: date) -> list[datetime]:
        """Return the times of a day: the print edition at midnight, one or two bursts, the rest by hourly rates."""
        weekend = 0.8 if day.weekday() == 4 else 1.0
        count = round(self.per_day * weekend * rng.uniform(0.93, 1.07))
        midnight, printed = datetime.combine(day, time(), DHAKA), round(self.per_day * _SHARE_OF_PRINT)
        moments = {midnight + timedelta(seconds=rng.randrange(60 * _MINUTES_OF_PRINT)) for _ in range(printed)}
        for size in (round(count * 0.13),) if day.toordinal() % 3 == 0 else (round(count * 0.04),) * 2:
            start = midnight + timedelta(minutes=rng.randint(9 * 60, 21 * 60))
            moments |= {start + timedelta(seconds=rng.randrange(12 * 60)) for _ in range(size)}
        while len(moments) < count:
            hour = rng.choices(range(24), _HOURS)[0]
            moments.add(midnight + timedelta(hours=hour, seconds=rng.randrange(3600)))
        return sorted(moments)

    def fated(self, slot: Slot) -> Slot:
        """Remove few stories, half of them within an hour."""
        slot = super().fated(slot)
        rng = Random(f"{self.seed}/farewell/{slot.number}")
        if slot.removed is None:
            return slot
        if rng.random() > 0.3:
            return Slot(**{**vars(slot), "removed": None, "traits": slot.traits - {"removed"}})
        soon = slot.published + timedelta(minutes=rng.randint(3, 60))
        return Slot(**{**vars(slot), "removed": (soon, slot.removed[1])}) if rng.random() < 0.5 else slot


class LivingStory(Story):
    """A story corrected mostly within minutes, sometimes after hours."""

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
