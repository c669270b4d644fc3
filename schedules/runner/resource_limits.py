"""A leash: a run that was launched has limits of its own, and ends when whoever launched it is gone."""

import resource
import signal
from pathlib import Path
from typing import Self

from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

from crawler.worker.process import signal_on_parent_exit
from pipelines.storage.errors import StorageError

MEBIBYTE = 2**20
OPEN_FILES = 512
# What pages, threads and files map, and Arrow when there is something to publish, beyond what the program itself does.
LEAST_TO_MAP = 416 * MEBIBYTE


class ResourceLimits:
    """Puts on limits before anything is fetched.

    Raises :class:`StorageError` where a limit leaves no room to work in, rather than run into it half-way.
    """

    def __init__(self, address_space: int, launcher: int) -> None:
        _refuse_too_little(address_space)
        lower(resource.RLIMIT_CORE, 0)
        lower(resource.RLIMIT_NOFILE, OPEN_FILES)
        if address_space:
            lower(resource.RLIMIT_AS, address_space)
        if launcher:
            # So that everything accepted is published. Where nobody can tell it, it goes on to its own end.
            signal_on_parent_exit(launcher, signal.SIGTERM)()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        settings = crawler.settings
        if not settings.getint("KHOBOR_PARENT_PID"):
            raise NotConfigured("not launched by a parent")
        return cls(settings.getint("KHOBOR_ADDRESS_SPACE_MB") * MEBIBYTE, settings.getint("KHOBOR_PARENT_PID"))


def _refuse_too_little(address_space: int) -> None:
    already, _ = resource.getrlimit(resource.RLIMIT_AS)
    limits = [limit for limit in (address_space or resource.RLIM_INFINITY, already) if limit != resource.RLIM_INFINITY]
    if not limits or not (least := _mapped()):
        return
    least += LEAST_TO_MAP
    if min(limits) < least:
        raise StorageError(
            f"a run may map {min(limits) // MEBIBYTE:,} MiB of memory and needs {least // MEBIBYTE:,}:"
            " raise KHOBOR_ADDRESS_SPACE_MB, and ulimit -v if there is one"
        )


def _mapped() -> int:
    """Bytes that this process has mapped; 0 where that cannot be known."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def lower(limit: int, wanted: int) -> None:
    """Lower a limit of this process; one that is lower already stays."""
    soft, hard = resource.getrlimit(limit)
    reachable = [value for value in (wanted, soft, hard) if value != resource.RLIM_INFINITY]
    resource.setrlimit(limit, (min(reachable), min(reachable)))
