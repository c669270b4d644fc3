"""Server that forks a process per crawl, so that modules are imported once.

The child runs `scrapy crawl` as the launcher does (same command, settings, spider, steps, exit code) over real sockets;
only its clock follows the Date header of the newspaper. As a script the module reads one crawl per line of JSON from
standard input.
"""

import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from tests.support.project import PROJECT

_FOLLOWING = json.dumps({"tests.newsroom.simulated_clock.FollowServerDate": 1})


class CrawlServer:
    """Handle of the server process."""

    def __init__(self, server: "subprocess.Popen[str]") -> None:
        self._server = server

    def crawl(self, at: datetime, log: Path, arguments: Sequence[str]) -> tuple[int, float]:
        """Run a crawl that starts at a simulated time; return its exit code and real seconds."""
        assert self._server.stdin and self._server.stdout
        order = {"at": at.isoformat(), "log": str(log), "arguments": list(arguments)}
        print(json.dumps(order), file=self._server.stdin, flush=True)
        answer = self._server.stdout.readline()
        assert answer, "the server of crawls has ended, its traceback is on standard error"
        status, seconds = json.loads(answer)
        return int(status), float(seconds)


@contextmanager
def crawl_server() -> Iterator[CrawlServer]:
    """Start the server in the checkout, so that it runs the code under test."""
    own = {"KHOBOR_CLOCK": "0", "KHOBOR_TESTING": "1", "SCRAPY_SETTINGS_MODULE": "crawler.settings"}
    command = [sys.executable, "-m", "tests.newsroom.crawl_server"]
    server = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
        env=os.environ | own,
        start_new_session=True,  # a Ctrl-C ends the simulation, and not the crawl that is under way
    )
    with server:
        yield CrawlServer(server)
        assert server.stdin
        server.stdin.close()


def _serve() -> None:
    _warm_up()
    for line in sys.stdin:
        order, began = json.loads(line), time.monotonic()
        if not (child := os.fork()):
            _crawl(order)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps((status, time.monotonic() - began)), flush=True)


def _warm_up() -> None:
    """Import the modules of a crawl, except for the reactor, which each child installs."""
    import pandas  # noqa: F401 - pyarrow looks for it when it first makes an array
    import scrapy.cmdline  # noqa: F401
    from scrapy.utils.misc import load_object
    from scrapy.utils.project import get_project_settings

    import crawler.spiders.kalbela  # noqa: F401
    import schedules.scrapy_commands.crawl  # noqa: F401
    import tests.newsroom.simulated_clock  # noqa: F401

    settings = get_project_settings()
    groups = ("EXTENSIONS", "DOWNLOADER_MIDDLEWARES", "SPIDER_MIDDLEWARES", "ITEM_PIPELINES", "DOWNLOAD_HANDLERS")
    named = [name for group in groups for name in settings.getwithbase(group)]
    named += [*settings.getwithbase("DOWNLOAD_HANDLERS").values(), settings["SCHEDULER"], settings["DOWNLOADER"]]
    for name in named:
        if isinstance(name, str) and "." in name:
            load_object(name)
    assert "twisted.internet.reactor" not in sys.modules


def _crawl(order: dict[str, Any]) -> NoReturn:
    status = 1
    try:
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        from scrapy.cmdline import execute

        from tests.newsroom import simulated_clock

        simulated_clock.begin(datetime.fromisoformat(order["at"]))
        execute(["scrapy", "crawl", *order["arguments"], "-s", f"EXTENSIONS={_FOLLOWING}"])
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
    except BaseException:
        traceback.print_exc()
        raise
    finally:  # no code of the server may run in the child
        sys.stdout.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve()
