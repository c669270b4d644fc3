"""Memory limit of a crawl: the memory of the program that started it does not count."""

import subprocess
import sys
from pathlib import Path

from crawler.settings import EXTENSIONS_BASE
from schedules.runner.resource_limits import OwnMemoryUsage
from tests.support.project import PROJECT

CHILD = """
from scrapy.utils.test import get_crawler
from schedules.runner.resource_limits import OwnMemoryUsage
usage = OwnMemoryUsage(get_crawler(settings_dict={"MEMUSAGE_LIMIT_MB": 900}))
print(usage.get_virtual_size() // 2**20, super(OwnMemoryUsage, usage).get_virtual_size() // 2**20)
"""
LARGE = """
import subprocess, sys
large = bytearray(b"x") * (700 * 2**20)
sys.exit(subprocess.run(sys.argv[1:]).returncode)
"""


def test_memory_of_parent_does_not_count() -> None:
    command = [sys.executable, "-c", LARGE, sys.executable, "-c", CHILD]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    own, of_scrapy = map(int, done.stdout.split())
    assert 20 < own < 400
    assert of_scrapy >= 700


def test_crawls_and_trials_use_own_memory() -> None:
    name = f"{OwnMemoryUsage.__module__}.{OwnMemoryUsage.__qualname__}"
    assert name in EXTENSIONS_BASE
    assert not [
        path
        for folder in ("crawler", "pipelines", "schedules")
        for path in Path(PROJECT, folder).rglob("*.py")
        if '"scrapy.extensions.memusage' in path.read_text(encoding="utf-8")
    ]
