"""Resource limits of a crawl that was started by another process; the crawl stops when that process exits."""

import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Self

from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.extensions.memusage import MemoryUsage

from crawler.worker.process import lower_limit, mapped_bytes, peak_bytes, signal_on_parent_exit
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import StorageError
from schedules.reports.progress import read_progress
from schedules.runner.orphan_guard import guard_against_orphaning
from schedules.runner.watchdog import PUBLISHING, STOP_SECONDS

MEBIBYTE = 2**20
MAX_OPEN_FILES = 512
# Address space that a run needs beyond that of the program: for pages, threads, files, and Arrow while publishing.
MIN_ADDRESS_SPACE = 416 * MEBIBYTE


class ResourceLimits:
    """Scrapy extension that limits the resources of the crawl's process before anything is downloaded.

    It also ensures that the process receives SIGTERM when its parent process exits. Raises :class:`StorageError` if the
    limits leave too little memory.

    :param address_space: limit of the address space in bytes, 0 for no limit
    :param parent: id of the process that started the crawl
    :param stop_seconds: time allowed for stopping after the exit of the parent
    :param is_publishing: function that returns True while the crawl is writing its stored rows to Parquet
    :param lease: file with the time until which the crawl may continue, or None
    """

    def __init__(
        self,
        address_space: int,
        parent: int,
        stop_seconds: float,
        is_publishing: Callable[[], bool],
        lease: Path | None = None,
    ) -> None:
        _check_address_space(address_space)
        lower_limit(resource.RLIMIT_CORE, 0)
        lower_limit(resource.RLIMIT_NOFILE, MAX_OPEN_FILES)
        if address_space:
            lower_limit(resource.RLIMIT_AS, address_space)
        # On systems that cannot report the exit of the parent, the run continues to its end.
        signal_on_parent_exit(parent, signal.SIGTERM)()
        guard_against_orphaning(parent, stop_seconds, is_publishing, lease)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        settings = crawler.settings
        if not (parent := settings.getint("KHOBOR_PARENT_PID")):
            raise NotConfigured("not started by another process")
        data, site = DataFolder(Path(settings["KHOBOR_DATA"])), crawler.spidercls.name

        def is_publishing() -> bool:
            progress = read_progress(data, site)
            return progress is not None and progress.state in PUBLISHING

        stop_seconds = settings.getfloat("KHOBOR_SHUTDOWN_SECONDS") + STOP_SECONDS
        lease = Path(settings["KHOBOR_LEASE_FILE"]) if settings["KHOBOR_LEASE_FILE"] else None
        return cls(settings.getint("KHOBOR_ADDRESS_SPACE_MB") * MEBIBYTE, parent, stop_seconds, is_publishing, lease)


class OwnMemoryUsage(MemoryUsage):
    """Scrapy's extension MemoryUsage, without the memory of the program that started the crawl.

    Scrapy reads `ru_maxrss`, so that a crawl started by a large program would exceed its limit at once.
    """

    def get_virtual_size(self) -> int:
        """Return the highest resident memory of the crawl in bytes."""
        return peak_bytes() or super().get_virtual_size()


def _check_address_space(address_space: int) -> None:
    limits = {address_space or resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_AS)[0]}
    limits.discard(resource.RLIM_INFINITY)
    needed = (mapped_bytes() or 0) + MIN_ADDRESS_SPACE
    if limits and min(limits) < needed:
        raise StorageError(
            f"a run may map {min(limits) // MEBIBYTE:,} MiB of memory and needs {needed // MEBIBYTE:,}:"
            " raise KHOBOR_ADDRESS_SPACE_MB, and ulimit -v if there is one"
        )
