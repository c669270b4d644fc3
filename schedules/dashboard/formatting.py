"""Wording: numbers, times and texts of newspapers as the page writes them."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from crawler.outcomes import Outcome
from crawler.safe_text import one_line

LONGEST_TEXT = 2_000
_BENGALI = re.compile(r"[\u0980-\u09ff]")


def meaning_of(outcome: str) -> str:
    """What an outcome says; nothing where it is one of another version."""
    return Outcome(outcome).meaning.replace("`", "") if outcome in set(Outcome) else ""


def plain(text: object, limit: int = LONGEST_TEXT) -> str:
    """A text of a page's or of ours as one line, without characters that reorder it or cannot be seen."""
    return one_line(str(text), limit)


def paragraphs(text: str) -> list[str]:
    """A story's text in its paragraphs, each as one line."""
    return [line for each in text.split("\n") if (line := plain(each, 100_000))]


def language_of(text: object) -> str | None:
    """`bn` for what is written in Bengali letters, so that it is set and read aloud as Bengali; None where unknown."""
    return "bn" if _BENGALI.search(str(text)) else None


def number(value: float | None) -> str:
    """`1,204`, `3.5`, and a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:,.1f}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 story`, `2 stories`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def percent(share: float | None) -> str:
    """A share as a percentage that says 100 % and 0 % only where that is so."""
    if share is None:
        return "–"
    whole = round(share * 100)
    if (whole == 100 and share < 1) or (whole == 0 and share > 0):
        return f"{min(max(share * 100, 0.1), 99.9):.1f} %"
    return f"{whole} %"


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 05 min`, `4 d 2 h`."""
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60:02} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def distance(moment: datetime, now: datetime) -> str:
    """`3 h 05 min ago`, `in 20 min`, `just now`."""
    seconds = (moment - now) / timedelta(seconds=1)
    if abs(seconds) < 5:
        return "just now"
    return f"in {duration(seconds)}" if seconds > 0 else f"{duration(-seconds)} ago"


def moment_of(value: Any) -> datetime:
    """A moment of a view: a datetime, or ISO 8601."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def clock(value: Any, zone: ZoneInfo) -> str:
    """`22 Nov, 02:15`, on the clock of a place."""
    there = moment_of(value).astimezone(zone)
    return f"{there.day} {there:%b}, {there:%H:%M}"


def day(value: Any, zone: ZoneInfo | None = None) -> str:
    """`Sun 22 Nov`, of a moment on the clock of a place, or of `2026-11-22`."""
    there = moment_of(value)
    there = there.astimezone(zone) if zone else there
    return f"{there:%a} {there.day} {there:%b}"


def listed(names: Iterable[object]) -> str:
    """`a, b and c`."""
    *first, last = [str(name) for name in names] or [""]
    return f"{', '.join(first)} and {last}" if first else last
