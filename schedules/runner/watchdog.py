"""Watchdog that decides when to kill a crawl, by the heartbeat that the crawl writes every second."""

from dataclasses import dataclass
from time import monotonic

# Limits until the first heartbeat, of publishing (also of an earlier run's rows), of closing after the time limit, and
# of exiting after the last heartbeat.
START_SECONDS = 60
PUBLISH_SECONDS = 600
CLOSE_SECONDS = 120
EXIT_SECONDS = 15
# Maximum times for stopping after a signal (in addition to the time for downloads), and after a second signal.
STOP_SECONDS = 4
STOP_NOW_SECONDS = 3
# States in which a run publishes rows, its own or those of an earlier run.
PUBLISHING = ("recovering", "publishing")
# The most that counts between two checks: the machine may have been suspended, and the run with it.
MAX_STEP_SECONDS = 5.0


@dataclass(kw_only=True)
class Watchdog:
    """Watchdog of one crawl, whose method :meth:`check` must be called at short intervals; times are in seconds.

    :param stall_seconds: maximum time without a heartbeat while crawling
    :param shutdown_seconds: time allowed for running downloads after a signal
    :param time_limit: time after which the crawl should end by itself, 0 for no limit
    """

    stall_seconds: float
    shutdown_seconds: float
    time_limit: float

    def __post_init__(self) -> None:
        self._checked_at = monotonic()
        self._age = self._silence = 0.0
        self._heartbeat: str | None = None
        self._has_begun = False
        self._time_left: float | None = None

    def note_signal(self) -> None:
        """Start the time limit for stopping, because a signal was sent to the run.

        A second signal shortens the limit.
        """
        if self._time_left is None:
            self._time_left = self.shutdown_seconds + STOP_SECONDS
        else:
            self._time_left = min(self._time_left, STOP_NOW_SECONDS)

    def check(self, heartbeat: str | None, state: str) -> str | None:
        """Return the reason to kill the run now, or None to let it continue.

        The reason is `stopped` if the run did not end in time after a signal, `overdue` if it exceeded its time limit,
        and `stalled` if its heartbeat has not changed for too long.

        :param heartbeat: latest heartbeat, which a running crawl changes every second; None while there is none
        :param state: state of the run at that heartbeat: `recovering`, `crawling` or `publishing`
        """
        elapsed = min(monotonic() - self._checked_at, MAX_STEP_SECONDS)
        self._checked_at = monotonic()
        self._age += elapsed
        self._silence = 0.0 if heartbeat != self._heartbeat else self._silence + elapsed
        self._heartbeat = heartbeat
        self._has_begun = self._has_begun or heartbeat is not None
        if self._time_left is not None and state not in PUBLISHING:
            self._time_left -= elapsed
            if self._time_left <= 0:
                return "stopped"
        if self.time_limit and self._age > self.time_limit + CLOSE_SECONDS and state not in PUBLISHING:
            return "overdue"
        if heartbeat is None:
            limit: float = EXIT_SECONDS if self._has_begun else START_SECONDS
        else:
            limit = PUBLISH_SECONDS if state in PUBLISHING else self.stall_seconds
        return "stalled" if self._silence > limit else None
