"""Crawls of replicas of other families: every story and rank is kept, and nothing forbidden is requested."""

import json
from pathlib import Path

import pandas as pd
import pytest

from crawler.registry import newspapers
from tests.newspaper.replicas import REPLICAS
from tests.support.commands import QUICK, khobor


@pytest.mark.parametrize("site", ["ittefaq", "jugantor", "prothomalo", "samakal"])
def test_crawl_of_replica_keeps_every_field(site: str, tmp_path: Path) -> None:
    replica = REPLICAS[site]
    replica.log.clear()
    with replica.serve() as mirror:
        done = khobor("crawl", site, "--json", "--mirror", mirror, *QUICK, "--data", str(tmp_path))
    report = json.loads(done.stdout)
    assert done.returncode == 0, report["verdict"]
    stories = pd.read_parquet(tmp_path / "stories").set_index("story_id")
    truth = {row["story_id"]: row for row in map(replica.truth, replica.pieces)}
    assert set(stories.index) == set(truth)
    for story_id, row in truth.items():
        read = stories.loc[story_id]
        assert {name: plain(read[name]) for name in row if name != "story_id"} == {
            name: value or None for name, value in row.items() if name != "story_id"
        }
    if replica.lists:
        rankings = pd.read_parquet(tmp_path / "rankings")
        for name in replica.lists:
            rows = rankings[rankings["list"] == name].sort_values("rank")
            assert [*rows[["rank", "story_id", "headline"]].itertuples(index=False, name=None)] == replica.ranked(name)
    requested = [request.target for request in replica.log]
    assert not [target for target in requested if target.startswith(("/cdn-cgi/", "/ajax/", "/api/theme_engine"))]
    declared = {each.name for each in newspapers()[site].entry_points if each.disallowed}
    assert not declared & set(pd.read_parquet(tmp_path / "fetches")["via"])


def plain(value: object) -> object:
    """A value of a data frame as the truth writes it, None for a missing or empty one."""
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    if hasattr(value, "tolist"):
        value = value.tolist()
    return (
        None
        if value is None or value == [] or (isinstance(value, float) and pd.isna(value)) or value is pd.NaT
        else value
    )
