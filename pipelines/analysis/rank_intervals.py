"""Stays of stories in the ranked lists, with lower and upper bounds of their duration, computed from `rankings`.

The stays are never stored. DuckDB computes them for `khobor query`, `open_table`, `khobor ranks` and the page of a
story on the dashboard with the same SQL, so that all of them give the same result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from crawler.items import FLOAT64, INT32, INT64, TEXT, TEXTS, UTC_MICROSECONDS, column, required
from pipelines.storage.tables import MAX_GAP, Table

TOP = 5

# A column is one line.
# fmt: off
# ruff: noqa: E501

@dataclass(slots=True, kw_only=True)
class RankInterval:
    site: str = ""
    list: str = required(TEXT, "`latest` or `popular`")
    story_id: str = required(TEXT, "the story")
    headline: str | None = column(TEXT, "headline as last printed in the list")
    headlines: Sequence[str] | None = column(TEXTS, "headlines printed in the list, in order")
    best_rank: int = required(INT32, "best rank at which it was seen")
    entered_after: datetime | None = column(UTC_MICROSECONDS, "last visit that saw the list without it; null if the first visit of the list saw it")
    entered_by: datetime = required(UTC_MICROSECONDS, "first visit that saw it in the list")
    left_after: datetime = required(UTC_MICROSECONDS, "last visit that saw it in the list")
    left_by: datetime | None = column(UTC_MICROSECONDS, "first visit that saw the list without it; null while it stands")
    certain_minutes: float = required(FLOAT64, "minutes from `entered_by` to `left_after`")
    possible_minutes: float | None = column(FLOAT64, "minutes from `entered_after` to `left_by`; null if one of them is null")
    top5_certain_minutes: float = required(FLOAT64, "minutes between visits that saw it at ranks 1 to 5")
    top5_possible_minutes: float | None = column(FLOAT64, "the same, from the last visit before to the first visit after; null if one of them is unknown")
    snapshots: int = required(INT64, "number of different snapshots of the list that contain it")


# fmt: on
RANK_INTERVALS = Table(
    name="rank_intervals",
    record=RankInterval,
    grain="one row per stay of a story in a ranked list, with the bounds of when it entered and left",
    partition=None,
    moments=("entered_by",),
    key=("list", "story_id", "entered_by"),
    order=("entered_by", "list", "best_rank"),
)

# A snapshot that contains a story twice counts once, with the better rank. A stay that is cut by a gap between visits
# has bounds that were observed: if the story never left, they contain the whole stay.
SQL = f"""
WITH snapshots AS (
    SELECT *, lag(last_observed_at) OVER earlier AS before, lead(observed_at) OVER earlier AS after,
           row_number() OVER earlier AS number
    FROM (SELECT site, list, observed_at, max(last_observed_at) AS last_observed_at FROM rankings GROUP BY ALL)
    WINDOW earlier AS (PARTITION BY site, list ORDER BY observed_at)
), seen AS (
    SELECT site, list, story_id, observed_at, min(rank) AS rank, arg_min(headline, rank) AS headline
    FROM rankings WHERE story_id IS NOT NULL GROUP BY ALL
), marked AS (
    SELECT *, number - lag(number) OVER earlier IS DISTINCT FROM 1 AS is_return,
           epoch_us(observed_at) - epoch_us(before) > {MAX_GAP // timedelta(microseconds=1)} AS is_gap
    FROM seen JOIN snapshots USING (site, list, observed_at)
    WINDOW earlier AS (PARTITION BY site, list, story_id ORDER BY number)
), numbered AS (
    SELECT *, sum(is_return::INTEGER) OVER earlier AS presence,
           sum((is_return OR coalesce(is_gap, false))::INTEGER) OVER earlier AS stay
    FROM marked WINDOW earlier AS (PARTITION BY site, list, story_id ORDER BY number)
), bounded AS (
    SELECT *, first_value(before) OVER whole AS entered_after, last_value(after) OVER whole AS left_by,
           epoch_us(last_observed_at) - epoch_us(observed_at)
               + CASE WHEN lead(rank) OVER inside <= {TOP} THEN epoch_us(after) - epoch_us(last_observed_at) ELSE 0 END
               AS certain,
           epoch_us(after) - epoch_us(observed_at)
               + CASE WHEN lag(rank) OVER inside <= {TOP} THEN 0 ELSE epoch_us(observed_at) - epoch_us(before) END
               AS possible,
           headline IS DISTINCT FROM lag(headline) OVER inside AND headline IS NOT NULL AS is_new_headline
    FROM numbered
    WINDOW whole AS (PARTITION BY site, list, story_id, presence ORDER BY number
                     ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING),
           inside AS (PARTITION BY site, list, story_id, stay ORDER BY number)
)
SELECT list, story_id, arg_max(headline, number) AS headline,
       coalesce(list(headline ORDER BY number) FILTER (is_new_headline), []) AS headlines,
       min(rank)::INTEGER AS best_rank, any_value(entered_after) AS entered_after, min(observed_at) AS entered_by,
       max(last_observed_at) AS left_after, any_value(left_by) AS left_by,
       (epoch_us(max(last_observed_at)) - epoch_us(min(observed_at))) / 60e6 AS certain_minutes,
       (epoch_us(any_value(left_by)) - epoch_us(any_value(entered_after))) / 60e6 AS possible_minutes,
       coalesce(sum(certain) FILTER (rank <= {TOP}), 0) / 60e6 AS top5_certain_minutes,
       CASE WHEN count(*) FILTER (rank <= {TOP} AND possible IS NULL) = 0
            THEN coalesce(sum(possible) FILTER (rank <= {TOP}), 0) / 60e6 END AS top5_possible_minutes,
       count(*) AS snapshots, site
FROM bounded GROUP BY site, list, story_id, stay
"""


def rank_intervals(rankings: ds.Dataset | pa.Table) -> pa.Table:
    """Return a row for each uninterrupted stay of a story in a ranked list, in the schema of `rank_intervals`.

    :param rankings: rows of the table `rankings` with the column `site`; they must include all rows of their period
    """
    import duckdb

    site = pa.field("site", pa.string(), True, {"meaning": RANK_INTERVALS.partitions["site"]})
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("rankings", rankings)
        found = connection.sql(SQL).order("entered_by, list, best_rank, story_id").to_arrow_table()
    return found.cast(pa.schema([*RANK_INTERVALS.schema, site]))


def highest_first(interval: dict[str, Any]) -> tuple[Any, ...]:
    """Sort key for rows of `rank_intervals`: by list, then by descending time in the top five, then by best rank."""
    return interval["list"], -interval["top5_certain_minutes"], interval["best_rank"], interval["entered_by"]
