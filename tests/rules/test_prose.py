"""Prose: the figures of docstrings and comments, and the words and names that are retired."""

import ast
import re
import tokenize
import tomllib
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from crawler.outcomes import Outcome
from tests.rules.source_files import product_files
from tests.support.project import PROJECT

RETIRED = tomllib.loads((PROJECT / "tests/rules/retired_words.toml").read_text())
NAMES, PROSE = RETIRED["names"], RETIRED["prose"]
# Per 1,000 words of docstrings and comments, and of all docstrings.
MAX_WHAT, MAX_TOLD, MAX_QUESTIONS = 1.5, 0.5, 0.02
DOCS = [
    path.relative_to(PROJECT)
    for pattern in ("*.md", "docs/*.md", "data/README.md", "schedules/*.toml", "schedules/**/*.html")
    for path in sorted(PROJECT.glob(pattern))
]


def docstrings(tree: ast.Module) -> list[str]:
    """Return the docstrings of a module, its classes and its functions."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return [text for node in ast.walk(tree) if isinstance(node, kinds) and (text := ast.get_docstring(node))]


def comments(path: Path) -> list[str]:
    """Return the comments of a file."""
    with tokenize.open(PROJECT / path) as file:
        return [t.string.lstrip("# ") for t in tokenize.generate_tokens(file.readline) if t.type == tokenize.COMMENT]


def messages(tree: ast.Module) -> list[str]:
    """Return the strings of a module that are more than one word."""
    return [
        n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str) and " " in n.value
    ]


TREES = {path: ast.parse((PROJECT / path).read_text()) for path in product_files()}


def share(pattern: str, text: str) -> float:
    """Return the matches of a pattern per 1,000 words."""
    return 1000 * len(re.findall(pattern, text)) / len(re.findall(r"[a-z']+", text))


def test_prose_is_plain() -> None:
    every = [text for tree in TREES.values() for text in docstrings(tree)]
    text = " ".join([*every, *(comment for path in TREES for comment in comments(path))]).lower()
    questions = [each for each in every if re.match(r"(What|Whether|How|Who|Whoever|Which)\b", each)]
    assert share(r"\bwhat\b", text) <= MAX_WHAT
    assert share(r"\b(?:told|tells?|says?|said)\b", text) <= MAX_TOLD
    assert len(questions) <= MAX_QUESTIONS * len(every)


def retired_in(text: str, path: Path) -> list[str]:
    """Return the retired words in a text, apart from uses that are allowed there."""
    allowed = {use["word"] for use in PROSE["allowed"] if use["file"] == str(path)}
    words = [word for word in PROSE["words"] if word not in allowed]
    return sorted({found.lower() for found in re.findall(rf"\b(?:{'|'.join(words)})\b", text, re.IGNORECASE)})


@pytest.mark.parametrize("path", TREES, ids=str)
def test_code_uses_no_retired_word(path: Path) -> None:
    tree = TREES[path]
    assert retired_in("\n".join([*docstrings(tree), *comments(path), *messages(tree)]), path) == []


@pytest.mark.parametrize("path", DOCS, ids=str)
def test_docs_use_no_retired_word(path: Path) -> None:
    assert retired_in((PROJECT / path).read_text(), path) == []


@pytest.mark.parametrize("module", NAMES["modules"])
def test_retired_module_is_gone(module: str) -> None:
    with suppress(ModuleNotFoundError):
        assert find_spec(module) is None


def test_retired_names_are_gone() -> None:
    classes = {node.name for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    assert classes & set(NAMES["classes"]) == set()
    assert {str(outcome) for outcome in Outcome} & set(NAMES["outcomes"]) == set()
    strings = {
        n.value for t in TREES.values() for n in ast.walk(t) if isinstance(n, ast.Constant) and isinstance(n.value, str)
    }
    assert strings & {*NAMES["settings"], *NAMES["options"]} == set()
    assert [text for text in strings if text.startswith(tuple(NAMES["stats"]))] == []
    settings = (PROJECT / "crawler/settings.py").read_text()
    assert [name for name in NAMES["settings"] if re.search(rf"\b{name}\b", settings)] == []
