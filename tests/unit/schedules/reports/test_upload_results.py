"""Alarms of uploads to a bucket."""

from pathlib import Path

from pipelines.buckets.upload_records import LastUpload, records_file
from pipelines.storage.data_folder import DataFolder
from schedules.reports.upload_results import upload_alarms, write_upload


def test_alarm_stands_until_upload_is_complete(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    data.prepare()
    write_upload(data, LastUpload("kalbela", "2026-11-29T00:00:00+00:00", None, None))
    assert upload_alarms(data) == []
    write_upload(data, LastUpload("kalbela", "2026-11-30T00:00:00+00:00", None, "no route"))
    [alarm] = upload_alarms(data)
    assert (alarm["key"], alarm["kind"], alarm["site"]) == ("kalbela/bucket", "bucket", "kalbela")
    assert "no route" in alarm["sentence"] and "2026-11-29" in alarm["sentence"]
    write_upload(data, LastUpload("kalbela", "2026-12-01T00:00:00+00:00", None, None))
    assert upload_alarms(data) == []


def test_damaged_record_is_alarm(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    data.prepare()
    path = records_file(data, "kalbela")
    path.write_bytes(b"no database, but longer than its header" * 20)
    [alarm] = upload_alarms(data)
    assert alarm["key"] == "kalbela/bucket" and path.name in alarm["sentence"]
    write_upload(data, LastUpload("kalbela", "2026-11-29T00:00:00+00:00", None, None))  # does not end the fleet
