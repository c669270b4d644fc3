"""The frozen pages under `tests/pages`: a page per folder, with its URL and expected result."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from crawler.parsing.page import Page
from crawler.registry import newspapers
from crawler.spider import NewspaperSpider

PAGES = Path(__file__).parents[1] / "pages"


@dataclass(frozen=True)
class Case:
    """A folder with a page, its URL and fetch time, and the expected result: a story and lists, or lists only."""

    folder: Path

    @property
    def name(self) -> str:
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def newspaper(self) -> type[NewspaperSpider]:
        return newspapers()[self.folder.parent.name]

    def told(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    @property
    def html(self) -> str:
        return (self.folder / "page.html").read_text(encoding="utf-8")

    def page(self, html: str | None = None) -> Page:
        fetch = self.told("case.json")
        return Page((html or self.html).encode(), fetch["url"], datetime.fromisoformat(fetch["fetched_at"]))


def is_confirmed(case: Case) -> bool:
    """Return False while an expectation is the draft of `khobor capture`, which nobody has compared with the page."""
    return "unconfirmed" not in case.told("expected.json")


CASES = [Case(path.parent) for path in sorted(PAGES.glob("*/*/page.html"))]
assert CASES, f"{PAGES} holds no page; without one, every test of a page would be skipped"
STORIES = [case for case in CASES if set(case.told("expected.json")) != {"lists"}]
by_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
by_story = pytest.mark.parametrize("case", STORIES, ids=lambda case: case.name)
