"""The ranked lists as they stand, how each link moved, and where it stood over the last day."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from schedules.dashboard.data_source import Site
from schedules.dashboard.query_params import Question
from schedules.dashboard.views.overview import plain_row

A_DAY = timedelta(days=1)
MOST_RANKS = 60
_TOLD = ("rank", "story_id", "url", "headline")
_COLUMNS = [*_TOLD, "observed_at", "list", "page_url", "last_observed_at"]

#: A story's time at one rank of one list: from, until, rank.
Stretch = tuple[datetime, datetime, int]


def lists(question: Question) -> dict[str, Any]:
    """Per newspaper and list: the latest snapshot, each row with its rank before and its curve over the last day."""
    return question.of_each(_site)


def _site(question: Question, site: Site) -> dict[str, Any]:
    # The day before the latest snapshot, also where nobody looked for a week.
    parts = [part for part, _ in question.reading.partitions("rankings", site.name)][-3:]
    rows = question.reading.rows("rankings", site.name, _COLUMNS, parts[0]).to_pylist() if parts else []
    by_list = defaultdict(list)
    for row in rows:
        by_list[row["list"]].append(row)
    found = [_list(name, of) for name, of in sorted(by_list.items())]
    return {"lists": found}


def _list(name: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    snapshots: dict[datetime, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for row in sorted(rows, key=lambda row: (row["observed_at"], -row["rank"])):
        snapshots[row["observed_at"]][_key(row)] = row  # a list may name a story twice: its best rank counts
    times = sorted(snapshots)
    last, until = snapshots[times[-1]], max(row["last_observed_at"] for row in snapshots[times[-1]].values())
    before = snapshots[times[-2]] if len(times) > 1 else {}
    since = until - A_DAY
    shown = sorted(last.values(), key=lambda row: row["rank"])[:MOST_RANKS]
    left = sorted((row for key, row in before.items() if key not in last), key=lambda row: row["rank"])
    return {
        "list": name,
        "observed_at": times[-1].isoformat(),
        "last_observed_at": until.isoformat(),
        "before_at": times[-2].isoformat() if before else None,
        "page_url": shown[0]["page_url"],
        "since": since.isoformat(),
        "snapshots": sum(time >= since for time in times),
        "ranks": max(row["rank"] for at, rows in snapshots.items() if at >= since for row in rows.values()),
        "rows": [_row(row, before, snapshots, since) for row in shown],
        "left": [plain_row(dict(row), _TOLD) for row in left],
    }


def _row(
    row: Mapping[str, Any],
    before: Mapping[str, Mapping[str, Any]],
    snapshots: Mapping[datetime, Mapping[str, Mapping[str, Any]]],
    since: datetime,
) -> dict[str, Any]:
    key = _key(row)
    earlier = before.get(key)
    stretches = curve([each for of in snapshots.values() if (each := of.get(key))], since)
    return {
        **plain_row(dict(row), _TOLD),
        "before": earlier["rank"] if earlier else None,
        "move": earlier["rank"] - row["rank"] if earlier else None,
        "curve": [[start.isoformat(), end.isoformat(), rank] for start, end, rank in stretches],
    }


def curve(rows: Sequence[Mapping[str, Any]], since: datetime | None = None) -> list[Stretch]:
    """Where one story stood in one list, from rows of `rankings`: stretches in order."""
    found: list[Stretch] = []
    for row in sorted(rows, key=lambda row: row["observed_at"]):
        start, end, rank = row["observed_at"], row["last_observed_at"], row["rank"]
        if since is not None and end < since:
            continue
        start = max(start, since) if since is not None else start
        found.append((start, end, rank))
    return found


def _key(row: Mapping[str, Any]) -> str:
    return str(row["story_id"] or row["url"])
