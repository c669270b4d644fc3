"""No compiled pattern of the product needs more than linear time, or nearly so, on hostile text."""

import re
import subprocess
import sys

import pytest

from tests.support.hostile_strings import compiled_patterns, slow_patterns
from tests.support.project import PROJECT


def run_program(*arguments: str) -> str:
    command = [sys.executable, "-m", "tests.support.hostile_strings", *arguments]
    return subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout.strip()


def test_patterns_are_linear() -> None:
    assert len(compiled_patterns()) > 80
    assert run_program("1", "2") == ""


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 12))
def test_patterns_are_linear_for_more_seeds(seed: int) -> None:
    assert run_program(str(seed), "12") == ""


@pytest.mark.parametrize(
    "source",
    [
        rb"\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*|<![^>\[]*(?:\[.*?\])?>\s*)*<(?P<name>\w+)>",  # exponential
        r"(?:a|a)*$",
        r"\s*(?:x|y)",  # quadratic
    ],
)
def test_hostile_strings_reveal_backtracking(source: str | bytes) -> None:

    assert slow_patterns({"pattern": re.compile(source, re.DOTALL)}, seed=1, variants=8, cpu_seconds=1)


def test_xml_prolog_is_checked_at_once() -> None:
    """Case of an event loop that hung on 135 bytes, and relatives."""
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_CPU, (10, 10));"
        "from crawler.downloader.response_check import check;"
        "[check(200, {}, b'<?xml version=\"1.0\"?>' + piece * 4000, 'https://a.example/f.xml')"
        " for piece in (b'<!---->', b'<!-- >', b'<!>', b'<??>', b'<![]>', b'<![', b' ', b'<a ', b'<br>')]"
    )
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)


def test_large_robots_txt_is_read_at_once() -> None:
    """Half a megabyte of agents in one group took minutes and 3 GB in another parser."""
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_CPU, (10, 10));"
        "resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30));"
        "from crawler.downloader.robots_rules import parse_robots;"
        "agents = b''.join(b'User-agent: bot%d\\n' % n for n in range(12_000));"
        "rules = b''.join(b'Disallow: /a%d*a*a*a$\\n' % n for n in range(12_000));"
        "[parse_robots(body).allows('https://a.example/' + 'a' * 2000)"
        " for body in (agents + rules, b'User-agent: *\\n' + rules, agents + b'User-agent: khobor\\n' + rules)]"
    )
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)
