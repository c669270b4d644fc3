"""Holding of leases during a run, with renewals in threads of their own.

A run must have both leases of its site: that of the Dask scheduler and, if there is a bucket, that of the object
`leases/<site>.json`, which also holds if two fleets write the same bucket.
"""

import json
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from distributed import get_worker
from distributed.utils import sync

from crawler.safe_text import one_line
from pipelines.buckets.object_store import Bucket, PreconditionFailed
from pipelines.runtime.fatal_errors import MAX_LENGTH
from pipelines.storage.errors import StorageError
from schedules.fleet.lease_table import KILL, RENEW, STOP
from schedules.fleet.plugins import REQUEST
from schedules.runner.orphan_guard import boot_time

_CALL_SECONDS = 5.0
_ATTEMPTS = 3


class Lease(Protocol):
    @property
    def name(self) -> str: ...

    def acquire(self) -> bool: ...

    def renew(self) -> str: ...

    def release(self, result: dict[str, Any]) -> None: ...


class SchedulerLease:
    """Lease of a site in the table of the Dask scheduler; to be used in the thread of a task."""

    name = "the lease of the scheduler"

    def __init__(self, site: str, key: str) -> None:
        self._worker: Any = get_worker()
        self._task = {"site": site, "key": key, "token": secrets.token_hex(8)}

    def acquire(self) -> bool:
        for _ in range(_ATTEMPTS - 1):
            with suppress(OSError, TimeoutError):  # the response may have been lost
                return bool(self._call("acquire"))
        return bool(self._call("acquire"))

    def renew(self) -> str:
        return str(self._call("renew"))

    def release(self, result: dict[str, Any]) -> None:
        self._call("release", result=result)

    def _call(self, action: str, **more: Any) -> Any:
        request = getattr(self._worker.scheduler, REQUEST)
        return sync(self._worker.loop, request, action=action, **self._task, **more, callback_timeout=_CALL_SECONDS)


class BucketLease:
    """Lease of a site as an object in a bucket, replaced by conditional PUTs.

    Clocks of machines may differ. So whoever wants an unreleased lease takes it only if the object has not changed for
    ``seconds`` by its own clock.
    """

    name = "the lease in the bucket"

    def __init__(self, bucket: Bucket, site: str, seconds: float) -> None:
        self._bucket, self._path, self._seconds = bucket, f"leases/{site}.json", seconds
        self._token = secrets.token_hex(8)
        self._e_tag: str | None = None

    def acquire(self) -> bool:
        found = self._bucket.get(self._path)
        if found is not None:
            self._e_tag = found[1]
            if _is_held(found[0]) and not self._has_expired():
                return False
        return self._put(self._token)

    def renew(self) -> str:
        return "ok" if self._put(self._token) else "lost"

    def release(self, result: dict[str, Any]) -> None:
        with suppress(StorageError):  # otherwise it expires
            self._put(None)

    def _has_expired(self) -> bool:
        end = boot_time() + self._seconds
        while boot_time() < end:
            time.sleep(self._seconds * RENEW)
            if self._bucket.e_tag(self._path) != self._e_tag:
                return False
        return True

    def _put(self, token: str | None) -> bool:
        content = {"token": token, "change": secrets.token_hex(4)}  # each renewal gives another etag
        try:
            self._e_tag = self._bucket.put(self._path, json.dumps(content).encode(), self._e_tag)
        except PreconditionFailed:
            # The PUT may have succeeded, and its response may have been lost.
            found = self._bucket.get(self._path)
            if found is None or found[0] != json.dumps(content).encode():
                return False
            self._e_tag = found[1]
        return True


def _is_held(content: bytes) -> bool:
    try:
        return bool(json.loads(content)["token"])
    except (ValueError, KeyError, TypeError):
        return True


class HeldLeases:
    """Leases that are renewed until they are released; an error of a renewal counts as none.

    :param seconds: time after which an unrenewed lease expires
    :param note: function that is called, after each renewal, with the time at which the run must end without another
    """

    def __init__(
        self,
        leases: Sequence[Lease],
        seconds: float,
        note: Callable[[float], object] = lambda until: None,
        clock: Callable[[], float] = boot_time,
    ) -> None:
        self._leases, self._seconds, self._note, self._clock = leases, seconds, note, clock
        self._renewed_at = [clock()] * len(leases)
        self._acquired: list[Lease] = []
        self._is_lost = False
        #: Reason why the run should end in order, or None if it may go on.
        self.stop_reason: str | None = None
        self._errors = [""] * len(leases)
        self._released = threading.Event()
        self._threads = [threading.Thread(target=self._renew, args=(n,), daemon=True) for n in range(len(leases))]

    def acquire(self) -> bool:
        """Acquire all leases and begin to renew them; return False if one is not free.

        After that, and after an error, :meth:`release` ends those that were acquired.
        """
        for number, lease in enumerate(self._leases):
            self._renewed_at[number] = self._clock()
            if not lease.acquire():
                return False
            self._acquired.append(lease)
            # It may have taken a whole lease time until that of a killed run had expired.
            sent_at = self._clock()
            if sent_at - self._renewed_at[number] > self._seconds * RENEW:
                if lease.renew() == "lost":
                    return False
                self._renewed_at[number] = sent_at
            self._threads[number].start()
        self._note_time()
        return True

    @property
    def must_stop(self) -> bool:
        """True if the run should end in order, because it was asked to or a lease was not renewed for some time."""
        if self._is_lost:
            self.stop("its lease has expired")
        elif (age := self._age()) > self._seconds * STOP:
            number = min(range(len(self._leases)), key=lambda n: (self._renewed_at[n], not self._errors[n]))
            self.stop(f"{self._leases[number].name} was not renewed for {age:.0f} s{self._errors[number]}")
        return self.stop_reason is not None

    def stop(self, reason: str) -> None:
        """Let the run end in order."""
        self.stop_reason = self.stop_reason or f"stopped: {reason}"

    @property
    def must_die(self) -> bool:
        """True if the run must end at once, because a lease will soon be somebody else's."""
        return self._is_lost or self._age() > self._seconds * KILL

    def release(self, result: dict[str, Any]) -> None:
        """End the acquired leases, the first of which delivers the result; raises the error if that failed."""
        self._released.set()
        for lease in reversed(self._acquired):
            lease.release(result)

    def _age(self) -> float:
        return self._clock() - min(self._renewed_at)

    def _renew(self, number: int) -> None:
        while not self._released.wait(self._seconds * RENEW):
            sent_at = self._clock()
            try:
                answer = self._leases[number].renew()
                if answer == "lost":
                    self._is_lost = True
                    return
                self._renewed_at[number], self._errors[number] = sent_at, ""
                if answer == "stop":
                    self.stop("the fleet is stopping")
                self._note_time()
            except (StorageError, OSError, TimeoutError, RuntimeError) as error:
                self._errors[number] = f" ({one_line(str(error), MAX_LENGTH) or type(error).__name__})"

    def _note_time(self) -> None:
        self._note(min(self._renewed_at) + self._seconds * KILL)
