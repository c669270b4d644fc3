"""A disk whose power can be cut: an ext4 image, and what of it is really there at a moment.

What was not synced is in the memory of the mounted file system and not in the image; so a copy of the image, mounted
in its turn, is the disk as it would come up again. It is mounted so that it writes nothing before it is asked to.
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
        pytest.skip("no power is cut: that takes root, mount and mkfs.ext4")


class Disk:
    """A small file system of its own, for the time of a block."""

    def __init__(self, place: Path) -> None:
        self._image, self.root = place / "image", place / "disk"
        self._place, self._cuts = place, 0

    def __enter__(self) -> "Disk":
        with self._image.open("wb") as image:
            image.truncate(MEBIBYTES * 2**20)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", str(self._image)], check=True)
        self.root.mkdir()
        if _mount(self._image, self.root):
            pytest.skip("no power is cut: images cannot be mounted here")
        return self

    def __exit__(self, *_: object) -> None:
        _umount(self.root)

    @contextmanager
    def cut(self) -> Iterator[Path]:
        """The disk as it comes up again after the power went at this moment."""
        self._cuts += 1
        copy, again = self._place / f"copy-{self._cuts}", self._place / f"again-{self._cuts}"
        again.mkdir()
        shutil.copyfile(self._image, copy)
        assert not _mount(copy, again)
        copy.unlink()  # it is there for as long as it is mounted
        try:
            yield again
        finally:
            _umount(again)


def _mount(image: Path, folder: Path) -> int:
    return subprocess.run(["mount", "-o", _LAZY, str(image), str(folder)], capture_output=True).returncode


def _umount(folder: Path) -> None:
    if subprocess.run(["umount", str(folder)], capture_output=True).returncode:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # a test that failed holds something open
