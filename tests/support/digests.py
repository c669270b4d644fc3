"""Digests of tables and JSON documents that do not depend on the order of rows."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

# A column of at most so many short strings keeps its values, so that they can be renamed.
MOST_VALUES, LONGEST_VALUE = 60, 80
_RUN = re.compile(r"\d{8}T\d{6}Z-(\w+)-[0-9a-f]+")
_RANDOM = re.compile(r"\b(\d{8}T\d{6}Z-\w+)-[0-9a-f]+\b")  # the part of a run id that never repeats
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)?")
_HASH = re.compile(r"\b[0-9a-f]{16,64}\b")
_NAME = re.compile(r"[A-Za-z][\w/-]{0,60}")


def normal(text: str) -> str:
    """Return a name with run ids, moments and hashes replaced by placeholders."""
    return _HASH.sub("HASH", _TIME.sub("TIME", _RUN.sub(r"RUN-\1", text)))


def summary(values: Iterable[Any]) -> dict[str, Any]:
    """Return the counts of a few short values, and otherwise a hash of the sorted multiset of all."""
    texts = [
        _RANDOM.sub(r"\1", value) if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
        for value in values
    ]
    counts = Counter(texts)
    if len(counts) <= MOST_VALUES and all(len(text) <= LONGEST_VALUE for text in counts):
        return {"counts": dict(sorted(counts.items()))}
    digest = hashlib.sha256()
    for text in sorted(texts):
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return {"hash": digest.hexdigest()[:16], "distinct": len(counts)}


# JSON ----------------------------------------------------------------------------------------------------------------


def pointer(path: Iterable[str]) -> str:
    """Join keys as a JSON pointer does."""
    return "/".join(key.replace("~", "~0").replace("/", "~1") for key in path)


def keys_of(pointed: str) -> tuple[str, ...]:
    """Split a JSON pointer into its keys."""
    return tuple(key.replace("~1", "/").replace("~0", "~") for key in pointed.split("/"))


def document(root: str, *documents: Any, sentences: bool = False) -> dict[str, Any]:
    """Return the recursive keys of JSON documents, lists merged, with a summary of the values at each.

    Unless ``sentences`` are wanted, they count as present only: they may be reworded.
    """
    found: dict[str, list[Any]] = {}
    for each in documents:
        for path, value in _leaves((root,), each):
            found.setdefault(pointer(path), []).append(value)
    return {path: summary(values) if sentences else _leaf(values) for path, values in sorted(found.items())}


def _leaves(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves((*path, normal(key)), inner)
    elif isinstance(value, list) and value:
        for inner in value:
            yield from _leaves(path, inner)
    else:
        yield path, value


def _leaf(values: list[Any]) -> dict[str, Any]:
    if any(isinstance(value, str) and not _NAME.fullmatch(value) for value in values):
        return {"text": True}
    return summary(values)


# Tables --------------------------------------------------------------------------------------------------------------


def tables(data: Path) -> dict[str, Any]:
    """Return a digest of every table of a data folder, by the name of its folder."""
    files: dict[str, list[Path]] = {}
    for path in sorted(data.rglob("*.parquet")):
        if (table := path.relative_to(data).parts[0]) not in ("state", "quarantine", ".staging"):
            files.setdefault(table, []).append(path)
    return {table: _table(table, paths) for table, paths in files.items()}


def _table(name: str, paths: list[Path]) -> dict[str, Any]:
    parts = [pq.ParquetFile(path).read() for path in paths]
    whole = pa.concat_tables([part.replace_schema_metadata() for part in parts], promote_options="default")
    columns = {column: _column(f"{name}.{column}", whole[column]) for column in whole.column_names}
    return {"rows": whole.num_rows, "files": len(paths), "columns": columns}


def _column(name: str, column: pa.ChunkedArray) -> dict[str, Any]:
    values = column.drop_null().to_pylist()
    found: dict[str, Any] = {"type": str(column.type), "nulls": column.null_count}
    if pa.types.is_string(column.type) and values and all(value.startswith(("{", "[{")) for value in values):
        return found | {"json": document(name, *map(json.loads, values), sentences=True)}
    if not pa.types.is_nested(column.type):
        found["distinct"] = pc.count_distinct(column).as_py()
    return found | {"values": summary(values)}
