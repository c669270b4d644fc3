"""Removal of stories on request, from the tables, the archive (WARC) and the ledger (the site's SQLite crawl state).

The first step marks the stories as removed: with a row in `rejects` each, and in the ledger. From then on no run,
import or rebuild stores them. All further steps remove whatever is left of the marked stories, so a removal that was
killed at any point is completed by the next one.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from crawler.clock import now
from crawler.items import Reject, as_row
from pipelines.archive.record_removal import remove_records
from pipelines.ledger import Ledger
from pipelines.ledger.stories import REMOVED_ON_REQUEST
from pipelines.publishing.archive_removal import PLACE, nulled
from pipelines.publishing.exchange import rebuilt_folder
from pipelines.publishing.publisher import fill_empty_tables, publish, rewrite
from pipelines.publishing.reindex import index_snapshots
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.failpoint import reached
from pipelines.storage.run_ids import new_run_id
from pipelines.storage.tables import TABLES

StoryOf = Callable[[str], str | None]
_WHOLE_ROWS = ("stories", "revisions", "aliases", "sightings")
_TEXTS = ("detail", "record", "page")


def stories_to_remove(
    data_folder: DataFolder, ledger: Ledger, story_id: str, url: str, story_of: StoryOf
) -> dict[str, str]:
    """Return the URLs of a story and of all its aliases by story id; empty if nothing of it is stored.

    :param story_id: the story, or an alias of it
    :param story_of: function from URL to story id
    """
    aliases = ledger.stories.aliases()
    original = next((target for other, target in aliases if story_of(other) == story_id), story_id)
    found = {story_of(other) or original: other for other, target in aliases if target == original}
    if known := ledger.stories.get(original):
        return found | {original: known.url, story_id: url}
    if found or ledger.stories.is_removed(story_id) or _has_rows(data_folder, ledger, story_id):
        return found | {story_id: url}
    return {}


def _has_rows(data_folder: DataFolder, ledger: Ledger, story_id: str) -> bool:
    """Return True if a response or a reject of a story is stored, though the story itself is not."""
    for name, column in (("fetches", "archive_file"), ("rejects", "record")):
        for part, _ in ledger.outbox.files_of(TABLES[name]):
            rows = data_folder.read(TABLES[name], ledger.site, part)
            assert rows is not None
            if pc.any(pc.and_(pc.equal(rows["story_id"], story_id), pc.is_valid(rows[column]))).as_py():
                return True
    return False


def remove_stories(
    data_folder: DataFolder, ledger: Ledger, stories: Mapping[str, str], story_of: StoryOf
) -> dict[str, int]:
    """Remove stories and keep them from being stored again; return what was removed, by kind.

    The caller holds the lock of the site and has published all rows.

    :param stories: URL by story id
    """
    shutil.rmtree(rebuilt_folder(data_folder, ledger.site), ignore_errors=True)  # of an interrupted `khobor reread`
    _mark(ledger, stories)
    publish(data_folder, ledger)
    reached("forget.marked")
    removed = Counter(dict.fromkeys((*_WHOLE_ROWS, "rankings", "rejects", "fetches", "responses", "unreadable"), 0))
    ids = sorted(ledger.stories.removed())
    for name in _WHOLE_ROWS:
        removed[name] = rewrite(data_folder, ledger, TABLES[name], lambda rows: rows.filter(pc.invert(_of(rows, ids))))
        reached("forget.rows")
    for name, change in (("rankings", _without_headlines), ("rejects", _without_texts), ("fetches", _without_places)):
        rewrite(data_folder, ledger, TABLES[name], _counted(change, ids, removed, name))
    for place in data_folder.archive_files(ledger.site):
        responses, unreadable = remove_records(data_folder, ledger.site, place, lambda url: story_of(url) in ids)
        removed["responses"] += responses
        removed["unreadable"] += unreadable
    with ledger.transaction():
        for story_id in ids:
            ledger.delete_story(story_id)
    index_snapshots(data_folder, ledger)
    publish(data_folder, ledger)
    fill_empty_tables(data_folder, ledger)
    reached("forget.published")
    ledger.compact()
    return dict(removed)


def _mark(ledger: Ledger, stories: Mapping[str, str]) -> None:
    at, run_id = now(), new_run_id(ledger.site)
    with ledger.transaction():
        for story_id, url in stories.items():
            if ledger.stories.mark_removed(story_id):
                row = Reject(
                    site=ledger.site,
                    rejected_at=at,
                    url=url,
                    story_id=story_id,
                    reason=REMOVED_ON_REQUEST,
                    run_id=run_id,
                )
                ledger.outbox.add_row("rejects", as_row(row))


def _counted(
    change: Callable[[pa.Table, list[str]], tuple[pa.Table, pa.ChunkedArray]],
    ids: list[str],
    removed: Counter[str],
    name: str,
) -> Callable[[pa.Table], pa.Table]:
    def counting(rows: pa.Table) -> pa.Table:
        changed, where = change(rows, ids)
        removed[name] += pc.sum(where).as_py() or 0
        return changed

    return counting


def _of(rows: pa.Table, ids: list[str]) -> pa.ChunkedArray:
    return pc.is_in(rows["story_id"], value_set=pa.array(ids, pa.string()))


def _without_headlines(rows: pa.Table, ids: list[str]) -> tuple[pa.Table, pa.ChunkedArray]:
    where = pc.and_(_of(rows, ids), pc.is_valid(rows["headline"]))
    return nulled(rows, ("headline",), where), where


def _without_places(rows: pa.Table, ids: list[str]) -> tuple[pa.Table, pa.ChunkedArray]:
    where = pc.and_(_of(rows, ids), pc.is_valid(rows["archive_file"]))
    return nulled(rows, PLACE, where), where


def _without_texts(rows: pa.Table, ids: list[str]) -> tuple[pa.Table, pa.ChunkedArray]:
    """Remove the texts of the rejects of a story, and of those of lists that contain it."""
    named = _of(rows, ids)
    for story_id in ids:
        named = pc.or_(named, pc.fill_null(pc.match_substring(rows["record"], f'"{story_id}"'), False))
    has_text = pc.or_(pc.is_valid(rows["record"]), pc.or_(pc.is_valid(rows["detail"]), pc.is_valid(rows["page"])))
    where = pc.and_(named, has_text)
    return nulled(rows, _TEXTS, where), where
