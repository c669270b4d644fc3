"""Command `new-site`: a draft that crawls as it is, in few requests, and a sentence about anything else."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.newspaper import Newspaper
from tests.newspaper.bengali_text import DHAKA
from tests.newspaper.http_messages import HTML, TEXT, Response
from tests.newspaper.independent import PAPERS, Stand
from tests.newspaper.replicas import REPLICAS, Replica
from tests.newspaper.server import Server
from tests.support.commands import QUICK, khobor

HOST = "www.shomoy.test"
FRONT = f"https://{HOST}/"


@contextmanager
def renamed(site: str) -> Iterator[tuple[Replica, str]]:
    """Serve a replica under a host that belongs to no known site."""
    replica = REPLICAS[site]
    host, replica.host = replica.host, HOST
    replica.log.clear()
    try:
        with replica.serve() as mirror:
            yield replica, mirror
    finally:
        replica.host = host


@contextmanager
def served(answer: Callable[[str], Response]) -> Iterator[str]:
    server = Server(lambda host, target, _: (answer(target), 0.0), lambda: datetime.now(UTC), [])
    try:
        yield server.url
    finally:
        server.close()


@pytest.fixture(autouse=True)
def sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KHOBOR_SITES", str(tmp_path / "sites"))
    return tmp_path / "sites"


@pytest.mark.parametrize(("site", "family"), [("ittefaq", "jadewits"), ("jagonews24", None)])
def test_drafted_site_crawls_every_field(site: str, family: str | None, sites: Path, tmp_path: Path) -> None:
    with renamed(site) as (replica, mirror):
        done = khobor("new-site", FRONT, "--mirror", mirror, *QUICK, "--out", str(sites), "--json")
        assert done.returncode == 0, done.stderr
        draft = json.loads(done.stdout)
        assert len(replica.log) == draft["requests"] <= 15
        assert (draft["name"], draft["family"]) == ("shomoy", family)
        crawled = khobor("crawl", "shomoy", "--mirror", mirror, *QUICK, "--data", str(tmp_path / "data"))
        assert crawled.returncode == 0, crawled.stdout + crawled.stderr
        truth = {row["story_id"]: row for row in map(replica.truth, replica.pieces)}
    stories = pd.read_parquet(tmp_path / "data" / "stories")
    assert len(stories) == len(truth)
    for story in stories.to_dict("records"):
        row = truth[story["story_id"].replace("shomoy:", f"{site}:")]
        expected = {name: value or None for name, value in row.items() if name != "story_id"}
        assert {name: plain(story[name]) for name in expected} == expected


def test_missing_list_is_left_to_do() -> None:
    paper = Newspaper(seed=1, stories=60, decoys=False)
    paper.break_field("popular", "renamed")
    with paper.serve() as mirror:
        done = khobor("new-site", "https://www.kalbela.com/", "--mirror", mirror, *QUICK, "--json")
    [point] = [each for each in json.loads(done.stdout)["to_do"] if "RankedList" in each]
    assert ("popular" in point, "latest" in point) == (True, False)


def plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list):
        return value or None
    return None if pd.isna(value) else value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


def test_existing_file_is_not_replaced(sites: Path) -> None:
    sites.mkdir()
    (sites / "broken.py").write_text("undefined_name\n")
    (sites / "shomoy.py").write_text("")
    with renamed("dhakapost") as (_, mirror):
        done = khobor("new-site", FRONT, "--mirror", mirror, *QUICK, "--out", str(sites))
    assert (done.returncode, (sites / "shomoy.py").read_text()) == (2, "")
    assert done.stderr.count("broken.py:1") == 1


def page(text: str) -> Response:
    return Response(
        200, f"<html><head><title>x</title></head><body>{text}</body></html>".encode(), {"Content-Type": HTML}
    )


LINKS = "".join(f'<p><a href="/{name}">একটি দীর্ঘ শিরোনাম এখানে</a></p>' for name in ("about", "shop", "team"))


@pytest.mark.parametrize(
    ("answers", "code", "words"),
    [
        ({"/": page(LINKS * 20)}, 9, ("found 3 links", "/about")),
        ({"/": page("<p>hello</p>" * 200)}, 9, ("found 0 links",)),
        ({"/": Response(403, b"no", {"Content-Type": HTML})}, 4, ("403",)),
        ({"/robots.txt": Response(200, b"User-agent: *\nDisallow: /\n", {"Content-Type": TEXT})}, 4, ("robots.txt",)),
        ({}, 4, ("404",)),
    ],
)
def test_site_without_stories_is_explained(answers: dict[str, Response], code: int, words: tuple[str, ...]) -> None:
    missing = Response(404, b"<html><body>-</body></html>", {"Content-Type": HTML})
    with served(lambda target: answers.get(target, missing)) as mirror:
        done = khobor("new-site", FRONT, "--mirror", mirror, *QUICK)
    assert (done.returncode, done.stdout) == (code, "")
    assert all(word in done.stderr.splitlines()[-1] for word in words), done.stderr


@pytest.mark.parametrize("url", ["ftp://paper.test/", "http://127.0.0.1/", "https://paper.test:8080/", "paper", ""])
def test_wrong_url_is_rejected(url: str) -> None:
    done = khobor("new-site", url)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_real_site_needs_contact() -> None:
    if os.environ.get("KHOBOR_CONTACT"):
        pytest.skip("KHOBOR_CONTACT is set")
    assert khobor("new-site", FRONT).returncode == 2


@pytest.mark.parametrize("name", ["deshbarta", "nodisomoy"])
def test_draft_of_independent_newspaper_fits_it(name: str, sites: Path) -> None:
    paper = PAPERS[name](seed=3, per_day=60)
    with Stand([paper], datetime(2026, 10, 5, 12, tzinfo=DHAKA)).serve() as mirror:
        drafted = khobor("new-site", f"{paper.site}/", "--mirror", mirror, *QUICK, "--out", str(sites))
        assert drafted.returncode == 0, drafted.stderr
        tried = khobor("try", name, "--mirror", mirror, *QUICK, "--json")
    assert tried.returncode == 0, tried.stdout + (sites / f"{name}.py").read_text()
