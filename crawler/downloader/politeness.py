"""Manners: the settings that no run against a real newspaper may do without."""

import re
from collections.abc import Mapping
from typing import Any

from crawler import settings as project

LEAST_DELAY = 1.0
_CONTACT = re.compile(r"https?://\S|\S@\S")
# Which component does what: obeying robots.txt, waiting, contacting nobody else, and keeping all that came of it.
_OURS = (
    *("SCHEDULER", "TWISTED_DNS_RESOLVER", "DOWNLOAD_HANDLERS", "ITEM_PIPELINES", "ADDONS"),
    *("DOWNLOADER_MIDDLEWARES_BASE", "SPIDER_MIDDLEWARES_BASE", "EXTENSIONS_BASE"),
    *("DOWNLOADER_MIDDLEWARES", "SPIDER_MIDDLEWARES", "EXTENSIONS"),
)


def faults(settings: Mapping[str, Any]) -> list[str]:
    """What is wrong with the settings, each in a sentence. Against a mirror, which is one's own, all is allowed."""
    if settings["KHOBOR_MIRROR"]:
        return []
    found = []
    delay, jitter = _number(settings["DOWNLOAD_DELAY"]), _number(settings["DOWNLOAD_DELAY_JITTER"])
    if not delay * (1 - jitter) >= LEAST_DELAY:
        found.append(f"DOWNLOAD_DELAY={settings['DOWNLOAD_DELAY']} is less than {LEAST_DELAY:g} s between two requests")
    if _number(settings["CONCURRENT_REQUESTS_PER_DOMAIN"]) != 1:
        found.append("CONCURRENT_REQUESTS_PER_DOMAIN must be 1")
    if settings["DOWNLOAD_SLOTS"] not in ({}, "{}", "", None):
        found.append("DOWNLOAD_SLOTS would go round DOWNLOAD_DELAY")
    for name in ("ROBOTSTXT_OBEY", "DOWNLOAD_VERIFY_CERTIFICATES", "AUTOTHROTTLE_ENABLED"):
        if str(settings[name]).lower() not in ("1", "true"):
            found.append(f"{name} must stay on")
    for name in ("COOKIES_ENABLED", "HTTPPROXY_ENABLED", "TELNETCONSOLE_ENABLED", "REMOTE_CONTROL_ENABLED"):
        if str(settings[name]).lower() not in ("0", "false"):
            found.append(f"{name} must stay off")
    for name in _OURS:
        if not _same(settings[name], getattr(project, name, {})):
            found.append(f"{name} must stay as it is: parts of it keep the manners")
    agent = str(settings["USER_AGENT"])
    if not _CONTACT.search(agent) or not agent.isprintable():
        found.append(
            f"the user agent {agent!r} names nobody to turn to: set the environment variable KHOBOR_CONTACT to a web"
            " page or mail address of yours, on one line"
        )
    return found


def _same(value: Any, ours: Any) -> bool:
    return bool(dict(value) == ours if isinstance(value, Mapping) else value == ours)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
