"""Check of the settings for polite crawling (rate of requests, contact), required for runs against a real site."""

import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

MIN_DELAY = 1.0
#: Download handler of a replay, which has no access to the network.
REPLAY_HANDLER = "pipelines.replay.playback.RecordedDownload"
_CONTACT = re.compile(r"https?://\S|\S@\S")
_SWITCHES = {
    "ROBOTSTXT_OBEY": True,
    "DOWNLOAD_VERIFY_CERTIFICATES": True,
    "AUTOTHROTTLE_ENABLED": True,
    "COOKIES_ENABLED": False,
    "HTTPPROXY_ENABLED": False,
    "TELNETCONSOLE_ENABLED": False,
    "REMOTE_CONTROL_ENABLED": False,
}
# Settings that name components. The project's components obey robots.txt, apply delays, contact no other host and
# record each outcome.
_COMPONENTS = (
    "SCHEDULER",
    "TWISTED_DNS_RESOLVER",
    "DOWNLOAD_HANDLERS",
    "ITEM_PIPELINES",
    "ADDONS",
    "DOWNLOADER_MIDDLEWARES_BASE",
    "SPIDER_MIDDLEWARES_BASE",
    "EXTENSIONS_BASE",
    "DOWNLOADER_MIDDLEWARES",
    "SPIDER_MIDDLEWARES",
    "EXTENSIONS",
)


def impolite_settings(settings: Mapping[str, Any]) -> list[str]:
    """Return an error message for each setting that differs from those required for requests to a real web server.

    They limit the rate of requests, keep the components that enforce this, and put a contact into the user agent. The
    list is empty if requests go to a mirror (a local server with copies of the pages) or are answered from the archive.
    """
    project = import_module("crawler.settings")
    if settings["KHOBOR_MIRROR"] or _has_no_network(dict(settings["DOWNLOAD_HANDLERS"]), project.DOWNLOAD_HANDLERS):
        return []
    errors = []
    delay, jitter = _number(settings["DOWNLOAD_DELAY"]), _number(settings["DOWNLOAD_DELAY_JITTER"])
    if not delay * (1 - jitter) >= MIN_DELAY:
        errors.append(f"DOWNLOAD_DELAY={settings['DOWNLOAD_DELAY']} must be at least {MIN_DELAY:g} s without jitter")
    if _number(settings["CONCURRENT_REQUESTS_PER_DOMAIN"]) != 1:
        errors.append("CONCURRENT_REQUESTS_PER_DOMAIN must be 1")
    if settings["DOWNLOAD_SLOTS"] not in ({}, "{}", "", None):
        errors.append("DOWNLOAD_SLOTS must be empty: it would override DOWNLOAD_DELAY")
    for name, is_on in _SWITCHES.items():
        if str(settings[name]).lower() not in (("1", "true") if is_on else ("0", "false")):
            errors.append(f"{name} must stay {'on' if is_on else 'off'}")
    for name in _COMPONENTS:
        value = settings[name]
        if (dict(value) if isinstance(value, Mapping) else value) != getattr(project, name, {}):
            errors.append(f"{name} must stay as it is: it names the components that keep a run polite")
    agent = str(settings["USER_AGENT"])
    if not _CONTACT.search(agent) or not agent.isprintable():
        errors.append(
            f"the user agent {agent!r} has no contact: set the environment variable KHOBOR_CONTACT to your web page or"
            " e-mail address, on one line"
        )
    return errors


def _has_no_network(handlers: Mapping[str, Any], usual: Mapping[str, Any]) -> bool:
    """Return True if the only download handler is the one that answers from the archive."""
    return handlers == {scheme: usual_handler and REPLAY_HANDLER for scheme, usual_handler in usual.items()}


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
