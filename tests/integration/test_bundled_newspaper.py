"""The bundled newspaper has the properties that other tests rely on."""

import http.client
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

from tests.newspaper import Fault, Newspaper, StoryTruth
from tests.newspaper.decoy_urls import DECOYS
from tests.newspaper.variations import PAGE_VARIATIONS, STORY_KINDS

SEED_PATH = "/world/north-korea/154313"
PAPER = "https://www.kalbela.com"


@cache
def edition(seed: int) -> Newspaper:
    """A shared edition; tests leave it unchanged."""
    return Newspaper(seed)


@cache
def truth_of(seed: int) -> dict[str, StoryTruth]:
    return edition(seed).truth()


@pytest.fixture(scope="module")
def paper() -> Newspaper:
    return edition(1)


@pytest.fixture(scope="module")
def truth() -> dict[str, StoryTruth]:
    return truth_of(1)


@pytest.fixture
def living() -> Iterator[tuple[Newspaper, str]]:
    """A served newspaper for one test."""
    newspaper = Newspaper(seed=3, stories=120)
    with newspaper.serve() as url:
        yield newspaper, url


def get(url: str, target: str, host: str = "www.kalbela.com", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a response on a new connection."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", target, headers={"Host": host, **named})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def path_of(story: StoryTruth) -> str:
    return story.url.removeprefix(PAPER)


def test_seed_determines_the_paper(paper: Newspaper, truth: dict[str, StoryTruth]) -> None:
    twin = Newspaper()
    assert twin.truth() == truth
    assert twin.lists() == paper.lists()
    assert twin.expected_outcomes() == paper.expected_outcomes()
    for path in ("/", SEED_PATH, *(path_of(story) for story in list(truth.values())[::40])):
        assert twin.site.page(path) == paper.site.page(path)


def test_other_seed_gives_other_edition(truth: dict[str, StoryTruth]) -> None:
    other = truth_of(2)
    bodies = {story.body for story in other.values()} & {story.body for story in truth.values()}
    assert len(bodies) == 1, "only the seed story is in every edition"
    assert len(other.keys() & truth.keys()) < 150
    assert Counter(v for s in other.values() for v in s.variations) != Counter(
        v for s in truth.values() for v in s.variations
    )


def test_lists_have_twenty_rows(paper: Newspaper) -> None:
    assert {len(rows) for rows in paper.lists().values()} == {20}
    ids = [row.story_id for row in paper.lists()["latest"]]
    assert ids != sorted(ids, key=str, reverse=True), "roughly by id, not strictly"


def test_articles_have_realistic_size(paper: Newspaper, truth: dict[str, StoryTruth]) -> None:
    sizes = [len(paper.site.page(path_of(story)).encode()) for story in list(truth.values())[::8]]
    assert min(sizes) >= 100_000
    assert max(sizes) <= 140_000


@pytest.mark.parametrize("seed", [1, 2])
def test_every_variation_and_decoy_occurs(seed: int) -> None:
    newspaper, truth = edition(seed), truth_of(seed)
    assert len(truth) == 420
    assert set(STORY_KINDS) | set(PAGE_VARIATIONS) - {"removed"} <= {
        v for story in truth.values() for v in story.variations
    }
    assert set(DECOYS) <= {entry.slot.decoy for entry in newspaper.site.view.entries}
    assert newspaper.site.view.removed
    assert newspaper.copies()
    assert any(row.story_id is None for row in newspaper.lists()["popular"])
    assert any(len(story.addresses) > 2 for story in truth.values())
    assert all(any(joiner in story.body for story in truth.values()) for joiner in "\u200c\u200d")


@pytest.mark.parametrize("seed", [1, 2])
def test_entry_points_name_their_stories(seed: int) -> None:
    paper, truth = edition(seed), truth_of(seed)

    def ids(target: str) -> set[str]:
        return {f"kalbela:{number}" for number in re.findall(r"kalbela\.com/[a-z/-]+/(\d+)", paper.site.page(target))}

    def named(door: str) -> set[str]:
        return {story.story_id for story in truth.values() if door in story.doors}

    assert named("rss") >= ids("/rss/latest-rss.xml") & truth.keys()
    months = re.findall(r"/sitemap/sitemap-[\d-]+\.xml", paper.site.page("/sitemap.xml"))
    assert set().union(*(ids(month) for month in months)) & truth.keys() == named("sitemap")
    assert set().union(*(ids(f"/latest-news?page={n}") for n in range(1, 12))) >= named("latest-news")
    page = paper.site.page("/country-news")
    number = re.findall(r'data-cat-id="(\d+)"', page)[0]
    found, fragment = ids("/country-news"), 1
    while more := ids(f"/templates/web-view/category_page/more_cat_ajax.php?page={fragment}&cat={number}"):
        found, fragment = found | more, fragment + 1
    assert found >= {story.story_id for story in truth.values() if story.section == "country-news"}
    assert fragment > 5


def test_unchanged_page_is_not_modified(living: tuple[Newspaper, str]) -> None:
    newspaper, url = living
    status, headers, body = get(url, SEED_PATH, Accept_Encoding="gzip")
    assert (status, headers["content-encoding"]) == (200, "gzip")
    assert len(body) < 40_000
    assert get(url, SEED_PATH, If_None_Match=headers["etag"])[0] == 304
    assert get(url, SEED_PATH, If_Modified_Since=headers["last-modified"])[0] == 304
    assert get(url, SEED_PATH, If_None_Match='"other"', If_Modified_Since=headers["last-modified"])[0] == 200
    newspaper.break_field("byline")
    assert get(url, SEED_PATH, If_None_Match=headers["etag"])[0] == 200
    bare = next(story for story in newspaper.truth().values() if story.section.startswith("sports"))
    assert "etag" not in get(url, path_of(bare))[1]


def test_clock_brings_changes() -> None:
    newspaper = Newspaper()
    before, lists = truth_of(1), newspaper.lists()
    newspaper.advance(timedelta(hours=30))
    after = newspaper.truth()
    assert len(after.keys() - before.keys()) > 40
    assert before.keys() - after.keys(), "some are taken down"
    both = before.keys() & after.keys()
    assert any(after[i].revision > before[i].revision and after[i].body != before[i].body for i in both)
    assert any(after[i].url != before[i].url for i in both)
    assert not {row.href for row in lists["latest"]} & {row.href for row in newspaper.lists()["latest"]}
    assert lists["popular"] != newspaper.lists()["popular"]
    newspaper.advance(timedelta(hours=-30))
    assert (newspaper.truth(), newspaper.lists()) == (before, lists)


def test_hosts_have_separate_papers(living: tuple[Newspaper, str]) -> None:
    _, url = living
    port = url.rpartition(":")[2]
    assert get(url, "/", host=f"127.0.0.1:{port}")[0] == 421
    assert get(url, SEED_PATH, host="kalbela.com")[2] == get(url, SEED_PATH)[2]
    assert get(url, "/country-news/154313", host="archive.kalbela.com")[2] not in get(url, SEED_PATH)[2]
    assert get(url, "/country-news/154313")[0] == 404


def test_faults_come_and_go(living: tuple[Newspaper, str]) -> None:
    newspaper, url = living
    newspaper.faults["/"] = Fault(status=503, headers={"Retry-After": "2"}, times=1)
    status, headers, _ = get(url, "/")
    assert (status, headers["retry-after"], get(url, "/")[0]) == (503, "2", 200)
    newspaper.faults["*"] = Fault(body=b"SQLSTATE[HY000]")
    assert get(url, SEED_PATH)[2] == b"SQLSTATE[HY000]"
    newspaper.faults["*"] = Fault(drop=True)
    with pytest.raises(http.client.RemoteDisconnected):
        get(url, SEED_PATH)
    newspaper.faults.clear()
    newspaper.down = 503
    assert get(url, "/")[0] == 503
    newspaper.down = True
    with pytest.raises(http.client.RemoteDisconnected):
        get(url, "/")
    newspaper.down = False
    assert get(url, "/")[0] == 200


def test_runs_as_a_command_until_terminated() -> None:
    command = [sys.executable, "-W", "error", "-m", "tests.newspaper", "--seed", "5", "--stories", "60"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
        assert get(url, "/")[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=5) == ("", "")
        assert process.returncode == 0
    with pytest.raises(ConnectionRefusedError):
        get(url, "/")
