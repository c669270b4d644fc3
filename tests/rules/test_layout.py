"""Layout: size of folders and files, names of modules, packages that are listed. Imports are import-linter's task."""

import ast
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from tests.rules.source_files import PACKAGES, product_files
from tests.support.project import PROJECT

FILES = product_files()
MAX_FILES = 15
MAX_LINES = 250
MAX_LINES_WITH_REASON = 300
# One file per newspaper, or per family of newspapers.
UNBOUNDED = ("spiders", "cms")
# A file here may have the name of the command, table or view that it shows.
MIRRORS = ("views", "render", "scrapy_commands")


def imports_of(path: Path) -> set[str]:
    """Return every dotted name that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse((PROJECT / path).read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write the absolute name in place of a relative import"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def test_folders_hold_few_files() -> None:
    counts = Counter(path.parent for path in FILES if path.name != "__init__.py" and path.parent.name not in UNBOUNDED)
    assert {str(folder): n for folder, n in counts.items() if n > MAX_FILES} == {}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_file_is_short(path: Path) -> None:
    source = (PROJECT / path).read_text()
    reason = "long because" in (ast.get_docstring(ast.parse(source)) or "").lower()
    assert len(source.splitlines()) <= (MAX_LINES_WITH_REASON if reason else MAX_LINES)


@pytest.mark.parametrize("package", PACKAGES)
def test_module_names_differ(package: str) -> None:
    names = Counter(
        path.name
        for path in FILES
        if path.parts[0] == package and path.name != "__init__.py" and path.parent.name not in MIRRORS
    )
    assert {name: n for name, n in names.items() if n > 1} == {}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_module_has_subject(path: Path) -> None:
    assert not {"utils", "common", "core", "helpers", "misc"} & {path.stem, *path.parts}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_module_has_docstring(path: Path) -> None:
    summary = (ast.get_docstring(ast.parse((PROJECT / path).read_text())) or "").partition("\n")[0]
    assert summary.endswith("."), f"{path}: {summary!r}"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_nothing_is_unpickled_or_evaluated(path: Path) -> None:
    assert not {"pickle", "shelve", "marshal", "dill", "joblib"} & {name.split(".")[0] for name in imports_of(path)}
    calls = {
        node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        for node in ast.walk(ast.parse((PROJECT / path).read_text()))
        if isinstance(node, ast.Call)
    }
    assert not {"eval", "exec", "system", "popen"} & calls


@pytest.mark.parametrize("package", PACKAGES)
def test_package_is_ours(package: str) -> None:
    module = __import__(package)
    assert Path(module.__file__ or "").parent == PROJECT / package


def test_every_package_is_listed() -> None:
    listed = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    assert set(listed) == {".".join(path.parent.parts) for path in FILES if path.name == "__init__.py"}


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
print(*sorted({"numpy", "pandas", "pyarrow", "duckdb", "rich", "uvicorn", "pydantic"} & sys.modules.keys()))
"""


def test_run_starts_without_heavy_packages() -> None:
    done = subprocess.run([sys.executable, "-c", COMPONENTS], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("command", ["metrics", "runs", "schedule list", "alerts", "tables"])
def test_command_does_without_scrapy(command: str) -> None:
    code = f"""
import sys, khobor
khobor.main([*{command.split()}, "--data", "data/sample"])
sys.exit(str({{"scrapy", "twisted"}} & sys.modules.keys() or ""))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True)
    assert done.stdout
    assert not done.stderr.strip()
