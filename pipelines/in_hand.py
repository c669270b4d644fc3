"""In hand: which page is being read, known also when the process that read it is gone.

A page may kill or hang the process that reads it, in code that nothing interrupts. So that it does not do so to every
following run, its address is written down before it is read and struck out when its outcome is entered. What still
stands there when a run crashed or stood still is held against the page; after the second time it is left alone. A kill
from outside says nothing of the page.
"""

import json
import os
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

from crawler.clock import now
from crawler.items import Fetch
from crawler.outcomes import Outcome
from pipelines.ledger import Ledger
from pipelines.runtime.revisit import begun
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import storage_errors
from pipelines.storage.failpoint import reached

MOST_DEATHS = 2
# A week without a death, and all are tried again: kills from outside may have hit a page that harms nobody.
FORGIVEN_AFTER = timedelta(days=7)
REASON = "the process ended while reading it"


class InHand:
    """The page in hand (`state/<site>.reading`) and the pages that were in hand when a run crashed."""

    def __init__(self, dataset: DataFolder, site: str) -> None:
        # One small write and one truncation per page, never synced: it need not outlive more than the process.
        self._path = dataset.state / f"{site}.reading"
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._dataset, self._site = dataset, site
        self._key: str | None = None
        self._deaths = deaths(dataset, site)

    def take(self, fetch: Fetch) -> None:
        """The page of this fetch is read from now on."""
        self._strike_out()
        self._key = fetch.key
        with storage_errors("write", self._path):
            os.pwrite(self._descriptor, json.dumps({"run_id": fetch.run_id, "key": fetch.key}).encode(), 0)
            reached("page.taken")

    def lay_down(self, fetch: Fetch) -> None:
        """What came of this fetch is entered: so it was not the page that ended a run before."""
        if fetch.key != self._key:
            return
        self._strike_out()
        if self._deaths.pop(fetch.key, None):
            _write(self._dataset, self._site, self._deaths)

    def hold_against(self, fetch: Fetch) -> None:
        """Its page ends this run: enter that as a death, as if the process had been killed over it."""
        self._strike_out()
        self._deaths[fetch.key] = self._deaths.get(fetch.key, 0) + 1
        _write(self._dataset, self._site, self._deaths)

    def is_deadly(self, key: str) -> bool:
        """Whether so many runs ended over this address that it is left alone."""
        return self._deaths.get(key, 0) >= MOST_DEATHS

    def close(self) -> None:
        """Nothing is in hand any more."""
        self._strike_out()
        os.close(self._descriptor)

    def _strike_out(self) -> None:
        if self._key is not None:
            self._key = None
            os.ftruncate(self._descriptor, 0)


def deaths(dataset: DataFolder, site: str) -> dict[str, int]:
    """How many runs ended while they read an address, by its key (`state/<site>.deadly.json`, which may be edited)."""
    name = f"{site}.deadly.json"
    with suppress(OSError):
        if now().timestamp() - (dataset.state / name).stat().st_mtime > FORGIVEN_AFTER.total_seconds():
            return {}
    found = _read(dataset, name)
    return {key: times for key, times in found.items() if isinstance(times, int)}


def hold_against(dataset: DataFolder, ledger: Ledger, run_id: str) -> None:
    """Enter a death for the page, if any, that a run had in hand when it crashed; before its books are closed."""
    found = _read(dataset, f"{ledger.site}.reading")
    key = found.get("key")
    if found.get("run_id") != run_id or not isinstance(key, str):
        return
    counted = deaths(dataset, ledger.site)
    counted[key] = counted.get(key, 0) + 1
    _write(dataset, ledger.site, counted)
    (dataset.state / f"{ledger.site}.reading").write_bytes(b"")
    known = ledger.addresses.get(key)
    if known is None or not ledger.addresses.is_open(key):  # its discovery was not yet committed
        return
    fetch = begun(known, ledger.site, run_id)
    fetch = replace(fetch, fetched_at=now(), outcome=Outcome.UNREADABLE, reason=REASON, attempts=1)
    with ledger.transaction():
        ledger.addresses.finish(fetch, again=counted[key] < MOST_DEATHS)
        ledger.runs.count(run_id, "requests")


def _read(dataset: DataFolder, name: str) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        found = json.loads((dataset.state / name).read_bytes())
        if isinstance(found, dict):
            return found
    return {}


def _write(dataset: DataFolder, site: str, counted: dict[str, int]) -> None:
    dataset.write_text(dataset.state / f"{site}.deadly.json", json.dumps(counted, ensure_ascii=False, indent=1))
