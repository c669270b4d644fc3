"""Removal of old archive files: the references to them go too, and nothing else."""

from datetime import date, timedelta

from pipelines.archive.writer import ArchiveWriter
from pipelines.publishing.archive_removal import remove_archives
from pipelines.publishing.verify import check
from tests.support.builders import JANUARY, LedgerFolder, make_exchange, make_fetch, make_reject

RUN = "20250110T060000Z-kalbela-0001"


def test_old_files_and_their_references_are_removed(kept: LedgerFolder) -> None:
    kept.ledger.runs.begin(RUN, JANUARY, "full")
    writer = ArchiveWriter(kept.dataset, kept.ledger, RUN)
    for day in range(3):
        at = JANUARY + timedelta(days=day)
        fetch = make_fetch(day, at, run_id=RUN)
        place = writer.write(make_exchange(fetch.url, at))
        fetch.archive_file, fetch.archive_offset, fetch.archive_length = place
        kept.ledger.urls.record(fetch)
        kept.ledger.add_reject(make_reject(at, url=fetch.url, page=fetch.archive_place))
    kept.ledger.urls.record(make_fetch(9, JANUARY, run_id=RUN))
    writer.close()
    kept.ledger.runs.end(RUN, JANUARY, "finished", None)
    kept.publish()
    before = kept.rows("fetches")
    assert remove_archives(kept.dataset, kept.ledger, date(2025, 1, 12)) == 2
    assert [path.parent.name for path in kept.dataset.archive_files("kalbela")] == ["date=2025-01-12"]
    columns = ("archive_file", "archive_offset", "archive_length")
    after = {row["url"]: row for row in kept.rows("fetches")}
    for row in before:
        is_removed = row["fetched_at"] < JANUARY + timedelta(days=2)
        assert after[row["url"]] == row | (dict.fromkeys(columns) if is_removed else {})
    assert [row["page"] is not None for row in kept.rows("rejects")] == [False, False, True]
    assert check(kept.dataset, kept.ledger) == []
    assert remove_archives(kept.dataset, kept.ledger, date(2025, 1, 12)) == 0
