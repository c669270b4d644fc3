"""Jinja environment of the dashboard: templates, their filters, and the URLs of links.

Autoescape is on, and templates pass untrusted text from web pages through the filter `bdi` or `plain`.
"""

from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from crawler.safe_text import as_json
from schedules.dashboard import charts, formatting
from schedules.dashboard.query_params import DEFAULT_DAYS, LONG_RANGES, RANGES, Query
from schedules.dashboard.views import archived, coverage
from schedules.dashboard.views.catalogue import VIEWS

_HERE = Path(__file__).resolve().parent
STATIC = _HERE / "static"


def bdi(text: object, limit: int = formatting.MAX_TEXT_LENGTH) -> Markup:
    """Wrap untrusted text in an HTML `<bdi>` element with its language.

    The element isolates the text, so that its writing direction does not affect the text around it.
    """
    shown = formatting.plain(text, limit)
    language = formatting.language_of(shown)
    start = Markup('<bdi lang="{}">').format(language) if language else Markup("<bdi>")
    return start + shown + Markup("</bdi>")


def time_tag(moment: Any, zone: str) -> Markup:
    """Format a time in a time zone as an HTML `<time>` element."""
    local = formatting.moment_of(moment).astimezone(ZoneInfo(zone))
    clock = escape(formatting.clock(local, ZoneInfo(zone)))
    return Markup(f'<time datetime="{local.isoformat()}">{clock}</time>')


def web_url(url: object) -> str | None:
    """Return a URL that is safe to use as a link, else None.

    A safe URL has the scheme http or https, and no control or invisible characters.
    """
    text = str(url)
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    is_safe = parts.scheme in ("http", "https") and parts.netloc and formatting.plain(text, len(text) + 1) == text
    return text if is_safe else None


def _url(query: Query, standalone: bool, path: str, **changed: object) -> str | None:
    """Build the URL of a link that keeps the query parameters `site` and `days` of the current page.

    :param standalone: true if the page is saved as a single file without other pages; None is then returned
    :param changed: query parameters that are added or replaced
    """
    if standalone:
        return None
    parameters = {"site": query.site, "days": query.days if query.days != DEFAULT_DAYS else None} | changed
    given = tuple((name, str(value)) for name, value in parameters.items() if value is not None)
    return quote(path, safe="/:.") + _query_string(given)


@lru_cache(256)
def _query_string(parameters: tuple[tuple[str, str], ...]) -> str:
    return f"?{urlencode(parameters)}" if parameters else ""


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {
    "bdi": bdi,
    "plain": formatting.plain,
    "paragraphs": formatting.paragraphs,
    "number": formatting.number,
    "percent": formatting.percent,
    "duration": formatting.duration,
    "duration_between": formatting.duration_between,
    "clock": time_tag,
    "day": formatting.day,
    "web_url": web_url,
    "language": formatting.language_of,
    "moment": formatting.moment_of,
    "by_time": lambda points: {point["at"]: point for point in points},
    "archive_path": archived.path_of,
}
_ENVIRONMENT.globals |= {
    "charts": charts,
    "views": VIEWS,
    "ranges": RANGES,
    "long_ranges": LONG_RANGES,
    "counted": formatting.counted,
    "distance": formatting.distance,
    "coverage_parts": coverage.PARTS,
}


def page(template: str, query: Query, *, standalone: bool = False, **context: Any) -> bytes:
    """Render an HTML page from a template; with ``standalone``, it has no links to other pages."""
    url = partial(_url, query, standalone)
    return plain_page(template, query=query, standalone=standalone, now=query.moment, url=url, **context)


def plain_page(template: str, **context: Any) -> bytes:
    return _ENVIRONMENT.get_template(template).render(context).encode("utf-8", "replace")


def json_bytes(data: Mapping[str, Any]) -> bytes:
    return as_json(data).encode("utf-8", "replace") + b"\n"
