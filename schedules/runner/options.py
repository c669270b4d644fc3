"""Orders: what a run is asked to do, checked whole before anything is started."""

import json
import logging
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from crawler.downloader.mirror import is_listening, read_mirror
from crawler.downloader.politeness import impolite_settings
from crawler.registry import load_errors, newspapers, project_settings
from crawler.spider import NewspaperSpider
from crawler.suggestions import closest, suggestion
from crawler.urls import SkippedUrl
from schedules.exit_codes import Unreachable, WrongUsage


def spider_named(name: str) -> type[NewspaperSpider]:
    """The newspaper of that name; raises :class:`WrongUsage` with a suggestion."""
    known = newspapers()
    if name in known:
        return known[name]
    if error := load_errors().get(name):
        raise WrongUsage(error)
    raise WrongUsage(f"there is no newspaper {name!r}; {suggestion(name, known)}")


def seeds_by_site(seeds: Sequence[str], papers: Sequence[type[NewspaperSpider]]) -> dict[str, list[str]]:
    """Each newspaper's seeds; raises :class:`WrongUsage` that names every seed which is no address of any of them."""
    given: dict[str, list[str]] = {paper.name: [] for paper in papers}
    wrong = [
        f"the seed {seed!r} is given twice: once is enough" for seed in dict.fromkeys(seeds) if seeds.count(seed) > 1
    ]
    for seed in dict.fromkeys(seeds):
        reasons = []
        for paper in papers:
            found = paper.make_url_rules().identify(seed)
            if isinstance(found, SkippedUrl):
                like = f"a seed looks like https://{paper.hosts[0]}/"
                reasons.append(f"{seed!r} is no seed of {paper.name} ({found.reason}): {like}")
            else:
                given[paper.name].append(seed)
        if len(reasons) == len(papers):
            wrong += reasons
    if wrong:
        raise WrongUsage("; ".join(wrong))
    return given


def checked_settings(
    given: Sequence[str], *, mirror: str | None, max_pages: int | None, max_depth: int | None
) -> dict[str, str]:
    """The settings of a run, from `NAME=VALUE` and options.

    Raises :class:`WrongUsage` for what is no setting or not polite, :class:`Unreachable` for a mirror that is silent.
    """
    settings = dict(_pair(text) for text in given)
    if wrong := [fault for name, value in settings.items() if (fault := fault_of(name, value))]:
        raise WrongUsage("; ".join(wrong))
    if mirror:
        try:
            settings["KHOBOR_MIRROR"] = read_mirror(mirror)
        except ValueError as error:
            raise WrongUsage(str(error)) from error
    if max_pages is not None:
        settings["KHOBOR_MAX_PAGES"] = str(max_pages)
    if max_depth is not None:
        settings["DEPTH_LIMIT"] = str(max_depth)
    composed = project_settings()
    composed.update(settings, priority="cmdline")
    if wrong := impolite_settings(composed):
        raise WrongUsage("; ".join(wrong))
    if mirror and not is_listening(settings["KHOBOR_MIRROR"]):
        raise Unreachable(f"nobody answers at the mirror {settings['KHOBOR_MIRROR']}: start it, or name another")
    return settings


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise WrongUsage(f"-s {text!r} should look like NAME=VALUE")
    return name, value


_BY_COMMAND = {
    "KHOBOR_DATA": "--data names the data folder",
    "KHOBOR_MIRROR": "--mirror names the mirror",
    "KHOBOR_RUN_ID": "every run names itself",
    "KHOBOR_LOCK_FD": "the lock is taken for the run",
    "KHOBOR_PARENT_PID": "whoever launches the run is known",
    "KHOBOR_SETTINGS": "there is one file of settings",
}
_SECRET = re.compile(r"PASS|SECRET|TOKEN|CREDENTIAL|^AWS_|_USER$")
_SECONDS = re.compile(r"TIMEOUT|DELAY|JITTER|INTERVAL|CONCURRENCY|SECONDS|FREE_MB")
_CHOICES = {
    "KHOBOR_LOG_FORMAT": ("text", "json"),
    "KHOBOR_MODE": ("full", "incremental"),
    "LOG_LEVEL": tuple(logging.getLevelNamesMapping()),
}
_LOGICAL = ("true", "false", "1", "0")
_NEAR = 0.7


def fault_of(name: str, value: str) -> str | None:
    """What is wrong with `-s NAME=VALUE` in a sentence, or None; without the value where it might be a secret."""
    known = project_settings()
    if name in _BY_COMMAND:
        return f"-s {name}: {_BY_COMMAND[name]}"
    if _SECRET.search(name):
        return f"-s {name}: a run logs in nowhere, and everyone on this machine could read the value"
    if name not in known:
        near = closest(name.upper(), known, cutoff=_NEAR)
        return f"-s {name}: there is no such setting" + (f"; did you mean {near}?" if near else "")
    wanted = _wanted(name, known[name], value)
    return f"-s {name}={value}: should be {wanted}" if wanted else None


def _wanted(name: str, default: Any, value: str) -> str | None:
    """What the value should be and is not."""
    if choices := _CHOICES.get(name):
        return None if value in choices else f"one of {', '.join(choices)}"
    if isinstance(default, bool):
        return None if value.lower() in _LOGICAL else "True or False"
    if isinstance(default, (int, float)) or (default is None and _SECONDS.search(name)):
        whole = isinstance(default, int) and not _SECONDS.search(name)
        least = -math.inf if default is not None and default < 0 else 0
        return None if _is_number(value, whole=whole, least=least) else f"a {'whole ' * whole}number, 0 or more"
    if isinstance(default, Mapping):
        return None if _is_object(value) else 'a JSON object such as {"name": 1}'
    return None


def _is_number(value: str, *, whole: bool, least: float) -> bool:
    try:
        number = int(value) if whole else float(value)
    except ValueError:
        return False
    return least <= number < math.inf


def _is_object(value: str) -> bool:
    try:
        return isinstance(json.loads(value), dict)
    except ValueError:
        return False
