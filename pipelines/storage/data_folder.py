"""Operations on the data folder: prepare it, read partitions and publish files.

Files are published atomically: each is written in `.staging/`, synced to the disk and renamed over the old file.
`.staging/` is on the same device as the tables but outside their folders, because programs that read Parquet try to
open every file in the folder of a table.
"""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from pipelines.storage.atomic_write import UNFINISHED, temporary, write_file
from pipelines.storage.errors import DataDamaged, StorageError, storage_errors
from pipelines.storage.failpoint import reached
from pipelines.storage.fsync import make_folder, sync
from pipelines.storage.paths import DataPaths
from pipelines.storage.tables import TABLES, Table

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Staged:
    """Complete Parquet file in `.staging/`, synced to the disk and not yet published."""

    path: Path
    rows: int
    bytes: int
    sha256: str


class DataFolder(DataPaths):
    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._durable: set[Path] = set()

    def owns(self, path: Path) -> bool:
        """Return True if a path is in the folder of a table or another folder in which only runs may write."""
        folders = (self.staging, self.state, self.runs, self.archive, *(self.root / name for name in TABLES))
        return any(path.resolve().is_relative_to(folder.resolve()) for folder in folders)

    def prepare(self, need: int = 0) -> None:
        """Create the data folder if it does not exist, and check that a run can use it.

        Raises :class:`StorageError` if it cannot be written, spans several devices or has fewer than ``need`` bytes of
        free disk space.
        """
        with storage_errors("use", self.root):
            for folder in (self.staging, self.state, self.runs):
                make_folder(folder)
            probe = self.staging / f"probe-{secrets.token_hex(4)}{UNFINISHED}"
            write_file(probe, b"khobor")
            probe.unlink()
            device = self.staging.stat().st_dev
        for folder in (f for name in TABLES for f in (self.root / name, *(self.root / name).glob("site=*"))):
            if folder.exists() and folder.stat().st_dev != device:
                raise StorageError(f"{folder} is on another device than {self.staging}: no file can be renamed there")
        if (free := self.free_bytes()) < need:
            raise StorageError(f"{self.root} has {free:,} bytes free and needs {need:,}: make room and try again")

    def clear_staging(self, site: str) -> None:
        """Delete the unfinished files of this site in `.staging/`, and those of other sites that are older than a day.

        Runs that were killed have left them.
        """
        with storage_errors("clear", self.staging):
            for path in self.staging.glob(f"*{UNFINISHED}"):
                with suppress(FileNotFoundError):  # another site's run removed it
                    if path.name.startswith(f"{site}-") or path.stat().st_mtime < time.time() - 86_400:
                        path.unlink()

    # Tables ----------------------------------------------------------------------------------------------------------

    def read(self, table: Table, site: str, part: str) -> pa.Table | None:
        """Return the rows of a table in one partition of a site, or None if this partition has no file.

        Raises :class:`DataDamaged` if the file is truncated, corrupt or belongs to another table.
        """
        from pipelines.storage.parquet import read_rows

        path = table.path(site, part)
        with storage_errors("read", self.root / path):
            return read_rows(table, self.root / path, path) if (self.root / path).exists() else None

    def stage(self, table: Table, site: str, rows: pa.Table) -> Staged:
        """Write rows to a Parquet file in `.staging/`, sync it to the disk, and read it back to verify it."""
        from pipelines.storage.parquet import read_rows, write_rows

        with temporary(self.staging, f"{site}-{table.name}") as path, storage_errors("write", path):
            make_folder(self.staging)
            with path.open("xb") as file:
                write_rows(table, rows, file)
                reached("stage.written")  # before the buffer is flushed
            sync(path)
            reached("stage.synced")
            if not read_rows(table, path, path).equals(rows):
                raise DataDamaged(path, "does not read back as it was written")
        return Staged(path, len(rows), path.stat().st_size, self.digest(path))

    def commit(self, staged: Staged, final: PurePath | str) -> None:
        """Rename a file in `.staging/` to its published path; when this returns, the change survives a power cut."""
        target = self.root / final
        with storage_errors("write", target):
            self._make_durable(target.parent)
            reached("commit.folder")
            staged.path.replace(target)
            reached("commit.renamed")
            sync(target.parent)
            reached("commit.synced")

    def _make_durable(self, folder: Path) -> None:
        """Create a folder, and sync its parent to the disk even if the folder exists.

        An earlier process may have been killed after it created the folder and before it synced the parent.
        """
        if folder in self._durable and folder.is_dir():
            return
        if folder == self.root:
            make_folder(folder)
        else:
            self._make_durable(folder.parent)
            folder.mkdir(exist_ok=True)
            reached("folder.made")
            sync(folder.parent)
        self._durable.add(folder)

    def sync_place(self, final: PurePath | str) -> None:
        """Sync the folder of a file to the disk.

        This completes the work of a process that was killed after it renamed or deleted the file and before it synced
        the folder.
        """
        target = self.root / final
        with storage_errors("sync", target):
            while not target.parent.is_dir():
                target = target.parent
            self._make_durable(target.parent)
            sync(target.parent)

    def remove(self, final: PurePath | str) -> None:
        """Delete the file of a partition without rows, and its folder if that is then empty.

        When this returns, the deletion survives a power cut.
        """
        target = self.root / final
        with storage_errors("remove", target):
            target.unlink(missing_ok=True)
            reached("remove.unlinked")
            if target.parent.is_dir():
                sync(target.parent)
                reached("remove.synced")
                with suppress(OSError):  # not empty: it holds a foreign file
                    target.parent.rmdir()
                    sync(target.parent.parent)

    def move(self, path: PurePath | str, final: PurePath | str) -> None:
        """Move a file or folder within the data folder; when this returns, the move survives a power cut."""
        source, target = self.root / path, self.root / final
        with storage_errors("move", source):
            make_folder(target.parent)
            source.rename(target)
            reached("move.renamed")
            sync(target.parent)
            sync(source.parent)

    # Other files -----------------------------------------------------------------------------------------------------

    def write_text(self, path: PurePath | str, text: str, *, durable: bool = True) -> None:
        self._write(self.root / path, text.encode(), durable)

    def _write(self, target: Path, content: bytes, durable: bool) -> None:
        with storage_errors("write", target):
            make_folder(self.staging)
            make_folder(target.parent)
        write_file(target, content, staging=self.staging, durable=durable, private=target.is_relative_to(self.state))
