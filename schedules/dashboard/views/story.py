"""A story: its revisions as a visible difference, word by word, and where it stood in the lists."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from pipelines.analysis.rank_history import ranks_as_data, spans_of
from pipelines.analysis.revisions import changes
from pipelines.storage.tables import is_site
from schedules.dashboard.query_params import Question, named
from schedules.dashboard.views.lists import curve
from schedules.dashboard.views.overview import plain_row

_STORY_ID = re.compile(r"(?P<site>[a-z][a-z0-9_]{0,31}):(?P<id>[A-Za-z0-9][A-Za-z0-9._-]{0,63})", re.ASCII)
_SHOWN = (
    "revision",
    "fetched_at",
    "published_at",
    "updated_at",
    "headline",
    "layout",
    "run_id",
    "word_count",
    "gone_at",
)
# A list's date is that of its newspaper, which may be a day off ours.
A_DAY = timedelta(days=1)
MOST_ALIASES = 50


def is_story_id(text: str) -> bool:
    """Whether a story can have this id."""
    found = _STORY_ID.fullmatch(text)
    return found is not None and is_site(found["site"])


def story(question: Question, story_id: str) -> dict[str, Any] | None:
    """One story; None for one that is not kept. The caller has looked at the id."""
    reading = question.reading
    rows = reading.rows_of_story("revisions", story_id) + reading.rows_of_story("stories", story_id)
    if not rows:
        return None
    rows.sort(key=lambda row: int(row["revision"]))
    site = reading.site(story_id.partition(":")[0])
    since = f"{min(row['first_seen_at'] for row in rows) - A_DAY:%Y-%m-%d}"
    rankings = reading.rows_of_story("rankings", story_id, since)
    aliases = reading.rows_of_story("aliases", story_id)[:MOST_ALIASES]
    return {
        "at": question.moment.isoformat(),
        **named(site),
        "story": plain_row(rows[-1], list(rows[-1])),
        "revisions": list(_revisions(rows)),
        "spans": ranks_as_data(spans_of(rankings)),
        "curves": dict(_curves(rankings)),
        "aliases": [plain_row(row, ("url", "kind", "first_seen_at")) for row in aliases],
    }


def _revisions(rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Newest first: each revision with what changed in it since the one before."""
    pairs = list(zip([None, *rows[:-1]], rows, strict=True))
    for before, row in reversed(pairs):
        changed = {}
        for name, pieces in changes(before, row) if before is not None else ():
            changed[name] = [asdict(piece) for piece in pieces]
        yield {**plain_row(dict(row), _SHOWN), "changes": changed}


def _curves(rankings: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[list[Any]]]]:
    for name in sorted({row["list"] for row in rankings}):
        best: dict[Any, Mapping[str, Any]] = {}
        for row in rankings:
            known = best.get(row["observed_at"])
            if row["list"] == name and (known is None or row["rank"] < known["rank"]):
                best[row["observed_at"]] = row
        yield name, [[start.isoformat(), end.isoformat(), rank] for start, end, rank in curve(list(best.values()))]
