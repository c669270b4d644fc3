"""The command `try` on saved pages."""

import json
from pathlib import Path

from crawler.items import Story, columns_of
from tests.support.commands import khobor
from tests.support.frozen_pages import CASES

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
