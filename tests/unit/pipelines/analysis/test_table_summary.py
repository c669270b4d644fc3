"""Tests of summaries of a data folder."""

from datetime import timedelta

from pipelines.analysis.table_summary import data_sample
from tests.support.builders import DECEMBER, JANUARY, SITE, LedgerFolder, make_snapshot, make_story


def test_story_without_date_is_not_newest(kept: LedgerFolder) -> None:
    kept.rank(make_snapshot(JANUARY, "ক"))
    kept.publish(make_story(1, DECEMBER), make_story(2, None, first_seen_at=JANUARY + timedelta(days=1)))
    [story] = data_sample(kept.dataset, SITE, 5)["stories"]
    assert story["published_at"] == DECEMBER
