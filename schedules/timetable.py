"""The timetable: which newspapers are visited when, for how long, and what is expected of each visit.

Read from a TOML file with one `[schedule.NAME]` table per schedule. A mistake never starts anything: all of them are
told at once, each with its line and the nearest right thing.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from schedules.cron import Cron, Due
from schedules.exits import WrongUsage
from schedules.fields import FIELDS, read_field, together
from schedules.words import in_words

TIMETABLE = Path(__file__).resolve().with_name("schedules.toml")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_TABLE = "schedule"


@dataclass(frozen=True)
class Mistake:
    """One thing wrong in a timetable: its line (0 where there is none), where it stands, and a sentence."""

    line: int
    place: str
    sentence: str


class TimetableWrong(WrongUsage):
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
    kind: str
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
    """A timetable without mistakes, and the text that it was read from."""

    path: Path
    text: str
    schedules: tuple[Schedule, ...]

    @classmethod
    def read(cls, path: Path = TIMETABLE) -> Self:
        """Read a timetable; raises :class:`TimetableWrong` with every mistake in it."""
        text = _text(path)
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"\(at line (\d+)", str(error))
            at = int(line[1]) if line else text.count("\n") + 1
            raise TimetableWrong(path, [Mistake(at, "", f"not TOML: {error}")]) from error
        found: list[_Found] = []
        schedules = tuple(_schedules(document, found))
        if found:
            lines = _lines(text)
            raise TimetableWrong(path, [Mistake(_line(lines, at), _place(at), said) for at, said in found])
        return cls(path, text, schedules)

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


_Place = tuple[str, ...]
_Found = tuple[_Place, str]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise TimetableWrong(path, [Mistake(0, "", f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise TimetableWrong(path, [Mistake(line, "", "is not UTF-8 from this line on")]) from error


def _schedules(document: Mapping[str, Any], found: list[_Found]) -> Iterator[Schedule]:
    for key in document:
        if key != _TABLE:
            found.append(((key,), f"there is no {key!r} in a timetable: write '[{_TABLE}.NAME]'"))
    tables = document.get(_TABLE, {})
    if not isinstance(tables, dict) or (not tables and not found):
        found.append(((_TABLE,), f"no schedule is named: begin one with '[{_TABLE}.NAME]'"))
        return
    for name, table in tables.items():
        at = (_TABLE, name)
        if not isinstance(table, dict):
            found.append((at, f"stands outside a schedule: begin one with '[{_TABLE}.NAME]'"))
            continue
        if not _NAME.fullmatch(name):
            plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "night"
            found.append((at, f"{name!r} names files: write small letters, digits and hyphens, such as {plain!r}"))
            continue
        before = len(found)
        values = _values(at, table, found)
        found += [((*at, *below), said) for below, said in together(values)]
        if len(found) == before:
            yield Schedule(name=name, **values)


def _values(at: _Place, table: Mapping[str, Any], found: list[_Found]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in FIELDS:
            nearest = get_close_matches(key, FIELDS, n=1, cutoff=0.4)
            hint = f"did you mean {nearest[0]!r}?" if nearest else f"there are: {', '.join(FIELDS)}"
            found.append(((*at, key), f"no schedule has a {key!r}; {hint}"))
            continue
        read, problems = read_field(key, value)
        found += [((*at, key, *below), said) for below, said in problems]
        if not problems:
            values[key] = read
    for key, spec in FIELDS.items():
        if spec.required and key not in table:
            found.append((at, f"{key} is missing, for example: {key} = {spec.example}"))
    return values


# Lines --------------------------------------------------------------------------------------------------------------


def _lines(text: str) -> dict[_Place, int]:
    """The line where each key of a readable TOML text is written, which its parser does not tell."""
    lines: dict[_Place, int] = {}
    table: _Place = ()
    statement, began = "", 1
    for number, line in enumerate(text.split("\n"), start=1):
        if not statement:
            began = number
        statement += f"{line}\n"
        try:
            said = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue  # it goes on in the next line
        if statement.lstrip().startswith("["):
            table = max(_places(said), key=len)
            said = {}
            for length in range(1, len(table) + 1):
                lines.setdefault(table[:length], began)
        for place in _places(said):
            lines.setdefault((*table, *place), began)
        statement = ""
    return lines


def _places(value: Any) -> Iterator[_Place]:
    inner = value[0] if isinstance(value, list) and value else value
    if isinstance(inner, dict):
        for key, below in inner.items():
            yield (key,)
            yield from ((key, *place) for place in _places(below))


def _line(lines: Mapping[_Place, int], place: _Place) -> int:
    """The line of a place, or of what it stands in."""
    known = (lines[place[:length]] for length in range(len(place), 0, -1) if place[:length] in lines)
    return next(known, 0)


def _place(place: _Place) -> str:
    table, key = place[:2], place[2:]
    return f"[{'.'.join(table)}]" + (f" {'.'.join(key)}" if key else "")
