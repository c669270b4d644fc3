"""Documentation: the paths and links that it names exist."""

import re

import pytest

from tests.support.project import PROJECT

PAGES = sorted(
    path.relative_to(PROJECT) for pattern in ("*.md", "docs/*.md", "data/*.md") for path in PROJECT.glob(pattern)
)
CODE = re.compile(r"`((?:crawler|pipelines|schedules|tests|benchmarks|notebooks)/[\w./-]*)`")
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
