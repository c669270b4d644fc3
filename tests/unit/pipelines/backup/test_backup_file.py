"""Backup files that are damaged, foreign or hostile: one sentence, and nothing is restored."""

import gzip
import hashlib
import json
import resource
import tarfile
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from pipelines.backup.read_backup import restore_backup
from pipelines.backup.write_backup import write_backup
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import FolderInUse, InvalidBackup, StorageError

NAME = "stories/site=kalbela/month=2026-01/stories.parquet"


def entry(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(content), kind, "" if kind == tarfile.REGTYPE else "../outside"
    return info.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % 512)


def archive(*entries: bytes, names: tuple[str, ...] = (NAME,), **header: Any) -> bytes:
    """Make a backup of entries, with the right checksums of empty files of the given names."""
    described = {"format": "khobor backup", "version": 1, "created_at": "", "sites": [], "files": 1, "bytes": 0}
    sums = "".join(f"{hashlib.sha256().hexdigest()}  {name}\n" for name in names)
    ends = entry("khobor-backup.json", json.dumps(described | header).encode()), entry("SHA256SUMS", sums.encode())
    return compressed(ends[0] + b"".join(entries) + ends[1] + bytes(1024))


def compressed(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as file:
        file.write(content)
    return bytes(sink.getvalue())


def restore(content: bytes, folder: Path) -> None:
    (folder / "backup").write_bytes(content)
    restore_backup(folder / "backup", DataFolder(folder / "data"))


def test_whole_archive_is_restored(tmp_path: Path) -> None:
    restore(archive(entry(NAME)), tmp_path)
    assert (tmp_path / "data" / NAME).read_bytes() == b""


def named(name: str) -> bytes:
    return archive(entry(name), names=(name,))


INVALID = {
    "empty": b"",
    "text": b"no backup\n" * 100,
    "another program's archive": compressed(entry(NAME) + bytes(1024)),
    "gzip": gzip.compress(entry(NAME)),
    "later version": archive(entry(NAME), version=2),
    "foreign header": archive(entry(NAME), format="another"),
    "deeply nested header": compressed(entry("khobor-backup.json", b"[" * 100_000)),
    **{
        name: named(name)
        for name in (
            *("../data2/stories/x", "/etc/cron.d/x", "stories/../../x", "stories/./x", "stories", "stories/", "x/y"),
            *("stories/a\nb", "stories/\x1b[2J", "README.md", ".staging/x", "stories/site=kalbela//x"),
        )
    },
    **{
        f"entry of type {kind!r}": archive(entry(NAME, kind=kind))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, b"x", b"L")
    },
    "same file twice": archive(entry(NAME), entry(NAME), names=(NAME, NAME), files=2),
    "file as a folder": archive(entry("stories/a"), entry("stories/a/b"), names=("stories/a", "stories/a/b"), files=2),
    "more files than declared": archive(entry(NAME), entry("runs/x.json"), names=(NAME, "runs/x.json")),
    "fewer files than declared": archive(entry(NAME), files=2),
    "more bytes than declared": archive(entry(NAME, b"text")),
    "wrong checksum": archive(entry(NAME, b"text"), bytes=4),
    "wrong name in checksums": archive(entry(NAME), names=("runs/x.json",)),
    "no checksums": compressed(entry("khobor-backup.json", b"{}") + bytes(1024)),
    "bomb of an extension header": archive(entry("x", bytes(300_000_000), kind=tarfile.XHDTYPE)),
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_archive_restores_nothing(name: str, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InvalidBackup, match=str(tmp_path)):
        restore(INVALID[name], tmp_path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KB
    assert {path.name for path in tmp_path.iterdir()} <= {"backup", "data"}
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] in (["backup"], ["backup", "restore.lock"])


def test_archive_beyond_free_space_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="free"):
        restore(archive(entry(NAME), bytes=10**15), tmp_path)


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("full")
    data, chance = DataFolder(folder / "data"), Random(1)
    data.prepare()
    for number in range(20):
        (data.runs / f"{number}.json").write_bytes(chance.randbytes(3000))
    write_backup(data, folder / "backup")
    return (folder / "backup").read_bytes()


@pytest.mark.parametrize("seed", range(15))
def test_truncated_or_changed_backup_is_refused(backup: bytes, seed: int, tmp_path: Path) -> None:
    chance, changed = Random(seed), bytearray(backup)
    if seed % 2:
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    else:
        del changed[chance.randrange(len(changed)) :]
    with pytest.raises(InvalidBackup):
        restore(bytes(changed), tmp_path)
    assert not (tmp_path / "data" / "runs").exists()


def test_folder_with_data_is_refused(backup: bytes, tmp_path: Path) -> None:
    (tmp_path / "data" / "runs").mkdir(parents=True)
    (tmp_path / "data" / "README.md").write_text("of a checkout")
    restore(backup, tmp_path)
    with pytest.raises(FolderInUse):
        restore(backup, tmp_path)
