"""An ext4 image that simulates power cuts.

Data that is not synced is in memory, not in the image: a copy of the image is the disk after a power cut. The mount
options prevent writes without a sync.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MEBIBYTES = 64
_LAZY = "loop,noauto_da_alloc,commit=300"


def need_disks() -> None:
    if os.geteuid() != 0 or not all(map(shutil.which, ("mkfs.ext4", "mount", "umount"))):
        pytest.skip("needs root, mount and mkfs.ext4")


class Disk:
    """A small file system, mounted for the time of a block."""

    def __init__(self, place: Path) -> None:
        self._image, self.root = place / "image", place / "disk"
        self._place, self._cuts = place, 0

    def __enter__(self) -> "Disk":
        with self._image.open("wb") as image:
            image.truncate(MEBIBYTES * 2**20)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", str(self._image)], check=True)
        self.root.mkdir()
        if _mount(self._image, self.root):
            pytest.skip("cannot mount images")
        return self

    def __exit__(self, *_: object) -> None:
        _umount(self.root)

    @contextmanager
    def cut(self) -> Iterator[Path]:
        """Mount the disk as it is after a power cut now."""
        self._cuts += 1
        copy, again = self._place / f"copy-{self._cuts}", self._place / f"again-{self._cuts}"
        again.mkdir()
        shutil.copyfile(self._image, copy)
        assert not _mount(copy, again)
        copy.unlink()  # exists until it is unmounted
        try:
            yield again
        finally:
            _umount(again)


def _mount(image: Path, folder: Path) -> int:
    return subprocess.run(["mount", "-o", _LAZY, str(image), str(folder)], capture_output=True).returncode


def _umount(folder: Path) -> None:
    if subprocess.run(["umount", str(folder)], capture_output=True).returncode:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # a failed test holds a file open
