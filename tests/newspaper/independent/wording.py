"""Filters of the templates: Bengali dates, JSON as the sites write it, addresses."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from ..bengali_text import MONTHS, WEEKDAYS, bangla_date, digits


def day_month_year(moment: datetime, *, padded: bool = True) -> str:
    """Return ০৫ অক্টোবর ২০২৬."""
    day = f"{moment.day:02d}" if padded else str(moment.day)
    return f"{digits(day)} {MONTHS[moment.month - 1]} {digits(moment.year)}"


def clock24(moment: datetime) -> str:
    """Return ১৯:০৫."""
    return digits(f"{moment:%H:%M}")


def clock12(moment: datetime) -> str:
    """Return ০৭:০৫ পিএম."""
    half = "এএম" if moment.hour < 12 else "পিএম"
    return f"{digits(f'{moment.hour % 12 or 12:02d}:{moment.minute:02d}')} {half}"


def weekday(moment: datetime) -> str:
    return WEEKDAYS[moment.weekday()]


def ago(moment: datetime, now: datetime) -> str:
    """Return ২ ঘণ্টা ১৮ মিনিট আগে, or the date of an older moment."""
    minutes = int((now - moment) / timedelta(minutes=1))
    if minutes >= 24 * 60:
        return day_month_year(moment, padded=False)
    hours, minutes = divmod(max(minutes, 1), 60)
    parts = [f"{digits(hours)} ঘণ্টা"] * bool(hours) + [f"{digits(minutes)} মিনিট"] * bool(minutes)
    return " ".join([*parts, "আগে"])


def kolkata(moment: datetime) -> str:
    """Return ১৬ অগস্ট ২০২৬ ০৫:১৫, as Kolkata spells it."""
    return f"{day_month_year(moment).replace('আগস্ট', 'অগস্ট')} {clock24(moment)}"


def wordpress_date(moment: datetime) -> str:
    """Return আগস্ট ২৯, ২০২০."""
    return f"{MONTHS[moment.month - 1]} {digits(moment.day)}, {digits(moment.year)}"


def clock_half(moment: datetime) -> str:
    """Return ১০:৪৬ পূর্বাহ্ণ."""
    half = "পূর্বাহ্ণ" if moment.hour < 12 else "অপরাহ্ণ"
    return f"{digits(f'{moment.hour % 12 or 12}:{moment.minute:02d}')} {half}"


def json_text(value: Any) -> Markup:
    """Return JSON with the letters as they are, safe within a script."""
    return Markup(json.dumps(value, ensure_ascii=False).replace("</", "<\\/"))


def json_tight(value: Any) -> Markup:
    return Markup(json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/"))


def json_escaped(value: Any) -> Markup:
    """Return JSON as PHP writes it: every letter beyond ASCII as an escape, slashes escaped."""
    return Markup(json.dumps(value).replace("/", "\\/"))


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def utc(moment: datetime) -> str:
    """Return 2026-10-05T13:05:00.000Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def encoded(path: str) -> str:
    return quote(path, safe="/:?=&%")


def paragraphs_as_html(texts: list[str]) -> str:
    return "".join(f"<p>{escape(text, quote=False)}</p>" for text in texts)


FILTERS: dict[str, Callable[..., Any]] = {
    "ago": ago,
    "bangla": bangla_date,
    "bn": digits,
    "clock12": clock12,
    "clock24": clock24,
    "clock_half": clock_half,
    "date": day_month_year,
    "encoded": encoded,
    "iso": lambda moment: moment.isoformat(timespec="seconds"),
    "iso_utc": lambda moment: moment.astimezone(UTC).isoformat(timespec="seconds"),
    "json": json_text,
    "json_escaped": json_escaped,
    "json_tight": json_tight,
    "kolkata": kolkata,
    "ms": milliseconds,
    "rfc822": format_datetime,
    "utc": utc,
    "weekday": weekday,
    "wordpress_date": wordpress_date,
}
