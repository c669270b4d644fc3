"""A question to the page: which newspaper, how far back, and at which moment it is asked."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from schedules.dashboard.data_source import Reading, Site

RANGES = (1, 7, 14, 30, 90)
USUAL_DAYS = 14


class BadQuestion(ValueError):
    """What was asked for is not to be had; the sentence says what is."""


@dataclass(frozen=True, slots=True)
class Question:
    """`site` is None for all newspapers; the days are whole ones on the clock of each, today the last."""

    reading: Reading
    moment: datetime
    days: int = USUAL_DAYS
    site: str | None = None

    @classmethod
    def asked(cls, reading: Reading, moment: datetime, parameters: Mapping[str, str]) -> "Question":
        """From the parameters of an address; raises :class:`BadQuestion` for any but `site` and `days`."""
        if unknown := [name for name in parameters if name not in ("site", "days")]:
            raise BadQuestion(f"there is no parameter {unknown[0][:40]!r}; there are site and days")
        days = parameters.get("days", str(USUAL_DAYS))
        if days not in map(str, RANGES):
            raise BadQuestion(f"days is one of {', '.join(map(str, RANGES))}")
        site = parameters.get("site")
        if site is not None and site not in [each.name for each in reading.sites()]:
            raise BadQuestion("there is nothing of a newspaper of that name")
        return cls(reading, moment, int(days), site)

    @property
    def sites(self) -> list[Site]:
        """The newspapers that are asked about."""
        if self.site is not None:
            return [self.reading.site(self.site)]
        return self.reading.sites()

    def of_each(self, told: Callable[["Question", Site], Mapping[str, Any]]) -> dict[str, Any]:
        """An answer in the shape that most have: `at`, `days`, and `sites` with what is told of each newspaper."""
        return {
            "at": self.moment.isoformat(),
            "days": self.days,
            "sites": [named(site) | dict(told(self, site)) for site in self.sites],
        }

    def dates(self, site: Site) -> list[date]:
        """The days that are asked about, oldest first."""
        today = self.moment.astimezone(site.zone).date()
        return [today - timedelta(days=back) for back in reversed(range(self.days))]

    def since(self, site: Site) -> datetime:
        """When the first of the days began."""
        first = self.dates(site)[0]
        return datetime(first.year, first.month, first.day, tzinfo=site.zone)

    def starts(self, site: Site) -> Iterator[datetime]:
        """When each of the days began, and when the last ends."""
        dates = self.dates(site)
        for each in [*dates, dates[-1] + timedelta(days=1)]:
            yield datetime(each.year, each.month, each.day, tzinfo=site.zone)


def named(site: Site) -> dict[str, Any]:
    """Which newspaper something is told of, and by which clock."""
    return {"site": site.name, "title": site.title, "zone": site.zone.key}
