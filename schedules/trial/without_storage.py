"""Scrapy settings of a crawl that stores nothing: no item pipelines, no record of a run, and a queue in memory."""

from typing import Any

WITHOUT_STORAGE: dict[str, Any] = {
    "ITEM_PIPELINES": {},
    "SCHEDULER": "scrapy.core.scheduler.Scheduler",
    "EXTENSIONS_BASE": {
        "crawler.downloader.graceful_stop.GracefulStop": 0,
        "scrapy.extensions.throttle.AutoThrottle": 30,
        "schedules.runner.resource_limits.OwnMemoryUsage": 50,
        "scrapy.extensions.closespider.CloseSpider": 50,
    },
}
