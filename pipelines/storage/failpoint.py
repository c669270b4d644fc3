"""Fail-points: named places in the code at which a test can kill the process or simulate a disk error.

`KHOBOR_FAILPOINT=name[:hit]=kill|crash|eio|enospc` triggers the failure at the hit-th (by default the first) call of
:func:`reached` with that name. To protect production runs, importing this module raises ValueError if this variable is
set and `KHOBOR_TESTING=1` is not.
"""

import errno
import os
import re
import signal
from collections.abc import Mapping

_SYNTAX = re.compile(r"\A(?P<name>[a-z.]++)(?::(?P<hit>[1-9]\d*))?=(?P<act>kill|crash|eio|enospc)")
_SIGNALS = {"kill": signal.SIGKILL, "crash": signal.SIGSEGV}
_armed: dict[str, tuple[int, str]] = {}


def arm(environment: Mapping[str, str]) -> None:
    """Activate the fail-point that an environment variable defines, if there is one.

    Raises ValueError if the variable is malformed, or set while `KHOBOR_TESTING` is not 1.
    """
    _armed.clear()
    if not (setting := environment.get("KHOBOR_FAILPOINT")):
        return
    if environment.get("KHOBOR_TESTING") != "1":
        raise ValueError("KHOBOR_FAILPOINT is set, which is for tests alone: unset it, or set KHOBOR_TESTING=1 too")
    if not (match := _SYNTAX.fullmatch(setting)):
        raise ValueError(f"KHOBOR_FAILPOINT={setting} is not of the form name[:hit]=kill|crash|eio|enospc")
    _armed[match["name"]] = (int(match["hit"] or 1), match["act"])


def reached(name: str) -> None:
    """Kill this process or raise OSError if the fail-point ``name`` is active and due; otherwise do nothing."""
    hits_left, act = _armed.pop(name, (0, ""))
    if hits_left > 1:
        _armed[name] = (hits_left - 1, act)
    elif act in _SIGNALS:
        os.kill(os.getpid(), _SIGNALS[act])
    elif act:
        raise OSError(code := getattr(errno, act.upper()), os.strerror(code))


arm(os.environ)
