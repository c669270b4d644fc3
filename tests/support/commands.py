"""The commands in a process of their own, against a newspaper on a local server."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from tests.newspaper import Newspaper
from tests.support.forked_commands import run_command

QUICK = ("-sDOWNLOAD_DELAY=0", "-sKHOBOR_FIRST_BACKOFF_SECONDS=0", "-sKHOBOR_FIRST_PAUSE_SECONDS=0")


def khobor(*arguments: str, timeout: float = 200) -> subprocess.CompletedProcess[str]:
    return run_command([sys.executable, "-m", "khobor", *arguments], timeout=timeout)


@dataclass
class FinishedCrawl:
    """A paper, the data folder of its crawls, and the report of the last one."""

    paper: Newspaper
    mirror: str
    data: Path
    report: dict[str, Any] = field(default_factory=dict)

    def crawl(self, *arguments: str) -> dict[str, Any]:
        done = self.run("crawl", "kalbela", "--json", "--mirror", self.mirror, *QUICK, *arguments)
        assert done.stdout, done.stderr
        return dict(json.loads(done.stdout))

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return khobor(command, *arguments, "--data", str(self.data))

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.data / name)
