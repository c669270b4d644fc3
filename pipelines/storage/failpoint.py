"""Places where a crash test stops the program: between the steps that make a row durable.

`KHOBOR_FAILPOINT=name[:hit]=kill|crash|eio|enospc` stops at the hit-th arrival (the first, where none is given) at the
place of that name. It counts only together with `KHOBOR_TESTING=1`; set alone it is an operator's mistake, and
importing this module raises :class:`ValueError` rather than leave a trap in a real run.
"""

import errno
import os
import re
import signal
from collections.abc import Mapping

_FORM = re.compile(r"(?P<name>[a-z.]+)(?::(?P<hit>[1-9]\d*))?=(?P<act>kill|crash|eio|enospc)")
_SIGNALS = {"kill": signal.SIGKILL, "crash": signal.SIGSEGV}
_armed: dict[str, tuple[int, str]] = {}


def arm(environment: Mapping[str, str]) -> None:
    """Read the fail-point from an environment; raises :class:`ValueError` for one that is malformed or not a test's."""
    _armed.clear()
    if not (wanted := environment.get("KHOBOR_FAILPOINT")):
        return
    if environment.get("KHOBOR_TESTING") != "1":
        raise ValueError("KHOBOR_FAILPOINT is set, which is for tests alone: unset it, or set KHOBOR_TESTING=1 too")
    if not (form := _FORM.fullmatch(wanted)):
        raise ValueError(f"KHOBOR_FAILPOINT={wanted} is not of the form name[:hit]=kill|crash|eio|enospc")
    _armed[form["name"]] = (int(form["hit"] or 1), form["act"])


def reached(name: str) -> None:
    """Stop here if a test asked for the place called ``name``."""
    left, act = _armed.pop(name, (0, ""))
    if left > 1:
        _armed[name] = (left - 1, act)
    elif act in _SIGNALS:
        os.kill(os.getpid(), _SIGNALS[act])
    elif act:
        raise OSError(code := getattr(errno, act.upper()), os.strerror(code))


arm(os.environ)
