"""Stored pages of real sites: no limit removes a word of them."""

import pytest

from tests.support.project import PROJECT
from tests.support.real_pages import differences, stored_pages

FOLDERS = [PROJECT.parent / "shared" / "benchmarks", PROJECT.parent / "shared" / "real"]


@pytest.mark.skipif(not all(folder.exists() for folder in FOLDERS), reason="no real pages beside the project")
def test_no_limit_removes_words_of_real_pages() -> None:
    found = {path.name: differences(body) for path, body in stored_pages(FOLDERS)}
    assert len(found) > 190
    assert {name: lines for name, lines in found.items() if lines} == {}
