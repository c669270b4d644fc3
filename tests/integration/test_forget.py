"""Removal of a story on request: nothing of it is left, nothing else is lost, and it is not stored again."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from warcio.archiveiterator import ArchiveIterator

from crawler.spiders.kalbela import Kalbela
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.site_lock import SiteLock
from tests.newspaper import Newspaper
from tests.support.archived_pages import archived_page
from tests.support.commands import FinishedCrawl
from tests.support.forked_commands import run_command
from tests.support.processes import KHOBOR

FAILPOINTS = ("forget.marked", "forget.rows:2", "forget.written", "forget.archive", "forget.published")
TABLES = ("stories", "revisions", "aliases", "sightings")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FinishedCrawl]:
    paper = Newspaper(seed=11, stories=60, decoys=False)
    with paper.serve() as mirror:
        found = FinishedCrawl(paper, mirror, tmp_path_factory.mktemp("forget"))
        found.crawl()
        yield found


@pytest.fixture
def crawled(original: FinishedCrawl, tmp_path: Path) -> FinishedCrawl:
    shutil.copytree(original.data, tmp_path / "data")
    return FinishedCrawl(original.paper, original.mirror, tmp_path / "data")


@pytest.fixture
def story(crawled: FinishedCrawl) -> Any:
    """A story that is in a ranked list and has a long body."""
    listed = set(crawled.table("rankings")["story_id"].dropna())
    stories = crawled.table("stories")
    return stories[stories["story_id"].isin(listed) & (stories["word_count"] > 60)].iloc[0]


def forget(crawled: FinishedCrawl, url: str, code: int = 0) -> dict[str, Any]:
    done = crawled.run("forget", url, "--json")
    assert done.returncode == code, done.stderr
    assert code == 0 or len(done.stderr.splitlines()) == 1
    return dict(json.loads(done.stdout)) if code == 0 else {}


def archived_urls(data: Path) -> list[str]:
    found = []
    for path in sorted(data.rglob("*.warc.gz")):
        with path.open("rb") as file:
            for record in ArchiveIterator(file, check_digests="raise"):
                record.content_stream().read()
                found.append(record.rec_headers.get_header("WARC-Target-URI") or "")
    return found


def story_of(url: str) -> str | None:
    return getattr(Kalbela.make_url_rules().identify(url), "story_id", None)


def nothing_is_left(crawled: FinishedCrawl, story: Any) -> None:
    story_id = story["story_id"]
    for name in TABLES:
        assert story_id not in set(crawled.table(name)["story_id"])
    assert story_id not in set(crawled.table("stories")["cluster_id"])
    rankings, fetches, rejects = (crawled.table(name) for name in ("rankings", "fetches", "rejects"))
    assert rankings.loc[rankings["story_id"] == story_id, "headline"].isna().all()
    assert fetches.loc[fetches["story_id"] == story_id, "archive_file"].isna().all()
    [tombstone] = rejects[rejects["story_id"] == story_id].to_dict("records")
    assert tombstone["reason"] == "RemovedOnRequest"
    assert all(pd.isna(tombstone[name]) for name in ("detail", "record", "page"))
    assert story_id not in map(story_of, archived_urls(crawled.data))
    start = story["body"][:40].encode()
    for path in crawled.data.rglob("*"):
        assert not path.is_file() or start not in path.read_bytes(), path
    assert not list((crawled.data / ".staging").iterdir())
    assert crawled.run("check").returncode == 0


def test_story_is_removed_and_others_stay(crawled: FinishedCrawl, story: Any) -> None:
    before = {name: crawled.table(name) for name in ("stories", "rankings", "fetches")}
    urls = archived_urls(crawled.data)
    result = forget(crawled, story["url"])
    assert result["stories"] == [story["story_id"]]
    assert (result["removed"]["stories"], result["removed"]["responses"]) == (1, 1)
    assert result["removed"]["rankings"] > 0
    nothing_is_left(crawled, story)
    kept = [url for url in archived_urls(crawled.data) if url]
    assert sorted(kept) == sorted(url for url in urls if url and story_of(url) != story["story_id"])
    stories = crawled.table("stories")
    assert set(before["stories"]["story_id"]) - set(stories["story_id"]) == {story["story_id"]}
    for name in ("rankings", "fetches"):
        assert len(crawled.table(name)) == len(before[name])
    fetches = crawled.table("fetches")
    for fetch in fetches[fetches["outcome"].eq("story") & fetches["archive_file"].notna()].itertuples():
        page = archived_page(crawled.data, f"{fetch.archive_file}:{fetch.archive_offset:.0f}")
        assert f"/{fetch.story_id.partition(':')[2]}" in page
    again = forget(crawled, story["url"])
    assert not any(again["removed"].values())
    nothing_is_left(crawled, story)


@pytest.mark.parametrize("rebuild", [(), ("reindex",), ("reread",)])
def test_next_crawl_does_not_store_it_again(crawled: FinishedCrawl, story: Any, rebuild: tuple[str, ...]) -> None:
    forget(crawled, story["url"])
    for command in rebuild:
        assert crawled.run(command).returncode == 0
    nothing_is_left(crawled, story)
    report = crawled.crawl("--seed", story["url"])
    fetches = crawled.table("fetches")
    own = fetches[(fetches["story_id"] == story["story_id"]) & (fetches["run_id"] == report["run_id"])]
    assert set(own["outcome"]) == {"removed_on_request"}
    nothing_is_left(crawled, story)


def test_import_skips_it(original: FinishedCrawl, crawled: FinishedCrawl, story: Any) -> None:
    forget(crawled, story["url"])
    [file, *_] = sorted(original.data.rglob("*.warc.gz"))
    done = crawled.run("import", str(file), "--json")
    assert json.loads(done.stdout)["skipped"]["removed_on_request"] == 1
    nothing_is_left(crawled, story)


def test_bucket_gets_the_rewritten_files(crawled: FinishedCrawl, story: Any, tmp_path: Path) -> None:
    bucket = {"KHOBOR_BUCKET": str(tmp_path / "bucket")}
    (tmp_path / "bucket").mkdir()
    line = [*KHOBOR, "publish", "--data", str(crawled.data)]
    assert run_command(line, env=os.environ | bucket).returncode == 0
    assert story["story_id"] in map(story_of, archived_urls(tmp_path / "bucket"))
    forget(crawled, story["url"])
    assert run_command(line, env=os.environ | bucket).returncode == 0
    assert story["story_id"] not in map(story_of, archived_urls(tmp_path / "bucket"))
    assert story["story_id"] not in set(pd.read_parquet(tmp_path / "bucket" / "stories")["story_id"])


def test_alias_leads_to_story(crawled: FinishedCrawl) -> None:
    aliases = crawled.table("aliases")
    alias = aliases[aliases["kind"] == "exact_duplicate"].iloc[0]
    stories = crawled.table("stories")
    story = stories[stories["story_id"] == alias["story_id"]].iloc[0]
    result = forget(crawled, alias["url"])
    assert {alias["story_id"], alias["alias_id"]} <= set(result["stories"])
    assert result["removed"]["responses"] >= 2
    nothing_is_left(crawled, story)
    assert alias["alias_id"] not in map(story_of, archived_urls(crawled.data))


@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_repeated_command_completes_killed_removal(crawled: FinishedCrawl, story: Any, failpoint: str) -> None:
    line = [*KHOBOR, "forget", story["url"], "--data", str(crawled.data)]
    killed = run_command(line, env=os.environ | {"KHOBOR_TESTING": "1", "KHOBOR_FAILPOINT": f"{failpoint}=kill"})
    assert killed.returncode == -signal.SIGKILL
    assert forget(crawled, story["url"])["stories"] == [story["story_id"]]
    nothing_is_left(crawled, story)


def test_wrong_url_is_one_sentence(crawled: FinishedCrawl, story: Any) -> None:
    parent, _, number = story["url"].rpartition("/")
    for url in (f"{parent}/9{number}9", parent, "https://nobody.example/1", "no url"):
        forget(crawled, url, 2)
    with SiteLock.take(DataFolder(crawled.data).lock("kalbela")):
        forget(crawled, story["url"], 6)
