"""Where everything lies and how a file becomes durable: the one module that knows paths and file operations.

A published file appears whole or not at all. It is written in `.staging/`, which is on the same device but outside
every table (each reader chokes on other names, so no name is safe inside), synced, and renamed over the old one.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import secrets
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING

from pipelines.storage.atomic_write import UNFINISHED
from pipelines.storage.errors import DataDamaged, storage_errors
from pipelines.storage.errors import StorageError as StorageError
from pipelines.storage.failpoint import reached
from pipelines.storage.fsync import make_folder as make_folder
from pipelines.storage.fsync import sync_folder
from pipelines.storage.tables import TABLES, Table

if TYPE_CHECKING:
    import pyarrow as pa
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs"}


@dataclass(frozen=True, slots=True)
class Staged:
    """A whole, synced file that no reader sees yet."""

    path: Path
    rows: int
    bytes: int
    sha256: str


class DataFolder:
    """The data folder. Paths of published files are relative to it, with slashes, wherever they are passed around."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.staging = self.root / ".staging"
        self.state = self.root / "state"
        self.runs = self.root / "runs"
        self.quarantine = self.root / "quarantine"
        self._durable: set[Path] = set()

    def ledger(self, site: str) -> Path:
        """The site's ledger."""
        return self.state / f"{site}.sqlite"

    def lock(self, site: str) -> Path:
        """The file that whoever writes for the site holds locked."""
        return self.state / f"{site}.lock"

    def run(self, run_id: str) -> Path:
        """The file that tells how a run went."""
        return self.runs / f"{run_id}.json"

    def progress(self, site: str) -> Path:
        """The file that tells how far the run of a site is, while there is one."""
        return self.state / f"{site}.progress.json"

    def log(self, run_id: str) -> Path:
        """The log of a run."""
        return self.state / "logs" / f"{run_id}.log"

    # The folder ------------------------------------------------------------------------------------------------------

    def prepare(self, need: int = 0) -> None:
        """Make the folder and try it, before anything is started; ``need`` is in bytes.

        Raises :class:`StorageError` where it cannot be written, spans devices or has less than ``need`` free.
        """
        with storage_errors("use", self.root):
            for folder in (self.staging, self.state, self.runs):
                make_folder(folder)
        with storage_errors("write in", self.staging):
            self._probe()
        device = self.staging.stat().st_dev
        for folder in (f for name in TABLES for f in (self.root / name, *(self.root / name).glob("site=*"))):
            if folder.exists() and folder.stat().st_dev != device:
                raise StorageError(f"{folder} is on another device than {self.staging}: no file can be renamed there")
        if (free := self.free_bytes()) < need:
            raise StorageError(f"{self.root} has {free:,} bytes free and needs {need:,}: make room and try again")

    def _probe(self) -> None:
        first = self.staging / f"probe-{secrets.token_hex(4)}{UNFINISHED}"
        second = first.with_stem(f"{first.stem}-renamed")
        try:
            with first.open("xb") as file:
                file.write(b"khobor")
                os.fsync(file.fileno())
            first.replace(second)
            sync_folder(self.staging)
        finally:
            first.unlink(missing_ok=True)
            second.unlink(missing_ok=True)

    def free_bytes(self) -> int:
        """Bytes that we may still write."""
        return shutil.disk_usage(self.root).free

    def network_file_system(self) -> str | None:
        """Name of the network file system that the folder is on, or None: locks and ledgers are not safe there."""
        device = self.root.stat().st_dev
        number = f"{os.major(device)}:{os.minor(device)}"
        with suppress(OSError):
            for line in Path("/proc/self/mountinfo").read_text().splitlines():
                before, _, after = line.partition(" - ")
                if before.split()[2] == number and (kind := after.split()[0]) in _NETWORK:
                    return kind
        return None

    def clear_staging(self, site: str) -> None:
        """Remove what a killed run of this site left half-written (and any site's probe or text of yesterday)."""
        with storage_errors("clear", self.staging):
            for path in self.staging.glob(f"*{UNFINISHED}"):
                with suppress(FileNotFoundError):  # another site's run was quicker
                    if path.name.startswith(f"{site}-") or path.stat().st_mtime < time.time() - 86_400:
                        path.unlink()

    # Reading ---------------------------------------------------------------------------------------------------------

    def holds(self, site: str) -> bool:
        """Whether anything of the site is published."""
        return any(True for table in TABLES.values() for _ in self.published(table, site))

    def published(self, table: Table, site: str) -> list[tuple[str, PurePosixPath]]:
        """The (part, path) pairs of a site's files in one table, oldest first."""
        folder = self.root / table.name / f"site={site}"
        parts = (
            [""] if table.partition is None else (f.name.partition("=")[2] for f in folder.glob(f"{table.partition}=*"))
        )
        found = []
        for part in sorted(parts):
            with suppress(ValueError):  # a folder of somebody else's: `check` names it
                found.append((part, table.path(site, part)))
        return [(part, path) for part, path in found if (self.root / path).is_file()]

    def read(self, table: Table, site: str, part: str) -> pa.Table | None:
        """The rows of one partition in the table's schema, or None where there is no file.

        Raises :class:`pipelines.storage.errors.DataDamaged` for a file that is torn or not of this table.
        """
        from pipelines.storage.parquet import read_rows

        path = table.path(site, part)
        with storage_errors("read", self.root / path):
            return read_rows(table, self.root / path, path) if (self.root / path).exists() else None

    def digest(self, path: PurePath | str) -> str:
        """SHA-256 of a file; empty where there is none."""
        with (
            storage_errors("read", self.root / path),
            suppress(FileNotFoundError),
            (self.root / path).open("rb") as file,
        ):
            return hashlib.file_digest(file, "sha256").hexdigest()
        return ""

    # Writing ---------------------------------------------------------------------------------------------------------

    def stage(self, table: Table, site: str, rows: pa.Table) -> Staged:
        """Write the rows into a whole, synced file aside, and read it back."""
        from pipelines.storage.parquet import read_rows, write_rows

        path = self.staging / f"{site}-{table.name}-{secrets.token_hex(4)}{UNFINISHED}"
        with storage_errors("write", path):
            make_folder(self.staging)
            try:
                with path.open("xb") as file:
                    reached("stage.opened")
                    write_rows(table, rows, file)
                    reached("stage.written")
                    file.flush()
                    os.fsync(file.fileno())
                reached("stage.synced")
            except BaseException:
                path.unlink(missing_ok=True)
                raise
            if not read_rows(table, path, path).equals(rows):
                raise DataDamaged(path, "does not read back as it was written")
        return Staged(path, len(rows), path.stat().st_size, self.digest(path))

    def commit(self, staged: Staged, final: PurePath | str) -> None:
        """Put a staged file in place of the one before it; durable on return."""
        place = self.root / final
        with storage_errors("write", place):
            self._make_durable(place.parent)
            reached("commit.folder")
            staged.path.replace(place)
            reached("commit.renamed")
            sync_folder(place.parent)
            reached("commit.synced")

    def _make_durable(self, folder: Path) -> None:
        """Make a folder below the root, and its name durable, also where a killed process made it just before."""
        if folder in self._durable and folder.is_dir():
            return
        if folder == self.root:
            make_folder(folder)
        else:
            self._make_durable(folder.parent)
            folder.mkdir(exist_ok=True)
            reached("folder.made")
            sync_folder(folder.parent)
        self._durable.add(folder)

    def sync_place(self, final: PurePath | str) -> None:
        """Make durable what a killed process put in place, or removed, and perhaps did not sync."""
        place = self.root / final
        with storage_errors("sync", place):
            while not place.parent.is_dir():
                place = place.parent
            self._make_durable(place.parent)
            sync_folder(place.parent)

    def remove(self, final: PurePath | str) -> None:
        """Remove a file whose rows all went elsewhere, and its folder when that is empty; durable on return."""
        place = self.root / final
        with storage_errors("remove", place):
            place.unlink(missing_ok=True)
            reached("remove.unlinked")
            if place.parent.is_dir():
                sync_folder(place.parent)
                reached("remove.synced")
                with suppress(OSError):  # not empty: something of somebody else's is there
                    place.parent.rmdir()
                    sync_folder(place.parent.parent)

    def move(self, path: PurePath | str, final: PurePath | str) -> None:
        """Move a file or folder inside the data folder; durable on return."""
        with storage_errors("move", self.root / path):
            make_folder((self.root / final).parent)
            (self.root / path).rename(self.root / final)
            reached("move.renamed")
            sync_folder((self.root / final).parent)
            sync_folder((self.root / path).parent)

    def copy_ledger(self, site: str, copy: Path) -> None:
        """Copy the site's ledger, if there is one, with the log that belongs to it."""
        with storage_errors("copy", self.ledger(site)):
            for old, new in zip(_with_log(self.ledger(site)), _with_log(copy), strict=True):
                if old.exists():
                    shutil.copyfile(old, new)
            reached("ledger.copied")

    def replace_ledger(self, site: str, built: Path, kept: Path) -> None:
        """Put a closed ledger in place of the site's, and keep that one under another name; durable on return.

        Between the two there is none, which nobody mistakes for an empty one; the log of the old ledger must be gone
        by then, or it would be played into the new one.
        """
        path = self.ledger(site)
        with storage_errors("replace", path):
            for old, new in zip(_with_log(path), _with_log(kept), strict=True):
                if old.exists():
                    old.rename(new)
            path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
            sync_folder(path.parent)
            reached("ledger.kept")
            built.replace(path)
            reached("ledger.replaced")
            sync_folder(path.parent)

    def write_text(self, path: PurePath | str, text: str, *, durable: bool = True) -> None:
        """Write a small file whole, in place of the one before it; durable on return, unless that does not matter."""
        place = self.root / path
        aside = self.staging / f"{place.name}-{secrets.token_hex(4)}{UNFINISHED}"
        with storage_errors("write", place):
            make_folder(self.staging)
            make_folder(place.parent)
            try:
                with aside.open("x", encoding="utf-8", newline="\n") as file:
                    file.write(text)
                    reached("text.written")
                    if durable:
                        file.flush()
                        os.fsync(file.fileno())
                reached("text.synced")
                aside.replace(place)
                reached("text.renamed")
            except BaseException:
                aside.unlink(missing_ok=True)
                raise
            if durable:
                sync_folder(place.parent)

    def keep_page(self, site: str, moment: datetime, body: bytes) -> str:
        """Keep a page as it was fetched; returns its path below the data folder. Losing one in a crash is no harm."""
        name = hashlib.sha256(body).hexdigest()[:20]
        path = PurePosixPath("state", "pages", site, f"{moment:%Y-%m-%d}", f"{name}.html.gz")
        final = self.root / path
        aside = self.staging / f"{site}-page-{secrets.token_hex(4)}{UNFINISHED}"
        with storage_errors("write", final):
            if not final.exists():
                make_folder(final.parent)
                try:
                    aside.write_bytes(gzip.compress(body, mtime=0))
                    reached("page.kept")
                    aside.replace(final)
                except BaseException:
                    aside.unlink(missing_ok=True)
                    raise
        return str(path)

    def forget_pages(self, site: str, before: date) -> None:
        """Remove the pages that were kept before a day."""
        for folder in (self.state / "pages" / site).glob("????-??-??"):
            if folder.name < f"{before:%Y-%m-%d}":
                shutil.rmtree(folder, ignore_errors=True)


def _with_log(ledger: Path) -> tuple[Path, Path]:
    return ledger, ledger.with_name(f"{ledger.name}-wal")
