"""List view: the current entries of each ranked list of a site, and their ranks during the last 24 hours."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pipelines.storage.tables import TABLES
from schedules.dashboard.data_source import Site
from schedules.dashboard.query_params import Query, json_row
from schedules.dashboard.table_rows import to_rows

SHOWN = timedelta(days=1)
MAX_RANKS = 60
_COLUMNS = ("rank", "story_id", "url", "headline")
_READ_COLUMNS = [*_COLUMNS, "observed_at", "list", "page_url", "last_observed_at"]

Row = Mapping[str, Any]


def lists(query: Query) -> dict[str, Any]:
    """Return the latest snapshot of each ranked list, such as "most popular", of each site.

    Each row has the rank in the previous snapshot, and the ranks over the last 24 hours.
    """
    return query.per_site(_site)


def _site(query: Query, site: Site) -> dict[str, Any]:
    # Read the day before the latest snapshot, even if the latest snapshot is old.
    parts = [part for part, _ in query.source.folder(site.name).published(TABLES["rankings"], site.name)][-3:]
    by_list = defaultdict(list)
    for row in _rows(query, site, parts[0]) if parts else ():
        by_list[row["list"]].append(row)
    return {"lists": [_list(name, rows) for name, rows in sorted(by_list.items())]}


def _rows(query: Query, site: Site, since: str) -> list[dict[str, Any]]:
    """Read the rows of the last two snapshots of each list, and of those in the 24 hours before the latest one."""
    import pyarrow.compute as pc

    rows, found = query.source.rows("rankings", site.name, _READ_COLUMNS, since), []
    for name in rows["list"].unique():
        of_list = rows.filter(pc.equal(rows["list"], name))
        times = sorted(of_list["observed_at"].unique().to_pylist())
        is_recent = pc.greater_equal(of_list["last_observed_at"], times[-1] - SHOWN)
        found += to_rows(of_list.filter(pc.or_(is_recent, pc.greater_equal(of_list["observed_at"], times[-2:][0]))))
    return found


def _list(name: str, rows: Sequence[Row]) -> dict[str, Any]:
    snapshots: dict[datetime, dict[str, Row]] = defaultdict(dict)
    for row in sorted(rows, key=lambda row: (row["observed_at"], -row["rank"])):
        snapshots[row["observed_at"]][_key(row)] = row  # if a story is listed twice, its better rank counts
    times = sorted(snapshots)
    latest, until = snapshots[times[-1]], max(row["last_observed_at"] for row in snapshots[times[-1]].values())
    before = snapshots[times[-2]] if len(times) > 1 else {}
    since = until - SHOWN
    shown = sorted(latest.values(), key=lambda row: row["rank"])[:MAX_RANKS]
    left = sorted((row for key, row in before.items() if key not in latest), key=lambda row: row["rank"])
    return {
        "list": name,
        "observed_at": times[-1].isoformat(),
        "last_observed_at": until.isoformat(),
        "before_at": times[-2].isoformat() if before else None,
        "page_url": shown[0]["page_url"],
        "since": since.isoformat(),
        "snapshots": sum(time >= since for time in times),
        "ranks": max(row["rank"] for at, rows in snapshots.items() if at >= since for row in rows.values()),
        "rows": [_row(row, before.get(_key(row)), snapshots.values(), since) for row in shown],
        "rows_left_out": len(latest) - len(shown),
        "left": [json_row(row, _COLUMNS) for row in left],
    }


def _row(row: Row, before: Row | None, snapshots: Iterable[Mapping[str, Row]], since: datetime) -> dict[str, Any]:
    rank = before["rank"] if before else None
    own = [snapshot[_key(row)] for snapshot in snapshots if _key(row) in snapshot]
    move = rank - row["rank"] if before else None
    return {**json_row(row, _COLUMNS), "before": rank, "move": move, "curve": rank_curve(own, since)}


def rank_curve(rows: Iterable[Row], since: datetime | None = None) -> list[list[Any]]:
    """Return `[from, until, rank]` for each period in which a story had the same rank in a list.

    :param rows: rows of the table `rankings` for one story and list
    :param since: start of the earliest period; earlier rows are ignored
    """
    curve = []
    for row in sorted(rows, key=lambda row: row["observed_at"]):
        start, end = row["observed_at"], row["last_observed_at"]
        if since is None or end >= since:
            curve.append([max(start, since or start).isoformat(), end.isoformat(), row["rank"]])
    return curve


def _key(row: Row) -> str:
    return str(row["story_id"] or row["url"])
