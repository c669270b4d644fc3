"""A leash: a run that was launched has limits of its own, and ends when whoever launched it is gone."""

import ctypes
import os
import resource
import signal
from typing import Self

from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

_PR_SET_PDEATHSIG = 1
MEBIBYTE = 2**20
OPEN_FILES = 512


class Leash:
    """Puts on limits before anything is fetched."""

    def __init__(self, address_space: int, launcher: int) -> None:
        lower(resource.RLIMIT_CORE, 0)
        lower(resource.RLIMIT_NOFILE, OPEN_FILES)
        if address_space:
            lower(resource.RLIMIT_AS, address_space)
        if launcher:
            end_with(launcher)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        settings = crawler.settings
        if not settings.getint("KHOBOR_LAUNCHER"):
            raise NotConfigured("not launched by a parent")
        return cls(settings.getint("KHOBOR_ADDRESS_SPACE_MB") * MEBIBYTE, settings.getint("KHOBOR_LAUNCHER"))


def lower(limit: int, wanted: int) -> None:
    """Lower a limit of this process; one that is lower already stays."""
    soft, hard = resource.getrlimit(limit)
    reachable = [value for value in (wanted, soft, hard) if value != resource.RLIM_INFINITY]
    resource.setrlimit(limit, (min(reachable), hard))


def end_with(launcher: int) -> None:
    """Be told to end (SIGTERM, so that everything accepted is published) when the launching process is gone.

    Only Linux can; elsewhere a run whose launcher is killed goes on to its own end.
    """
    try:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    except (AttributeError, OSError):
        return
    if os.getppid() != launcher:  # it was gone before we asked to be told
        os.kill(os.getpid(), signal.SIGTERM)
