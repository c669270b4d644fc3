"""Where everything lies and how a file becomes durable: the one module that knows paths and file operations.

A published file appears whole or not at all. It is written in `.staging/`, which is on the same device but outside
every table (each reader chokes on other names, so no name is safe inside), synced, and renamed over the old one.
"""

import gzip
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePath, PurePosixPath

import pyarrow as pa

from pipelines.failpoint import reached
from pipelines.parquet import DataDamaged, read_rows, write_rows
from pipelines.tables import TABLES, Table

UNFINISHED = ".inprogress"
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs"}


class StorageRefused(Exception):
    """The folder cannot be written, read or trusted with files: what, where, why and as whom, in one sentence."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A whole, synced file that no reader sees yet."""

    path: Path
    rows: int
    bytes: int
    sha256: str


class Dataset:
    """The data folder. Paths of published files are relative to it, with slashes, wherever they are passed around."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.staging = self.root / ".staging"
        self.state = self.root / "state"
        self.runs = self.root / "runs"
        self.quarantine = self.root / "quarantine"

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

        Raises :class:`StorageRefused` where it cannot be written, spans devices or has less than ``need`` free.
        """
        with _refusing("use", self.root):
            for folder in (self.staging, self.state, self.runs):
                make_folder(folder)
        with _refusing("write in", self.staging):
            self._probe()
        device = self.staging.stat().st_dev
        for folder in (f for name in TABLES for f in (self.root / name, *(self.root / name).glob("site=*"))):
            if folder.exists() and folder.stat().st_dev != device:
                raise StorageRefused(f"{folder} is on another device than {self.staging}: no file can be renamed there")
        if (free := self.free_bytes()) < need:
            raise StorageRefused(f"{self.root} has {free:,} bytes free and needs {need:,}: make room and try again")

    def _probe(self) -> None:
        first = self.staging / f"probe-{secrets.token_hex(4)}{UNFINISHED}"
        second = first.with_stem(f"{first.stem}-renamed")
        try:
            with first.open("xb") as file:
                file.write(b"khobor")
                os.fsync(file.fileno())
            first.replace(second)
            _sync_folder(self.staging)
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
        for path in self.staging.glob(f"*{UNFINISHED}"):
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

        Raises :class:`pipelines.parquet.DataDamaged` for a file that is torn or not of this table.
        """
        path = table.path(site, part)
        with _refusing("read", self.root / path):
            return read_rows(table, self.root / path, path) if (self.root / path).exists() else None

    def digest(self, path: PurePath | str) -> str:
        """SHA-256 of a file; empty where there is none."""
        with _refusing("read", self.root / path), suppress(FileNotFoundError), (self.root / path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
        return ""

    # Writing ---------------------------------------------------------------------------------------------------------

    def stage(self, table: Table, site: str, rows: pa.Table) -> Staged:
        """Write the rows into a whole, synced file aside, and read it back."""
        path = self.staging / f"{site}-{table.name}-{secrets.token_hex(4)}{UNFINISHED}"
        with _refusing("write", path):
            make_folder(self.staging)
            try:
                with path.open("xb") as file:
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
        with _refusing("write", place):
            make_folder(place.parent)
            reached("commit.folder")
            staged.path.replace(place)
            reached("commit.renamed")
            _sync_folder(place.parent)
            reached("commit.synced")

    def remove(self, final: PurePath | str) -> None:
        """Remove a file whose rows all went elsewhere, and its folder when that is empty; durable on return."""
        place = self.root / final
        with _refusing("remove", place):
            place.unlink(missing_ok=True)
            reached("remove.unlinked")
            if place.parent.is_dir():
                _sync_folder(place.parent)
                with suppress(OSError):  # not empty: something of somebody else's is there
                    place.parent.rmdir()
                    _sync_folder(place.parent.parent)

    def move(self, path: PurePath | str, final: PurePath | str) -> None:
        """Move a file or folder inside the data folder; durable on return."""
        with _refusing("move", self.root / path):
            make_folder((self.root / final).parent)
            (self.root / path).rename(self.root / final)
            _sync_folder((self.root / final).parent)
            _sync_folder((self.root / path).parent)

    def copy_ledger(self, site: str, copy: Path) -> None:
        """Copy the site's ledger, if there is one, with the log that belongs to it."""
        with _refusing("copy", self.ledger(site)):
            for old, new in zip(_with_log(self.ledger(site)), _with_log(copy), strict=True):
                if old.exists():
                    shutil.copyfile(old, new)

    def replace_ledger(self, site: str, built: Path, kept: Path) -> None:
        """Put a closed ledger in place of the site's, and keep that one under another name; durable on return."""
        path = self.ledger(site)
        with _refusing("replace", path):
            for old, new in zip(_with_log(path), _with_log(kept), strict=True):
                if old.exists():
                    new.hardlink_to(old)
            # The log of the old ledger would be played into the new one.
            for stale in ("-wal", "-shm"):
                path.with_name(path.name + stale).unlink(missing_ok=True)
            reached("ledger.kept")
            built.replace(path)
            _sync_folder(path.parent)

    def write_text(self, path: PurePath | str, text: str, *, durable: bool = True) -> None:
        """Write a small file whole, in place of the one before it; durable on return, unless that does not matter."""
        place = self.root / path
        aside = self.staging / f"{place.name}-{secrets.token_hex(4)}{UNFINISHED}"
        with _refusing("write", place):
            make_folder(self.staging)
            make_folder(place.parent)
            try:
                with aside.open("x", encoding="utf-8", newline="\n") as file:
                    file.write(text)
                    if durable:
                        file.flush()
                        os.fsync(file.fileno())
                reached("text.synced")
                aside.replace(place)
            except BaseException:
                aside.unlink(missing_ok=True)
                raise
            if durable:
                _sync_folder(place.parent)

    def keep_page(self, site: str, moment: datetime, body: bytes) -> str:
        """Keep a page as it was fetched; returns its path below the data folder. Losing one in a crash is no harm."""
        name = hashlib.sha256(body).hexdigest()[:20]
        path = PurePosixPath("state", "pages", site, f"{moment:%Y-%m-%d}", f"{name}.html.gz")
        final = self.root / path
        if not final.exists():
            make_folder(final.parent)
            final.write_bytes(gzip.compress(body, mtime=0))
        return str(path)


def make_folder(folder: Path) -> None:
    """Make a folder with all above it, each durable."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _with_log(ledger: Path) -> tuple[Path, Path]:
    return ledger, ledger.with_name(f"{ledger.name}-wal")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _refusing(action: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageRefused(f"cannot {action} {path}: {reason} (as user {os.geteuid()})") from error
