"""The command `try` on saved pages, on a site and on a URL."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crawler.clock import now
from crawler.items import Story, columns_of
from crawler.registry import newspapers
from crawler.spiders.kalbela import LAYOUT_2023
from tests.newspaper import Fault, Newspaper
from tests.newspaper.http_messages import HTML, Response
from tests.support.broken_templates import break_all
from tests.support.commands import QUICK, khobor
from tests.support.forked_commands import Command
from tests.support.frozen_pages import CASES
from tests.support.project import PROJECT

SEED = next(case for case in CASES if case.name == "kalbela/seed")
URL = SEED.told("expected.json")["url"]


def test_each_line_gives_one_object(tmp_path: Path) -> None:
    pages, listing = tmp_path / "saved", tmp_path / "list.jsonl"
    pages.mkdir()
    (pages / "seed.html").write_text(SEED.html)
    lines = [{"file": "saved/seed.html", "url": URL}, {"file": "saved/none.html", "url": URL}, ["no object"]]
    listing.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    done = khobor("try", "--jsonl", str(listing))
    first, missing, wrong = map(json.loads, done.stdout.splitlines())
    assert done.returncode == 0
    assert list(first) == ["file", "outcome", "reason", *(column.name for column in columns_of(Story))]
    assert (first["file"], first["outcome"], first["reason"]) == ("saved/seed.html", "story", None)
    assert first["published_at"] == "2024-12-31T14:22:00+00:00"
    assert first["body"].split("\n\n") == SEED.told("expected.json")["body"]
    assert [(each["outcome"], each["headline"], bool(each["reason"])) for each in (missing, wrong)] == [
        *[("unreadable", None, True)] * 2
    ]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["list.jsonl", "saved", "seed.html"]


def test_one_page_is_shown(tmp_path: Path) -> None:
    page = tmp_path / "seed.html"
    page.write_text(SEED.html)
    done = khobor("try", "--file", str(page), "--url", URL)
    assert done.returncode == 0
    assert "kalbela-2023" in done.stdout
    assert ".rpt_info_section" in done.stdout


def test_wrong_options_start_nothing(tmp_path: Path) -> None:
    assert khobor("try", "--file", str(tmp_path / "none.html"), "--url", URL).returncode == 2
    assert khobor("try", "--file", str(tmp_path / "none.html")).returncode == 2
    assert khobor("try", "--jsonl", str(tmp_path / "none.jsonl")).returncode == 2


def test_page_of_broken_site_is_not_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shomoy.py").write_text('hosts = ("www.shomoy.test",)\nundefined_name\n')
    (tmp_path / "page.html").write_text(SEED.html)
    monkeypatch.setenv("KHOBOR_SITES", str(tmp_path))
    url = "https://www.shomoy.test/world/1"
    read = ("try", "--file", str(tmp_path / "page.html"), "--url")
    for command in ((*read, url), ("try", url), ("capture", url), ("try", "shomoy")):
        done = khobor(*command)
        assert (done.returncode, "shomoy.py:2" in done.stderr.splitlines()[-1]) == (2, True), done.stderr
    assert khobor(*read, url, "--generic").returncode == 0
    other = khobor(*read, "https://other-shomoy.test/world/1")
    assert (other.returncode, other.stderr.count("shomoy.py:2")) == (0, 1)


class ChangedPaper(Newspaper):
    """Newspaper whose story pages lost every element that a first extractor finds."""

    def answer(self, host: str, target: str, headers: dict[str, str]) -> tuple[Response | None, float]:
        response, delay = super().answer(host, target, {})
        if response and response.headers.get("Content-Type") == HTML:
            response = replace(response, body=break_all(response.body.decode()).encode())
        return response, delay


@pytest.fixture
def paper() -> Newspaper:
    return Newspaper(seed=1, stories=60, decoys=False)


def try_live(paper: Newspaper, target: str = "kalbela", *options: str) -> tuple[int, dict[str, Any]]:
    paper.log.clear()
    with paper.serve() as mirror:
        done = khobor("try", target, "--json", "--mirror", mirror, *QUICK, *options)
    report = json.loads(done.stdout)
    assert report["exit_code"] == done.returncode
    assert report["requests"] == len(paper.log) <= 15
    return done.returncode, report


def test_fitting_site_has_no_problem(paper: Newspaper, tmp_path: Path) -> None:
    code, report = try_live(paper, "kalbela", "--data", str(tmp_path / "data"))
    assert (code, [each for each in report["problems"] if each["code"]]) == (0, [])
    assert not any(tmp_path.iterdir())
    fields = {each["field"]: each for each in report["fields"]}
    assert (fields["headline"]["found"], fields["headline"]["of"]) == (5, 5)
    assert fields["headline"]["by"] == {".headline_content_block .details-title": 5}
    for name, rows in paper.lists().items():
        first = [(row["rank"], row["headline"]) for row in report["lists"][name]["first"]]
        assert first == [(row.rank, row.headline) for row in rows[:5]]
    [robots] = report["robots"]
    assert "/search/" in robots["disallows"]
    assert {type(each).__name__ for each in newspapers()["kalbela"].entry_points} == {"Listing", "Feed", "Sitemap"}
    assert {"front page", "latest-news", "rss", "sitemap"} <= {page["name"] for page in report["pages"]}


def test_changed_templates_are_named() -> None:
    paper = ChangedPaper(seed=1, stories=60, decoys=False)
    paper.break_field("latest", "renamed")
    paper.break_field("popular", "renamed")
    code, report = try_live(paper)
    failed = {each["field"]: each["extractor"] for each in report["problems"] if each["field"]}
    declared = {field: names[0] for field, names in LAYOUT_2023.extractors.items()}
    assert (code, failed) == (9, declared | {"latest": "#latestview1", "popular": "#mostview1"})
    codes = [each["code"] for each in report["problems"]]
    assert codes == sorted(codes, reverse=True)


@pytest.mark.parametrize(
    ("path", "fault", "code", "requests"),
    [
        ("/", Fault(status=403, body=b""), 4, 2),
        ("/robots.txt", Fault(status=500, body=b""), 4, 2),
        ("/robots.txt", Fault(body=b"User-agent: *\nDisallow: /"), 4, 1),
        ("/", Fault(body=b"<html><body><a href='/about'>-</a></body></html>"), 9, 13),
        ("/", Fault(status=302, body=b"", headers={"Location": "https://other.example/"}), 9, 13),
    ],
    ids=["blocked", "no robots.txt", "forbidden", "no story link", "other host"],
)
def test_bad_front_page_is_explained(paper: Newspaper, path: str, fault: Fault, code: int, requests: int) -> None:
    paper.faults[path] = fault
    got, report = try_live(paper)
    assert (got, report["requests"]) == (code, requests)
    assert report["problems"][0]["code"] == code
    assert {request.host for request in paper.log} == {"www.kalbela.com"}


def test_url_of_unknown_host_is_read_generically(paper: Newspaper) -> None:
    story = next(iter(paper.truth().values()))
    paper.log.clear()
    with paper.serve() as mirror:
        done = khobor("try", "https://kalbela.example/a-page", "--mirror", mirror, *QUICK)
    assert (done.returncode, {request.host for request in paper.log}) == (4, {"kalbela.example"})
    assert "new-site" in done.stderr
    code, report = try_live(paper, story.url, "--generic")
    assert (code, report["site"], report["pages"][0]["outcome"]) == (0, None, "story")
    code, report = try_live(paper, story.url)
    values = {each["field"]: each["example"] for each in report["fields"]}
    assert (code, values["headline"], values["body"]) == (0, story.headline, story.body)
    assert report["requests"] == 2


@pytest.mark.parametrize("target", ["http://127.0.0.1/", "http://localhost/", "http://[::1]/", "ftp://x.example/", "x"])
def test_unfit_target_is_not_requested(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KHOBOR_CONTACT", "https://example.org/crawler")
    done = khobor("try", target, *QUICK[1:])
    assert done.returncode == (4 if "localhost" in target else 2)
    assert done.stderr


def test_signal_ends_trial_with_partial_result(paper: Newspaper) -> None:
    paper.faults["/latest-news"] = Fault(delay=60)
    with paper.serve() as mirror:
        command = [sys.executable, "-m", "khobor", "try", "kalbela", "--json", "--mirror", mirror, *QUICK]
        with Command(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=PROJECT) as process:
            try:
                next(line for line in process.stderr if "front page" in line)
                process.send_signal(signal.SIGINT)
                out, _ = process.communicate(timeout=30)
            finally:
                process.kill()
    report = json.loads(out)
    assert (process.returncode, report["exit_code"]) == (130, 130)
    assert report["pages"][0]["outcome"] == "list"
    assert all(each["code"] == 0 for each in report["problems"])


def test_running_crawl_slows_trial_down(paper: Newspaper, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "kalbela.lock").write_text(json.dumps({"pid": os.getpid()}))
    counts = dict.fromkeys(("requests", "stories", "discovered", "queued"), 0)
    progress = {"run_id": "20260111T060000Z-kalbela-1a2b", "state": "crawling", "at": now().isoformat(), **counts}
    (state / "kalbela.progress.json").write_text(json.dumps(progress))
    with paper.serve() as mirror:
        done = khobor("try", "https://www.kalbela.com/", "--mirror", mirror, *QUICK, "--data", str(tmp_path))
    assert done.returncode == 0
    assert "a run of kalbela is going on" in done.stderr
