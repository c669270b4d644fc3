"""Exchange of a site's tables and ledger for rebuilt ones, table by table.

The rebuilt data are in a folder with the layout of a data folder. A file beside it announces the exchange. It names the
inode of each rebuilt folder, so that after a kill the next command sees which folders are exchanged already, and
exchanges the rest.
"""

import ctypes
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from zoneinfo import ZoneInfo

from pipelines.ledger import Ledger
from pipelines.storage.atomic_write import write_file
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import storage_errors
from pipelines.storage.failpoint import reached
from pipelines.storage.fsync import make_folder, sync
from pipelines.storage.paths import DataPaths
from pipelines.storage.sqlite import move_database
from pipelines.storage.tables import TABLES

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def rebuilt_folder(data_folder: DataPaths, site: str) -> Path:
    return data_folder.state / "rebuilt" / site


def _announcement(data_folder: DataPaths, site: str) -> Path:
    return data_folder.state / "rebuilt" / f"{site}.json"


def is_announced(data_folder: DataPaths, site: str) -> bool:
    """Return True if an exchange was interrupted, and the next command for the site completes it."""
    return _announcement(data_folder, site).exists()


def open_ledger(data_folder: DataFolder, site: str, zone: ZoneInfo) -> Ledger:
    """Open the ledger of a site whose lock the caller holds, after completing an interrupted exchange."""
    finish_exchange(data_folder, site)
    return Ledger.open(data_folder.ledger(site), site, zone, expected=data_folder.holds(site))


def exchange(data_folder: DataFolder, site: str) -> None:
    """Put the tables and the ledger of the rebuilt folder in the place of a site's own, and delete the old ones.

    The caller holds the lock of the site and has closed both ledgers.
    """
    rebuilt = DataPaths(rebuilt_folder(data_folder, site))
    inodes = {
        name: (rebuilt.root / name / f"site={site}").stat().st_ino
        for name in TABLES
        if (rebuilt.root / name / f"site={site}").is_dir()
    }
    sync(rebuilt.ledger(site))
    reached("exchange.ready")
    write_file(_announcement(data_folder, site), json.dumps(inodes).encode(), staging=data_folder.staging, private=True)
    reached("exchange.announced")
    finish_exchange(data_folder, site)


def finish_exchange(data_folder: DataFolder, site: str) -> bool:
    """Complete an announced exchange that was interrupted; return False if there is none."""
    announcement = _announcement(data_folder, site)
    if not announcement.exists():
        return False
    rebuilt = DataPaths(rebuilt_folder(data_folder, site))
    with storage_errors("exchange", announcement):
        inodes = json.loads(announcement.read_bytes())
        for name in TABLES:
            own, new = (root / name / f"site={site}" for root in (data_folder.root, rebuilt.root))
            if name in inodes and not (own.is_dir() and own.stat().st_ino == inodes[name]):
                make_folder(own.parent)
                _exchange(new, own)
            reached("exchange.folder")
        if (ledger := rebuilt.ledger(site)).exists():
            move_database(data_folder.ledger(site), rebuilt.state / "old.sqlite")
            reached("exchange.ledger")
            ledger.replace(data_folder.ledger(site))
            sync(data_folder.state)
        reached("exchange.done")
        announcement.unlink()
        sync(announcement.parent)
        reached("exchange.ended")
    shutil.rmtree(rebuilt.root, ignore_errors=True)
    return True


def _exchange(new: Path, own: Path) -> None:
    """Exchange two folders atomically where the system can (Linux), else by renaming both."""
    if not own.exists():
        new.rename(own)
    elif not _swap(new, own):
        aside = new.with_name(f"{new.name}.old")
        if own.exists():
            own.rename(aside)
        new.rename(own)
    for folder in (own.parent, new.parent):
        sync(folder)


def _swap(one: Path, other: Path) -> bool:
    with suppress(AttributeError, OSError):
        call = ctypes.CDLL(None, use_errno=True).renameat2
        return bool(call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0)
    return False
