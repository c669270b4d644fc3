"""Query parameters of a dashboard page: site and number of days."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from schedules.dashboard.data_source import DataSource, Site
from schedules.reports.progress import read_progress

RANGES = (1, 7, 14, 30, 90)
#: Periods of the views that read the index of all runs.
LONG_RANGES = (*RANGES, 365, 730)
#: Rows of one page of a long list.
PAGE_ROWS = 100
DEFAULT_DAYS = 14


class InvalidQuery(ValueError):
    """The query string of a URL has an unknown parameter or an invalid value."""


@dataclass(frozen=True, slots=True)
class Query:
    """Request for the data of one dashboard page: time, number of days, and site (None for all sites).

    The page covers the last ``days`` calendar days up to and including today, in the time zone of each site.
    """

    source: DataSource
    moment: datetime
    days: int = DEFAULT_DAYS
    site: str | None = None
    page: int = 1

    @classmethod
    def parse(
        cls, source: DataSource, moment: datetime, parameters: Mapping[str, str], *, is_long: bool = False
    ) -> "Query":
        """Parse the query parameters of a URL; raises :class:`InvalidQuery` if one is unknown or invalid.

        :param is_long: true for a list in pages over periods of up to two years
        """
        names = ("site", "days", *(("page",) if is_long else ()))
        if unknown := next((name for name in parameters if name not in names), None):
            raise InvalidQuery(f"unknown parameter {unknown[:40]!r}; use {' and '.join(names)}")
        days, page = parameters.get("days", str(DEFAULT_DAYS)), parameters.get("page", "1")
        if days not in map(str, LONG_RANGES):
            raise InvalidQuery(f"days must be one of {', '.join(map(str, LONG_RANGES))}")
        if not (page.isascii() and page.isdigit() and 1 <= int(page[:9]) == int(page)):
            raise InvalidQuery("page must be a number from 1")
        site = parameters.get("site")
        if site is not None and site not in [known.name for known in source.sites()]:
            raise InvalidQuery("no data of a site with this name")
        longest = LONG_RANGES[-1] if is_long else RANGES[-1]  # links keep the days of a page with longer periods
        return cls(source, moment, min(int(days), longest), site, int(page))

    @property
    def sites(self) -> list[Site]:
        return self.source.sites() if self.site is None else [self.source.site(self.site)]

    def per_site(self, read: Callable[["Query", Site], Mapping[str, Any]]) -> dict[str, Any]:
        """Call ``read`` for each site of the page, and return the results as JSON types.

        The result has the time of the page (`at`), the number of days (`days`), and one dictionary per site (`sites`)
        with the result of ``read`` and the site's name, title and time zone.
        """
        sites = [site_info(site) | dict(read(self, site)) for site in self.sites]
        return {"at": self.moment.isoformat(), "days": self.days, "sites": sites}

    def progress(self, site: Site) -> dict[str, Any] | None:
        """Return the progress of the running crawl of a site, or None if there is none."""
        run = read_progress(self.source.folder(site.name), site.name)
        return run.as_dict(self.moment) if run else None

    def index(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """Query the index of all runs, which is built when it is first used."""
        self.source.index.start()
        self.source.unreadable |= self.source.index.unreadable
        return self.source.index.query(statement, values)

    def index_state(self) -> dict[str, int | None]:
        """Return the number of reports that the index lacks; `reports_waiting` is None until they are counted."""
        index = self.source.index
        return {
            "reports_waiting": index.waiting if index.is_listed else None,
            "reports_left_out": index.left_out,
        }

    def dates(self, site: Site) -> list[date]:
        today = self.moment.astimezone(site.zone).date()
        return [today - timedelta(days=back) for back in reversed(range(self.days))]

    def starts(self, site: Site) -> list[datetime]:
        """Return the start of each day of the page, and the end of the last day, in the time zone of a site."""
        dates = self.dates(site)
        days = [*dates, dates[-1] + timedelta(days=1)]
        return [datetime(day.year, day.month, day.day, tzinfo=site.zone) for day in days]

    def since(self, site: Site) -> datetime:
        return self.starts(site)[0]


def site_info(site: Site) -> dict[str, Any]:
    return {"site": site.name, "title": site.title, "zone": site.zone.key}


def json_row(row: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the columns ``names`` of a row, with datetimes converted to ISO 8601 strings."""
    return {name: row[name].isoformat() if isinstance(row[name], datetime) else row[name] for name in names}
