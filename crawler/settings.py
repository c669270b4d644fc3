"""The composition root: which component does what, and every choice that Scrapy leaves to us.

Differences between runs are `-s NAME=VALUE`; what the tests run is what production runs.
"""

import os
from importlib.metadata import version
from pathlib import Path

from pipelines import ORDER, TEXT_STEPS

BOT_NAME = "khobor"
SPIDER_MODULES = ["crawler.spiders"]
COMMANDS_MODULE = "schedules.scrapy_commands"
SPIDER_LOADER_CLASS = "crawler.registry.SiteLoader"

# Ours ---------------------------------------------------------------------------------------------------------------
KHOBOR_DATA = str(Path(__file__).resolve().parent.parent / "data")
KHOBOR_MIRROR = None  # http://127.0.0.1:8137 answers for all of a site's hosts
KHOBOR_RUN_ID = None  # made up by the run itself, unless whoever launched it named it
KHOBOR_LOCK_FD = -1  # a lock that whoever launched the run already holds
KHOBOR_PARENT_PID = 0  # the process that launched the run, which it does not outlive
KHOBOR_MODE = "full"  # every due entry point; `incremental`: the ranked lists, a few entry points and what is new
KHOBOR_PARSE_IN_WORKER = True  # pages are read in a process of their own, which a page may kill
KHOBOR_TEXT_STEPS = TEXT_STEPS  # applied to stories in that process, and by the item pipelines where there is none
KHOBOR_MAX_PAGES = 0  # pages asked for in one run; 0 is no limit

# Who we are and what we may ask -------------------------------------------------------------------------------------
# Whoever runs this says where they can be reached; without it, only a mirror of one's own is asked.
_CONTACT = os.environ.get("KHOBOR_CONTACT", "").strip()
USER_AGENT = f"Khobor/{version('khobor')}" + (f" (+{_CONTACT})" if _CONTACT else "")
ROBOTSTXT_OBEY = True
CONCURRENT_REQUESTS = 8  # of all hosts together
RETRY_TIMES = 2
RETRY_HTTP_CODES = [500, 502, 503, 504, 520, 521, 522, 523, 524]  # 429 is a request for patience, not an error
RETRY_GIVE_UP_LOG_LEVEL = "INFO"  # what came of it stands in `fetches`
KHOBOR_FIRST_PAUSE_SECONDS = (
    None  # seconds of rest after a 429 or 503, doubled each time; None is 30 delays, at most 30 s
)
KHOBOR_FIRST_BACKOFF_SECONDS = (
    None  # seconds of rest after another failure, doubled each try; None is 5 delays, at most 5 s
)
KHOBOR_MAX_BACKOFF_SECONDS = 900  # seconds of rest in one run
KHOBOR_MAX_HOST_FAILURES = 5  # addresses in a row, after which a host is left alone
KHOBOR_SHUTDOWN_SECONDS = 5  # seconds for downloads under way when the run is told to end
CONCURRENT_REQUESTS_PER_DOMAIN = 1
DOWNLOAD_DELAY = 1.0  # the least; robots.txt and a slow site make it more
DOWNLOAD_DELAY_JITTER = 0  # a second is a second
AUTOTHROTTLE_ENABLED = True
AUTOTHROTTLE_START_DELAY = 0  # begins at DOWNLOAD_DELAY
AUTOTHROTTLE_MAX_DELAY = 30
COOKIES_ENABLED = False  # what a site serves to everyone
REFERER_ENABLED = False  # nobody's business, and a header that has been a hole
HTTPPROXY_ENABLED = False  # a proxy would resolve names behind our back
METAREFRESH_ENABLED = False
REDIRECT_MAX_TIMES = 5
TWISTED_DNS_RESOLVER = "crawler.downloader.allowed_hosts.PublicOnlyResolver"
DOWNLOAD_VERIFY_CERTIFICATES = True

# Bounds -------------------------------------------------------------------------------------------------------------
DOWNLOAD_MAXSIZE = 8 * 2**20
DOWNLOAD_WARNSIZE = 4 * 2**20
DOWNLOAD_TIMEOUT = 30
DOWNLOAD_FAIL_ON_DATALOSS = True
DEPTH_LIMIT = 0  # the frontier keeps it, so that what is too deep is counted
CLOSESPIDER_TIMEOUT = 4 * 3600
MEMUSAGE_LIMIT_MB = 900
KHOBOR_ADDRESS_SPACE_MB = 4096  # of a launched run; what Python maps is several times what it uses
MEMUSAGE_CHECK_INTERVAL_SECONDS = 5
KHOBOR_MIN_FREE_MB = 200  # of the disk, for a run to begin
KHOBOR_STALL_SECONDS = 60  # seconds without a sign of life, after which a launched run is killed and judged
KHOBOR_MAX_QUEUED = 50_000  # addresses that wait in memory; more wait in the ledger until there is room
URLLENGTH_LIMIT = 0  # addresses are bounded where they are identified

# Nobody gets in -----------------------------------------------------------------------------------------------------
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

# The way of a request -----------------------------------------------------------------------------------------------
SCHEDULER = "pipelines.runtime.scheduler.LedgerScheduler"
WARN_ON_GENERATOR_RETURN_VALUE = False  # it reads our source again for every other page
# All of it, from the engine outward: what is not named here does not run, nor is it imported.
# No status is kept from the spider: each is an outcome.
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
}
SPIDER_MIDDLEWARES_BASE: dict[str, int] = {}

# The way of a record ------------------------------------------------------------------------------------------------
ITEM_PIPELINES = {step: 100 * place for place, step in enumerate(ORDER, start=1)}
CONCURRENT_ITEMS = 1  # of one page: no step waits for anything, so more at once would only cost
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
    "scrapy.extensions.memusage.MemoryUsage": 50,
    "scrapy.extensions.closespider.CloseSpider": 50,
    "pipelines.runtime.feed_export.StoryFeedExporter": 50,  # for `scrapy crawl -O`
    "scrapy.extensions.logstats.LogStats": 50,
}

# Logs ---------------------------------------------------------------------------------------------------------------
LOG_LEVEL = "INFO"  # DEBUG prints whole records
KHOBOR_LOG_FORMAT = "text"  # or json: one object a line, of the run's log, and of the service that is given it
LOG_FORMATTER = "crawler.log_records.PlainLog"
FEED_EXPORT_ENCODING = "utf-8"
