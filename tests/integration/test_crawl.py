"""A crawl of the bundled newspaper over real sockets, compared with the truth in Parquet."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipelines.storage.tables import TABLES
from tests.newspaper import Newspaper
from tests.support.commands import FinishedCrawl
from tests.support.fault_site import FaultSite
from tests.support.forked_commands import run_command
from tests.support.processes import scrapy_command

SEED_ARTICLE = Path(__file__).parents[1] / "newspaper" / "seed_article.txt"
FROM_THE_PAGE = (
    *("url", "section", "headline", "kicker", "byline", "published_at", "updated_at", "edition", "agency"),
    *("image_url", "image_caption", "image_credit", "body", "tags", "language"),
)


@pytest.fixture(scope="session", params=[(1, 420), (20260101, 240)], ids=["first-edition", "another-edition"])
def crawled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FinishedCrawl]:
    paper = Newspaper(*request.param)
    with paper.serve() as mirror:
        crawl = FinishedCrawl(paper, mirror, tmp_path_factory.mktemp("data"))
        crawl.report = crawl.crawl()
        yield crawl


def same(read: Any, true: Any) -> bool:
    if true is None or true is pd.NaT:
        return bool(pd.isna(read))
    if isinstance(true, tuple):
        return list(read) == list(true)
    return bool(read == true)


@pytest.mark.parametrize("column", FROM_THE_PAGE)
def test_column_equals_its_truth(crawled: FinishedCrawl, column: str) -> None:
    truth = crawled.paper.truth()
    stories = crawled.table("stories").set_index("story_id")
    wrong = {
        story_id: (row[column], getattr(truth[story_id], column), sorted(truth[story_id].variations))
        for story_id, row in stories.iterrows()
        if story_id in truth and not same(row[column], getattr(truth[story_id], column))
    }
    assert not wrong, f"{len(wrong)} of {len(stories)}: {dict(list(wrong.items())[:3])}"


def test_stories_are_complete_and_unique(crawled: FinishedCrawl) -> None:
    truth = crawled.paper.truth()
    kept = list(crawled.table("stories")["story_id"])
    copies = crawled.paper.copies()
    assert len(kept) == len(set(kept))
    assert set(kept) <= set(truth)
    missing = {i for i in set(truth) - set(kept) if not copies.get(i, frozenset()) & set(kept)}
    assert not missing, {i: (truth[i].url, sorted(truth[i].doors), sorted(truth[i].variations)) for i in missing}
    twice = {family for family in copies.values() if len(family & set(kept)) != 1}
    assert not twice


def test_clusters_are_near_duplicates(crawled: FinishedCrawl) -> None:
    truth = crawled.paper.truth()
    stories = crawled.table("stories").set_index("story_id")
    published = stories["published_at"].fillna(stories["first_seen_at"])

    def head(story_id: str) -> str:
        family = {story_id, *truth[story_id].near} & set(stories.index)
        return min(family, key=lambda member: (published[member], len(member), member))

    assert stories["cluster_id"].to_dict() == {story_id: head(story_id) for story_id in stories.index}
    assert (stories["cluster_id"] != stories.index).any()


def test_rankings_match_both_lists(crawled: FinishedCrawl) -> None:
    rankings = crawled.table("rankings")
    for name, rows in crawled.paper.lists().items():
        seen = rankings[rankings["list"] == name].sort_values("rank")
        assert list(seen["rank"]) == [row.rank for row in rows]
        assert list(seen["headline"]) == [row.headline for row in rows]


def test_every_url_has_one_outcome(crawled: FinishedCrawl) -> None:
    fetches = crawled.table("fetches")
    fetches = fetches[fetches["run_id"] == crawled.report["run_id"]]
    assert fetches["url"].is_unique
    assert fetches["outcome"].value_counts().to_dict() == crawled.report["urls"]["outcomes"]
    assert crawled.report["urls"]["discovered"] == len(fetches)
    assert crawled.report["urls"]["complete"]


def test_other_urls_have_expected_outcomes(crawled: FinishedCrawl) -> None:
    outcomes = crawled.table("fetches").set_index("url")["outcome"]
    expected = crawled.paper.expected_outcomes().items()
    found = {url: (outcomes[url], expectation) for url, expectation in expected if url in outcomes.index}
    assert {url: pair for url, pair in found.items() if pair[0] not in pair[1].outcomes} == {}


def test_files_have_the_declared_schema(crawled: FinishedCrawl) -> None:
    for name, table in TABLES.items():
        for path in (crawled.data / name).rglob("*.parquet"):
            assert pq.read_schema(path).equals(table.schema), path


def test_second_run_adds_nothing(crawled: FinishedCrawl) -> None:
    before = {name: len(crawled.table(name)) for name in ("stories", "aliases", "rankings")}
    first = crawled.report
    second = crawled.crawl()
    assert second["exit_code"] == 0
    assert second["stories"]["new"] == second["stories"]["revised"] == 0
    assert {name: len(crawled.table(name)) for name in before} == before
    assert len(crawled.table("revisions")) == 0
    assert second["requests"] < first["requests"] / 4
    assert second["urls"]["complete"]


def test_check_finds_no_fault(crawled: FinishedCrawl) -> None:
    assert crawled.run("check").returncode == 0


def test_seed_article_is_exact(tmp_path: Path) -> None:
    paper = Newspaper()
    with paper.serve() as mirror:
        crawl = FinishedCrawl(paper, mirror, tmp_path)
        report = crawl.crawl("--max-pages", "1")
    assert report["requests"] == 1
    [story] = pq.read_table(tmp_path / "stories").to_pylist()
    text, _, lists = SEED_ARTICLE.read_text().partition("মন্তব্য করুন")
    paragraphs = text.strip().split("\n\n")
    assert story["headline"] == paragraphs[1] == "পুতিনকে নববর্ষে যে চিঠি পাঠালেন কিম"
    assert story["body"].split("\n\n") == paragraphs[3:-1]
    assert len(paragraphs[3:-1]) == 6
    assert (story["byline"], story["edition"], story["agency"]) == ("কালবেলা ডেস্ক", "online", "AFP")
    assert story["published_at"] == datetime(2024, 12, 31, 14, 22, tzinfo=UTC)
    assert story["updated_at"] == datetime(2024, 12, 31, 14, 23, tzinfo=UTC)
    assert story["image_caption"] == "উত্তর কোরিয়ার নেতা কিম জং উন এবং রাশিয়ার প্রেসিডেন্ট ভ্লাদিমির পুতিন।"
    assert story["image_credit"] == "সংগৃহীত"
    assert (story["month"], story["section"]) == ("2024-12", "world/north-korea")
    headlines = [line for line in lists.splitlines() if len(line) > 2 and "•" not in line]
    latest = pq.read_table(tmp_path / "rankings", filters=[("list", "=", "latest")]).sort_by("rank").to_pylist()
    assert [(row["rank"], row["headline"]) for row in latest] == list(enumerate(headlines, start=1))
    assert len(latest) == 20


def test_scrapy_feed_export_has_every_story(tmp_path: Path) -> None:
    written = tmp_path / "records.jsonl"
    with FaultSite(["gzip"]) as paper:
        command = scrapy_command(paper.server.base, tmp_path / "data", "-O", str(written))
        done = run_command(command)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    [report] = (json.loads(path.read_bytes()) for path in (tmp_path / "data" / "runs").glob("*.json"))
    assert (report["verdict"]["exit_code"], report["urls"]["complete"]) == (0, True)
    records = [json.loads(line) for line in written.read_text().splitlines()]
    stories = {record["story_id"]: record for record in records if "headline" in record}
    kept = pd.read_parquet(tmp_path / "data" / "stories").set_index("story_id")
    assert set(stories) == set(kept.index)
    assert all(kept.loc[name, "body"] == story["body"] for name, story in stories.items())
