"""Views: what analysts would otherwise each write for themselves, as SQL over the tables, every column in words."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.analysis.rank_history import TOP
from pipelines.storage.tables import TABLES


@dataclass(frozen=True)
class View:
    """One view: its grain, what its columns mean, and its SQL, in which `{zone}` is the time zone of a row's `site`."""

    name: str
    grain: str
    columns: Mapping[str, str]
    sql: str


_STORY = {
    **{field.name: field.metadata[b"meaning"].decode() for field in TABLES["stories"].schema},
    **TABLES["stories"].partitions,
}

_UNIQUE_STORIES = "SELECT * FROM stories WHERE story_id = cluster_id"

# A list may name a story twice; it stood there once, at the better rank.
_RANK_SPANS = f"""
WITH seen AS (
    SELECT site, list, story_id, observed_at, min(rank) AS rank, max(last_observed_at) AS until,
           arg_min(headline, rank) AS headline
    FROM rankings WHERE story_id IS NOT NULL GROUP BY ALL
)
SELECT site, list, story_id, arg_max(headline, observed_at) AS headline, min(observed_at) AS first_at,
       max(until) AS last_at, min(rank)::INTEGER AS best_rank,
       sum(epoch_us(until) - epoch_us(observed_at)) / 60e6 AS stood_minutes,
       coalesce(sum(epoch_us(until) - epoch_us(observed_at)) FILTER (rank <= {TOP}), 0) / 60e6 AS top5_minutes,
       count(*) AS snapshots, count(DISTINCT headline) AS headlines
FROM seen GROUP BY site, list, story_id
"""

# A body's hash is carried through the window in its place: bodies are long.
_STORY_HISTORY = """
WITH every AS (
    SELECT false AS standing, hash(body) AS words, * FROM revisions
    UNION ALL BY NAME
    SELECT true AS standing, hash(body) AS words, * FROM stories
)
SELECT site, story_id, revision, standing, published_at, updated_at, lag(fetched_at) OVER earlier AS changed_after,
       fetched_at AS last_seen_at, headline, lag(headline) OVER earlier AS headline_before,
       CASE WHEN lag(revision) OVER earlier IS NOT NULL
            THEN headline IS DISTINCT FROM lag(headline) OVER earlier END AS headline_changed,
       CASE WHEN lag(revision) OVER earlier IS NOT NULL
            THEN words IS DISTINCT FROM lag(words) OVER earlier END AS body_changed,
       word_count, word_count - lag(word_count) OVER earlier AS words_added, section
FROM every WINDOW earlier AS (PARTITION BY story_id ORDER BY revision)
"""

_COVERAGE_BY_DAY = """
WITH told AS (
    SELECT *, CAST(coalesce(published_at, first_seen_at) AT TIME ZONE {zone} AS DATE) AS day,
           try_cast(split_part(story_id, ':', 2) AS BIGINT) AS number
    FROM stories
)
SELECT site, day, count(*) AS stories, count(*) FILTER (story_id = cluster_id) AS unique_stories,
       count(DISTINCT section) AS sections, count(*) FILTER (revision > 1) AS revised,
       count(*) FILTER (gone_at IS NOT NULL) AS gone, min(number) AS lowest_id, max(number) AS highest_id,
       median(epoch_us(first_seen_at) - epoch_us(published_at)) / 60e6 AS minutes_to_first_sight
FROM told GROUP BY site, day
"""

VIEWS: dict[str, View] = {
    view.name: view
    for view in (
        View(
            "unique_stories",
            "one row per cluster of nearly the same words: the story published first",
            _STORY,
            _UNIQUE_STORIES,
        ),
        View(
            "rank_spans",
            "one row per story and list: when, how high and how long it stood there",
            {
                "site": "name of the newspaper",
                "list": "`latest` or `popular`",
                "story_id": "the story",
                "headline": "as the list printed it last",
                "first_at": "when it was first seen in the list",
                "last_at": "when it was last seen in the list",
                "best_rank": "the highest place that it was seen at",
                "stood_minutes": "minutes for which snapshots with it were seen standing, gaps left out",
                "top5_minutes": f"the same, while it was among the first {TOP}",
                "snapshots": "how many snapshots it is in",
                "headlines": "how many headlines the list printed for it",
            },
            _RANK_SPANS,
        ),
        View(
            "story_history",
            "one row per revision of a story, the one that stands included",
            {
                "site": "name of the newspaper",
                "story_id": "the story",
                "revision": "counts from 1",
                "standing": "whether this is the newest revision, the one in `stories`",
                "published_at": "as this revision gives it",
                "updated_at": "as this revision gives it: the newspaper's own word on when it was changed",
                "changed_after": "when the revision before was last seen: the change came later; null for the first",
                "last_seen_at": "when this revision was last seen",
                "headline": "as printed in this revision",
                "headline_before": "as printed in the revision before",
                "headline_changed": "whether it differs from the revision before; null for the first",
                "body_changed": "whether the body differs from the revision before; null for the first",
                "word_count": "words of the body in this revision",
                "words_added": "words more (or fewer, negative) than in the revision before; null for the first",
                "section": "as this revision's address has it",
            },
            _STORY_HISTORY,
        ),
        View(
            "coverage_by_day",
            "one row per newspaper and day: what is kept of what was published",
            {
                "site": "name of the newspaper",
                "day": "of `published_at`, else `first_seen_at`, in the newspaper's time zone",
                "stories": "stories of the day that are kept",
                "unique_stories": "those that are the first of their cluster",
                "sections": "sections that they are in",
                "revised": "those of which more than one revision is known",
                "gone": "those that were found taken down since",
                "lowest_id": "the publisher's lowest number among them; null where ids are no numbers",
                "highest_id": "the publisher's highest number among them; null where ids are no numbers",
                "minutes_to_first_sight": "median from publication to first sight; large before recording began",
            },
            _COVERAGE_BY_DAY,
        ),
    )
}


def sql_of(view: View, zones: Mapping[str, str]) -> str:
    """The view's SQL, with the newspapers' time zones in it."""
    known = " ".join(f"WHEN '{site}' THEN '{zone}'" for site, zone in zones.items())
    return view.sql.replace("{zone}", f"CASE site {known} ELSE 'UTC' END" if known else "'UTC'")
