"""Page about one story: its revisions with the changed phrases, and its ranks in lists such as "most popular"."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from pipelines.analysis.rank_intervals import highest_first, rank_intervals
from pipelines.analysis.revisions import changes
from pipelines.storage.tables import TABLES, is_site
from schedules.dashboard.data_source import DataSource
from schedules.dashboard.query_params import Query, json_row, site_info
from schedules.dashboard.views.archived import archived_pages
from schedules.dashboard.views.lists import rank_curve

MAX_ALIASES = 50
_STORY_ID = re.compile(r"(?P<site>[a-z][a-z0-9_]{0,31}):(?P<id>[A-Za-z0-9][A-Za-z0-9._-]{0,63})", re.ASCII)
_RANKING = ("list", "story_id", "rank", "headline", "observed_at", "last_observed_at")
_REVISION = (
    *("revision", "fetched_at", "appeared_after", "appeared_by", "published_at", "updated_at", "headline"),
    *("layout", "run_id", "word_count", "gone_after", "gone_by"),
)


def is_story_id(text: str) -> bool:
    match = _STORY_ID.fullmatch(text)
    return match is not None and is_site(match["site"])


def story_details(query: Query, story_id: str) -> dict[str, Any] | None:
    """Return a story with its revisions, its ranks in lists and its other URLs, or None if it is not stored.

    The caller must validate the id.
    """
    source = query.source
    rows = source.rows_of_story("revisions", story_id) + source.rows_of_story("stories", story_id)
    if not rows:
        return None
    rows.sort(key=lambda row: int(row["revision"]))
    # A partition is a date in the time zone of the site, which may differ by a day from UTC.
    since = f"{min(row['first_seen_at'] for row in rows) - timedelta(days=1):%Y-%m-%d}"
    rankings = source.rows_of_story("rankings", story_id, since)
    intervals = _intervals(source, story_id, since) if rankings else []
    aliases = source.rows_of_story("aliases", story_id)
    return {
        "at": query.moment.isoformat(),
        **site_info(source.site(story_id.partition(":")[0])),
        "story": json_row(rows[-1], rows[-1]),
        "revisions": list(_revisions(rows)),
        "intervals": [json_row(row, row) for row in intervals],
        "curves": dict(_curves(rankings)),
        "pages": archived_pages(source, story_id, rows),
        "aliases": [json_row(row, ("url", "kind", "first_seen_at")) for row in aliases[:MAX_ALIASES]],
        "aliases_left_out": max(0, len(aliases) - MAX_ALIASES),
    }


def _intervals(source: DataSource, story_id: str, since: str) -> list[dict[str, Any]]:
    """Return the periods during which a story was in a ranked list.

    They are computed from the snapshots of the lists since the day ``since``. The snapshots of the day before are read
    too: the last one without the story is the earliest moment at which it can have entered the list.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    site = story_id.partition(":")[0]
    earlier = [part for part, _ in source.folder(site).published(TABLES["rankings"], site) if part < since]
    rows = source.rows("rankings", site, _RANKING, max(earlier, default=since))
    found = rank_intervals(rows.append_column("site", pa.array([site] * len(rows), pa.string())))
    return sorted(found.filter(pc.equal(found["story_id"], story_id)).to_pylist(), key=highest_first)


def _revisions(rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield each revision of a story, newest first, with its text differences from the revision before."""
    for before, row in reversed(list(zip([None, *rows[:-1]], rows, strict=True))):
        differences = changes(before, row) if before is not None else ()
        changed = {name: [asdict(piece) for piece in pieces] for name, pieces in differences}
        yield {**json_row(row, _REVISION), "changes": changed}


def _curves(rankings: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[list[Any]]]]:
    for name in sorted({row["list"] for row in rankings}):
        own = sorted((row for row in rankings if row["list"] == name), key=lambda row: -row["rank"])
        best = {row["observed_at"]: row for row in own}  # if the story is listed twice, its better rank counts
        yield name, rank_curve(best.values())
