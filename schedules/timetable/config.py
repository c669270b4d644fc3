"""The timetable: which newspapers are visited when, for how long, what is expected of each visit, and who is told.

Read from a TOML file with one `[schedule.NAME]` table per schedule, and one `[alert.NAME]` per target of alerts. A
mistake never starts anything: all of them are told at once, each with its line and the nearest right thing.
"""

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from types import UnionType
from typing import Any, Self, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo, available_timezones

from crawler.downloader.politeness import LEAST_DELAY
from crawler.registry import newspapers
from schedules.exit_codes import WrongUsage
from schedules.monitoring.expectations import Expectations
from schedules.paths import TIMETABLE
from schedules.timetable import alert_targets
from schedules.timetable.alert_targets import Target
from schedules.timetable.cron import Cron, CronWrong, Due, in_words, read_cron
from schedules.timetable.validation import (
    Field,
    Place,
    Problem,
    ValueWrong,
    line_of,
    lines_of,
    names,
    nearest,
    number,
    one_of,
    read_field,
    sentence,
    text,
    truth,
)

# In a data folder: the timetable as it was last without mistakes.
ACCEPTED = PurePosixPath("state", "schedules", "timetable.toml")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_TABLES = ("[schedule.NAME]", "[alert.NAME]", "[metrics]")


@dataclass(frozen=True)
class Mistake:
    """One thing wrong in a timetable: its line (0 where there is none), where it stands, and a sentence."""

    line: int
    place: str
    sentence: str


class TimetableError(WrongUsage):
    """The timetable cannot be kept as it is written; says every mistake, in the order of the lines."""

    def __init__(self, path: Path, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=lambda mistake: mistake.line))
        super().__init__("\n".join(_told(path, mistake) for mistake in self.mistakes))


def _told(path: Path, mistake: Mistake) -> str:
    place = f"{path}:{mistake.line}" if mistake.line else f"{path}"
    return f"{place}: {mistake.place}: {mistake.sentence}" if mistake.place else f"{place}: {mistake.sentence}"


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """One line of the timetable; ``expectations`` are what it changes in those of any run of its newspapers."""

    name: str
    sentence: str
    sites: tuple[str, ...]
    mode: str
    cron: Cron
    zone: ZoneInfo
    max_pages: int
    max_minutes: float
    max_depth: int | None = None
    jitter_minutes: float = 0.0
    grace_hours: float = 24.0
    expectations: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rule(self) -> str:
        """What decides when it is due."""
        return f"{self.cron.text} {self.zone.key}"

    @property
    def grace(self) -> timedelta:
        """How late a run may begin at the most."""
        return timedelta(hours=self.grace_hours)

    def in_words(self) -> str:
        """`every night at 02:15, Asia/Dhaka`."""
        return f"{in_words(self.cron)}, {self.zone.key}"

    def after(self, moment: datetime) -> Iterator[Due]:
        """When it is due after a moment, soonest first."""
        return self.cron.after(moment, self.zone)

    def until(self, moment: datetime, since: datetime) -> Iterator[Due]:
        """When it was due up to a moment, latest first."""
        return self.cron.until(moment, self.zone, since)

    def begins(self, due: Due) -> datetime:
        """When a run that is due begins: up to the jitter later, always as much for the same time."""
        drawn = int.from_bytes(hashlib.sha256(f"{self.name} {due.key}".encode()).digest()[:4]) / 2**32
        return due.at + timedelta(minutes=self.jitter_minutes) * drawn


@dataclass(frozen=True)
class Timetable:
    """A timetable without mistakes, and the text that it was read from.

    ``targets`` are told what goes wrong; ``metrics_file`` is where numbers are kept for the node exporter, if anywhere.
    """

    path: Path
    text: str
    schedules: tuple[Schedule, ...]
    targets: tuple[Target, ...] = ()
    metrics_file: Path | None = None

    @classmethod
    def read(cls, path: Path = TIMETABLE) -> Self:
        """Read a timetable; raises :class:`TimetableError` with every mistake in it."""
        text = _text(path)
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"\(at line (\d+)", str(error))
            at = int(line[1]) if line else text.count("\n") + 1
            raise TimetableError(path, [Mistake(at, "", f"not TOML: {error}")]) from error
        found: list[_Found] = []
        schedules = tuple(_schedules(document, found))
        alerts = tuple(_targets(document, found))
        metrics = _metrics(document, found)
        if found:
            lines = lines_of(text)
            raise TimetableError(path, [Mistake(line_of(lines, at), _place(at), said) for at, said in found])
        return cls(path, text, schedules, alerts, metrics)

    def in_words(self) -> str:
        """All schedules in one sentence."""
        return ", ".join(f"{schedule.name} ({schedule.in_words()})" for schedule in self.schedules)

    def named(self, name: str) -> Schedule:
        """The schedule of that name; raises :class:`WrongUsage` with those that there are, the nearest first."""
        known = {schedule.name: schedule for schedule in self.schedules}
        if name in known:
            return known[name]
        nearest = get_close_matches(name, known, n=len(known), cutoff=0.0)
        raise WrongUsage(f"there is no schedule {name!r} in {self.path}; there are: {', '.join(nearest)}")


_Found = tuple[Place, str]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise TimetableError(
            path, [Mistake(0, "", f"cannot be read: {error.strerror}; --timetable names another")]
        ) from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise TimetableError(path, [Mistake(line, "", "is not UTF-8 from this line on")]) from error


def _schedules(document: Mapping[str, Any], found: list[_Found]) -> Iterator[Schedule]:
    for key in document:
        if key not in ("schedule", "alert", "metrics"):
            found.append(((key,), f"there is no {key!r} in a timetable; there are: {', '.join(_TABLES)}"))
    if not document.get("schedule") and not found:
        found.append((("schedule",), "no schedule is named: begin one with '[schedule.NAME]'"))
    for at, table in _named(document, "schedule", found):
        if (values := _values(at, table, FIELDS, together, found)) is not None:
            yield Schedule(name=at[1], **values)


def _targets(document: Mapping[str, Any], found: list[_Found]) -> Iterator[Target]:
    for at, table in _named(document, "alert", found):
        known = alert_targets.fields_of(table.get("kind"))
        # Where it is not known what it should be, what else stands there is neither right nor wrong.
        table = (
            table if len(known) > len(alert_targets.fields_of(None)) else {k: v for k, v in table.items() if k in known}
        )
        if (values := _values(at, table, known, _together_if_right(table), found)) is not None:
            yield alert_targets.target_of(at[1], values)


def _together_if_right(table: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Iterable[Problem]]:
    return lambda values: alert_targets.together(values) if values.keys() == table.keys() else ()


def _metrics(document: Mapping[str, Any], found: list[_Found]) -> Path | None:
    table = document.get("metrics")
    if table is None:
        return None
    if not isinstance(table, dict):
        found.append((("metrics",), "is a table: write '[metrics]'"))
        return None
    values = _values(("metrics",), table, alert_targets.METRICS, lambda values: (), found)
    return values["file"] if values else None


def _named(document: Mapping[str, Any], kind: str, found: list[_Found]) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    """The tables of a kind that are tables and have names."""
    tables = document.get(kind, {})
    if not isinstance(tables, dict):
        found.append(((kind,), f"is no table: begin one with '[{kind}.NAME]'"))
        return
    for name, table in tables.items():
        at = (kind, name)
        if not isinstance(table, dict):
            found.append((at, f"stands outside a table: begin one with '[{kind}.NAME]'"))
        elif not _NAME.fullmatch(name):
            plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "night"
            found.append((at, f"{name!r} names files: write small letters, digits and hyphens, such as {plain!r}"))
        else:
            yield at, table


def _values(
    at: Place,
    table: Mapping[str, Any],
    known: Mapping[str, Field],
    together: Callable[[Mapping[str, Any]], Iterable[Problem]],
    found: list[_Found],
) -> dict[str, Any] | None:
    """What a table holds, read; None where something in it is wrong."""
    before = len(found)
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            found.append(((*at, key), _unknown(at[0], key, known)))
            continue
        read, problems = read_field(known, key, value)
        found += [((*at, key, *below), said) for below, said in problems]
        if not problems:
            values[key] = read
    for key, field_ in known.items():
        if field_.required and key not in table:
            found.append((at, f"{key} is missing, for example: {key} = {field_.example}"))
    found += [((*at, *below), said) for below, said in together(values)]
    return values if len(found) == before else None


def _unknown(kind: str, key: str, known: Mapping[str, Field]) -> str:
    if kind == "alert" and key.lower() in alert_targets.SECRETS:
        return "a secret is never written here: set an environment variable, and write its name (see `password_from`)"
    near = get_close_matches(key, known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
    return f"no {kind} has a {key!r}; {hint}"


def _place(place: Place) -> str:
    length = 1 if place[0] == "metrics" else 2
    table, key = place[:length], place[length:]
    return f"[{'.'.join(table)}]" + (f" {'.'.join(key)}" if key else "")


MODES = ("incremental", "full")
MOST_PAGES, MOST_MINUTES, MOST_DEPTH, MOST_GRACE_HOURS = 100_000, 24 * 60, 20, 7 * 24


def together(values: Mapping[str, Any]) -> Iterator[Problem]:
    """What is impossible in values (those that are missing or wrong left out) that are each right by themselves."""
    if {"max_pages", "max_minutes"} <= values.keys():
        yield from _pages_in_time(values["max_pages"], values["max_minutes"])
    if {"cron", "max_minutes"} <= values.keys():
        yield from _one_after_the_other(values["cron"], values["max_minutes"], values.get("jitter_minutes", 0))
    for site in values.get("sites", ()):
        known = [ranked.name for ranked in newspapers()[site].lists]
        for name in values.get("expectations", {}).get("lists", ()):
            if name not in known:
                yield ("expectations", "lists"), f"{site} has no list {name!r}; {nearest(name, known)}"


def _pages_in_time(pages: int, minutes: float) -> Iterator[Problem]:
    most = int(minutes * 60 / LEAST_DELAY)
    if pages > most:
        said = f"{pages} pages cannot be asked for in {minutes:g} minutes, one in {LEAST_DELAY:g} s: the most is {most}"
        yield ("max_pages",), said


def _one_after_the_other(cron: Cron, minutes: float, jitter: float) -> Iterator[Problem]:
    gap = cron.shortest_gap().total_seconds() / 60
    if minutes + jitter > gap:
        key, most = ("max_minutes", gap) if minutes > gap else ("jitter_minutes", gap - minutes)
        yield (key,), f"the next run is due after {gap:g} minutes, when this one may still go on: the most is {most:g}"


# Each by itself -----------------------------------------------------------------------------------------------------


def _sites(value: Any) -> tuple[str, ...]:
    known = list(newspapers())
    if not (named := names(value)):
        raise ValueWrong(f"no newspaper is named; there are: {', '.join(known)}")
    if unknown := [name for name in named if name not in known]:
        raise ValueWrong(*(f"there is no newspaper {name!r}; {nearest(name, known)}" for name in unknown))
    return named


def _cron(value: Any) -> Cron:
    try:
        return read_cron(text(value))
    except CronWrong as error:
        raise ValueWrong(*error.problems) from error


def _zone(value: Any) -> ZoneInfo:
    name, known = text(value), available_timezones()
    if name in known:
        return ZoneInfo(name)
    wanted = re.sub(r"\W+", "_", name.rpartition("/")[2]).lower()
    of_city = sorted(zone for zone in known if zone.rpartition("/")[2].lower() == wanted and "/" in zone)
    near = of_city[:1] or get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else "write one such as 'Asia/Dhaka'"
    raise ValueWrong(f"there is no time zone {name!r}; {hint}")


def _expectations(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueWrong(f"{value!r} is no table: write '{{ max_rejected = 0.1 }}'")
    hints = get_type_hints(Expectations)
    defaults = {each.name: each.default for each in fields(Expectations)}
    read: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, each in value.items():
        if key not in hints:
            problems.append(((key,), f"nothing of that name is expected; {nearest(key, list(hints))}"))
            continue
        try:
            read[key] = _reader_of(hints[key], defaults[key])(each)
        except ValueWrong as error:
            problems += [((key, *below), said) for below, said in error.problems]
    if problems:
        raise ValueWrong(*problems)
    return read


def _reader_of(hint: Any, default: Any) -> Callable[[Any], Any]:
    """How an expectation of this type is written in TOML."""
    if isinstance(hint, UnionType):
        hint = next(each for each in get_args(hint) if each is not type(None))
    if hint is bool:
        return truth
    if hint is int:
        return number(0, MOST_PAGES, whole=True)
    if hint is float:  # a share, unless its own default is more than a share can be
        return number(0, 1 if default is None or not isinstance(default, float) or default <= 1 else MOST_PAGES)
    if get_origin(hint) is tuple:
        return names
    if hint is str:
        return text
    raise TypeError(f"an expectation of type {hint} cannot be written in a timetable yet")


FIELDS = {
    "sentence": Field(sentence, '"The whole paper, while it sleeps"'),
    "sites": Field(_sites, '["kalbela"]'),
    "mode": Field(one_of(MODES), '"full"'),
    "cron": Field(_cron, '"15 2 * * *"'),
    "zone": Field(_zone, '"Asia/Dhaka"'),
    "max_pages": Field(number(1, MOST_PAGES, whole=True), "2000"),
    "max_minutes": Field(number(1, MOST_MINUTES), "180"),
    "max_depth": Field(number(1, MOST_DEPTH, whole=True), "3", required=False),
    "jitter_minutes": Field(number(0, 12 * 60), "5", required=False),
    "grace_hours": Field(number(1, MOST_GRACE_HOURS), "24", required=False),
    "expectations": Field(_expectations, "{ max_rejected = 0.1 }", required=False),
}
