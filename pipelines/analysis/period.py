"""Filters for the rows of a period, in a form that lets PyArrow skip files by their statistics."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.analysis.rank_intervals import RANK_INTERVALS
from pipelines.storage.tables import MAX_GAP, TABLES, Table

# No time zone is more than 14 hours from UTC, so the partition of a time is at most a day away.
_DAY = timedelta(days=1)
_RANKINGS = TABLES["rankings"]


def period_condition(
    table: Table, dataset: ds.Dataset, since: datetime | None, until: datetime | None
) -> pc.Expression:
    """Return a PyArrow filter for the rows from ``since`` to ``until``.

    The state of each ranked list at ``since`` is included too: its newest earlier snapshot, and the stays of stories in
    it that had not ended.
    """
    if table is RANK_INTERVALS:
        return _overlapping(since, until)
    within = _between(table.moments, since, until)
    if table.partition and since is not None:
        within = (pc.field(table.partition) >= _part(table, since - _DAY)) & within
        if table is _RANKINGS:
            within = reduce(or_, _current_snapshots(dataset, since), within)
    if table.partition and until is not None:
        return (pc.field(table.partition) <= _part(table, until + _DAY)) & within
    return within


def _overlapping(since: datetime | None, until: datetime | None) -> pc.Expression:
    overlapping = pc.scalar(True)
    if since is not None:
        still_stood = pc.field("left_by").is_null() | (pc.field("left_by") > _scalar(since))
        overlapping &= still_stood & (pc.field("left_after") >= _scalar(since - MAX_GAP))
    if until is not None:
        overlapping &= pc.field("entered_by") < _scalar(until)
    return overlapping


def _current_snapshots(rankings: ds.Dataset, at: datetime) -> Iterator[pc.Expression]:
    """Yield, for each ranked list, a filter for the rows of its newest snapshot at the time ``at``.

    A list that was last seen more than 24 hours before ``at`` is left out.
    """
    stood = (pc.field("observed_at") <= _scalar(at)) & (pc.field("last_observed_at") >= _scalar(at - MAX_GAP))
    found = rankings.to_table(["site", "list", "observed_at", "date"], filter=stood)
    last = found.group_by(["site", "list"]).aggregate([("observed_at", "max"), ("date", "max")])
    for row in last.to_pylist():
        same = (pc.field("site") == row["site"]) & (pc.field("list") == row["list"])
        of_day = same & (pc.field("date") == row["date_max"])
        yield of_day & (pc.field("observed_at") == _scalar(row["observed_at_max"]))


def _part(table: Table, time: datetime) -> str:
    return table.part_of({table.moments[0]: time}, ZoneInfo("UTC"))


def _scalar(time: datetime) -> pa.Scalar:
    return pa.scalar(time, pa.timestamp("us", "UTC"))


def _between(moments: Sequence[str], since: datetime | None, until: datetime | None) -> pc.Expression:
    """Return a filter for the rows of a period; the time of a row is its first value in ``moments`` that is not null.

    PyArrow can skip files by their statistics with a filter of this form.

    :param moments: names of time columns
    """
    first, *others = moments
    within = pc.field(first).is_valid()
    if since is not None:
        within = within & (pc.field(first) >= _scalar(since))
    if until is not None:
        within = within & (pc.field(first) < _scalar(until))
    return within | (pc.field(first).is_null() & _between(others, since, until)) if others else within
