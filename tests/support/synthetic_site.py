"""A newspaper whose pages are a function of seed, number and edition, so that every expected row is known."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from crawler.outcomes import Outcome
from crawler.spiders.kalbela import Kalbela

SITE = Kalbela.name
FIRST_MOMENT = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
BETWEEN_EDITIONS = timedelta(minutes=40)
WANDERER = 1  # a story that is alone in its month and changes the month
COPIES = 9000  # COPIES + n has the text of n
_LONELY = tuple(datetime(2026, month, 10, 6, 30, tzinfo=UTC) for month in (1, 2))
_MONTHS = tuple(datetime(2026, month, 10, 6, 30, tzinfo=UTC) for month in (7, 8, 9))


@dataclass(frozen=True)
class SyntheticSite:
    """The pages of the newspaper; with `moving`, some stories change the month."""

    seed: int
    moving: bool = True
    zone = Kalbela.zone

    def run_id(self, edition: int) -> str:
        return f"{self.moment(edition):%Y%m%dT%H%M%SZ}-{SITE}-{edition:04x}"

    def moment(self, edition: int) -> datetime:
        return FIRST_MOMENT + edition * BETWEEN_EDITIONS

    def edition(self, run_id: str) -> int:
        return int(run_id.rpartition("-")[2], 16)

    def asks(self, edition: int) -> list[str]:
        return ["/", *(f"/world/{number}" for number in self.numbers(edition))]

    def numbers(self, edition: int) -> list[int]:
        """Return the stories of an edition: old ones, some new ones, and sometimes a copy."""
        chance = Random(f"{self.seed}/{edition}")
        known = list(range(2, 25 + edition // 3))
        copied = [COPIES + chance.choice(known)] if chance.random() < 0.3 else []
        return [WANDERER, *chance.sample(known, 6), *copied]

    def outcome(self, number: int, edition: int) -> Outcome:
        if number % 7 == 3:
            return (Outcome.REJECTED, Outcome.GONE, Outcome.STORY)[self._stage(number, edition) % 3]
        return Outcome.STORY

    def _stage(self, number: int, edition: int) -> int:
        return Random(f"{self.seed}/{number}/{edition // (2 + number % 5)}").randrange(4)

    def headline(self, number: int, edition: int) -> str:
        if number >= COPIES:
            number, edition = number - COPIES, 0
        if number == WANDERER and self.moving:
            return "ভবঘুরে"
        return f"র‍্যাবের অভিযান {number} পাঠ {self._stage(number, edition)}"

    def body(self, number: int, edition: int) -> str:
        return f"{self.headline(number, edition)} উদ্‌যাপনের খবর।\n\nদ্বিতীয় অনুচ্ছেদ।"

    def published_at(self, number: int, edition: int) -> datetime | None:
        if number == WANDERER and self.moving:
            return _LONELY[edition % 2]
        moved = self.moving and number % 3 == 0 and self._stage(number, edition) == 3
        return None if number % 11 == 5 else _MONTHS[(number + moved) % 3]

    def ranks(self, name: str, edition: int) -> list[str]:
        chance = Random(f"{self.seed}/{name}/{edition // 3}")
        return [f"শিরোনাম {chance.randrange(100)}" for _ in range(3)]


@dataclass(frozen=True)
class SyntheticNights(SyntheticSite):
    """Two seasons of nights around the two clock changes of a zone.

    A night has twenty new stories, five changed ones and one that is gone. In some nights the site is unreachable.
    """

    moving: bool = False
    zone = ZoneInfo("Europe/Berlin")

    def moment(self, edition: int) -> datetime:
        """Return half past two, local time, which occurs twice in one night and not at all in another."""
        season = min(edition // 30, 1)
        year, month, day = ((2026, 10, 10), (2027, 3, 14))[season]
        first = datetime(year, month, day, 2, 30, tzinfo=self.zone)
        return (first + (edition - 30 * season) * DAY).astimezone(UTC)  # the same local time each day

    def numbers(self, edition: int) -> list[int]:
        old = self.new(edition - 1) if edition else ()
        return [*old, *self.new(edition), *self.changed(edition), *self.taken_down(edition)]

    def new(self, edition: int) -> range:
        return range(20 * edition + 2, 20 * edition + 22)

    def changed(self, edition: int) -> list[int]:
        return self._older(edition)[:5]

    def taken_down(self, edition: int) -> list[int]:
        return self._older(edition)[5:]

    def _older(self, edition: int) -> list[int]:
        return Random(f"{self.seed}/{edition}").sample(range(2, 20 * edition + 2), 6) if edition else []

    def outcome(self, number: int, edition: int) -> Outcome:
        if edition % 20 == 13:
            return Outcome.UNREACHABLE
        return Outcome.GONE if any(number in self.taken_down(night) for night in range(edition + 1)) else Outcome.STORY

    def _stage(self, number: int, edition: int) -> int:
        return sum(number in self.changed(night) for night in range(edition + 1))

    def published_at(self, number: int, edition: int) -> datetime | None:
        return self.moment((number - 2) // 20)


SITES: dict[str, type[SyntheticSite]] = {"rule": SyntheticSite, "nights": SyntheticNights}


@dataclass(frozen=True)
class AcknowledgedUrl:
    """A page whose rows were committed, recorded outside of the data folder."""

    run_id: str
    url: str
    story_id: str | None
    outcome: str
    at: str
