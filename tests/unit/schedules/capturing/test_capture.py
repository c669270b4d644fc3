"""Command `capture`: a case as in `tests/pages/`, whose drafted expectation fails until a person has confirmed it."""

import json
from pathlib import Path
from typing import Any

import pytest

from crawler.registry import newspapers
from schedules.capturing.captured_page import UNCONFIRMED
from tests.newspaper.replicas import REPLICAS
from tests.support.commands import QUICK, khobor
from tests.support.frozen_pages import Case, is_confirmed
from tests.unit.crawler.spiders.test_frozen_pages import FIELDS, lists_of, reading


def capture(site: str, folder: Path, *more: str, place: int = 3) -> tuple[Case, dict[str, Any]]:
    replica = REPLICAS[site]
    url, piece = replica.rows[place]
    with replica.serve() as mirror:
        done = khobor("capture", url, "--mirror", mirror, *QUICK, "--out", str(folder), *more)
    assert done.returncode == 0, done.stderr
    return Case(Path(done.stdout.strip())), replica.truth(piece)


def test_captured_case_holds_what_the_page_shows(tmp_path: Path) -> None:
    case, truth = capture("samakal", tmp_path)
    assert case.name == f"samakal/{truth['story_id'].partition(':')[2]}"
    expected = case.told("expected.json")
    assert set(expected) == {UNCONFIRMED, *FIELDS, "lists"}
    assert expected["body"] == truth["body"].split("\n\n")
    assert {name: expected[name] for name in ("url", "headline", "section")} == {
        name: truth[name] for name in ("url", "headline", "section")
    }
    again, _ = capture("samakal", tmp_path)
    assert again.folder != case.folder


def test_scrambled_case_has_no_text(tmp_path: Path) -> None:
    case, truth = capture("jagonews24", tmp_path, "--scramble")
    expected, body = case.told("expected.json"), truth["body"].split("\n\n")
    assert [len(text) for text in expected["body"]] == [len(text) for text in body]
    assert len(expected["headline"]) == len(truth["headline"])
    assert expected["published_at"] == truth["published_at"].isoformat().replace("+00:00", "Z")
    assert not [text for text in (truth["headline"], truth["image_caption"], *body) if text in case.html]
    assert {name: value for name, value in expected.items() if name not in (UNCONFIRMED, "lists")} == reading(
        case, case.page()
    )
    assert expected["lists"] == lists_of(case, case.page())


def test_page_of_unknown_site_is_captured_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replica = REPLICAS["dhakapost"]
    monkeypatch.setattr(replica, "host", "www.shomoy.test")
    case, truth = capture("dhakapost", tmp_path)
    assert case.folder.parent.name == "www.shomoy.test" not in newspapers()
    assert case.told("expected.json")["headline"] == truth["headline"]


def test_missing_page_is_not_captured(tmp_path: Path) -> None:
    with REPLICAS["dhakapost"].serve() as mirror:
        done = khobor("capture", "https://www.dhakapost.com/none", "--mirror", mirror, "--out", str(tmp_path))
    assert (done.returncode, [*tmp_path.iterdir()], done.stdout) == (4, [], "")


def test_unconfirmed_case_fails(tmp_path: Path) -> None:
    folder = tmp_path / "kalbela" / "case"
    folder.mkdir(parents=True)
    (folder / "expected.json").write_text(json.dumps({UNCONFIRMED: "by nobody", "lists": {}}))
    assert not is_confirmed(Case(folder))
    (folder / "expected.json").write_text(json.dumps({"lists": {}}))
    assert is_confirmed(Case(folder))
