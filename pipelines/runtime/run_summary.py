"""Summary of a run for its report, computed from the counters in the ledger (the site's SQLite crawl state)."""

import json
import re
from datetime import datetime
from typing import Any

from scrapy.crawler import Crawler
from scrapy.settings import SETTINGS_PRIORITIES

from crawler.spider import NewspaperSpider
from pipelines.ledger import Ledger

#: The key of a run's field statistics among its Scrapy stats in the ledger.
FIELD_STATS = "khobor/field_stats"
#: The key of a run's seeds and settings among them.
OPTIONS = "khobor/options"
_OF_PROCESS = frozenset(
    f"KHOBOR_{name}" for name in ("DATA", "MIRROR", "RUN_ID", "LOCK_FD", "PARENT_PID", "LEASE_FILE", "REPLAY", "MODE")
)
# Names and values of settings that may contain a secret; a report is shown on the dashboard and copied to the bucket.
_SECRET_NAME = re.compile(r"PASS|SECRET|TOKEN|KEY|AUTH|CREDENTIAL|USER(?!_AGENT)", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"//[^/\s]*@")
STORIES = ("new", "revised", "unchanged", "exact_duplicates", "gone")


def run_options(crawler: Crawler) -> dict[str, Any]:
    """Return the seeds and the settings with which a run was started, so that it can be repeated.

    Settings that may contain a secret are left out. A replay needs none, because it has no access to the network.
    """
    settings, spider = crawler.settings, crawler.spider
    assert isinstance(spider, NewspaperSpider)
    given = {
        name: settings[name]
        for name in settings
        if (settings.getpriority(name) or 0) >= SETTINGS_PRIORITIES["cmdline"]
        and name not in _OF_PROCESS
        and not (_SECRET_NAME.search(name) or _SECRET_VALUE.search(str(settings[name])))
        and isinstance(settings[name], (str, int, float))
    }
    return {"seeds": [] if spider.starts == spider.seeds else [*spider.starts], "settings": given}


def run_summary(ledger: Ledger, run_id: str) -> dict[str, Any]:
    """Return the times, close reason and counters of a run; raise KeyError if the ledger does not contain the run.

    ``urls.complete`` is True if the run has recorded an outcome for each URL that it discovered. ``fields`` and
    ``measures`` are the statistics of :class:`pipelines.runtime.field_stats.FieldStats`; they are empty for a killed
    run.
    """
    run = ledger.runs.get(run_id)
    if run is None:
        raise KeyError(run_id)
    counts = ledger.runs.counts(run_id)
    outcomes = _group(counts, "outcome/")
    discovered = counts.get("discovered", 0)
    stats = json.loads(run["stats"]) if run["stats"] else None
    measures = stats.pop(FIELD_STATS, {}) if stats else {}
    options = stats.pop(OPTIONS, None) if stats else None
    schedule = {"schedule": json.loads(run["schedule"])} if run["schedule"] else {}
    return schedule | {
        "run_id": run_id,
        "site": ledger.site,
        "started_at": run["started_at"],
        "ended_at": run["ended_at"],
        "reason": run["reason"],
        "urls": {
            "discovered": discovered,
            "outcomes": outcomes,
            "complete": discovered == sum(outcomes.values()),
        },
        "stories": {name: counts.get(f"story/{name}", 0) for name in STORIES},
        "rejects": _group(counts, "reject/"),
        "retry_failed": _group(counts, "retry_failed/"),
        "lists": _group(counts, "list/"),
        "alternatives": _group(counts, "alternatives/"),
        "linked": _group(counts, "linked/"),
        "hints": _group(counts, "hint/"),
        "unreadable": _group(counts, "unreadable/"),
        "removed": _group(counts, "removed/"),
        "story_urls": {
            "outcomes": _group(counts, "story_outcome/"),
            "retry_failed": _group(counts, "story_retry_failed/"),
        },
        "corrected_times": counts.get("corrected_times", 0),
        "html_pages": counts.get("html", 0),
        "entry_points": _entry_points(counts),
        "has_stories": ledger.stories.any(),
        "spells": ledger.changes.spells(datetime.fromisoformat(run["started_at"])),
        "requests": counts.get("requests", 0),
        "mode": run["mode"],
        "options": options,
        "fields": measures.pop("fields", {}),
        "measures": measures or None,
        "stats": stats,
    }


def lost_summary(run_id: str, site: str, at: datetime, reason: str, sentence: str) -> dict[str, Any]:
    """Return a summary with zero counts for a run whose counters cannot be read, with ``sentence`` as its error."""
    started = datetime.strptime(f"{run_id[:15]}+0000", "%Y%m%dT%H%M%S%z")
    counts = ("rejects", "retry_failed", "lists", "hints", "unreadable", "removed", "fields")
    return {
        "run_id": run_id,
        "site": site,
        "started_at": started.isoformat(),
        "ended_at": at.isoformat(),
        "reason": reason,
        "urls": {"discovered": 0, "outcomes": {}, "complete": True},
        "requests": 0,
        "mode": None,
        "stories": dict.fromkeys(STORIES, 0),
        **{name: {} for name in counts},
        "measures": None,
        "stats": {"khobor/fatal_error": sentence},
    }


def _entry_points(counts: dict[str, int]) -> dict[str, dict[str, int]]:
    """Return the counters of each entry point (list, feed or sitemap), by its name.

    `read` is the number of its pages that were read, and `empty` the number of those without a link to a story. `links`
    is the number of links on these empty pages.
    """
    entry_points: dict[str, dict[str, int]] = {}
    for name, n in _group(counts, "entry/").items():
        via, _, figure = name.rpartition("/")
        entry_points.setdefault(via, {})[figure] = n
    return entry_points


def _group(counts: dict[str, int], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): n for name, n in counts.items() if name.startswith(prefix)}
