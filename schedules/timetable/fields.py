"""Fields: what a schedule is made of, how each is read, and which of them go together."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo, available_timezones

from crawler.downloader.politeness import LEAST_DELAY
from crawler.registry import newspapers
from schedules.monitoring.expectations import Expectations
from schedules.timetable.cron import Cron, CronWrong, read_cron
from schedules.timetable.validation import (
    Field,
    Problem,
    ValueWrong,
    names,
    nearest,
    number,
    one_of,
    sentence,
    text,
    truth,
)

KINDS = ("pulse", "sweep")
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
        raise ValueWrong(f"{value!r} is no table: write '{{ most_refused = 0.1 }}'")
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
    "kind": Field(one_of(KINDS), '"sweep"'),
    "cron": Field(_cron, '"15 2 * * *"'),
    "zone": Field(_zone, '"Asia/Dhaka"'),
    "max_pages": Field(number(1, MOST_PAGES, whole=True), "2000"),
    "max_minutes": Field(number(1, MOST_MINUTES), "180"),
    "max_depth": Field(number(1, MOST_DEPTH, whole=True), "3", required=False),
    "jitter_minutes": Field(number(0, 12 * 60), "5", required=False),
    "grace_hours": Field(number(1, MOST_GRACE_HOURS), "24", required=False),
    "expectations": Field(_expectations, "{ most_refused = 0.1 }", required=False),
}
