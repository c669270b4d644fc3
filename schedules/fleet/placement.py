"""Choice of the data folder, and so of the worker, on which a site is crawled."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipelines.storage.data_folder import DataFolder
from schedules.exit_codes import WrongUsage

#: Time for which a site waits for the worker that has its ledger, before its data is restored on another one.
ABSENCE_SECONDS = 600.0
#: Version of Khobor; workers and scheduler must have the same one.
VERSION = version("khobor")
# Stands for the folder of a site that has none yet; it is absent while the cluster has no worker.
_ANY = ""


def rendezvous(site: str, names: Iterable[str]) -> str | None:
    """Choose one of several names for a site by rendezvous hashing; a change of the names moves few sites."""
    return max(names, key=lambda name: hashlib.sha256(f"{site} {name}".encode()).digest(), default=None)


@dataclass(frozen=True)
class WorkerInfo:
    """Worker of the cluster.

    :ivar sites: sites of which its data folder had a ledger when it started, with the generation of that ledger
    """

    address: str
    name: str
    folder: str
    sites: Mapping[str, str] = field(hash=False)
    version: str = VERSION

    @classmethod
    def of(cls, announced: Mapping[str, Any]) -> "WorkerInfo":
        known = {each.name: announced[each.name] for each in fields(cls) if each.name in announced}
        return cls(**{"version": "of an earlier release", **known})


def foreign_sentence(worker: WorkerInfo) -> str:
    return (
        f"the worker {worker.name} has Khobor {worker.version}, and the fleet {VERSION}: install the same version on"
        " both"
    )


@dataclass
class Placement:
    """Record of the data folder that has the ledger (SQLite crawl state) of each site, kept in `state/fleet.json`.

    It also has the generation of that ledger: the time at which the latest run that has begun was claimed. A folder
    with an earlier one is out of date, for example because its disk was restored or copied.

    :param has_bucket: a site can be restored from a bucket, and so be moved
    """

    dataset: DataFolder
    has_bucket: bool
    absence_seconds: float = ABSENCE_SECONDS
    clock: Callable[[], float] = time.monotonic
    folders: dict[str, str] = field(default_factory=dict)
    generations: dict[str, str] = field(default_factory=dict)
    #: Workers with another version of Khobor.
    foreign: Sequence[WorkerInfo] = ()
    uploaded: set[str] = field(default_factory=set)
    _absent_since: dict[str, float] = field(default_factory=dict)
    _workers: Sequence[WorkerInfo] = ()
    _is_saved: bool = True

    def __post_init__(self) -> None:
        if not (path := self._path()).exists():
            return
        try:
            record = json.loads(path.read_bytes())
            self.folders = {str(site): str(entry["folder"]) for site, entry in record["sites"].items()}
            self.generations = {str(site): str(entry["generation"]) for site, entry in record["sites"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # Without it, a site could begin anew on another worker while its own is absent.
            raise WrongUsage(f"{path} is damaged: delete it while all workers are there") from error

    def update(self, workers: Sequence[WorkerInfo]) -> None:
        """Note which workers are there now; those with another version of Khobor get no site."""
        self._workers = [worker for worker in workers if worker.version == VERSION]
        self.foreign = [worker for worker in workers if worker.version != VERSION]
        present = {worker.folder for worker in self._workers} | ({_ANY} if self._workers else set())
        for folder in {_ANY, *self.folders.values()}:
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
        found = [(worker.sites[site], worker.folder) for worker in self._workers if site in worker.sites]
        newest = max((generation for generation, _ in found), default="")
        return rendezvous(site, {folder for generation, folder in found if generation == newest})

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
            self.generations.setdefault(site, "")
            self._is_saved = False
            self.save()

    def begin(self, site: str, generation: str) -> None:
        """Record that the run which was claimed at a time has begun, so that its data folder has this generation."""
        if site in self.folders and generation > self.generations[site]:
            self.generations[site] = generation
            self._is_saved = False

    def note(self, site: str, folder: str, *, uploaded: bool) -> None:
        """Record that a data folder has the ledger of a site now, and if everything of it is in the bucket."""
        (self.uploaded.add if uploaded else self.uploaded.discard)(site)
        self.pin(site, folder)

    def waiting(self, sites: Iterable[str]) -> dict[str, str]:
        """Return the sites that wait for a worker which has been absent for some minutes, each with the reason."""
        reasons = dict[str, str]()
        for site in dict.fromkeys(sites):
            folder = self.folders.get(site, _ANY)
            since = self._absent_since.get(folder, self.clock())
            if self.clock() - since >= self.absence_seconds and self.choose(site) is None:
                reasons[site] = self._reason(folder)
        return reasons

    def _reason(self, folder: str) -> str:
        for worker in self.foreign:
            if folder in (_ANY, worker.folder):
                return foreign_sentence(worker)
        if folder == _ANY or self.has_bucket:
            return "the cluster has no worker on which it could be crawled: start one"
        return (
            "the worker that has its data is absent, and there is no bucket to restore it from: start that worker"
            " again, or restore a backup on another one"
        )

    def save(self) -> None:
        """Write the record, if it has changed."""
        if not self._is_saved:
            sites = {
                site: {"folder": folder, "generation": self.generations[site]} for site, folder in self.folders.items()
            }
            self.dataset.write_text(self._path(), json.dumps({"sites": sites}, indent=1))
            self._is_saved = True

    def _path(self) -> Path:
        return self.dataset.state / "fleet.json"
