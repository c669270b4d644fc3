"""Files of `stories` that keep the stories which moved to another month, until the month to which they moved is sent.

The local files pass through such a state when they are published. A bucket may be several publishes behind, so that the
state is computed anew from the objects in the bucket and the local files.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from pipelines.buckets.contents import open_object
from pipelines.buckets.object_store import Bucket, BucketError
from pipelines.storage.data_folder import DataFolder, Staged
from pipelines.storage.errors import DataDamaged
from pipelines.storage.tables import TABLES

if TYPE_CHECKING:
    import pyarrow as pa

_STORIES = TABLES["stories"]


@contextmanager
def staged_with_moved_rows(
    bucket: Bucket, data_folder: DataFolder, site: str, paths: Sequence[str]
) -> Iterator[dict[str, Staged]]:
    """Yield, by path, the files to send before the final ones, in `.staging/`; they are deleted after the block.

    :param paths: changed files of `stories`
    """
    staged: dict[str, Staged] = {}
    try:
        if len(paths) > 1:
            for path, rows in _moved_rows(bucket, data_folder, site, paths):
                # Not the prefix of the site, because a run deletes the unfinished files of its own site.
                staged[path] = data_folder.stage(_STORIES, f"bucket-{site}", rows)
        yield staged
    finally:
        for file in staged.values():
            file.path.unlink(missing_ok=True)


def _moved_rows(
    bucket: Bucket, data_folder: DataFolder, site: str, paths: Sequence[str]
) -> Iterator[tuple[str, "pa.Table"]]:
    """Yield each file from which stories moved to another of the files, with its new rows and the moved ones."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from pipelines.storage.parquet import read_columns

    root = data_folder.root
    new = {path: set(read_columns(root, PurePosixPath(path), ["story_id"])["story_id"].to_pylist()) for path in paths}
    for path in paths:
        if bucket.e_tag(path) is None:
            continue
        lost = set(_read(bucket, path, ["story_id"])["story_id"].to_pylist()) - new[path]
        if moved := lost & set().union(*(ids for other, ids in new.items() if other != path)):
            old = _read(bucket, path, None)
            rows = old.filter(pc.is_in(old["story_id"], value_set=pa.array(sorted(moved), pa.string())))
            if (current := data_folder.read(_STORIES, site, PurePosixPath(path).parent.name.partition("=")[2])) is None:
                current = _STORIES.schema.empty_table()
            yield path, pa.concat_tables([current, rows]).sort_by([(name, "ascending") for name in _STORIES.order])


def _read(bucket: Bucket, path: str, columns: list[str] | None) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from pipelines.storage.parquet import conform

    try:
        with open_object(bucket, path) as stream, pq.ParquetFile(stream) as file:
            found = file.read(columns=columns)
        return found if columns else conform(_STORIES, found, PurePosixPath(path))
    except (pa.ArrowException, OSError, DataDamaged) as error:
        raise BucketError(f"{path} in {bucket.url} cannot be read ({str(error).splitlines()[0]})") from error
