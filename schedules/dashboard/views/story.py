"""Page about one story: its revisions with the changed phrases, and its ranks in lists such as "most popular"."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence, Set
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
_SNAPSHOT = ("list", "observed_at", "last_observed_at")
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
    rows = _rows(source.rows_of_story("revisions", story_id)) + _rows(source.rows_of_story("stories", story_id))
    if not rows:
        return None
    rows.sort(key=lambda row: int(row["revision"]))
    # A partition is a date in the time zone of the site, which may differ by a day from UTC.
    since = f"{min(row['first_seen_at'] for row in rows) - timedelta(days=1):%Y-%m-%d}"
    rankings = source.rows_of_story("rankings", story_id, since)
    intervals = _intervals(source, story_id, since, rankings) if rankings else []
    aliases = _rows(source.rows_of_story("aliases", story_id))
    return {
        "at": query.moment.isoformat(),
        **site_info(source.site(story_id.partition(":")[0])),
        "story": json_row(rows[-1], rows[-1]),
        "revisions": list(_revisions(rows)),
        "intervals": [json_row(row, row) for row in intervals],
        "curves": dict(_curves(_rows(rankings))),
        "pages": archived_pages(source, story_id, rows),
        "aliases": [json_row(row, ("url", "kind", "first_seen_at")) for row in aliases[:MAX_ALIASES]],
        "aliases_left_out": max(0, len(aliases) - MAX_ALIASES),
    }


def _rows(parts: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [row for rows in parts.values() for row in rows.to_pylist()]


def _intervals(source: DataSource, story_id: str, since: str, own: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the periods during which a story was in a ranked list.

    They depend on the rows of the story, ``own``, and on the times of the snapshots from the one before to the one
    after each period. The snapshots of the day before ``since`` count too: the last one without the story is the
    earliest moment at which it can have entered the list.
    """
    import pyarrow as pa

    site = story_id.partition(":")[0]
    parts = [part for part, _ in source.folder(site).published(TABLES["rankings"], site)]
    first = max((part for part in parts if part < since), default=since)
    snapshots = _Snapshots(source, site, [part for part in parts if part >= first])
    for part, rows in own.items():
        snapshots.read_around(part, set(rows["list"].to_pylist()))
    tables = [*(rows.select(_RANKING) for rows in own.values()), *snapshots.read.values()]
    rows = pa.concat_tables(tables, promote_options="default")
    found = rank_intervals(rows.append_column("site", pa.array([site] * len(rows), pa.string())))
    return sorted(found.to_pylist(), key=highest_first)


class _Snapshots:
    """Snapshots of the ranked lists of a site, as rows of `rankings` without a link; days are read when needed.

    Two years of lists have two million rows, of which the page of a story needs those of a few days.
    """

    def __init__(self, source: DataSource, site: str, parts: Sequence[str]) -> None:
        self._source, self._site, self._parts = source, site, parts
        self.read: dict[str, Any] = {}

    def read_around(self, part: str, names: Set[str]) -> None:
        """Read a day, and before and after it the nearest days with a snapshot of each of the lists ``names``."""
        self._lists(part)
        at = bisect_left(self._parts, part)
        for neighbours in (reversed(self._parts[:at]), self._parts[at + 1 :]):
            missing = set(names)
            for neighbour in neighbours:
                missing -= self._lists(neighbour)
                if not missing:
                    break

    def _lists(self, part: str) -> set[str]:
        if part not in self.read:
            found = self._source.rows("rankings", self._site, _SNAPSHOT, part, part)
            found = found.group_by(["list", "observed_at"]).aggregate([("last_observed_at", "max")])
            self.read[part] = found.rename_columns([name.removesuffix("_max") for name in found.column_names])
        return set(self.read[part]["list"].unique().to_pylist())


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
