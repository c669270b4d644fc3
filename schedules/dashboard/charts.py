"""The page's charts: small, of one ink, with what wants attention marked by its shape as well as by the accent."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from schedules.dashboard.formatting import counted, day, moment_of, number, percent
from schedules.dashboard.svg import Drawing

AXIS = 18
LEAST_SLOTS = 7
LABEL = 12


def columns(
    name: str, title: str, dates: Sequence[str], values: Sequence[float], unit: str = "", *, height: float = 64
) -> Markup:
    """One column a day. The scale begins at 0 and its top is written."""
    top = max([*values, 1])
    said = f"{title}: {_range(values)}, the last day {number(values[-1])}." if values else f"{title}: no days."
    drawing = Drawing(name, height + AXIS, title, said)
    drawing.line(0, LABEL, 1, LABEL, "grid")
    drawing.line(0, height, 1, height, "base")
    width, first = _slots(len(values))
    for place, (date, value) in enumerate(zip(dates, values, strict=True), start=first):
        tall = value / top * (height - LABEL)
        told = f"{day(date)}: {number(value)} {unit}".rstrip()
        drawing.bar(place * width + width * 0.14, width * 0.72, height - max(tall, 1), max(tall, 1), _ink(value), told)
    drawing.text(0, LABEL - 3, f"{number(max(values, default=0))} {unit}".rstrip(), kind="label")
    _day_axis(drawing, [day(date)[4:] for date in dates], height + AXIS - 5)
    return drawing.markup()


def _ink(value: float) -> str:
    return "ink" if value else "nil"


def _range(values: Sequence[float]) -> str:
    low, high = number(min(values)), number(max(values))
    return f"{low} every day" if low == high else f"between {low} and {high} a day"


def _slots(count: int) -> tuple[float, int]:
    """The width of a column, and the place of the first: few stand at the right, and as narrow as those of a week."""
    slots = max(count, LEAST_SLOTS)
    return 1 / slots, slots - count


def _day_axis(drawing: Drawing, labels: Sequence[str], y: float) -> None:
    """The first and the last day, which is all that a phone has room for."""
    width, first = _slots(len(labels))
    if len(labels) > 1:
        drawing.text(first * width, y, labels[0], "start", "label")
    for label in labels[-1:]:
        drawing.text(1, y, label, "end", "label")


def nights(name: str, marks: Sequence[Mapping[str, Any]], zone: str) -> Markup:
    """The last nights: a column of new stories each, and under it a dot for a good one, a cross for any other."""
    height, top = 56.0, max([mark["new"] for mark in marks] + [1])
    good = sum(bool(mark["good"]) for mark in marks)
    said = f"{good} of {counted(len(marks), 'night')} good; new stories: {', '.join(number(m['new']) for m in marks)}."
    drawing = Drawing(name, height + 38, "New stories of the last nights", said)
    drawing.line(0, LABEL, 1, LABEL, "grid")
    drawing.line(0, height, 1, height, "base")
    width, first = _slots(len(marks))
    for place, mark in enumerate(marks, start=first):
        tall = max(mark["new"] / top * (height - LABEL), 1)
        when = day(mark["started_at"], ZoneInfo(zone))
        told = f"{when}: {mark['word']}, {counted(mark['new'], 'new story', 'new stories')}"
        drawing.bar((place + 0.14) * width, width * 0.72, height - tall, tall, _ink(mark["new"]), told)
        shape = drawing.dot if mark["good"] else drawing.cross
        shape((place + 0.5) * width, height + 11, 3 if mark["good"] else 4, "ink" if mark["good"] else "bad", told)
    _day_axis(drawing, [day(mark["started_at"], ZoneInfo(zone))[4:] for mark in marks], height + 34)
    drawing.text(0, LABEL - 3, number(top), kind="label")
    return drawing.markup()


def clock_of(name: str, date: str, marks: Sequence[Mapping[str, Any]]) -> Markup:
    """The runs of one day on its 24 hours: a dot for a good one, larger for a full run, a cross for another."""
    good = sum(bool(mark["good"]) for mark in marks)
    said = f"{counted(len(marks), 'run')}, {'all good' if good == len(marks) else f'{len(marks) - good} not good'}."
    drawing = Drawing(name, 22, f"Runs of {day(date)}", said if marks else "No run.")
    for hour in (0, 6, 12, 18, 24):
        drawing.line(hour / 24, 3, hour / 24, 19, "grid")
    drawing.line(0, 11, 1, 11, "grid")
    for mark in marks:
        x = mark["hour"] / 24
        at = f"{int(mark['hour']):02}:{int(mark['hour'] % 1 * 60):02}"
        told = f"{at}, {mark['mode'] or 'run'}, {mark['word']}, {counted(mark['new'], 'new story', 'new stories')}"
        if mark["good"]:
            drawing.dot(x, 11, 5 if mark["mode"] == "full" else 3, "ink", told)
        else:
            drawing.cross(x, 11, 5, "bad", told)
    return drawing.markup("strip")


def hours_axis(name: str) -> Markup:
    """The hours under the clocks of some days."""
    drawing = Drawing(name, 14, "Hours of the day", "From 0 to 24 o'clock.")
    for hour, anchor in ((0, "start"), (6, "middle"), (12, "middle"), (18, "middle"), (24, "end")):
        drawing.text(hour / 24, 11, f"{hour:02}", anchor, "label")
    return drawing.markup()


def shares(name: str, title: str, points: Sequence[Mapping[str, Any]], usual: float | None, bad: bool) -> Markup:
    """Shares from 0 to 100 % over time, evenly spaced, with what is usual as a line; the last point is a dot."""
    height = 56.0
    last = points[-1]["share"] if points else None
    said = f"{title}: now {percent(last)}, usually {percent(usual)}."
    drawing = Drawing(name, height, title, said)
    drawing.line(0, _down(1, height), 1, _down(1, height), "grid")
    drawing.line(0, _down(0, height), 1, _down(0, height), "base")
    if usual is not None:
        drawing.line(0, _down(usual, height), 1, _down(usual, height), "usual")
    step = 0.98 / max(len(points) - 1, 1)
    places = [(place * step if len(points) > 1 else 0.98, _down(p["share"], height)) for place, p in enumerate(points)]
    for (x1, y1), (x2, y2) in pairwise(places):
        drawing.line(x1, y1, x2, y2, "curve")
    for (x, y), point in zip(places[-1:], points[-1:], strict=True):
        told = f"{point['filled']} of {point['of']}"
        (drawing.cross if bad else drawing.dot)(x, y, 4 if bad else 3.5, "bad" if bad else "ink", told)
    return drawing.markup()


def _down(share: float, height: float) -> float:
    return 4 + (1 - share) * (height - 8)


def part(name: str, title: str, share: float) -> Markup:
    """A share of a whole as one bar."""
    drawing = Drawing(name, 8, title, f"{title}: {percent(share)}.")
    drawing.bar(0, 1, 0, 8, "rest")
    drawing.bar(0, max(0.0, min(share, 1.0)), 0, 8, "ink")
    return drawing.markup("part")


def ranks_over_time(
    name: str,
    title: str,
    curve: Sequence[Sequence[Any]],
    since: str,
    until: str,
    *,
    lowest: int,
    height: float = 24,
    labels: Sequence[str] = (),
) -> Markup:
    """Where a link stood in a list: rank 1 on top, a line while it was seen there, a gap while it was not."""
    ranks = [rank for _, _, rank in curve]
    said = f"{title}: best rank {min(ranks)}, last rank {ranks[-1]}." if ranks else f"{title}: not in the list."
    top = LABEL if labels else 0
    drawing = Drawing(name, top + height + (AXIS if labels else 0), title, said)
    scale = _Scale(moment_of(since), moment_of(until), lowest, height, top)
    if labels:
        for rank in (1, lowest):
            drawing.line(0, scale.y(rank), 1, scale.y(rank), "grid")
        drawing.text(0, LABEL - 3, "rank 1", kind="label")
        drawing.text(0.5, top + height + AXIS - 4, f"rank {lowest}", "middle", "label")
    before: tuple[float, float] | None = None
    for start, end, rank in curve:
        x1, x2, y = scale.x(start), scale.x(end), scale.y(rank)
        if before is not None:
            drawing.line(*before, x1, y, "between")
        drawing.line(x1, y, max(x2, x1 + 0.004), y, "curve")
        before = (max(x2, x1 + 0.004), y)
    if before is not None:
        drawing.dot(*before, 2.5, "ink")
    for label, side in zip(labels, ("start", "end"), strict=False):
        drawing.text(float(side == "end"), top + height + AXIS - 4, label, side, "label")
    return drawing.markup("curve-of-ranks")


class _Scale:
    def __init__(self, since: datetime, until: datetime, lowest: int, height: float, top: float) -> None:
        self._since, self._seconds = since, max((until - since).total_seconds(), 1.0)
        self._lowest, self._height, self._top = max(lowest, 2), height, top

    def x(self, at: Any) -> float:
        return min(max((moment_of(at) - self._since).total_seconds() / self._seconds, 0.0), 1.0) * 0.985

    def y(self, rank: int) -> float:
        return self._top + 4 + (min(rank, self._lowest) - 1) / (self._lowest - 1) * (self._height - 8)


def ids(name: str, title: str, low: int, high: int, stretch: int, kept: Sequence[int], gaps: Sequence[Any]) -> Markup:
    """A counter's ids from left to right: a column says how many of a stretch are kept, a bar below is a long gap."""
    height, width = 64.0, high - low + 1
    between = f"between {min(kept)} and {max(kept)} of {stretch}"
    said = f"{title}: from {low} to {high}, {between} kept in each stretch; {counted(len(gaps), 'long gap')}."
    drawing = Drawing(name, height + 28, title, said)
    drawing.line(0, LABEL, 1, LABEL, "grid")
    drawing.line(0, height, 1, height, "base")
    for place, count in enumerate(kept):
        first = low + place * stretch
        told = f"{first} to {min(first + stretch - 1, high)}: {count} kept"
        tall = max(count / stretch * (height - LABEL), 1)
        wide = min(stretch / width, 1 - place * stretch / width)
        drawing.bar(place * stretch / width, wide * 0.86, height - tall, tall, _ink(count), told)
    for first, last, count in gaps:
        told = f"{first} to {last}: {counted(count, 'id')} never seen"
        drawing.bar((first - low) / width, max(count / width, 0.002), height + 4, 4, "gap", told)
    drawing.text(0, LABEL - 3, f"all {stretch} kept" if stretch > 1 else "kept", kind="label")
    drawing.text(0, height + 24, str(low), "start", "label")
    drawing.text(1, height + 24, str(high), "end", "label")
    return drawing.markup()
