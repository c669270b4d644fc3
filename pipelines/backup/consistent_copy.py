"""Consistent copy of a data folder, made while runs go on, without a pause for them.

Published files, reports and logs are hard-linked, which costs no space and keeps their content if a run replaces them.
Databases are copied by SQLite's backup API. The result is a state in which a power cut could have left the folder, and
the next run repairs such a state:

- What is derived comes before its origin: alerts, then occurrences, then reports, then the ledgers. So the copy has no
  report of a run that its ledger does not know to have ended.
- The files of a site belong to its ledger: if a publish records or announces a file while the files are linked, ledger
  and files are copied again.
- What only grows comes last: logs and archives contain at least what the ledger refers to.
"""

import errno
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath

from pipelines.backup.backup_file import is_safe_name
from pipelines.ledger.connection import Connection
from pipelines.ledger.outbox import recorded_files
from pipelines.ledger.schema import FORMAT, check
from pipelines.storage.atomic_write import UNFINISHED
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DataDamaged, StorageError, storage_errors
from pipelines.storage.failpoint import reached
from pipelines.storage.fsync import make_folder
from pipelines.storage.site_lock import SiteLock
from pipelines.storage.sqlite import copy_live_database
from pipelines.storage.tables import TABLES

# The longest publish that a run is allowed.
_PUBLISH_SECONDS = 900
_PAUSE_SECONDS = 0.05
# A file on another device, or a file system without hard links: the file is copied.
_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK}
# Locks, and files of a process that is running or was killed.
_TRANSIENT = (".lock", ".progress.json", ".reserve", "-wal", "-shm", "-journal", ".rebuilding", ".salvage", UNFINISHED)


@dataclass(slots=True)
class ConsistentCopy:
    """Copy of a data folder.

    :ivar folder: the copy, in `.staging/`; its files are hard links and must not be changed
    :ivar hashes: SHA-256 that a published file may have, by its path; two while a publish replaces the file
    :ivar left_out: paths in the data folder that are not in the copy, because no run published them or because of their
        names
    """

    folder: Path
    sites: list[str] = field(default_factory=list)
    hashes: dict[str, frozenset[str]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def place(self, name: PurePath) -> Path:
        """Return the path in the copy of a file in the data folder; its folder exists."""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        return self.folder / name


@contextmanager
def consistent_copy(data_folder: DataFolder) -> Iterator[ConsistentCopy]:
    """Yield a copy of the data folder as of now; delete it after the block.

    Raises :class:`SiteLocked` if another process is making a backup, and :class:`DatabaseDamaged` or
    :class:`DataDamaged` if the data is damaged.
    """
    data_folder.prepare()
    with SiteLock.take(data_folder.state / "backup.lock"):
        folder = data_folder.staging / "backup"
        shutil.rmtree(folder, ignore_errors=True)  # of a killed process
        try:
            with storage_errors("copy", data_folder.root):
                copy = ConsistentCopy(folder)
                _copy_all(data_folder, copy)
            yield copy
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _copy_all(data_folder: DataFolder, copy: ConsistentCopy) -> None:
    make_folder(copy.folder)
    # Listed first: a run that starts now adds no file without its ledger.
    tables = [path for name in TABLES for path in _files_below(data_folder.root / name)]
    databases = sorted(data_folder.state.glob("*.sqlite"))
    copy.sites = [path.stem for path in databases if _is_ledger(path)]
    for path in databases:
        if path.stem not in copy.sites:
            copy_live_database(path, copy.place(path.relative_to(data_folder.root)))
    reached("backup.databases")
    for path in data_folder.state.glob("*.json"):
        _link(data_folder, copy, path)
    for path in (*data_folder.runs.glob("*.json"), *data_folder.runs.rglob("*.parquet")):
        _link(data_folder, copy, path)
    reached("backup.reports")
    for site in copy.sites:
        _copy_site(data_folder, copy, site)
        reached("backup.site")
    for path in tables:
        _link_unrecorded(data_folder, copy, path)
    for folder in (data_folder.root / "archive", data_folder.quarantine, data_folder.state):
        for path in _files_below(folder):
            if path.suffix != ".sqlite":
                _link(data_folder, copy, path)
    reached("backup.linked")


def _is_ledger(path: Path) -> bool:
    with closing(Connection(path, FORMAT, mode="rw")) as connection:
        return connection.application_id() == FORMAT.application_id


def _copy_site(data_folder: DataFolder, copy: ConsistentCopy, site: str) -> None:
    path, end = data_folder.ledger(site), time.monotonic() + _PUBLISH_SECONDS
    with closing(Connection(path, FORMAT, mode="rw")) as connection:
        check(connection)
    while time.monotonic() < end:
        ledger = copy.place(path.relative_to(data_folder.root))
        copy_live_database(path, ledger)
        files = _recorded(ledger, "ro&immutable=1")
        missing = [name for name in files if not _link(data_folder, copy, data_folder.root / name)]
        reached("backup.files")
        if _recorded(path, "rw") == files:
            if lost := [name for name in missing if "" not in files[name]]:
                raise DataDamaged(PurePosixPath(lost[0]), "is missing")
            copy.hashes |= files
            return
        for place in (ledger, *(copy.folder / name for name in files)):  # a publish has gone on meanwhile
            place.unlink(missing_ok=True)
        time.sleep(_PAUSE_SECONDS)
    raise StorageError(f"{site} has published for {_PUBLISH_SECONDS // 60} minutes; make the backup after its run")


def _recorded(path: Path, mode: str) -> dict[str, frozenset[str]]:
    with closing(Connection(path, FORMAT, mode=mode)) as connection:
        return recorded_files(connection)


def _link_unrecorded(data_folder: DataFolder, copy: ConsistentCopy, path: Path) -> None:
    """Link a file in the folder of a table if its site has no ledger, as in a copy made for reading only."""
    name = path.relative_to(data_folder.root)
    if name.parts[1].removeprefix("site=") not in copy.sites:
        _link(data_folder, copy, path)
    elif name.as_posix() not in copy.hashes and os.path.lexists(path):
        copy.left_out.append(name.as_posix())


def _link(data_folder: DataFolder, copy: ConsistentCopy, path: Path) -> bool:
    """Link a file into the copy, unless it is in it or is transient; return False if the file does not exist."""
    name = path.relative_to(data_folder.root)
    if path.name.endswith(_TRANSIENT):
        return True
    if path.is_symlink() or not is_safe_name(name.as_posix()):
        copy.left_out.append(name.as_posix())
        return True
    try:
        os.link(path, copy.place(name))
    except FileExistsError:
        pass
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copyfile(path, copy.place(name))
    return True


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(parent, name) for name in sorted(names))
