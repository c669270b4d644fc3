"""Virtual environments of the peers, and the machine and versions of a result."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
# Crawlee and Fundus cannot be installed together.
LOCKS = {"peers": "requirements.lock", "fundus": "requirements-fundus.lock"}
_OURS = ("scrapy", "twisted", "selectolax", "lxml", "isal", "pyarrow", "regex")
_THEIRS = ("scrapy", "parsel", "lxml", "crawlee", "newspaper4k", "trafilatura", "fundus")


def python_of(name: str) -> Path:
    """Return the Python of a peer environment; create it if it is missing or older than its lock file."""
    home, lock = FOLDER / ".venv" / name, FOLDER / LOCKS[name]
    python, ready = home / "bin" / "python", home / ".ready"
    if not ready.exists() or ready.stat().st_mtime < lock.stat().st_mtime:
        print(f"Making the environment {home}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        # The lock names everything; resolving it anew trips older pips over an extra that a package names twice.
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-deps", "--require-hashes", "-r", str(lock)], check=True, stdout=sys.stderr)
        ready.touch()
    return python


def machine() -> str:
    """Describe processor, cores, memory and system."""
    processor = _line("/proc/cpuinfo", "model name") or platform.processor() or platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{processor}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}"


def versions() -> str:
    """List the versions of Python and of the measured packages."""
    theirs: dict[str, str] = {}
    for name in LOCKS:
        listed = subprocess.run(
            [python_of(name), "-m", "pip", "--disable-pip-version-check", "list", "--format", "json"],
            capture_output=True,
            check=True,
        )
        theirs |= {package["name"].lower(): package["version"] for package in json.loads(listed.stdout)} | theirs
    ours = {name: version(name) for name in _OURS}
    return f"Python {platform.python_version()}; ours {_list(ours)}; peers {_list({n: theirs[n] for n in _THEIRS})}"


def _list(found: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in found.items())


def _line(path: str, name: str) -> str | None:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)
