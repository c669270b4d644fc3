"""Format numbers, times and untrusted text from web pages, for the dashboard and the command line."""

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from crawler.outcomes import Outcome
from crawler.safe_text import one_line

MAX_TEXT_LENGTH = 2_000
_BENGALI = re.compile(r"[\u0980-\u09ff]")


def plain(text: object, limit: int = MAX_TEXT_LENGTH) -> str:
    """Return untrusted text as one line without control, bidirectional formatting or invisible characters.

    The text is shortened to ``limit`` characters.
    """
    return one_line(str(text), limit)


def paragraphs(text: str) -> list[str]:
    return [line for paragraph in text.split("\n") if (line := plain(paragraph, 100_000))]


def language_of(text: object) -> str | None:
    """Return the language code `bn` for text with Bengali letters, else None.

    It becomes the HTML attribute `lang`, by which browsers choose the font, and screen readers the voice.
    """
    return "bn" if _BENGALI.search(str(text)) else None


def outcome_meaning(name: str) -> str:
    """Return the description of an outcome (the final state of a request), or an empty string if it is unknown.

    An outcome can be unknown if the data was written by another version of this program.
    """
    return Outcome(name).meaning.replace("`", "") if name in set(Outcome) else ""


def number(value: float | None) -> str:
    """Format a number with thousands separators, as `1,204` or `3.5`; None becomes a dash."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:,.1f}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """Format a count with its noun in the singular or plural, as `1 story` or `2 stories`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def percent(share: float | None) -> str:
    """Format a share between 0 and 1 as a percentage such as `87 %`.

    `0 %` and `100 %` are used only for exactly 0 and 1.
    """
    if share is None:
        return "–"
    whole = round(share * 100)
    if (whole == 100 and share < 1) or (whole == 0 and share > 0):
        return f"{min(max(share * 100, 0.1), 99.9):.1f} %"
    return f"{whole} %"


def duration(seconds: float) -> str:
    """Format a duration in seconds, as `45 s`, `12 min`, `3 h 05 min` or `4 d 2 h`."""
    whole, minutes = round(seconds), round(seconds / 60)
    if whole < 120:
        return f"{whole} s"
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60:02} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def duration_between(certain: float, possible: float | None) -> str:
    """Format the minimum and the maximum of a duration in minutes, as `12 min–3 h 05 min`.

    Without a maximum, the text is `≥ 12 min`.
    """
    lowest = duration(60 * certain)
    if possible is None:
        return f"≥ {lowest}"
    highest = duration(60 * possible)
    return lowest if lowest == highest else f"{lowest}–{highest}"


def distance(moment: datetime, now: datetime) -> str:
    """Format a time relative to ``now``, as `3 h 05 min ago`, `in 20 min` or `just now`."""
    seconds = (moment - now).total_seconds()
    if abs(seconds) < 5:
        return "just now"
    return f"in {duration(seconds)}" if seconds > 0 else f"{duration(-seconds)} ago"


def moment_of(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def clock(value: Any, zone: ZoneInfo | None = None) -> str:
    """Format a time as `22 Nov 2026, 02:15`, in ``zone`` or by default in the time zone of this machine."""
    local = moment_of(value).astimezone(zone)
    return f"{local.day} {local:%b %Y}, {local:%H:%M}"


def day(value: Any, zone: ZoneInfo | None = None) -> str:
    """Format a date, or the date of a time in ``zone``, as `Sun 22 Nov 2026`."""
    local = moment_of(value).astimezone(zone) if zone else moment_of(value)
    return f"{local:%a} {local.day} {local:%b %Y}"
