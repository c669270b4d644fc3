"""Dotted names in strings: each must resolve to a module, or to an object in one."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.project import PROJECT

PACKAGES = ("crawler", "pipelines", "schedules")
FILES = sorted(
    path.relative_to(PROJECT)
    for folder in (*PACKAGES, "tests", "benchmarks")
    for path in (PROJECT / folder).rglob("*.py")
    if path != Path(__file__)  # its examples do not resolve
) + [Path("khobor.py")]
# Strings that only look like dotted names, with the reason.
NOT_NAMES = {
    "schedules.toml": "the file of the timetable",
    "schedules.sqlite": "the file of the occurrences",
}
_DOTTED = rf"((?:{'|'.join(PACKAGES)})(?:\.\w+)+)"
_WHOLE = re.compile(_DOTTED, re.ASCII)
# After `-m`, `from` or `import`, in quotes within a longer string, or in a role of a docstring.
_WITHIN = re.compile(rf"""(?:-m |\b(?:from|import) |["']|:\w+:`~?){_DOTTED}(?![\w./])""", re.ASCII)


def dotted_names(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each dotted name in a string; names of loggers are left out."""
    tree = ast.parse(source)
    loggers = {
        id(argument)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("getLogger")
        for argument in call.args
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in loggers:
            continue
        names = [node.value] if _WHOLE.fullmatch(node.value) else _WITHIN.findall(node.value)
        yield from ((node.lineno, name) for name in names if name not in NOT_NAMES)


def resolves(name: str) -> bool:
    """Report if a name is a module, or an object in one."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        module = ".".join(parts[:end])
        if _is_module(module):
            found: object = import_module(module)
            for part in parts[end:]:
                if not hasattr(found, part):
                    return False
                found = getattr(found, part)
            return True
    return False


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("path", FILES, ids=str)
def test_dotted_names_resolve(path: Path) -> None:
    names = dotted_names((PROJECT / path).read_text())
    assert [f"{path}:{line}: {name}" for line, name in names if not resolves(name)] == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("load('pipelines.nowhere.Step')", ["pipelines.nowhere.Step"]),
        ("run('-m', 'schedules.nowhere')", ["schedules.nowhere"]),
        ("run('python -m crawler.nowhere --help')", ["crawler.nowhere"]),
        ("""given = 'EXTENSIONS={"crawler.clock.Nothing": null}'""", ["crawler.clock.Nothing"]),
        ("def f():\n    '''Raise :class:`pipelines.storage.Nothing`.'''", ["pipelines.storage.Nothing"]),
        ("run('-c', 'import sys; from schedules.nowhere import x')", ["schedules.nowhere"]),
        ("logging.getLogger('crawler.nowhere')", []),
        ("read('schedules.toml'), read('schedules/nowhere.py'), print('see crawler.nowhere')", []),
        ("load('crawler.clock.now')", []),
    ],
)
def test_unresolvable_names_are_found(source: str, names: list[str]) -> None:
    assert [name for _, name in dotted_names(source) if not resolves(name)] == names
