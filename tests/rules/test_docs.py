"""Documentation: the paths, links and tests that it names exist."""

import re
from itertools import pairwise

import pytest

from tests.support.project import PROJECT

PAGES = sorted(
    path.relative_to(PROJECT) for pattern in ("*.md", "docs/*.md", "data/*.md") for path in PROJECT.glob(pattern)
)
CODE = re.compile(r"`((?:crawler|pipelines|schedules|tests|benchmarks|notebooks)/[\w./-]*)`")
PROOF = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_paths_in_docs_exist(page: object) -> None:
    text = (PROJECT / str(page)).read_text()
    missing = [
        path for path in CODE.findall(text) if not re.search(r"\*|\.venv", path) and not (PROJECT / path).exists()
    ]
    missing += [link for link in LINK.findall(text) if not (PROJECT / str(page)).parent.joinpath(link).exists()]
    assert missing == []


def test_architecture_names_many_files() -> None:
    assert len(set(CODE.findall((PROJECT / "docs/architecture.md").read_text()))) > 40


@pytest.mark.parametrize("page", ["servers.md", "reliability.md"])
def test_every_row_names_an_existing_test(page: str) -> None:
    lines = (PROJECT / "docs" / page).read_text().splitlines()
    rows = [
        line
        for before, line in pairwise(lines)
        if line.startswith("|") and before.startswith("|") and not line.startswith("| ---")
    ]
    assert len(rows) > 20
    assert [row for row in rows if not PROOF.search(row)] == []
    missing = [
        f"{path}::{name}"
        for path, name in PROOF.findall("\n".join(rows))
        if not (PROJECT / "tests" / path).exists() or f"def {name}(" not in (PROJECT / "tests" / path).read_text()
    ]
    assert missing == []
