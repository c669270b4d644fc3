"""Markup: views as HTML. What a newspaper says is escaped, put on one line and set apart from what is around it."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from crawler.safe_text import as_json
from schedules.dashboard import charts, formatting
from schedules.dashboard.query_params import RANGES, Question
from schedules.dashboard.views import coverage
from schedules.dashboard.views.catalogue import VIEWS

FOLDER = Path(__file__).resolve().parent
STATIC = {
    "page.css": ("text/css; charset=utf-8", FOLDER / "static" / "page.css"),
    "live.js": ("text/javascript; charset=utf-8", FOLDER / "static" / "live.js"),
}


def said(text: object, limit: int = formatting.LONGEST_TEXT) -> Markup:
    """A text of a newspaper's, isolated from its surroundings and marked with its language."""
    shown = formatting.plain(text, limit)
    language = formatting.language_of(shown)
    opening = Markup('<bdi lang="{}">').format(language) if language else Markup("<bdi>")
    return opening + shown + Markup("</bdi>")


def time_of(moment: Any, zone: str) -> Markup:
    """A moment on the clock of a place, with its full form for programs."""
    there = formatting.moment_of(moment).astimezone(ZoneInfo(zone))
    return Markup('<time datetime="{}">{}</time>').format(there.isoformat(), formatting.clock(there, ZoneInfo(zone)))


def outside(address: object) -> str | None:
    """An address on the web as a link may have it; None for any other."""
    text = str(address)
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    plain = parts.scheme in ("http", "https") and parts.netloc and formatting.plain(text, len(text) + 1) == text
    return text if plain else None


def _address(question: Question, alone: bool, path: str, **changed: object) -> str | None:
    """The address of a page of ours, with the newspaper and the days that are looked at; None in a single file."""
    if alone:
        return None
    kept = {"site": question.site, "days": question.days if question.days != 14 else None} | changed
    told = urlencode({name: str(value) for name, value in kept.items() if value is not None})
    return quote(path, safe="/:.") + (f"?{told}" if told else "")


def _environment() -> Environment:
    loader = FileSystemLoader(FOLDER / "templates")
    found = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, cache_size=50
    )
    found.filters |= {
        "said": said,
        "plain": formatting.plain,
        "paragraphs": formatting.paragraphs,
        "number": formatting.number,
        "percent": formatting.percent,
        "duration": formatting.duration,
        "clock": time_of,
        "day": formatting.day,
        "outside": outside,
        "language": formatting.language_of,
        "moment": formatting.moment_of,
    }
    found.globals |= {
        "charts": charts,
        "views": VIEWS,
        "ranges": RANGES,
        "counted": formatting.counted,
        "distance": formatting.distance,
        "listed": formatting.listed,
        "coverage_parts": coverage.PARTS,
    }
    return found


_ENVIRONMENT = _environment()


def page(template: str, question: Question, view: str, told: Mapping[str, Any], **more: Any) -> bytes:
    """A whole page of what a view tells."""
    return _rendered(template, question, alone=False, view=view, told=told, **more)


def document(question: Question, told: Mapping[str, Mapping[str, Any]], **more: Any) -> bytes:
    """All views as one file that needs no other."""
    return _rendered("static_report.html", question, alone=True, told=told, **more)


def _rendered(template: str, question: Question, *, alone: bool, **given: Any) -> bytes:
    own = {"question": question, "alone": alone, "now": question.moment, "address": partial(_address, question, alone)}
    return _ENVIRONMENT.get_template(template).render(own | given).encode("utf-8", "replace")


def plain_page(template: str, **given: Any) -> bytes:
    """A page that tells nothing of the data: the door, a mistake."""
    return _ENVIRONMENT.get_template(template).render(given).encode("utf-8", "replace")


def numbers(told: Mapping[str, Any]) -> bytes:
    """What a view tells, as JSON."""
    return as_json(told).encode("utf-8", "replace") + b"\n"
