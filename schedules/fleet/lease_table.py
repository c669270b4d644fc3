"""Leases of sites: the permission of one task to crawl a site, which expires if it is not renewed.

The table is in the memory of the Dask scheduler. A new table, such as after a restart of the scheduler, does not know
the leases of the old one. It grants none until those must have expired, but lets their holders renew them.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

#: Time after the last renewal at which a lease expires.
LEASE_SECONDS = 60.0
# Shares of this time: interval of renewals, and age of the last renewal at which a run is stopped, and killed.
RENEW, STOP, KILL = 1 / 12, 5 / 12, 8 / 12
#: Time for which a task is remembered after its end, so that a repetition of it does nothing.
REMEMBERED_SECONDS = 86_400.0


@dataclass
class _Lease:
    token: str
    key: str
    renewed_at: float
    is_stopping: bool = False


@dataclass
class LeaseTable:
    """Leases by site, and results of tasks until they are collected.

    A task is identified by a key (schedule and due time), and each execution of it by a random token. Of one task, at
    most one execution gets a lease, so that a repetition by Dask does nothing.
    """

    seconds: float = LEASE_SECONDS
    clock: Callable[[], float] = time.monotonic
    _leases: dict[str, _Lease] = field(default_factory=dict)
    _results: dict[str, dict[str, Any]] = field(default_factory=dict)
    _closed: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ready_at = self.clock() + self.seconds
        self._user, self._used_at = "", -math.inf

    def use(self, fleet: str) -> str:
        """Return the fleet that may use this table: the given one, or another that has used it within the lease time.

        Results are for one fleet. A second one, started by mistake, would take them from the first.
        """
        if fleet == self._user or self.clock() - self._used_at > self.seconds:
            self._user, self._used_at = fleet, self.clock()
        return self._user

    def acquire(self, site: str, token: str, key: str) -> bool:
        """Grant the lease of a site; return False if another task holds it, or if the task has begun before.

        The same execution may ask again, because the first response may have been lost.
        """
        self._expire()
        if site in self._leases and self._leases[site].token == token:
            return True
        if self.clock() < self._ready_at or site in self._leases or key in self._closed:
            return False
        self._close(key)
        self._leases[site] = _Lease(token, key, self.clock())
        return True

    def renew(self, site: str, token: str, key: str) -> str:
        """Renew a lease; return `ok`, `stop` if the run should end, or `lost` if the lease has expired."""
        self._expire()
        if site not in self._leases and self.clock() < self._ready_at and key not in self._closed:
            self._close(key)
            self._leases[site] = _Lease(token, key, self.clock())  # of the table before this one
        lease = self._leases.get(site)
        if lease is None or lease.token != token:
            return "lost"
        lease.renewed_at = self.clock()
        return "stop" if lease.is_stopping else "ok"

    def release(self, site: str, token: str, key: str, result: dict[str, Any]) -> None:
        """Store the result of a task, and end its lease, if it still holds it."""
        lease = self._leases.get(site)
        if lease is not None and lease.token == token:
            del self._leases[site]
        self._close(key)
        self._results[key] = result

    def stop(self, key: str) -> None:
        """Ask the run of a task to end, and prevent its begin."""
        self._close(key)
        for lease in self._leases.values():
            if lease.key == key:
                lease.is_stopping = True

    def status(self) -> dict[str, Any]:
        """Return the keys of the tasks that hold a lease, all results, and `ready` if leases are granted."""
        self._expire()
        return {
            "ready": self.clock() >= self._ready_at,
            "running": {lease.key: site for site, lease in self._leases.items()},
            "results": dict(self._results),
        }

    def forget(self, keys: list[str]) -> None:
        """Delete results that have been collected."""
        for key in keys:
            self._results.pop(key, None)

    def _close(self, key: str) -> None:
        """Let no further execution of a task begin."""
        self._closed.pop(key, None)  # so that the keys are in the order of their times
        self._closed[key] = self.clock()

    def _expire(self) -> None:
        while self._closed and self._closed[first := next(iter(self._closed))] < self.clock() - REMEMBERED_SECONDS:
            del self._closed[first]
        limit = self.clock() - self.seconds
        self._leases = {site: lease for site, lease in self._leases.items() if lease.renewed_at > limit}
