"""Scrapy settings of the project, with the reason for each choice.

A run can override them only with `-s NAME=VALUE`. Tests use these settings too. In the package `crawler`, only this
module imports `pipelines`.
"""

import os
from importlib.metadata import version

from pipelines import ORDER, TEXT_STEPS
from pipelines.storage.default_data import default_data

BOT_NAME = "khobor"
SPIDER_MODULES = ["crawler.spiders"]
COMMANDS_MODULE = "schedules.scrapy_commands"
SPIDER_LOADER_CLASS = "crawler.registry.SiteLoader"

# Khobor -------------------------------------------------------------------------------------------------------------
KHOBOR_DATA = str(default_data())
KHOBOR_MIRROR = None  # a server for all of a site's hosts, such as http://127.0.0.1:8137
KHOBOR_RUN_ID = None  # set by the launcher of a run; generated otherwise
KHOBOR_LOCK_FD = -1  # descriptor of the site's lock, if the launcher of the run holds it
KHOBOR_PARENT_PID = 0  # process that launched the run; the run ends when it exits
KHOBOR_LEASE_FILE = None  # file with the time until which a run of a fleet may continue
KHOBOR_REPLAY = None  # data folder of the run that is replayed; set for each replay
KHOBOR_MODE = "full"  # every due entry point; `incremental`: the ranked lists, a few entry points and what is new
KHOBOR_PARSE_IN_WORKER = True  # in a child process, so that a page cannot crash the run
KHOBOR_TEXT_STEPS = TEXT_STEPS  # applied by the worker, or by the item pipelines without one
KHOBOR_ARCHIVE = True  # keep each response as received, in `archive/`
KHOBOR_MAX_PAGES = 0  # maximum number of requests in a run; 0 is no limit

# Politeness ---------------------------------------------------------------------------------------------------------
# Contact of the operator; without one, only a mirror is contacted.
_CONTACT = os.environ.get("KHOBOR_CONTACT", "").strip()
USER_AGENT = f"Khobor/{version('khobor')}" + (f" (+{_CONTACT})" if _CONTACT else "")
ROBOTSTXT_OBEY = True
CONCURRENT_REQUESTS = 8  # of all hosts together
RETRY_TIMES = 2
RETRY_HTTP_CODES = [500, 502, 503, 504, 520, 521, 522, 523, 524]  # after a 429, requests are paused
RETRY_GIVE_UP_LOG_LEVEL = "INFO"  # the outcome is in `fetches`
KHOBOR_FIRST_PAUSE_SECONDS = None  # after a 429 or 503, doubled each time; None is 30 delays, at most 30 s
KHOBOR_FIRST_BACKOFF_SECONDS = None  # after other failures, doubled each retry; None is 5 delays, at most 5 s
KHOBOR_MAX_BACKOFF_SECONDS = 900  # sum of pauses in one run
KHOBOR_MAX_HOST_FAILURES = 5  # failed URLs in a row, after which a host is not contacted again
KHOBOR_SHUTDOWN_SECONDS = 5  # for downloads in progress when a run is stopped
CONCURRENT_REQUESTS_PER_DOMAIN = 1
DOWNLOAD_DELAY = 1.0  # minimum; robots.txt and a slow site increase it
DOWNLOAD_DELAY_JITTER = 0  # never less than the delay
AUTOTHROTTLE_ENABLED = True
AUTOTHROTTLE_START_DELAY = 0  # begins at DOWNLOAD_DELAY
AUTOTHROTTLE_MAX_DELAY = 30
COOKIES_ENABLED = False  # pages as served to everyone
REFERER_ENABLED = False  # for privacy; it has also been a security hole
HTTPPROXY_ENABLED = False  # a proxy would bypass the check of addresses
REDIRECT_MAX_TIMES = 5
TWISTED_DNS_RESOLVER = "crawler.downloader.allowed_hosts.PublicOnlyResolver"
DOWNLOAD_VERIFY_CERTIFICATES = True

# Limits -------------------------------------------------------------------------------------------------------------
DOWNLOAD_MAXSIZE = 8 * 2**20
DOWNLOAD_WARNSIZE = 4 * 2**20
DOWNLOAD_TIMEOUT = 30
DOWNLOAD_FAIL_ON_DATALOSS = False  # the download handler raises an error with the incomplete response
DEPTH_LIMIT = 0  # applied by the scheduler, so that deeper URLs get an outcome
CLOSESPIDER_TIMEOUT = 4 * 3600
MEMUSAGE_LIMIT_MB = 900
KHOBOR_ADDRESS_SPACE_MB = 4096  # of a launched run; Python maps several times the memory that it uses
MEMUSAGE_CHECK_INTERVAL_SECONDS = 5
KHOBOR_MIN_FREE_MB = 200  # free disk space needed to start a run
KHOBOR_STALL_SECONDS = 60  # without progress, until a launched run is killed
KHOBOR_MAX_QUEUED = 50_000  # requests in memory; others wait in the ledger

# No remote access ---------------------------------------------------------------------------------------------------
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False
DOWNLOAD_HANDLERS = {
    "http": "crawler.downloader.handler.BoundedDownload",
    "https": "crawler.downloader.handler.BoundedDownload",
    "file": None,
    "data": None,
    "ftp": None,
    "s3": None,
}

# Requests -----------------------------------------------------------------------------------------------------------
SCHEDULER = "pipelines.runtime.scheduler.LedgerScheduler"
WARN_ON_GENERATOR_RETURN_VALUE = False  # the check parses the source again for every other page
# All middlewares, from the engine to the downloader; others are not even imported. HttpErrorMiddleware is left out, so
# that the spider gets responses of any status and each has an outcome.
DOWNLOADER_MIDDLEWARES_BASE = {
    "crawler.downloader.allowed_hosts.OnlyOwnHosts": 50,
    "crawler.downloader.robots.PoliteRobots": 100,
    "scrapy.downloadermiddlewares.downloadtimeout.DownloadTimeoutMiddleware": 350,
    "scrapy.downloadermiddlewares.defaultheaders.DefaultHeadersMiddleware": 400,
    "scrapy.downloadermiddlewares.useragent.UserAgentMiddleware": 500,
    "crawler.downloader.retry.PatientRetry": 550,
    "crawler.downloader.compression.StrictDecompression": 590,
    "crawler.downloader.allowed_hosts.OwnRedirects": 600,
    "scrapy.downloadermiddlewares.stats.DownloaderStats": 850,
    "crawler.downloader.archive.ArchiveResponses": 900,
}
SPIDER_MIDDLEWARES_BASE: dict[str, int] = {}

# Items --------------------------------------------------------------------------------------------------------------
ITEM_PIPELINES = {step: 100 * position for position, step in enumerate(ORDER, start=1)}
CONCURRENT_ITEMS = 1  # of one page; no pipeline step waits, so a higher number has no benefit
EXTENSIONS_BASE = {
    "schedules.runner.resource_limits.ResourceLimits": 0,
    "crawler.downloader.graceful_stop.GracefulStop": 0,
    "crawler.worker.extension.ParseWorker": 0,
    "pipelines.runtime.run.Run": 1,
    "pipelines.runtime.rejects.RecordRejects": 10,
    "pipelines.runtime.page_samples.PageSamples": 15,
    "schedules.monitoring.verdict.EvaluateRun": 20,
    "scrapy.extensions.throttle.AutoThrottle": 30,
    "scrapy.extensions.corestats.CoreStats": 50,
    "scrapy.extensions.logcount.LogCount": 50,
    "schedules.runner.resource_limits.OwnMemoryUsage": 50,
    "scrapy.extensions.closespider.CloseSpider": 50,
    "pipelines.runtime.feed_export.StoryFeedExporter": 50,  # for `scrapy crawl -O`
    "scrapy.extensions.logstats.LogStats": 50,
}

# Logs ---------------------------------------------------------------------------------------------------------------
LOG_LEVEL = "INFO"  # DEBUG prints whole items
KHOBOR_LOG_FORMAT = "text"  # or `json`, one object a line; also for the service
LOG_FORMATTER = "crawler.log_records.PlainLog"
FEED_EXPORT_ENCODING = "utf-8"
