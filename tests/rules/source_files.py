"""The source files that the rules read."""

from pathlib import Path

from tests.support.project import PROJECT

PACKAGES = ("crawler", "pipelines", "schedules")


def product_files() -> list[Path]:
    """List the product's Python files, relative to the project."""
    found = (path.relative_to(PROJECT) for package in PACKAGES for path in (PROJECT / package).rglob("*.py"))
    return [*sorted(found), Path("khobor.py")]
