"""The rooms: imports point one way, the names are ours, and nothing is shared behind anyone's back."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
# What each room may import of the others. `crawler/settings.py` composes them and may name anything.
ALLOWED = {
    "crawler": {"crawler"},
    "pipelines": {"crawler", "pipelines"},
    "schedules": {"crawler", "pipelines", "schedules"},
}
COMPOSITION_ROOT = Path("crawler/settings.py")
# What there is in `schedules`: a part imports those before it, and itself.
PARTS = (
    *("paths", "exit_codes", "signals", "stdio", "reports", "monitoring", "timetable", "launching", "runner"),
    *("alerting", "metrics", "dashboard", "service", "scrapy_commands", "cli"),
)
MODULES = sorted(path.relative_to(PROJECT) for room in ALLOWED for path in (PROJECT / room).rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    tree = ast.parse((PROJECT / path).read_text())
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides which room it is from"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_point_from_schedules_to_pipelines_to_crawler(path: Path) -> None:
    if path == COMPOSITION_ROOT:
        return
    rooms = {name.split(".")[0] for name in imports_of(path)} & {*ALLOWED, "khobor", "tests", "data"}
    assert rooms <= ALLOWED[path.parts[0]]


def part_of(path: Path) -> str:
    return path.parts[1].removesuffix(".py")


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.parts[0] == "schedules" and path.stem != "__init__"], ids=str
)
def test_imports_within_schedules_point_one_way_too(path: Path) -> None:
    parts = {name.split(".")[1] for name in imports_of(path) if name.startswith("schedules.")}
    assert parts <= set(PARTS[: PARTS.index(part_of(path)) + 1])


def test_every_part_of_schedules_has_its_place_in_the_order() -> None:
    assert {part_of(path) for path in MODULES if path.parts[0] == "schedules"} == {"__init__", *PARTS}


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_no_module_is_a_drawer_for_odds_and_ends(path: Path) -> None:
    assert not {"utils", "common", "core", "helpers", "misc"} & {path.stem, *path.parts}


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_every_module_opens_with_one_sentence_that_says_what_it_is_for(path: Path) -> None:
    first = (ast.get_docstring(ast.parse((PROJECT / path).read_text())) or "").partition("\n\n")[0]
    assert first.endswith((".", "?")), f"{path}: {first!r}"


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_nothing_is_unpickled_evaluated_or_run_through_a_shell(path: Path) -> None:
    assert not {"pickle", "shelve", "marshal", "dill", "joblib"} & {name.split(".")[0] for name in imports_of(path)}
    calls = {
        node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        for node in ast.walk(ast.parse((PROJECT / path).read_text()))
        if isinstance(node, ast.Call)
    }
    assert not {"eval", "exec", "system", "popen"} & calls


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_is_ours_and_not_a_stranger_of_the_same_name(room: str) -> None:
    module = __import__(room)
    assert Path(module.__file__ or "").parent == PROJECT / room


def test_every_package_is_listed_so_that_none_is_found_by_chance() -> None:
    listed = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {".".join(path.parent.parts) for path in MODULES if path.name == "__init__.py"}
    assert set(listed) == found


COMPONENTS = """
import sys
from scrapy.utils.misc import load_object
from crawler import settings
for component in (
    *settings.EXTENSIONS_BASE, *settings.ITEM_PIPELINES, *settings.DOWNLOADER_MIDDLEWARES_BASE,
    *filter(None, settings.DOWNLOAD_HANDLERS.values()), settings.SCHEDULER, *settings.KHOBOR_TEXT_STEPS,
):
    load_object(component)
import crawler.spiders.kalbela
print(*sorted({"numpy", "pandas", "pyarrow", "duckdb", "rich", "uvicorn"} & sys.modules.keys()))
"""


def test_a_run_begins_without_what_it_needs_at_its_end_or_never() -> None:
    done = subprocess.run([sys.executable, "-c", COMPONENTS], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
