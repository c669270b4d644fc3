"""Modes of files: state is for its owner only, everything else follows the umask."""

import os
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pipelines.ledger import Ledger
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.site_lock import SiteLock


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o027, 0o077], ids=oct)
def test_state_is_private(umask: int, tmp_path: Path) -> None:
    previous = os.umask(umask)
    try:
        data = DataFolder(tmp_path)
        data.prepare()
        SiteLock.take(data.lock("kalbela")).release()
        ledger = Ledger.open(data.ledger("kalbela"), "kalbela", ZoneInfo("Asia/Dhaka"), expected=False)
        data.write_text(data.progress("kalbela"), "{}")
        data.write_text(data.run("20260111T000000Z-kalbela-0000"), "{}")
        modes = {
            path.relative_to(tmp_path): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()
        }
        ledger.close()
    finally:
        os.umask(previous)
    assert {mode for path, mode in modes.items() if path.parts[0] == "state"} == {0o600}
    assert {mode for path, mode in modes.items() if path.parts[0] == "runs"} == {0o666 & ~umask}
