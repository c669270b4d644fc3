"""SVG charts of the dashboard in a single colour; problems have another colour and another shape.

They are drawn on the server. A page therefore needs no script and can be saved as a file, and each chart has a
description for screen readers.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from schedules.dashboard.formatting import counted, day, moment_of, number, percent
from schedules.dashboard.svg import Drawing

AXIS = 18
LABEL = 12
MIN_SLOTS = 7


def columns(name: str, title: str, dates: Sequence[str], values: Sequence[float], *, height: float = 64) -> Markup:
    """Draw one value per day as an SVG column chart whose scale starts at 0; the highest value is labelled."""
    low, high = number(min(values, default=0)), number(max(values, default=0))
    amounts = f"{low} every day" if low == high else f"between {low} and {high} a day"
    description = f"{title}: {amounts}, the last day {number(values[-1])}." if values else f"{title}: no days."
    drawing = Drawing(name, height + AXIS, title, description)
    tooltips = [f"{day(date)}: {number(value)}" for date, value in zip(dates, values, strict=True)]
    _columns(drawing, height, values, tooltips, high)
    _day_axis(drawing, [day(date)[4:] for date in dates], height + AXIS - 5)
    return drawing.markup()


def _columns(drawing: Drawing, height: float, values: Sequence[float], tooltips: Sequence[str], top_label: str) -> None:
    drawing.line(0, LABEL, 1, LABEL, "grid")
    drawing.line(0, height, 1, height, "base")
    top = max([*values, 1])
    width, first = _slots(len(values))
    for slot, (value, tooltip) in enumerate(zip(values, tooltips, strict=True), start=first):
        tall = max(value / top * (height - LABEL), 1)
        drawing.bar((slot + 0.14) * width, width * 0.72, height - tall, tall, "ink" if value else "nil", tooltip)
    drawing.text(0, LABEL - 3, top_label)


def _slots(count: int) -> tuple[float, int]:
    """Return the column width (as a share of the chart width) and the index of the slot for the first column.

    A chart has at least `MIN_SLOTS` slots, so that columns do not become too wide. If there are fewer columns than
    slots, they are aligned to the right.
    """
    slots = max(count, MIN_SLOTS)
    return 1 / slots, slots - count


def _day_axis(drawing: Drawing, labels: Sequence[str], y: float) -> None:
    """Draw the labels of the first and the last day below a chart; a phone screen has no room for more labels.

    The year in the first label is left out if it is also in the last one. The first label is left out if its column is
    in the right half of the chart, where both labels would overlap.
    """
    width, first = _slots(len(labels))
    if len(labels) > 1 and first * width < 0.5:
        day_and_month, _, year = labels[0].rpartition(" ")
        drawing.text(first * width, y, day_and_month if labels[-1].endswith(year) else labels[0])
    for label in labels[-1:]:
        drawing.text(1, y, label, "end")


def full_runs(name: str, marks: Sequence[Mapping[str, Any]], zone: str) -> Markup:
    """Draw the number of new stories of each full run (crawl of a whole site) as an SVG column chart.

    A mark below each column shows the result of the run: a dot for a good one, a cross for any other.

    :param marks: runs with `started_at`, `new`, `good` and `word` (result), oldest first
    :param zone: time zone for the dates
    """
    height, new = 56.0, [mark["new"] for mark in marks]
    good = sum(bool(mark["good"]) for mark in marks)
    description = f"{good} of {counted(len(marks), 'run')} good; new stories: {', '.join(map(number, new))}."
    drawing = Drawing(name, height + 38, "New stories of the latest full runs", description)
    days = [day(mark["started_at"], ZoneInfo(zone)) for mark in marks]
    tooltips = [f"{when}: {_run_tooltip(mark)}" for when, mark in zip(days, marks, strict=True)]
    _columns(drawing, height, new, tooltips, number(max([*new, 1])))
    width, first = _slots(len(marks))
    for slot, (mark, tooltip) in enumerate(zip(marks, tooltips, strict=True), start=first):
        _mark(drawing, (slot + 0.5) * width, height + 11, mark["good"], tooltip)
    _day_axis(drawing, [when[4:] for when in days], height + 34)
    return drawing.markup()


def _mark(drawing: Drawing, x: float, y: float, good: bool, tooltip: str, radius: float = 3) -> None:
    if good:
        drawing.dot(x, y, radius, "ink", tooltip)
    else:
        drawing.cross(x, y, 4, "bad", tooltip)


def _run_tooltip(mark: Mapping[str, Any]) -> str:
    return f"{mark['word']}, {counted(mark['new'], 'new story', 'new stories')}"


def runs_by_hour(name: str, date: str, marks: Sequence[Mapping[str, Any]]) -> Markup:
    """Draw the runs (crawls) of one day as marks on an SVG axis of 24 hours, at the time at which they started.

    A dot marks a good run, a larger dot a good run of the whole site, and a cross a run that was not good.
    """
    bad = sum(not mark["good"] for mark in marks)
    description = f"{counted(len(marks), 'run')}, {f'{bad} not good' if bad else 'all good'}." if marks else "No run."
    drawing = Drawing(name, 22, f"Runs of {day(date)}", description)
    for hour in (0, 6, 12, 18, 24):
        drawing.line(hour / 24, 3, hour / 24, 19, "grid")
    drawing.line(0, 11, 1, 11, "grid")
    for mark in marks:
        at = f"{int(mark['hour']):02}:{int(mark['hour'] % 1 * 60):02}"
        tooltip = f"{at}, {mark['mode'] or 'run'}, {_run_tooltip(mark)}"
        _mark(drawing, mark["hour"] / 24, 11, mark["good"], tooltip, 5 if mark["mode"] == "full" else 3)
    return drawing.markup("strip")


def hours_axis(name: str) -> Markup:
    drawing = Drawing(name, 14, "Hours of the day", "From 0 to 24 o'clock.")
    for hour, anchor in ((0, "start"), (6, "middle"), (12, "middle"), (18, "middle"), (24, "end")):
        drawing.text(hour / 24, 11, f"{hour:02}", anchor)
    return drawing.markup()


def shares(name: str, title: str, points: Sequence[Mapping[str, Any]], usual: float | None, bad: bool) -> Markup:
    """Draw shares (0 to 100 %) over time as an SVG line chart with equal distances between the points.

    ``usual`` is drawn as a dashed line, and a cross marks the last point if ``bad`` is true.
    """
    height = 56.0
    latest = points[-1]["share"] if points else None
    drawing = Drawing(name, height, title, f"{title}: now {percent(latest)}, usually {percent(usual)}.")

    def y(share: float) -> float:
        return 4 + (1 - share) * (height - 8)

    for share, kind in ((1, "grid"), (0, "base"), (usual, "usual")):
        if share is not None:
            drawing.line(0, y(share), 1, y(share), kind)
    step = 0.98 / max(len(points) - 1, 1)
    places = [(index * step if len(points) > 1 else 0.98, y(p["share"])) for index, p in enumerate(points)]
    for (x1, y1), (x2, y2) in pairwise(places):
        drawing.line(x1, y1, x2, y2, "curve")
    if points:
        _mark(drawing, *places[-1], not bad, f"{points[-1]['filled']} of {points[-1]['of']}", 3.5)
    return drawing.markup()


def share_bar(name: str, title: str, share: float) -> Markup:
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
    """Draw the rank of a link in a list over time as an SVG line chart, with rank 1 at the top.

    :param curve: a list `[from, until, rank]` for each period with the same rank; fainter lines connect the periods
    :param since: start of the time axis, ``until`` is its end (ISO 8601)
    :param lowest: rank at the bottom of the chart
    :param labels: labels of the start and the end of the time axis
    """
    ranks = [rank for _, _, rank in curve]
    seen = f"best rank {min(ranks)}, last rank {ranks[-1]}" if ranks else "not in the list"
    top = LABEL if labels else 0
    drawing = Drawing(name, top + height + (AXIS if labels else 0), title, f"{title}: {seen}.")
    start_at, seconds = moment_of(since), max((moment_of(until) - moment_of(since)).total_seconds(), 1.0)
    lowest = max(lowest, 2)

    def x(at: Any) -> float:
        return min(max((moment_of(at) - start_at).total_seconds() / seconds, 0.0), 1.0) * 0.985

    def y(rank: int) -> float:
        return top + 4 + (min(rank, lowest) - 1) / (lowest - 1) * (height - 8)

    if labels:
        for rank in (1, lowest):
            drawing.line(0, y(rank), 1, y(rank), "grid")
        drawing.text(0, LABEL - 3, "rank 1")
        drawing.text(0.5, top + height + AXIS - 4, f"rank {lowest}", "middle")
    previous: tuple[float, float] | None = None
    for start, end, rank in curve:
        x1, x2 = x(start), max(x(end), x(start) + 0.004)
        if previous is not None:
            drawing.line(*previous, x1, y(rank), "between")
        drawing.line(x1, y(rank), x2, y(rank), "curve")
        previous = (x2, y(rank))
    if previous is not None:
        drawing.dot(*previous, 2.5, "ink")
    for label, side in zip(labels, ("start", "end"), strict=False):
        drawing.text(float(side == "end"), top + height + AXIS - 4, label, side)
    return drawing.markup("curve-of-ranks")


def ids(name: str, title: str, low: int, high: int, stretch: int, kept: Sequence[int], gaps: Sequence[Any]) -> Markup:
    """Draw the coverage of the publisher's story ids from ``low`` to ``high`` as an SVG column chart.

    Coverage is the share of the ids for which a story is stored.

    :param stretch: number of consecutive ids per column
    :param kept: number of stored stories per column
    :param gaps: long gaps as (first id, last id, number of ids); each is drawn as a bar below the columns
    """
    height, width = 64.0, high - low + 1
    between = f"between {min(kept)} and {max(kept)} of {stretch}"
    description = f"{title}: from {low} to {high}, {between} stored in each stretch; {counted(len(gaps), 'long gap')}."
    drawing = Drawing(name, height + 28, title, description)
    drawing.line(0, LABEL, 1, LABEL, "grid")
    drawing.line(0, height, 1, height, "base")
    for index, count in enumerate(kept):
        first, x = low + index * stretch, index * stretch / width
        tall = max(count / stretch * (height - LABEL), 1)
        tooltip = f"{first} to {min(first + stretch - 1, high)}: {count} stored"
        drawing.bar(x, min(stretch / width, 1 - x) * 0.86, height - tall, tall, "ink" if count else "nil", tooltip)
    for first, last, count in gaps:
        tooltip = f"{first} to {last}: {counted(count, 'id')} never seen"
        drawing.bar((first - low) / width, max(count / width, 0.002), height + 4, 4, "gap", tooltip)
    drawing.text(0, LABEL - 3, f"all {stretch} stored" if stretch > 1 else "stored")
    drawing.text(0, height + 24, str(low))
    drawing.text(1, height + 24, str(high), "end")
    return drawing.markup()
