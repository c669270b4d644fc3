"""Minimum versions: no run with a version that has a known vulnerability."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from schedules.runner.dependency_check import outdated_packages
from tests.support.processes import KHOBOR
from tests.support.project import PROJECT

# The first versions without the vulnerabilities that concern a crawler.
CLOSED = {
    "scrapy": "2.17",  # plain-text requests to s3; before 2.13.4 brotli bombs, before 2.11.2 redirects to files
    "twisted": "26.10",  # seven of October 2026
    "lxml": "6.1.0",  # CVE-2026-41066: entities read files
    "brotli": "1.2.0",  # CVE-2025-6176: unbounded decompression
    "pyarrow": "23.0.1",  # CVE-2026-25087; before 14.0.1 files could run code
    "jinja2": "3.1.6",  # CVE-2025-27516
}
DECLARED = {
    requirement.name.lower(): requirement
    for requirement in map(
        Requirement, tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dependencies"]
    )
}


@pytest.mark.parametrize(("package", "closed"), CLOSED.items())
def test_vulnerable_versions_are_excluded(package: str, closed: str) -> None:
    floors = [Version(bound.version) for bound in DECLARED[package].specifier if bound.operator == ">="]
    assert max(floors) >= Version(closed)
    locked = re.findall(
        rf"^{package}==(\S+)", (PROJECT / "requirements.lock").read_text(), re.MULTILINE | re.IGNORECASE
    )
    assert [Version(version) >= max(floors) for version in locked] == [True]


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_locked_packages_have_hashes(lock: str) -> None:
    pinned = re.findall(r"^[\w.\-\[\]]+==.*?(?=^\S|\Z)", (PROJECT / lock).read_text(), re.MULTILINE | re.DOTALL)
    assert len(pinned) > 30
    assert all("--hash=sha256:" in pin for pin in pinned)


def test_installed_packages_are_recent() -> None:
    assert outdated_packages() == []


def test_old_version_is_refused_and_named(tmp_path: Path) -> None:
    old, data = tmp_path / "old" / "brotli-0.9.dist-info", tmp_path / "data"
    old.mkdir(parents=True)
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: brotli\nVersion: 0.9\n")
    command = [*KHOBOR, "crawl", "kalbela", "--mirror", "http://127.0.0.1:9", "--data", str(data)]
    environment = os.environ | {"PYTHONPATH": str(old.parent)}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert "brotli 0.9 is installed, and >=1.2 is needed" in line
    assert "make setup" in line
    assert not data.exists()
