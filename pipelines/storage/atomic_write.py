"""Aside: a file or folder outside of the data appears whole under its name, or not at all."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.storage.errors import storage_errors
from pipelines.storage.fsync import sync_folder


@contextmanager
def file_aside(place: Path) -> Iterator[Path]:
    """A path to write a file under; when the block ends well it takes the place of whatever stood there."""
    with storage_errors("write", place):
        aside = _beside(place)
        try:
            yield aside
            _sync(aside)
            aside.replace(place)
            sync_folder(aside.parent)
        finally:
            aside.unlink(missing_ok=True)


@contextmanager
def folder_aside(place: Path) -> Iterator[Path]:
    """An empty folder to write in; when the block ends well it gets its name, at which nothing may stand by then."""
    with storage_errors("write", place):
        aside = _beside(place)
        aside.mkdir()
        try:
            yield aside
            for path in aside.rglob("*"):
                sync_folder(path) if path.is_dir() else _sync(path)
            sync_folder(aside)
            aside.rename(place)  # onto an empty folder at most
            sync_folder(aside.parent)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _beside(place: Path) -> Path:
    place = place.absolute()
    return place.with_name(f".{place.name}-{secrets.token_hex(4)}{UNFINISHED}")


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


UNFINISHED = ".inprogress"
