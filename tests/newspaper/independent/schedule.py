"""Seeded schedule of an independent newspaper: its stories, when they appear, change and disappear."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from math import exp
from random import Random

from ..text_generator import BEATS, TextGenerator
from ..vocabulary import WORDS
from .story import Block, Picture, Section, State, Story

# Stories per hour of a day in the newspaper's own time.
_HOURS = (2, 1, 1, 0.5, 0.5, 1, 3, 6, 9, 11, 12, 12, 11, 10, 11, 12, 13, 14, 14, 13, 12, 10, 7, 4)
# Corrections: does the text change, does the headline change, does the site give a new update time; and the share.
_CORRECTIONS = (
    ((True, False, True), 0.14),
    ((False, True, True), 0.08),
    ((False, False, True), 0.04),
    ((True, False, False), 0.05),
    ((False, True, False), 0.03),
    ((True, True, True), 0.03),
)
_REMOVED = 0.03
_TEN_MINUTES = timedelta(minutes=10)
_WORDS = """minister police court budget river bridge school students traders rice power gas flood storm match team
    captain film singer hospital doctors dengue market price export election party rally verdict road train fire village
    farmers"""
_LATIN = _WORDS.split()


@dataclass(frozen=True)
class House:
    """Habits of one newspaper that its stories depend on.

    `identify` makes the public id from a generator and the counter; `bylines` are its desk names.
    """

    zone: timezone
    sections: tuple[Section, ...]
    first_number: int
    numbers_per_day: int
    bylines: tuple[str, ...]
    credits: tuple[str, ...]
    named_authors: float = 0.25
    no_author: float = 0.0
    kickers: float = 0.25
    printed: float = 0.0
    signoffs: tuple[str, ...] = ()
    hours: tuple[float, ...] = _HOURS

    def choose_section(self, rng: Random, moment: datetime) -> Section:
        return rng.choices(self.sections, [section.weight for section in self.sections])[0]

    def identify(self, rng: Random, number: int) -> str:
        return str(number)


class Schedule:
    """Stories by day, composed when a day is first asked for."""

    def __init__(self, house: House, seed: str, per_day: int, first_day: date) -> None:
        self.house, self.seed, self.per_day, self.first_day = house, seed, per_day, first_day
        self._days: dict[date, tuple[Story, ...]] = {}

    def until(self, moment: datetime) -> Iterator[Story]:
        """Yield the stories published up to a moment, oldest first, also removed ones."""
        day, last = self.first_day, moment.astimezone(self.house.zone).date()
        while day <= last:
            yield from (story for story in self.day(day) if story.published <= moment)
            day += timedelta(days=1)

    def day(self, day: date) -> tuple[Story, ...]:
        if day not in self._days:
            self._days[day] = tuple(self._compose(day))
        return self._days[day]

    def _compose(self, day: date) -> Iterator[Story]:
        rng = Random(f"{self.seed}/{day}")
        count = round(self.per_day * rng.uniform(0.9, 1.1))
        midnight = datetime.combine(day, time(), self.house.zone)
        minutes = {rng.choices(range(24), self.house.hours)[0] * 60 + rng.randrange(60) for _ in range(count)}
        moments = [midnight + timedelta(minutes=minute, seconds=rng.randrange(60)) for minute in sorted(minutes)]
        width = self.house.numbers_per_day
        first = self.house.first_number + (day - self.first_day).days * width
        numbers = sorted(rng.sample(range(first, first + width), len(moments)))
        for i in range(1, len(numbers)):  # an id is given out when writing begins, so neighbours may change places
            if rng.random() < 0.08:
                numbers[i - 1], numbers[i] = numbers[i], numbers[i - 1]
        for number, moment in zip(numbers, moments, strict=True):
            yield self._story(number, moment)

    def _story(self, number: int, published: datetime) -> Story:
        house, rng = self.house, Random(f"{self.seed}/{number}")
        section = house.choose_section(rng, published)
        composer = TextGenerator(rng, BEATS[section.beat], published)
        headline = composer.headline()
        states = tuple(_states(rng, composer, headline, published))
        removed = None
        if rng.random() < _REMOVED:
            removed = published + timedelta(minutes=rng.choice((20, 45, 90, 300, 1200)))
        return Story(
            seed=self.seed,
            number=number,
            id=house.identify(rng, number),
            section=section,
            published=published,
            removed=removed,
            kicker=rng.choice(WORDS["kickers"]) if rng.random() < house.kickers else None,
            authors=_authors(rng, house),
            tags=tuple(rng.sample(WORDS["tags"], rng.randint(0, 4))),
            edition="print" if rng.random() < house.printed else "online",
            picture=_picture(rng, house, composer, published),
            appeal=rng.lognormvariate(0, 1),
            signoff="/".join(rng.sample(house.signoffs, rng.randint(1, 3))) if house.signoffs else None,
            slug="-".join(rng.sample(_LATIN, rng.randint(4, 7))),
            states=states if removed is None else tuple(state for state in states if state.since < removed),
        )


def ranking(stories: Sequence[Story], moment: datetime) -> list[Story]:
    """Order stories of the last three days by readers; the order changes every ten minutes."""
    step = moment - timedelta(seconds=moment.timestamp() % _TEN_MINUTES.total_seconds())
    hour = int(step.timestamp() // 3600)

    def score(story: Story) -> float:
        age = (step - story.published) / timedelta(hours=1)
        wobble = [Random(f"{story.seed}/{story.id}/{at}").uniform(0.7, 1.3) for at in (hour, hour + 1)]
        share = step.timestamp() % 3600 / 3600
        return story.appeal * min(age + 0.1, 2) * exp(-age / 16) * (wobble[0] * (1 - share) + wobble[1] * share)

    recent = [story for story in stories if step - timedelta(days=3) < story.published <= step]
    return sorted(recent, key=lambda story: (-score(story), story.id))


def _states(rng: Random, composer: TextGenerator, headline: str, published: datetime) -> Iterator[State]:
    blocks = [Block("p", composer.paragraph()) for _ in range(rng.randint(4, 10))]
    if rng.random() < 0.25:
        for head in rng.sample(WORDS["subheads"], 2):
            blocks.insert(rng.randint(1, len(blocks) - 1), Block("head", head))
    if rng.random() < 0.15:
        blocks.insert(rng.randint(1, len(blocks)), Block("quote", composer.fill("{quote}")))
    if rng.random() < 0.15:
        place = rng.randint(2, len(blocks))
        blocks[place:place] = [
            Block("item", composer.fill("{inst.g} {adj} {topic}, {n}টি {matter}")) for _ in range(rng.randint(3, 4))
        ]
    state = State(published, 1, headline, tuple(blocks), None)
    yield state
    kinds, shares = zip(*_CORRECTIONS, strict=True)
    chance = sum(shares)
    while rng.random() < chance:
        text, other_headline, dated = rng.choices(kinds, shares)[0]
        since = state.since + timedelta(minutes=rng.choices((rng.randint(3, 30), rng.randint(30, 600)), (2, 1))[0])
        if text:
            added = Block("p", composer.paragraph())
            blocks = [*blocks[:1], added, *blocks[1:]] if rng.random() < 0.5 else [blocks[0], added, *blocks[2:]]
        state = State(
            since,
            state.revision + 1,
            composer.headline() if other_headline else state.headline,
            tuple(blocks),
            since if dated else state.updated,
        )
        yield state
        chance = 0.2


def _authors(rng: Random, house: House) -> tuple[str, ...]:
    def name() -> str:
        return f"{rng.choice(WORDS['given names'])} {rng.choice(WORDS['surnames'])}"

    if rng.random() < house.no_author:
        return ()
    if rng.random() < house.named_authors:
        return (name(), name()) if rng.random() < 0.15 else (name(),)
    if rng.random() < 0.2:
        return (f"{rng.choice(WORDS['districts'])} প্রতিনিধি",)
    return (rng.choice(house.bylines),)


def _picture(rng: Random, house: House, composer: TextGenerator, published: datetime) -> Picture | None:
    if rng.random() < 0.04:
        return None
    taken = published - timedelta(minutes=rng.choice((1, 2, 5, 9, 40, 1300)))
    caption = composer.fill("{adj} {topic} ঘিরে {place} এলাকায় {group.d} ভিড়") + "।" if rng.random() < 0.6 else None
    credit = rng.choice(house.credits) if rng.random() < 0.7 else None
    return Picture("-".join(rng.sample(_LATIN, 2)), taken, caption, credit)
