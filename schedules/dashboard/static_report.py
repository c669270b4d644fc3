"""The document: the status page as one file, which needs no server, no other file and no script."""

import base64
import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pipelines.storage.atomic_write import write_file
from pipelines.storage.data_folder import DataFolder
from schedules.dashboard import jinja_env
from schedules.dashboard.data_source import Reading
from schedules.dashboard.query_params import Question
from schedules.dashboard.views.catalogue import VIEWS
from schedules.exit_codes import WrongUsage

MOST_DAYS = 366


def numbers_of(
    dataset: DataFolder, timetable: Path, *, moment: datetime, days: int, site: str | None = None
) -> dict[str, Any]:
    """What all views tell, by name; raises :class:`WrongUsage` for a newspaper that there is nothing of."""
    question = _question(Reading(dataset, timetable), moment, days, site)
    return {name: view.numbers(question) for name, view in VIEWS.items()}


def write_document(
    out: Path, dataset: DataFolder, timetable: Path, *, moment: datetime, days: int, site: str | None = None
) -> int:
    """Write the file, whole or not at all; returns its size in bytes.

    Raises :class:`WrongUsage` for a newspaper that there is nothing of or a place that is no file's, and
    :class:`StorageError` where nothing can be written.
    """
    question = _question(Reading(dataset, timetable), moment, days, site)
    told = {name: view.numbers(question) for name, view in VIEWS.items()}
    style = jinja_env.STATIC["page.css"][1].read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    given = {"style": Markup(style), "style_hash": f"sha256-{digest}", "unreadable": question.reading.unreadable}
    body = jinja_env.document(question, told, **given)
    _write(out, body)
    return len(body)


def _question(reading: Reading, moment: datetime, days: int, site: str | None) -> Question:
    if days > MOST_DAYS:
        raise WrongUsage(f"--since goes back {MOST_DAYS} days at most")
    known = [each.name for each in reading.sites()]
    if site is not None and site not in known:
        raise WrongUsage(f"there is nothing of a newspaper {site!r}; there are: {', '.join(known) or 'none'}")
    return Question(reading, moment, days, site)


def _write(out: Path, body: bytes) -> None:
    if out.is_dir() or not out.parent.is_dir():
        raise WrongUsage(f"{out} is not a file in a folder that there is: --out names one")
    write_file(out, body)
