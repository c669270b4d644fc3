"""Validation of the options of a run, before anything is started."""

import json
import logging
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from crawler.downloader.mirror import is_listening, read_mirror
from crawler.downloader.politeness import impolite_settings
from crawler.registry import broken_site_of, newspapers, project_settings, site_loader
from crawler.spider import NewspaperSpider
from crawler.suggestions import closest, suggestion
from crawler.urls import SkippedUrl
from schedules.exit_codes import Unreachable, WrongUsage


def spider_named(name: str) -> type[NewspaperSpider]:
    """Return the spider class of the newspaper with this name.

    Raises :class:`WrongUsage` if there is none, with a similar name as a suggestion, or if its file cannot be loaded.
    """
    known = newspapers()
    if name in known:
        return known[name]
    if error := site_loader().errors.get(name):
        raise WrongUsage(error)
    draft = "`khobor new-site URL` drafts a site file"
    raise WrongUsage(f"there is no newspaper {name!r} ({draft}); {suggestion(name, known)}")


def site_with_page(url: str) -> type[NewspaperSpider] | None:
    """Return the site whose spider reads a URL, if there is one.

    Several sites may share a host. The one to which the URL is a story has precedence. Raises :class:`WrongUsage` if
    the only site file with this host cannot be loaded.
    """
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return None
    sites = [site for site in newspapers().values() if host in site.hosts]
    if not sites and (error := broken_site_of(host)):
        raise WrongUsage(error)
    stories = [site for site in sites if getattr(site.make_url_rules().identify(url), "story_id", None)]
    return next(iter([*stories, *sites]), None)


def seeds_by_site(seeds: Sequence[str], spiders: Sequence[type[NewspaperSpider]]) -> dict[str, list[str]]:
    """Return the seed URLs (start URLs) of each newspaper, by name of the newspaper.

    Raises :class:`WrongUsage` if any seed is given twice or belongs to no newspaper; the message lists all of these
    seeds.
    """
    by_site: dict[str, list[str]] = {spider.name: [] for spider in spiders}
    problems = []
    for seed in dict.fromkeys(seeds):
        if seeds.count(seed) > 1:
            problems.append(f"the seed {seed!r} is given twice: once is enough")
        reasons = []
        for spider in spiders:
            target = spider.make_url_rules().identify(seed)
            if isinstance(target, SkippedUrl):
                example = f"write one such as https://{spider.hosts[0]}/"
                reasons.append(f"{seed!r} is not a seed of {spider.name} ({target.reason}): {example}")
            else:
                by_site[spider.name].append(seed)
        if len(reasons) == len(spiders):
            problems += reasons
    if problems:
        raise WrongUsage("; ".join(problems))
    return by_site


def checked_settings(
    given: Sequence[str],
    *,
    mirror: str | None,
    max_pages: int | None = None,
    max_depth: int | None = None,
    max_minutes: float | None = None,
) -> dict[str, str]:
    """Return the Scrapy settings of a run, from `NAME=VALUE` arguments and from the other options.

    Raises :class:`WrongUsage` for a setting that is unknown, invalid or below the politeness limits. Raises
    :class:`Unreachable` if the mirror (a server to connect to instead of the site's hosts) does not respond.
    """
    settings = dict(_pair(text) for text in given)
    if errors := [error for name, value in settings.items() if (error := setting_error(name, value))]:
        raise WrongUsage("; ".join(errors))
    if mirror:
        try:
            settings["KHOBOR_MIRROR"] = read_mirror(mirror)
        except ValueError as error:
            raise WrongUsage(str(error)) from error
    seconds = max_minutes and max(1, round(max_minutes * 60))
    limits = {"KHOBOR_MAX_PAGES": max_pages, "DEPTH_LIMIT": max_depth, "CLOSESPIDER_TIMEOUT": seconds}
    settings |= {name: str(limit) for name, limit in limits.items() if limit is not None}
    all_settings = project_settings()
    all_settings.update(settings, priority="cmdline")
    if errors := impolite_settings(all_settings):
        raise WrongUsage("; ".join(errors))
    if mirror and not is_listening(settings["KHOBOR_MIRROR"]):
        raise Unreachable(f"the mirror {settings['KHOBOR_MIRROR']} does not respond: start it, or name another")
    return settings


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise WrongUsage(f"-s {text!r} should look like NAME=VALUE")
    return name, value


_NOT_SETTABLE = {
    "KHOBOR_DATA": "--data names the data folder",
    "KHOBOR_MIRROR": "--mirror names the mirror",
    "KHOBOR_RUN_ID": "a run id is generated",
    "KHOBOR_LOCK_FD": "the lock is inherited",
    "KHOBOR_PARENT_PID": "it is set for each run",
    "KHOBOR_LEASE_FILE": "it is set for each run of a fleet",
    "KHOBOR_REPLAY": "`khobor replay` sets it",
    "KHOBOR_SETTINGS": "there is one settings module",
}
_SECRET = re.compile(r"PASS|SECRET|TOKEN|CREDENTIAL|^AWS_|_USER$")
_SECONDS = re.compile(r"TIMEOUT|DELAY|JITTER|INTERVAL|CONCURRENCY|SECONDS|FREE_MB")
_CHOICES = {
    "KHOBOR_LOG_FORMAT": ("text", "json"),
    "KHOBOR_MODE": ("full", "incremental"),
    "LOG_LEVEL": tuple(logging.getLevelNamesMapping()),
}
_SIMILAR = 0.7


def setting_error(name: str, value: str) -> str | None:
    """Return an error message for the option `-s NAME=VALUE`, or None if it is valid.

    The message does not contain the value of a setting that may be a secret.
    """
    known = project_settings()
    if name in _NOT_SETTABLE:
        return f"-s {name}: {_NOT_SETTABLE[name]}"
    if _SECRET.search(name):
        return f"-s {name}: a run needs no secrets, and every user of this machine could read the value"
    if name not in known:
        similar = closest(name.upper(), known, cutoff=_SIMILAR)
        return f"-s {name}: there is no such setting" + (f"; did you mean {similar}?" if similar else "")
    expected = _expected(name, known[name], value)
    return f"-s {name}={value}: should be {expected}" if expected else None


def _expected(name: str, default: Any, value: str) -> str | None:
    """Return a description of the valid values of a setting, or None if ``value`` is valid."""
    if choices := _CHOICES.get(name):
        return None if value in choices else f"one of {', '.join(choices)}"
    if isinstance(default, bool):
        return None if value.lower() in ("true", "false", "1", "0") else "True or False"
    is_seconds = _SECONDS.search(name) is not None
    try:
        if isinstance(default, (int, float)) or (default is None and is_seconds):
            is_whole = isinstance(default, int) and not is_seconds
            expected = "a whole number, 0 or more" if is_whole else "a number, 0 or more"
            minimum = -math.inf if default is not None and default < 0 else 0
            return None if minimum <= (int(value) if is_whole else float(value)) < math.inf else expected
        if isinstance(default, Mapping):
            expected = 'a JSON object such as {"name": 1}'
            return None if isinstance(json.loads(value), dict) else expected
    except ValueError:
        return expected
    return None
