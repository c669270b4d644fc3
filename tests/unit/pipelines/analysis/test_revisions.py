"""Tests of revisions and their differences."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.items import Story, columns_of
from khobor import main
from pipelines.analysis.revisions import Piece, changes, difference
from tests.support.builders import JANUARY, SITE, LedgerFolder, make_story


def test_difference_is_in_whole_words() -> None:
    pieces = ("kept", "র‍্যাব আটক করেছে "), ("removed", "৩"), ("added", "৫"), ("kept", " জনকে")
    found = difference("র‍্যাব আটক করেছে ৩ জনকে", "র‍্যাব আটক করেছে ৫ জনকে")
    assert found == [Piece(*piece) for piece in pieces]


@given(st.text(alphabet="কখ গ\n"), st.text(alphabet="কখ গ\n"))
def test_difference_contains_both_texts(before: str, after: str) -> None:
    pieces = difference(before, after)
    assert "".join(piece.text for piece in pieces if piece.act != "added") == before
    assert "".join(piece.text for piece in pieces if piece.act != "removed") == after


def test_bookkeeping_columns_are_not_changes() -> None:
    row = dict.fromkeys((column.name for column in columns_of(Story)), None) | {"revision": 1, "tags": ["ক"]}
    again = row | {"revision": 2, "run_id": "another", "headline": "নতুন", "tags": ["ক", "খ"]}
    assert [name for name, _ in changes(row, again)] == ["headline", "tags"]


def test_history_prints_revisions_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = LedgerFolder.at(tmp_path)
    kept.publish(make_story(1), make_story(1, revision=2, headline="নতুন"))
    kept.close()
    assert main(["history", f"{SITE}:1", "--json", "--data", str(tmp_path)]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["row"]["published_at"], first["changes"]) == (JANUARY.isoformat(), {})
    assert second["changes"].keys() == {"headline"}
