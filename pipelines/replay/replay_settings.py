"""Scrapy settings of a replay: those of a crawl, without a network, without delays and with the clock of the past.

All other components are those of a crawl, so that a replay decides as a crawl does.
"""

from crawler.downloader.politeness import REPLAY_HANDLER
from crawler.settings import *  # noqa: F403
from crawler.settings import DOWNLOAD_HANDLERS, DOWNLOADER_MIDDLEWARES_BASE, EXTENSIONS_BASE

_IN_PLACE_OF = {
    "crawler.downloader.robots.PoliteRobots": "pipelines.replay.playback.RobotsWithoutDelay",
    "crawler.downloader.archive.ArchiveResponses": "pipelines.replay.playback.ArchivedAtRecordedTime",
    "crawler.downloader.retry.PatientRetry": "pipelines.replay.playback.RetryAtOnce",
}

DOWNLOAD_HANDLERS = {scheme: handler and REPLAY_HANDLER for scheme, handler in DOWNLOAD_HANDLERS.items()}
DOWNLOADER_MIDDLEWARES_BASE = {
    _IN_PLACE_OF.get(name, name): order for name, order in DOWNLOADER_MIDDLEWARES_BASE.items()
}
EXTENSIONS_BASE = {"pipelines.replay.playback.Playback": 0, **EXTENSIONS_BASE}
EXTENSIONS_BASE.pop("scrapy.extensions.throttle.AutoThrottle")

KHOBOR_ARCHIVE = False  # everything is in the archive that is replayed
DOWNLOAD_DELAY = 0
AUTOTHROTTLE_ENABLED = False
CLOSESPIDER_TIMEOUT = 0  # the time limit of the past ends it
