"""In hand: a page that ends the process that reads it does not do so for ever."""

import json
import os
from pathlib import Path

import pandas as pd

from crawler.items import Fetch
from pipelines.in_hand import FORGIVEN_AFTER, InHand, deaths
from pipelines.storage.data_folder import DataFolder
from tests.support.fault_site import SEED, SITE, HostilePaper, crawl

HOST = "www.kalbela.com"
CRASHING = {"KHOBOR_FAILPOINT": "page.taken:1=crash", "KHOBOR_TESTING": "1"}
KILLED = {"KHOBOR_FAILPOINT": "page.taken:1=kill", "KHOBOR_TESTING": "1"}


def test_a_page_over_which_two_runs_ended_is_not_asked_for_again(tmp_path: Path) -> None:
    with HostilePaper(["s404"]) as paper:
        for asked in (1, 2):
            ended = crawl(paper.server.base, tmp_path, environment=CRASHING)
            assert (ended.exit_code, ended.report["reason"]) == (1, "killed")
            assert paper.server.seen[HOST, SEED] == asked
        third = crawl(paper.server.base, tmp_path, "--max-pages=8")
        assert paper.server.seen[HOST, SEED] == 2
    assert third.exit_code == 0
    assert third.report["books"]["balanced"]
    fetch = third.fetches().loc[SEED]
    assert (fetch["outcome"], fetch["attempts"]) == ("unreadable", 0)
    assert "runs ended while they read it" in fetch["reason"]
    assert len(pd.read_parquet(tmp_path / "stories")) == third.report["stories"]["new"] > 0


def test_a_page_that_was_being_read_when_somebody_killed_the_run_is_not_held_guilty(tmp_path: Path) -> None:
    with HostilePaper(["s404"]) as paper:
        for _ in range(3):
            assert crawl(paper.server.base, tmp_path, environment=KILLED).exit_code == 1
        undisturbed = crawl(paper.server.base, tmp_path, "--max-pages=8")
        assert paper.server.seen[HOST, SEED] == 4
    assert undisturbed.fetches().loc[SEED]["outcome"] == "story"


def test_a_page_that_was_read_after_all_is_not_held_guilty(tmp_path: Path) -> None:
    dataset = DataFolder(tmp_path)
    dataset.prepare()
    fetch = Fetch(url=f"{SITE}{SEED}", key="kalbela:154313", run_id="20260101T000000Z-kalbela-0000")
    (dataset.state / "kalbela.deadly.json").write_text(json.dumps({fetch.key: 1, "kalbela:7": 2}))
    in_hand = InHand(dataset, "kalbela")
    in_hand.take(fetch)
    assert json.loads((dataset.state / "kalbela.reading").read_bytes())["key"] == fetch.key
    in_hand.lay_down(fetch)
    in_hand.close()
    assert not (dataset.state / "kalbela.reading").read_bytes()
    assert deaths(dataset, "kalbela") == {"kalbela:7": 2}
    assert not in_hand.is_deadly(fetch.key)
    assert in_hand.is_deadly("kalbela:7")


def test_after_a_week_without_a_death_everything_is_tried_again(tmp_path: Path) -> None:
    dataset = DataFolder(tmp_path)
    dataset.prepare()
    note = dataset.state / "kalbela.deadly.json"
    note.write_text('{"kalbela:7": 2}')
    assert deaths(dataset, "kalbela") == {"kalbela:7": 2}
    week_ago = note.stat().st_mtime - FORGIVEN_AFTER.total_seconds() - 60
    os.utime(note, (week_ago, week_ago))
    assert deaths(dataset, "kalbela") == {}


def test_a_note_that_was_cut_short_accuses_nobody(tmp_path: Path) -> None:
    dataset = DataFolder(tmp_path)
    dataset.prepare()
    (dataset.state / "kalbela.deadly.json").write_text('{"kalbela:7": ')
    assert deaths(dataset, "kalbela") == {}
