"""Fail-points: named places in the code at which a test can make the program crash or a disk error occur.

`KHOBOR_FAILPOINT=name[:hit]=kill|crash|eio|enospc` stops the program at the hit-th (by default the first) call of
:func:`reached` with that name. Unless `KHOBOR_TESTING=1` is set too, importing this module then raises ValueError, so
that no production run starts with a fail-point set.
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
    """Set the fail-point that an environment defines; raises ValueError if it is malformed or set outside of tests."""
    _armed.clear()
    if not (setting := environment.get("KHOBOR_FAILPOINT")):
        return
    if environment.get("KHOBOR_TESTING") != "1":
        raise ValueError("KHOBOR_FAILPOINT is set, which is for tests alone: unset it, or set KHOBOR_TESTING=1 too")
    if not (match := _SYNTAX.fullmatch(setting)):
        raise ValueError(f"KHOBOR_FAILPOINT={setting} is not of the form name[:hit]=kill|crash|eio|enospc")
    _armed[match["name"]] = (int(match["hit"] or 1), match["act"])


def reached(name: str) -> None:
    """Stop the program or raise OSError if the fail-point of this name is set; otherwise do nothing."""
    hits_left, act = _armed.pop(name, (0, ""))
    if hits_left > 1:
        _armed[name] = (hits_left - 1, act)
    elif act in _SIGNALS:
        os.kill(os.getpid(), _SIGNALS[act])
    elif act:
        raise OSError(code := getattr(errno, act.upper()), os.strerror(code))


arm(os.environ)
