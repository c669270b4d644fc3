"""Time that stories spent in the ranked lists, computed from the snapshots of the lists."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pyarrow.compute as pc

from pipelines.analysis.open_table import open_table
from pipelines.storage.data_folder import DataFolder

TOP = 5


def rank_spans(rankings: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the time that each story spent in each list, computed from rows of `rankings`; best stories come first.

    ``stood`` is the total of the seconds between first and last sight of each snapshot that contains the story, and
    ``in_top`` the same for ranks 1 to 5. Gaps between snapshots are not included.
    """
    rows: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rankings:
        if row["story_id"] is not None:
            rows[row["story_id"], row["list"]].append(row)
    return sorted(
        (_span(*key, group) for key, group in rows.items()),
        key=lambda span: (span["list"], -span["in_top"], span["best_rank"], span["first_at"], span["story_id"]),
    )


def _span(story_id: str, name: str, rows: list[Mapping[str, Any]]) -> dict[str, Any]:
    rows.sort(key=lambda row: row["observed_at"])
    # A snapshot that contains a story twice counts once.
    stood = {row["observed_at"]: row["last_observed_at"] - row["observed_at"] for row in rows}
    in_top = {row["observed_at"]: stood[row["observed_at"]] for row in rows if row["rank"] <= TOP}
    return {
        "story_id": story_id,
        "list": name,
        "first_at": rows[0]["observed_at"],
        "last_at": max(row["last_observed_at"] for row in rows),
        "best_rank": min(row["rank"] for row in rows),
        "stood": sum(stood.values(), timedelta()).total_seconds(),
        "in_top": sum(in_top.values(), timedelta()).total_seconds(),
        "snapshots": len(stood),
        "headlines": list(dict.fromkeys(row["headline"] for row in rows if row["headline"])),
    }


def read_rankings(
    data_folder: DataFolder, *, story_id: str | None = None, since: datetime | None = None
) -> list[dict[str, Any]]:
    """Return rows of `rankings`, optionally only those of one story, or of snapshots last seen after ``since``."""
    condition = pc.scalar(True)
    if story_id is not None:
        condition &= pc.field("story_id") == story_id
    if since is not None:
        condition &= pc.field("last_observed_at") >= pc.scalar(since)
    return list(open_table("rankings", data=data_folder.root).to_arrow(condition).to_pylist())
