"""Text of drafted files: what a site says is data in it, never code."""

import ast

import pytest

from schedules.drafting.site_file import SiteFile, literal

HOSTILE = ('"""\nimport os\n"""', "'; import os; '", "x\\", "\n    evil = 1", "# \r evil = 1", "\u202e\x1b[2J", "{0}%s")


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_stays_data(text: str) -> None:
    file = SiteFile(f"{text}, host", "NewspaperSpider", "Site", {"import re"})
    file.add(f"title = {literal(text)}", text)
    file.to_do(text)
    module = ast.parse(file.text)
    docstring, imported, site = module.body
    assert isinstance(docstring, ast.Expr)
    assert isinstance(imported, ast.Import)
    assert isinstance(site, ast.ClassDef)
    (assignment,) = site.body
    assert isinstance(assignment, ast.Assign)
    assert ast.literal_eval(assignment.value) == text
    assert "\x1b" not in file.text.replace("\\x1b", "")
