"""The watchdog of a run: how long it may stand still, and when it is past waiting for."""

from dataclasses import dataclass
from time import monotonic

# What a run may take to publish what an earlier one left, or what it accepted itself; to close its books after its
# time; and to be gone when all is done.
SECONDS_TO_PUBLISH = 600
SECONDS_TO_CLOSE = 120
SECONDS_TO_BE_GONE = 15
# After a signal, beyond the grace for downloads; and after a second one.
SECONDS_TO_END = 4
SECONDS_TO_END_AT_ONCE = 3
# Between two looks at it: we may have slept longer ourselves, and the run with us.
LONGEST_NAP = 5.0


@dataclass(kw_only=True)
class Watchdog:
    """Looks at a run again and again; times are in seconds.

    :param stalled_after: how long a crawl may give no sign of life
    :param grace: what downloads under way get when the run is told to end
    :param time_limit: after which the run should close by itself; 0 for none
    """

    stalled_after: float
    grace: float
    time_limit: float

    def __post_init__(self) -> None:
        self._looked = monotonic()
        self._age = self._still = 0.0
        self._sign: str | None = None
        self._begun = False
        self._left: float | None = None

    def told(self) -> None:
        """The run was told to end, once or once more."""
        if self._left is None:
            self._left = self.grace + SECONDS_TO_END
        else:
            self._left = min(self._left, SECONDS_TO_END_AT_ONCE)

    def look(self, sign: str | None, state: str) -> str | None:
        """Why the run should be killed now (`told`, `overdue` or `stalled`), or None.

        :param sign: its latest sign of life, which a run that lives changes every second; None while there is none
        :param state: what the sign says that it does, `crawling` or `publishing`
        """
        elapsed = min(monotonic() - self._looked, LONGEST_NAP)
        self._looked = monotonic()
        self._age += elapsed
        self._still = 0.0 if sign != self._sign else self._still + elapsed
        self._sign = sign
        self._begun = self._begun or sign is not None
        if self._left is not None and state != "publishing":
            self._left -= elapsed
            if self._left <= 0:
                return "told"
        if 0 < self.time_limit + SECONDS_TO_CLOSE < self._age and self.time_limit and state != "publishing":
            return "overdue"
        return "stalled" if self._still > self._patience(state) else None

    def _patience(self, state: str) -> float:
        if self._sign is None:
            return SECONDS_TO_BE_GONE if self._begun else SECONDS_TO_PUBLISH
        return SECONDS_TO_PUBLISH if state == "publishing" else self.stalled_after
