"""Uploads of a data folder to a bucket: what is sent, another writer, failures, and restored data folders."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.buckets import addresses
from pipelines.buckets.addresses import open_bucket
from pipelines.buckets.object_store import Bucket, BucketError
from pipelines.buckets.upload_records import LastUpload
from pipelines.publishing.bucket import check_remote, is_current, restore_site, set_aside, upload_site
from pipelines.publishing.publisher import fill_empty_tables
from pipelines.publishing.verify import check
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import FolderInUse
from schedules.reports.upload_results import upload_alarms
from tests.support.bucket_reader import BucketReader
from tests.support.bucket_server import BUCKET, BucketServer
from tests.support.builders import DECEMBER, JANUARY, NOVEMBER, SITE, ZONE, LedgerFolder, digests, make_story

KEY = f"stories/site={SITE}/month=2025-01/stories.parquet"


@pytest.fixture(scope="module")
def server() -> Iterator[BucketServer]:
    with BucketServer() as server:
        yield server


@pytest.fixture(params=["s3", "directory"])
def url(request: pytest.FixtureRequest, server: BucketServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    if request.param == "s3":
        return f"s3://{BUCKET}/{tmp_path.name}"
    (tmp_path / "bucket").mkdir()
    return str(tmp_path / "bucket")


def upload(folder: LedgerFolder | DataFolder, url: str, **more: bool) -> LastUpload:
    dataset = folder.dataset if isinstance(folder, LedgerFolder) else folder
    done = upload_site(dataset, SITE, url, **more)
    assert done is not None
    return done


def publish(kept: LedgerFolder, *numbers: int) -> None:
    kept.publish(*(make_story(number) for number in numbers))
    fill_empty_tables(kept.dataset, kept.ledger)


def content(url: str, path: str) -> bytes | None:
    found = open_bucket(url).get(path)
    return found[0] if found else None


def test_bucket_equals_folder_after_upload(kept: LedgerFolder, url: str) -> None:
    publish(kept, 1, 2)
    kept.dataset.write_text("runs/20250110T063015Z-kalbela-1a2b.json", "{}")
    kept.dataset.write_text("runs/20250110T063015Z-samakal-1a2b.json", "{}")
    archive = f"archive/site={SITE}/date=2025-01-10/20250110T063015Z-kalbela-1a2b.warc.gz"
    kept.dataset.write_text(archive, "WARC")
    kept.dataset.write_text(archive.replace("1a2b", "2b3c"), "of a run in progress")
    assert upload(kept, url).error is None
    expected = {path for path in digests(kept.dataset.root) if f"site={SITE}" in path}
    expected |= {"runs/20250110T063015Z-kalbela-1a2b.json", archive, f"manifests/{SITE}.json"}
    assert {found.path for found in open_bucket(url).list("")} - {".lock"} == expected
    assert all(
        content(url, path) == (kept.dataset.root / path).read_bytes() for path in expected if "manifest" not in path
    )
    assert check_remote(kept.dataset, SITE, url) == ({}, [])


def test_unchanged_files_are_not_sent_again(kept: LedgerFolder, url: str, server: BucketServer) -> None:
    publish(kept, 1, 2)
    upload(kept, url)
    server.requests.clear()
    assert upload(kept, url).error is None
    assert not any(request.startswith(("PUT", "DELETE")) for request in server.requests)


def test_restored_folder_has_equal_tables(kept: LedgerFolder, url: str, tmp_path: Path) -> None:
    publish(kept, 1, 2, 3)
    kept.publish(make_story(3, DECEMBER, revision=2, headline="অন্য শিরোনাম"))
    upload(kept, url)
    other = LedgerFolder.at(tmp_path / "other")
    other.close()
    with pytest.raises(FolderInUse):
        restore_site(other.dataset, SITE, ZONE, url)
    restored = DataFolder(tmp_path / "restored")
    assert not restore_site(restored, SITE, ZONE, url).damaged
    assert digests(restored.root) == digests(kept.dataset.root)
    again = LedgerFolder.at(restored.root)
    assert check(restored, again.ledger) == []
    publish(again, 3, 4)
    assert sorted(again.standing()) == [f"{SITE}:{number}" for number in (1, 2, 3, 4)]
    assert upload(again, url).error is None
    again.close()


def test_second_writer_stops_and_overwrites_nothing(kept: LedgerFolder, url: str, tmp_path: Path) -> None:
    publish(kept, 1)
    upload(kept, url)
    restored = DataFolder(tmp_path / "restored")
    restore_site(restored, SITE, ZONE, url)
    second = LedgerFolder.at(restored.root)
    publish(second, 2)
    assert upload(second, url).error is None
    publish(kept, 3)
    before = content(url, KEY)
    assert "another writer" in str(upload(kept, url).error)
    assert content(url, KEY) == before
    [alarm] = upload_alarms(kept.dataset)
    assert alarm["key"] == f"{SITE}/bucket"
    assert upload(kept, url, take_over=True).error is None
    assert check_remote(kept.dataset, SITE, url) == ({}, [])
    assert not upload_alarms(kept.dataset)
    assert "another writer" in str(upload(second, url).error)
    second.close()


def test_site_moves_to_folder_that_claims_it(url: str, tmp_path: Path) -> None:
    kept = LedgerFolder.at(tmp_path / "data")
    publish(kept, 1)
    upload(kept, url)
    assert is_current(kept.dataset, SITE, url)
    other = DataFolder(tmp_path / "other")
    assert not is_current(other, SITE, url)
    restore_site(other, SITE, ZONE, url, claim=True)
    assert is_current(other, SITE, url)
    assert not is_current(kept.dataset, SITE, url)
    kept.close()
    before = digests(kept.dataset.root)
    set_aside(kept.dataset, SITE)
    assert not kept.dataset.holds(SITE)
    [quarantine] = kept.dataset.quarantine.iterdir()
    assert digests(quarantine) == before
    restore_site(kept.dataset, SITE, ZONE, url, claim=True)
    assert digests(kept.dataset.root) == before
    assert is_current(kept.dataset, SITE, url)
    assert not is_current(other, SITE, url)


def test_lost_race_for_one_file_loses_nothing(kept: LedgerFolder, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program replaces an object between the manifest and the file."""
    publish(kept, 1)
    upload(kept, url)
    publish(kept, 2)
    bucket_class = type(open_bucket(url))
    put = bucket_class.put

    def lose_race(self: Bucket, path: str, new: bytes, e_tag: str | None) -> str:
        if path == KEY:
            self.overwrite(KEY, b"of another program")
        return put(self, path, new, e_tag)

    monkeypatch.setattr(bucket_class, "put", lose_race)
    assert "another writer" in str(upload(kept, url).error)
    assert content(url, KEY) == b"of another program"
    faults, behind = check_remote(kept.dataset, SITE, url)
    assert (list(faults), behind) == ([KEY], [KEY])


@pytest.mark.parametrize("damage", ["changed", "missing", "foreign"])
def test_damage_in_bucket_is_found_and_repaired(kept: LedgerFolder, url: str, damage: str, tmp_path: Path) -> None:
    publish(kept, 1)
    upload(kept, url)
    bucket, path = open_bucket(url), KEY if damage != "foreign" else f"stories/site={SITE}/other.parquet"
    if damage == "missing":
        bucket.delete(path)
    else:
        bucket.overwrite(path, b"not Parquet")
    assert list(check_remote(kept.dataset, SITE, url)[0]) == [path]
    restored = DataFolder(tmp_path / "restored")
    assert list(restore_site(restored, SITE, ZONE, url).damaged) == [path]
    assert not (restored.root / path).exists()
    assert upload(kept, url, take_over=True).error is None
    assert check_remote(kept.dataset, SITE, url) == ({}, [])


def test_file_replaced_during_upload_is_sent_anew(
    kept: LedgerFolder, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(kept, 1)
    bucket_class = type(open_bucket(url))
    put = bucket_class.put

    def publish_meanwhile(self: Bucket, path: str, new: bytes, e_tag: str | None) -> str:
        if path.startswith("manifests/") and not published:
            published.append(path)
            publish(kept, 2)
        return put(self, path, new, e_tag)

    published: list[str] = []
    monkeypatch.setattr(bucket_class, "put", publish_meanwhile)
    assert upload(kept, url).error is None
    assert check_remote(kept.dataset, SITE, url) == ({}, [])


def test_upload_continues_after_its_time(kept: LedgerFolder, url: str) -> None:
    publish(kept, 1)
    assert upload_site(kept.dataset, SITE, url, seconds=-1).error  # type: ignore[union-attr]
    assert check_remote(kept.dataset, SITE, url)[1]
    assert upload(kept, url).error is None
    assert check_remote(kept.dataset, SITE, url) == ({}, [])


@pytest.mark.parametrize("fault", ["closed", "silent", "forbidden"])
def test_unreachable_bucket_is_an_alarm_in_time(
    kept: LedgerFolder, server: BucketServer, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    publish(kept, 1)
    monkeypatch.setattr(addresses, "_REQUEST_SECONDS", 0.5)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        if fault == "closed":
            listener.close()
        if fault != "forbidden":
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        began = time.monotonic()
        error = upload(kept, f"s3://{BUCKET if fault != 'forbidden' else 'no-such-bucket'}/x").error
    assert error
    assert time.monotonic() - began < 20
    assert "dummy" not in error
    [alarm] = upload_alarms(kept.dataset)
    assert alarm["kind"] == "bucket"


@pytest.mark.parametrize(
    "url",
    ["http://example.org/x", "s3://", "s3://user:password@bucket/x", "ftp://a/b", "s3://a/b?c=d", "missing/folder"],
)
def test_invalid_address_is_one_sentence(url: str) -> None:
    with pytest.raises(BucketError) as error:
        open_bucket(url)
    assert "password" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "manifest",
    [b"", b"[]", b'{"site": "kalbela"}', b'{"site": "x"}', b"\xff"]
    + [json.dumps({"site": SITE, "id": "", "at": "", "files": {}, "pending": {"../x": [""]}}).encode()],
)
def test_damaged_manifest_is_one_sentence(kept: LedgerFolder, manifest: bytes, tmp_path: Path) -> None:
    publish(kept, 1)
    (tmp_path / "bucket" / "manifests").mkdir(parents=True)
    (tmp_path / "bucket" / "manifests" / f"{SITE}.json").write_bytes(manifest)
    error = upload(kept, str(tmp_path / "bucket")).error
    assert error
    assert "\n" not in error


def test_removed_partitions_leave_the_bucket(kept: LedgerFolder, url: str) -> None:
    publish(kept, 1)
    kept.publish(make_story(2, NOVEMBER))
    upload(kept, url)
    kept.publish(make_story(2, JANUARY, revision=2))
    assert upload(kept, url).error is None
    assert {p.path for p in open_bucket(url).list("stories")} == {KEY}


def test_bucket_reader_finds_a_missing_story(kept: LedgerFolder, server: BucketServer) -> None:
    """The verification of the other tests can fail."""
    publish(kept, 1)
    objects = {path: (kept.dataset.root / path).read_bytes() for path in digests(kept.dataset.root)}
    reader = BucketReader(revisions={(f"{SITE}:9", 1)})
    with pytest.raises(AssertionError):
        reader(objects)
