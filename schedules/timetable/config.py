"""Timetable: schedules, alert targets, metrics file and retention, read from TOML and validated by pydantic.

The file has one `[schedule.NAME]` table per schedule and one `[alert.NAME]` table per alert target. If it is invalid,
nothing is started, and all errors are reported together, each with its line. The process of a run must not import
this module, so that it does not load pydantic. It is long because each field is validated against those before it.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from crawler.downloader.politeness import MIN_DELAY
from crawler.spiders import site_names
from crawler.suggestions import suggestion
from schedules.exit_codes import WrongUsage
from schedules.paths import TIMETABLE
from schedules.timetable.alert_targets import Command, Mail, Metrics, Target, Webhook
from schedules.timetable.cron import Due, check_cron, describe_cron, due_after, due_until, shortest_gap, zone_named
from schedules.timetable.expectation_changes import MAX_PAGES, ExpectationChanges, Names
from schedules.timetable.retention import Retention
from schedules.timetable.validation import TABLE_NAME, Problem, check_lists, problems_of

ACCEPTED = PurePosixPath("state", "schedules", "timetable.toml")  # in a data folder: copy of the latest valid timetable
MAX_MINUTES, MAX_DEPTH, MAX_JITTER_MINUTES, MAX_GRACE_HOURS = 24 * 60, 20, 12 * 60, 7 * 24


class TimetableError(WrongUsage):
    """The timetable is invalid; the message lists all of its errors in the order of their lines."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        super().__init__("\n".join(_sentence(path, problem) for problem in self.problems))


def _sentence(path: Path, problem: Problem) -> str:
    place = f"{path}:{problem.line}" if problem.line else f"{path}"
    return ": ".join(filter(None, [place, problem.place, problem.message]))


def _check_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name):
        plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "night"
        raise ValueError(f"{name!r} names files: write small letters, digits and hyphens, such as {plain!r}")
    return name


def _check_sites(sites: tuple[str, ...]) -> tuple[str, ...]:
    known = site_names()
    problems = [f"there is no newspaper {name!r}; {suggestion(name, known)}" for name in sites if name not in known]
    if problems or not sites:
        raise ValueError("; ".join(problems) or f"should name a newspaper; there are: {', '.join(known)}")
    return tuple(dict.fromkeys(sites))


Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(lambda text: " ".join(text.split()))
]


class Schedule(BaseModel):
    """Schedule: the sites to crawl, the times, the mode (full or incremental) and the limits.

    Each field is validated against those before it, so that an error in one does not hide an error in another.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_by_name=True)
    name: str = Field(validation_alias=TABLE_NAME)
    sentence: Text = Field(examples=['"The whole paper, while it sleeps"'])
    sites: Annotated[Names, AfterValidator(_check_sites)] = Field(examples=['["kalbela"]'])
    mode: Literal["incremental", "full"] = Field(examples=['"full"'])
    cron: Annotated[str, AfterValidator(check_cron)] = Field(examples=['"15 2 * * *"'])
    zone: Annotated[ZoneInfo, BeforeValidator(zone_named)] = Field(examples=['"Asia/Dhaka"'])
    max_minutes: float = Field(ge=1, le=MAX_MINUTES, allow_inf_nan=False, examples=["180"])
    jitter_minutes: float = Field(default=0, ge=0, le=MAX_JITTER_MINUTES, allow_inf_nan=False)
    max_pages: int = Field(ge=1, le=MAX_PAGES, examples=["2000"])
    max_depth: int | None = Field(default=None, ge=1, le=MAX_DEPTH)
    grace_hours: float = Field(default=24, ge=1, le=MAX_GRACE_HOURS, allow_inf_nan=False)
    expectations: ExpectationChanges = ExpectationChanges()

    @field_validator("max_minutes", "jitter_minutes")
    @classmethod
    def _ends_before_next_run(cls, minutes: float, info: ValidationInfo) -> float:
        if "cron" in info.data:
            gap = shortest_gap(info.data["cron"]).total_seconds() / 60
            limit = gap - info.data.get("max_minutes", 0)
            if minutes > limit >= 0:
                raise ValueError(f"the next run is due after {gap:g} minutes: the maximum is {limit:g}")
        return minutes

    @field_validator("max_pages")
    @classmethod
    def _fits_into_minutes(cls, pages: int, info: ValidationInfo) -> int:
        minutes = info.data.get("max_minutes", MAX_MINUTES)
        if pages > (limit := int(minutes * 60 / MIN_DELAY)):
            raise ValueError(f"{minutes:g} minutes are enough for {limit} pages, one in {MIN_DELAY:g} s")
        return pages

    @field_validator("expectations")
    @classmethod
    def _expects_known_lists(cls, changes: ExpectationChanges, info: ValidationInfo) -> ExpectationChanges:
        check_lists(info.data.get("sites", ()), changes.lists)
        return changes

    @property
    def rule(self) -> str:
        """Cron expression and time zone; if they change, due times before the change are no longer executed late."""
        return f"{self.cron} {self.zone.key}"

    @property
    def grace(self) -> timedelta:
        """Maximum delay after the due time with which a run is still started."""
        return timedelta(hours=self.grace_hours)

    def in_words(self) -> str:
        """Describe the times of the schedule in words, such as `at 02:15 every day, Asia/Dhaka`."""
        return f"{describe_cron(self.cron)}, {self.zone.key}"

    def after(self, moment: datetime) -> Iterator[Due]:
        """Yield the due times of the schedule after ``moment``, soonest first, without end."""
        return due_after(self.cron, self.zone, moment)

    def until(self, moment: datetime, since: datetime) -> Iterator[Due]:
        """Yield the due times of the schedule after ``since`` and up to ``moment``, latest first."""
        return due_until(self.cron, self.zone, moment, since)

    def per_site(self) -> "Iterator[Schedule]":
        """Yield one schedule for each site, named `<schedule>-<site>`; a schedule of one site keeps its name."""
        for site in self.sites:
            name = self.name if len(self.sites) == 1 else _name_of_site(self.name, site)
            yield self.model_copy(update={"name": name, "sites": (site,)})

    def start_of(self, due: Due) -> datetime:
        """Return a due time plus its random delay (jitter), which is always the same for the same due time."""
        fraction = int.from_bytes(hashlib.sha256(f"{self.name} {due.key}".encode()).digest()[:4]) / 2**32
        return due.at + timedelta(minutes=self.jitter_minutes) * fraction


def _name_of_site(schedule: str, site: str) -> str:
    return f"{schedule}-{site.replace('_', '-')}"


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")
    schedule: dict[Annotated[str, AfterValidator(_check_name)], Schedule] = Field(min_length=1)
    alert: dict[
        Annotated[str, AfterValidator(_check_name)], Annotated[Webhook | Mail | Command, Field(discriminator="kind")]
    ] = {}
    metrics: Metrics | None = None
    retention: Retention = Retention()

    @model_validator(mode="before")
    @classmethod
    def _name_tables(cls, document: dict[str, Any]) -> dict[str, Any]:
        return {
            key: {
                name: {**table, TABLE_NAME: name} if isinstance(table, dict) else table for name, table in part.items()
            }
            if key in ("schedule", "alert") and isinstance(part, dict)
            else part
            for key, part in document.items()
        }


_MODELS: dict[str, type[BaseModel]] = {
    "schedule": Schedule,
    "expectations": ExpectationChanges,
    "metrics": Metrics,
    "retention": Retention,
    "webhook": Webhook,
    "mail": Mail,
    "command": Command,
}


@dataclass(frozen=True)
class Timetable:
    """Valid timetable and its TOML text; ``metrics_file`` is the file to write for the Prometheus node exporter.

    A schedule of several sites becomes one for each, because a site must not wait for all others of its schedule.
    """

    path: Path
    text: str
    schedules: tuple[Schedule, ...]
    targets: tuple[Target, ...] = ()
    metrics_file: Path | None = None
    retention: Retention = field(default_factory=Retention)

    @classmethod
    def read(cls, path: Path = TIMETABLE) -> Self:
        """Read and validate a timetable file; raises :class:`TimetableError` with all errors if it is invalid."""
        text = _read_text(path)
        try:
            document = _Document.model_validate(tomllib.loads(text), by_alias=True, by_name=False)
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"\(at line (\d+)", str(error))
            number = int(line[1]) if line else text.count("\n") + 1
            raise TimetableError(path, [Problem(number, "", f"not TOML: {error}")]) from error
        except ValidationError as error:
            raise TimetableError(path, list(problems_of(error, text, _MODELS))) from None
        schedules = {each.name: each for declared in document.schedule.values() for each in declared.per_site()}
        if len(schedules) < sum(len(declared.sites) for declared in document.schedule.values()):
            problem = "one has the name that another one has for one of its sites: rename it"
            raise TimetableError(path, [Problem(0, "schedules", problem)])
        metrics, parts = document.metrics, (tuple(schedules.values()), tuple(document.alert.values()))
        return cls(path, text, *parts, metrics.file if metrics else None, document.retention)

    def in_words(self) -> str:
        """Return the names of the schedules with their times in words, as one line of text."""
        names: dict[str, list[str]] = {}
        for schedule in self.schedules:
            names.setdefault(schedule.in_words(), []).append(schedule.name)
        some = {when: each if len(each) <= 3 else [*each[:2], f"{len(each) - 2} more"] for when, each in names.items()}
        return ", ".join(f"{', '.join(each)} ({when})" for when, each in some.items())

    def named(self, name: str) -> Schedule:
        """Return the schedule with this name; raises :class:`WrongUsage` with a suggestion if there is none."""
        return self.group(name)[0]

    def group(self, name: str) -> tuple[Schedule, ...]:
        """Return the schedule with this name, or those of the sites of a schedule that was declared with several."""
        found = [each for each in self.schedules if each.name == name]
        found = found or [each for each in self.schedules if each.name == _name_of_site(name, each.sites[0])]
        if not found:
            known = suggestion(name, [each.name for each in self.schedules])
            raise WrongUsage(f"there is no schedule {name!r} in {self.path}; {known}")
        return tuple(found)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        message = f"cannot be read: {error.strerror}; --timetable names another"
        raise TimetableError(path, [Problem(0, "", message)]) from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise TimetableError(path, [Problem(line, "", "is not UTF-8 from this line on")]) from error
