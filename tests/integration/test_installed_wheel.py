"""The wheel, installed into an environment of its own and used in an empty folder."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pandas as pd
import pytest

from tests.newspaper import Newspaper
from tests.support.commands import QUICK
from tests.support.project import PROJECT

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
NO_NETWORK = ("--no-index", "--no-deps")
TIMETABLE = (PROJECT / "schedules" / "schedules.toml").read_text()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in ("crawler", "pipelines", "schedules"):
        shutil.copytree(PROJECT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("khobor.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, source)
    build = [*PIP, "wheel", *NO_NETWORK, "--no-build-isolation", "-w", str(folder), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def make_environment(venv: Path) -> None:
    """Make an environment that has the dependencies of this one, and nothing of Khobor."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    [packages] = venv.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))


def install(venv: Path, *arguments: str) -> None:
    command = [*PIP, "--python", str(venv / "bin" / "python"), "install", *NO_NETWORK, *arguments]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def khobor(wheel: Path) -> Path:
    venv = wheel.parent / "venv"
    make_environment(venv)
    install(venv, str(wheel))
    return venv / "bin" / "khobor"


@pytest.fixture(scope="module")
def mirror() -> Iterator[str]:
    with Newspaper(seed=3, stories=60).serve() as url:
        yield url


def run(khobor: Path, folder: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    own = {name: value for name, value in os.environ.items() if not name.startswith(("KHOBOR_", "PYTHON"))}
    command = [str(khobor), *arguments]
    return subprocess.run(command, cwd=folder, env=own | environment, capture_output=True, text=True, timeout=120)


def test_wheel_crawls_into_working_directory(khobor: Path, mirror: str, tmp_path: Path) -> None:
    done = run(khobor, tmp_path, "crawl", "kalbela", "--mirror", mirror, *QUICK, "--max-pages", "15")
    assert done.returncode in (0, 3), done.stderr
    found = run(khobor, tmp_path, "query", "SELECT count(*) > 0 FROM stories", "--format", "csv")
    assert found.stdout.split()[-1] == "True", found.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_option_overrides_variable(khobor: Path, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    environment: Any = {"KHOBOR_DATA": str(tmp_path / "missing")}
    assert run(khobor, tmp_path, "tables", "--data", "given", **environment).returncode == 0
    done = run(khobor, tmp_path, "tables", **environment)
    assert (done.returncode, "missing" in done.stderr) == (2, True)


def test_demo_names_its_condition(khobor: Path, tmp_path: Path) -> None:
    done = run(khobor, tmp_path, "demo")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "clone" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_wheel_serves_its_own_timetable(khobor: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(TIMETABLE.replace("kalbela-night", "my-night"))
    own = {"KHOBOR_TIMETABLE": "mine.toml", "KHOBOR_DATA": "mine", "KHOBOR_CONTACT": "https://example.org/"}
    environment: Any = {**os.environ, **own}
    assert "my-night" in run(khobor, tmp_path, "schedule", "list", **own).stdout
    command = [str(khobor), "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as service:
        assert service.stderr
        lines = [service.stderr.readline() for _ in range(2)]
        [url] = re.findall(r"http://\S+", lines[0])
        for _ in range(600):  # until the web server answers; the service handles signals by then
            with suppress(OSError), urlopen(f"{url}healthz", timeout=30) as response:
                assert response.read() == b"ok\n"
                break
            time.sleep(0.05)
        service.terminate()
        rest = service.communicate(timeout=60)[1]
        assert service.returncode == 0, (lines, rest)
    assert any("my-night" in line for line in (*lines, rest)), (lines, rest)
    assert (tmp_path / "mine" / "state").is_dir()


@pytest.mark.soak
def test_documented_life_of_installation_runs(wheel: Path, mirror: str, tmp_path: Path) -> None:
    """Run the lines of docs/operate.md from installing to uninstalling, without those of systemd."""
    page = (PROJECT / "docs" / "operate.md").read_text().partition("\n## Install")[2]
    lines = [
        line for block in re.findall(r"^```\n(.*?)^```", page, re.MULTILINE | re.DOTALL) for line in block.splitlines()
    ]
    lines.sort(key=lambda line: line.startswith("rm "))  # uninstalling comes before restoring in the text
    environment = {**os.environ, "KHOBOR_DATA": str(tmp_path / "srv" / "khobor"), "PATH": os.environ["PATH"]}
    (tmp_path / "backups").mkdir()
    done = 0
    for line in lines:
        command = re.sub(r"/(opt|srv|backups)\b", lambda match: str(tmp_path / match[1]), line)
        if line.startswith("systemctl"):
            continue
        if "-m venv" in line:
            make_environment(tmp_path / "opt" / "khobor")
        elif "bin/pip" in line:
            install(tmp_path / "opt" / "khobor", *command.replace(wheel.name, str(wheel)).split()[2:])
        else:
            subprocess.run(command, shell=True, check=True, env=environment, cwd=tmp_path, capture_output=True)
        if line.endswith("khobor sites"):
            crawl = [str(tmp_path / "opt/khobor/bin/khobor"), "crawl", "kalbela", "--mirror", mirror, *QUICK]
            subprocess.run([*crawl, "--max-pages", "10"], env=environment, cwd=tmp_path, capture_output=True)
        done += 1
    assert done >= 9
    stories = [pd.read_parquet(tmp_path / "srv" / name / "stories") for name in ("khobor", "khobor-new")]
    assert len(stories[0]) and stories[0].equals(stories[1])
    assert not (tmp_path / "opt" / "khobor").exists()
