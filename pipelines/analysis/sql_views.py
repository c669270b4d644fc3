"""SQL views of the tables, with a description of each column."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.analysis.rank_intervals import RANK_INTERVALS, SQL
from pipelines.storage.tables import TABLES, Table


@dataclass(frozen=True)
class View:
    """SQL view with descriptions of its rows and columns.

    :ivar grain: meaning of a row
    :ivar columns: meaning of each column, by name
    :ivar sql: query in which `{zone}` stands for the time zone of the newspaper that the column `site` names
    """

    name: str
    grain: str
    columns: Mapping[str, str]
    sql: str


def _columns(table: Table) -> dict[str, str]:
    return {field.name: field.metadata[b"meaning"].decode() for field in table.schema} | table.partitions


# The window function compares hashes of the bodies, because the bodies are long.
_STORY_HISTORY = """
WITH every AS (
    SELECT false AS is_current, hash(body) AS words, * FROM revisions
    UNION ALL BY NAME
    SELECT true AS is_current, hash(body) AS words, * FROM stories
)
SELECT site, story_id, revision, is_current, published_at, updated_at, appeared_after, appeared_by,
       fetched_at AS last_seen_at, headline, lag(headline) OVER earlier AS headline_before,
       CASE WHEN lag(revision) OVER earlier IS NOT NULL
            THEN headline IS DISTINCT FROM lag(headline) OVER earlier END AS headline_changed,
       CASE WHEN lag(revision) OVER earlier IS NOT NULL
            THEN words IS DISTINCT FROM lag(words) OVER earlier END AS body_changed,
       word_count, word_count - lag(word_count) OVER earlier AS words_added, section
FROM every WINDOW earlier AS (PARTITION BY story_id ORDER BY revision)
"""

_COVERAGE_BY_DAY = """
WITH dated AS (
    SELECT *, CAST(coalesce(published_at, first_seen_at) AT TIME ZONE {zone} AS DATE) AS day,
           try_cast(split_part(story_id, ':', 2) AS BIGINT) AS number
    FROM stories
)
SELECT site, day, count(*) AS stories, count(*) FILTER (story_id = cluster_id) AS unique_stories,
       count(DISTINCT section) AS sections, count(*) FILTER (revision > 1) AS revised,
       count(*) FILTER (gone_by IS NOT NULL) AS gone, min(number) AS lowest_id, max(number) AS highest_id,
       median(epoch_us(first_seen_at) - epoch_us(published_at)) / 60e6 AS minutes_to_first_sight
FROM dated GROUP BY site, day
"""

VIEWS: dict[str, View] = {
    view.name: view
    for view in (
        View(
            "unique_stories",
            "one row per near-duplicate cluster: the story published first",
            _columns(TABLES["stories"]),
            "SELECT * FROM stories WHERE story_id = cluster_id",
        ),
        View(
            RANK_INTERVALS.name,
            RANK_INTERVALS.grain,
            _columns(RANK_INTERVALS),
            SQL,
        ),
        View(
            "story_history",
            "one row per revision of a story, including the current one",
            {
                "site": "name of the newspaper",
                "story_id": "the story",
                "revision": "counts from 1",
                "is_current": "true for the newest revision, the one in `stories`",
                "published_at": "as printed in this revision",
                "updated_at": "as printed in this revision: when the newspaper changed it",
                "appeared_after": "last fetch that showed the revision before; null for the first",
                "appeared_by": "first fetch that showed this revision",
                "last_seen_at": "last time this revision was seen",
                "headline": "as printed in this revision",
                "headline_before": "as printed in the previous revision",
                "headline_changed": "true if it differs from the previous revision; null for the first",
                "body_changed": "true if the body differs from the previous revision; null for the first",
                "word_count": "number of words of the body in this revision",
                "words_added": "difference in words to the previous revision; null for the first",
                "section": "section path of this revision's URL",
            },
            _STORY_HISTORY,
        ),
        View(
            "coverage_by_day",
            "one row per newspaper and day: stored stories by day of publication",
            {
                "site": "name of the newspaper",
                "day": "of `published_at`, else `first_seen_at`, in the newspaper's time zone",
                "stories": "number of stored stories of the day",
                "unique_stories": "number of near-duplicate clusters that begin with one of them",
                "sections": "number of sections",
                "revised": "stories with more than one revision",
                "gone": "stories found taken down since",
                "lowest_id": "lowest numeric id of the publisher; null if ids are not numbers",
                "highest_id": "highest numeric id of the publisher; null if ids are not numbers",
                "minutes_to_first_sight": "median minutes from publication to first sight; large for older stories",
            },
            _COVERAGE_BY_DAY,
        ),
    )
}


def sql_of(view: View, zones: Mapping[str, str]) -> str:
    known = " ".join(f"WHEN '{site}' THEN '{zone}'" for site, zone in zones.items())
    return view.sql.replace("{zone}", f"CASE site {known} ELSE 'UTC' END" if known else "'UTC'")
