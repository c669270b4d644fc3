"""Reader of a bucket that verifies, after each change, what an analyst would find there."""

import hashlib
import io
import json
from collections import Counter
from dataclasses import dataclass, field

import pyarrow.parquet as pq

from pipelines.storage.tables import TABLES
from tests.support.builders import SITE


@dataclass
class BucketReader:
    """Verification of the objects of a bucket; a story that was there once must be found in every later state.

    :ivar prefix: path of the data in the bucket
    """

    prefix: str = ""
    revisions: set[tuple[str, int]] = field(default_factory=set)
    states: int = 0

    def __call__(self, objects: dict[str, bytes]) -> None:
        mine = {path.removeprefix(self.prefix): content for path, content in objects.items()}
        tables = {name: [p for p in mine if p.startswith(f"{name}/")] for name in TABLES}
        newest, superseded = Counter[tuple[str, int]](), Counter[tuple[str, int]]()
        for name, paths in tables.items():
            for path in paths:
                rows = pq.ParquetFile(io.BytesIO(mine[path]), page_checksum_verification=True).read()
                assert rows.schema.names == TABLES[name].schema.names
                if name in ("stories", "revisions"):
                    found = zip(rows["story_id"].to_pylist(), rows["revision"].to_pylist(), strict=True)
                    (newest if name == "stories" else superseded).update(found)
        missing = self.revisions - set(newest) - set(superseded)
        assert not missing, f"{len(missing)} revisions are in no object, such as {min(missing)}"
        assert {story for story, _ in self.revisions} <= {story for story, _ in newest}, "a story is in no object"
        self.revisions |= set(newest) | set(superseded)
        self._verify_manifest(mine, [path for paths in tables.values() for path in paths])
        self.states += 1

    def _verify_manifest(self, mine: dict[str, bytes], paths: list[str]) -> None:
        if (content := mine.get(f"manifests/{SITE}.json")) is None:
            assert not paths
            return
        manifest = json.loads(content)
        for path in {*paths, *manifest["files"], *manifest["pending"]}:
            recorded = manifest["files"].get(path)
            allowed = {recorded["sha256"] if recorded else "", *manifest["pending"].get(path, ())}
            assert (hashlib.sha256(mine[path]).hexdigest() if path in mine else "") in allowed, path
