"""Layout of the data folder: the paths of SQLite ledgers, locks, run reports, logs and published tables."""

import hashlib
import os
import shutil
import stat
from contextlib import suppress
from datetime import date
from pathlib import Path, PurePath, PurePosixPath

from pipelines.storage.errors import DatabaseDamaged, storage_errors
from pipelines.storage.tables import TABLES, Table

_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs"}


class DataPaths:
    """Paths in a data folder; those of published files are relative to it and have forward slashes."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.staging = self.root / ".staging"
        self.state = self.root / "state"
        self.runs = self.root / "runs"
        self.quarantine = self.root / "quarantine"
        self.archive = self.root / "archive"

    def ledger(self, site: str) -> Path:
        return self.state / f"{site}.sqlite"

    def lock(self, site: str) -> Path:
        return self.state / f"{site}.lock"

    def run(self, run_id: str) -> Path:
        return self.runs / f"{run_id}.json"

    def progress(self, site: str) -> Path:
        """Return the path of the progress file of a site, which exists only while a run of the site is in progress."""
        return self.state / f"{site}.progress.json"

    def log(self, run_id: str) -> Path:
        return self.state / "logs" / f"{run_id}.log"

    def archive_file(self, site: str, day: date, run_id: str) -> PurePosixPath:
        """Return the path of the archive file (WARC) with what a run received on a day of the site's time zone."""
        return PurePosixPath(self.archive.name, f"site={site}", f"date={day:%Y-%m-%d}", f"{run_id}.warc.gz")

    def archive_files(self, site: str, run_id: str = "*") -> list[Path]:
        """Return the archive files (WARC) of a site, or of one of its runs, oldest day first."""
        return sorted(self.archive.glob(f"site={site}/date=????-??-??/{run_id}.warc.gz"))

    def published(self, table: Table, site: str, since: str = "", until: str = "~") -> list[tuple[str, PurePosixPath]]:
        """Return the partition and path of each published file of a table for one site, oldest partition first.

        :param since: first partition, ``until`` is the last one; a table without partitions has one file in any period
        """
        prefix, parts = f"{table.partition}=", [""]
        if table.partition is not None:
            names = _names(f"{self.root}/{table.name}/site={site}")
            found = (name.removeprefix(prefix) for name in names if name.startswith(prefix))
            parts = sorted(part for part in found if since <= part <= until)
        files = []
        for part in parts:
            with suppress(ValueError):  # a foreign folder, which `khobor check` names
                files.append((part, table.path(site, part)))
        return [(part, path) for part, path in files if _is_file(f"{self.root}/{path}")]

    def holds(self, site: str) -> bool:
        return any(self.published(table, site) for table in TABLES.values())

    def digest(self, path: PurePath | str) -> str:
        """Return the SHA-256 of a file in hexadecimal, or an empty string if the file does not exist."""
        place = self.root / path
        with storage_errors("read", place), suppress(FileNotFoundError), place.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
        return ""

    def identity(self) -> tuple[int, int]:
        """Return the device and inode of the data folder, by which a folder that replaces it can be recognised."""
        stat = self.root.stat()
        return stat.st_dev, stat.st_ino

    def check_identity(self, identity: tuple[int, int]) -> None:
        """Raise :class:`DatabaseDamaged` if the data folder is not the one for which ``identity`` was returned."""
        with suppress(OSError):
            if self.identity() == identity:
                return
        raise DatabaseDamaged(f"{self.root} was removed, renamed or replaced during the run: move it back")

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.root).free

    def disk_usage(self, site: str) -> dict[str, int]:
        """Return the bytes of a site's tables, archive and ledger, and the free bytes of their file system."""
        folders = {"tables": [self.root / name for name in TABLES], "archive": [self.root / "archive"]}
        used = {
            name: sum(_size(path) for part in parts for path in (part / f"site={site}").rglob("*"))
            for name, parts in folders.items()
        }
        return used | {"ledger": _size(self.ledger(site)), "free": self.free_bytes()}

    def network_file_system(self) -> str | None:
        """Return the type of the data folder's network file system, or None if the folder is on a local disk.

        File locks and SQLite do not work reliably on a network file system.
        """
        device = self.root.stat().st_dev
        number = f"{os.major(device)}:{os.minor(device)}"
        with suppress(OSError):
            for line in Path("/proc/self/mountinfo").read_text().splitlines():
                mount, _, filesystem = line.partition(" - ")
                if mount.split()[2] == number and (name := filesystem.split()[0]) in _NETWORK:
                    return name
        return None


def _names(folder: str) -> list[str]:
    with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        return os.listdir(folder)  # noqa: PTH208 - two years have 730 partitions
    return []


def _is_file(path: str) -> bool:
    with suppress(FileNotFoundError, NotADirectoryError):
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - as above
    return False


def _size(path: Path) -> int:
    with suppress(OSError):
        status = path.stat()
        return status.st_size if stat.S_ISREG(status.st_mode) else 0
    return 0
