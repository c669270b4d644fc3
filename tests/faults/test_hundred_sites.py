"""A hundred sites on one machine: the service crawls copies of all families for a short night."""

import json
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from tests.newspaper.replicas.piece import STORIES
from tests.support.many_sites import Night, copied_replicas

SITES, INTERVAL = 100, timedelta(minutes=10)
MAX_MEGABYTES = 2048


@pytest.mark.soak
def test_hundred_sites_fit_on_one_machine(tmp_path: Path) -> None:
    night = Night(tmp_path, copied_replicas(SITES))
    night.prepare("*/10 * * * *", minutes=2, jitter=7)
    night.run(runs_of_each=2, seconds=2700)
    print(f"at most {max(megabytes for _, megabytes, _ in night.memory):.0f} MB")
    assert max(megabytes for _, megabytes, _ in night.memory) <= MAX_MEGABYTES
    starts = night.starts()
    waits = [began - start for of_site in starts.values() for start, began in of_site]
    gaps = [later - earlier for of_site in starts.values() for (_, earlier), (_, later) in pairwise(of_site)]
    assert max(waits) <= INTERVAL
    assert max(gaps) <= 2 * INTERVAL
    assert max(Counter(of_site[0][1].replace(second=0, microsecond=0) for of_site in starts.values()).values()) <= 30
    stories = pd.read_parquet(night.data.root / "stories", columns=["story_id"])["story_id"]
    assert Counter(story_id.partition(":")[0] for story_id in stories) == dict.fromkeys(night.replicas, STORIES)
    reports = [json.loads(path.read_bytes()) for path in night.data.runs.glob("*.json")]
    assert {(report["verdict"]["exit_code"], len(report["alarms"])) for report in reports} == {(0, 0)}
    ran = [run_id for occurrence in night.occurrences() for run_id in occurrence.runs]
    assert sorted(ran) == sorted(report["run_id"] for report in reports)
