"""A setting given for one run: whether there is one of that name, and whether it can have that value."""

import json
import logging
import math
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from crawler.registry import project_settings

_BY_COMMAND = {
    "KHOBOR_DATA": "--data names the data folder",
    "KHOBOR_MIRROR": "--mirror names the mirror",
    "KHOBOR_RUN_ID": "every run names itself",
    "KHOBOR_LOCK_FD": "the lock is taken for the run",
    "KHOBOR_LAUNCHER": "whoever launches the run is known",
    "KHOBOR_SETTINGS": "there is one file of settings",
}
_SECRET = re.compile(r"PASS|SECRET|TOKEN|CREDENTIAL|^AWS_|_USER$")
_SECONDS = re.compile(r"TIMEOUT|DELAY|JITTER|INTERVAL|CONCURRENCY|GRACE|PATIENCE|PAUSE|BACKOFF|STALLED|FREE_MB")
_CHOICES = {
    "KHOBOR_LOG_FORMAT": ("text", "json"),
    "KHOBOR_KIND": ("sweep", "pulse"),
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
        near = get_close_matches(name.upper(), list(known), n=1, cutoff=_NEAR)
        return f"-s {name}: there is no such setting" + (f"; did you mean {near[0]}?" if near else "")
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
