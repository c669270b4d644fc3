"""Choice of the data folder, and so of the worker, on which a site is crawled."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.storage.data_folder import DataFolder
from schedules.exit_codes import WrongUsage

#: Time for which a site waits for the worker that has its ledger, before its data is restored on another one.
ABSENCE_SECONDS = 600.0


def rendezvous(site: str, names: Iterable[str]) -> str | None:
    """Choose one of several names for a site by rendezvous hashing; a change of the names moves few sites."""
    return max(names, key=lambda name: hashlib.sha256(f"{site} {name}".encode()).digest(), default=None)


@dataclass(frozen=True)
class WorkerInfo:
    """Worker of the cluster; ``sites`` are those of which its data folder had a ledger when it started."""

    address: str
    name: str
    folder: str
    sites: tuple[str, ...]

    @classmethod
    def of(cls, announced: Mapping[str, Any]) -> "WorkerInfo":
        return cls(announced["address"], announced["name"], announced["folder"], tuple(announced["sites"]))


@dataclass
class Placement:
    """Record of the data folder that has the ledger (SQLite crawl state) of each site, kept in `state/fleet.json`.

    :param has_bucket: a site can be restored from a bucket, and so be moved
    """

    dataset: DataFolder
    has_bucket: bool
    absence_seconds: float = ABSENCE_SECONDS
    clock: Callable[[], float] = time.monotonic
    folders: dict[str, str] = field(default_factory=dict)
    crawled: set[str] = field(default_factory=set)
    uploaded: set[str] = field(default_factory=set)
    _absent_since: dict[str, float] = field(default_factory=dict)
    _workers: Sequence[WorkerInfo] = ()

    def __post_init__(self) -> None:
        if not (path := self._path()).exists():
            return
        try:
            record = json.loads(path.read_bytes())
            self.folders = {str(site): str(folder) for site, folder in record["folders"].items()}
            self.crawled = set(map(str, record["crawled"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # Without it, a site could begin anew on another worker while its own is absent.
            raise WrongUsage(f"{path} is damaged: delete it while all workers are there") from error

    def update(self, workers: Sequence[WorkerInfo]) -> None:
        """Note which workers are there now."""
        self._workers = workers
        present = {worker.folder for worker in workers}
        for folder in {*self.folders.values()}:
            if folder in present:
                self._absent_since.pop(folder, None)
            else:
                self._absent_since.setdefault(folder, self.clock())

    def choose(self, site: str) -> WorkerInfo | None:
        """Return the worker that should crawl a site, or None if the site has to wait for a worker that is absent."""
        present = {worker.folder for worker in self._workers}
        holder = self._holder(site)
        if holder is None or (self.has_bucket and self._may_move(site, holder, present)):
            holder = rendezvous(site, present)
        workers = {worker.name: worker for worker in self._workers if worker.folder == holder}
        name = rendezvous(site, workers)
        return workers[name] if name else None

    def _holder(self, site: str) -> str | None:
        if site in self.folders:
            return self.folders[site]
        return rendezvous(site, {worker.folder for worker in self._workers if site in worker.sites})

    def _may_move(self, site: str, holder: str, present: set[str]) -> bool:
        if holder in present:
            return site in self.uploaded
        since = self._absent_since.setdefault(holder, self.clock())
        return self.clock() - since >= self.absence_seconds

    def pin(self, site: str, folder: str) -> None:
        """Record that a site is about to be crawled in a data folder, so that no other one gets it meanwhile.

        This must be recorded before the run can begin, because its worker may be killed before there is a result.
        """
        if self.folders.get(site) != folder:
            self.folders[site] = folder
            self._write()

    def note(self, site: str, folder: str, *, uploaded: bool) -> None:
        """Record that a data folder has the ledger of a site now, and if everything of it is in the bucket."""
        (self.uploaded.add if uploaded else self.uploaded.discard)(site)
        if self.folders.get(site) != folder or site not in self.crawled:
            self.folders[site] = folder
            self.crawled.add(site)
            self._write()

    def waiting(self, sites: Iterable[str]) -> list[str]:
        """Return the sites that wait for a worker which has been absent for some minutes."""
        return [
            site
            for site in dict.fromkeys(sites)
            if self.choose(site) is None
            and self.clock() - self._absent_since.get(self.folders.get(site, ""), self.clock()) >= self.absence_seconds
        ]

    def _write(self) -> None:
        self.dataset.write_text(
            self._path(), json.dumps({"folders": self.folders, "crawled": sorted(self.crawled)}, indent=1)
        )

    def _path(self) -> Path:
        return self.dataset.state / "fleet.json"
