"""Tests of table declarations, partitions, keys and JSON rows."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.items import as_row
from pipelines.storage.tables import TABLES, Table, from_json, is_site, to_json
from tests.support.builders import JANUARY, ZONE, make_fetch, make_reject, make_snapshot, make_story


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_declaration_of_table_fits_its_columns(table: Table) -> None:
    names = set(table.schema.names)
    assert {*table.key, *table.order, *table.moments} <= names
    assert table.bloom is None or table.bloom in names
    assert not names & {"site", "month", "date"}  # these are in the path
    assert all(field.metadata[b"meaning"] for field in table.schema)
    assert all(pa.types.is_timestamp(table.schema.field(name).type) for name in table.moments)
    assert (table.partition is None) == (table.moments == ())
    # Every row needs a time for its partition.
    assert not table.moments or not table.schema.field(table.moments[-1]).nullable


@pytest.mark.parametrize(
    ("moment", "month", "date"),
    [
        (datetime(2024, 12, 31, 17, 59, 59, tzinfo=UTC), "2024-12", "2024-12-31"),
        (datetime(2024, 12, 31, 18, 0, tzinfo=UTC), "2025-01", "2025-01-01"),
        (datetime(2025, 1, 31, 23, 59, tzinfo=ZoneInfo("Asia/Dhaka")), "2025-01", "2025-01-31"),
        (datetime(2009, 12, 31, 17, 30, tzinfo=UTC), "2009-12", "2009-12-31"),  # Dhaka had daylight saving time
        (datetime(2024, 2, 29, 18, 0, tzinfo=UTC), "2024-03", "2024-03-01"),
    ],
)
def test_partition_is_in_time_zone_of_site(moment: datetime, month: str, date: str) -> None:
    assert TABLES["stories"].part_of({"published_at": moment}, ZONE) == month
    assert TABLES["rankings"].part_of({"observed_at": moment}, ZONE) == date
    assert TABLES["aliases"].part_of({}, ZONE) == ""


def test_path_has_only_site_and_part() -> None:
    assert str(TABLES["stories"].path("kalbela", "2025-01")) == "stories/site=kalbela/month=2025-01/stories.parquet"
    assert str(TABLES["aliases"].path("kalbela", "")) == "aliases/site=kalbela/aliases.parquet"


@pytest.mark.parametrize(
    ("table", "site", "part"),
    [("stories", "../kalbela", "2025-01"), ("stories", "Kalbela", "2025-01"), ("stories", "", "2025-01"),
     ("stories", "kalbela\n", "2025-01"), ("stories", "kalbela", ""), ("stories", "kalbela", "2025-1"),
     ("stories", "kalbela", "2025-01-03"), ("stories", "kalbela", "2025-01/.."), ("stories", "kalbela", "২০২৫-০১"),
     ("rankings", "kalbela", "2025-01"), ("aliases", "kalbela", "2025-01")],
)  # fmt: skip
def test_invalid_site_or_part_is_refused(table: str, site: str, part: str) -> None:
    with pytest.raises(ValueError, match="not a partition"):
        TABLES[table].path(site, part)


@pytest.mark.parametrize(("name", "legal"), [("kalbela", True), ("bd24_live", True), ("24live", False), ("a-b", False)])
def test_name_of_site_is_plain(name: str, legal: bool) -> None:
    assert is_site(name) is legal


RECORDS: list[tuple[str, Any]] = [
    ("stories", make_story(1, kicker="কিকার", image_caption='"ক"\n\x1fখ', tags=["র‍্যাব", "উদ্‌যাপন"])),
    ("stories", make_story(2, None)),
    ("rankings", make_snapshot(JANUARY, "ক").rows[0]),
    ("fetches", make_fetch(1)),
    ("rejects", make_reject(JANUARY, record='{"a": "খ"}')),
]


@pytest.mark.parametrize(("name", "record"), RECORDS)
def test_row_survives_json(name: str, record: Any) -> None:
    row = as_row(record)
    assert from_json(TABLES[name], to_json(row)) == row


@given(st.text(), st.datetimes(timezones=st.just(UTC)))
def test_any_text_and_time_survive_json(text: str, moment: datetime) -> None:
    row = {"headline": text, "published_at": moment}
    assert from_json(TABLES["stories"], to_json(row)) == row


def test_lone_surrogate_survives_json() -> None:
    text = to_json({"headline": "\ud800"})
    assert text.isascii()
    assert from_json(TABLES["stories"], text) == {"headline": "\ud800"}


def test_equal_times_make_equal_keys() -> None:
    table = TABLES["rankings"]
    abroad = JANUARY.astimezone(timezone(timedelta(hours=6)))
    assert table.key_prefix("latest", abroad) == table.key_prefix("latest", JANUARY)
    row = as_row(make_snapshot(JANUARY, "ক").rows[0])
    assert table.key_of(row).startswith(table.key_prefix("latest", JANUARY))
    assert to_json({"observed_at": abroad}) == to_json({"observed_at": JANUARY})
