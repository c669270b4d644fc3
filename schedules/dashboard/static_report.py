"""Static report: all views of the dashboard in one HTML file, which needs no server, script or other file."""

import base64
import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pipelines.storage.atomic_write import write_file
from pipelines.storage.data_folder import DataFolder
from schedules.dashboard import jinja_env
from schedules.dashboard.data_source import DataSource
from schedules.dashboard.query_params import Query
from schedules.dashboard.views.catalogue import VIEWS
from schedules.exit_codes import WrongUsage

MAX_DAYS = 366


def report_query(dataset: DataFolder, timetable: Path, moment: datetime, days: int, site: str | None) -> Query:
    """Build the query for a report about the last ``days`` days; ``site`` is None for all sites.

    Raises :class:`WrongUsage` for an unknown site or too many days.
    """
    source = DataSource(dataset, timetable)
    if days > MAX_DAYS:
        raise WrongUsage(f"--since goes back at most {MAX_DAYS} days")
    known = [known.name for known in source.sites()]
    if site is not None and site not in known:
        raise WrongUsage(f"there is no data of a site {site!r}; there is data of: {', '.join(known) or 'none'}")
    return Query(source, moment, days, site)


def report_data(query: Query) -> dict[str, Any]:
    return {name: view.data(query) for name, view in VIEWS.items() if not view.indexed}


def write_report(out: Path, query: Query) -> int:
    """Write a report as one HTML file, atomically, and return its size in bytes.

    Raises :class:`WrongUsage` if ``out`` is a folder or its parent folder does not exist, and :class:`StorageError` if
    the file cannot be written.
    """
    if out.is_dir() or not out.parent.is_dir():
        raise WrongUsage(f"{out} is not a file in an existing folder; choose another --out")
    style = (jinja_env.STATIC / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    context = {"style": Markup(style), "style_hash": f"sha256-{digest}", "unreadable": query.source.unreadable}
    body = jinja_env.page("static_report.html", query, standalone=True, data=report_data(query), **context)
    write_file(out, body)
    return len(body)
