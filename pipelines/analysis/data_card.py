"""Selection of the rows to export, and the data card that describes an export.

A data card gives the contents, licence, columns and checksums of the exported files.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipelines.analysis.dictionary import table_entries, table_path, table_section
from pipelines.analysis.runs_table import ALL

DEFAULT_TABLES = ("stories", "revisions", "aliases", "rankings")
CHECKSUMS = "SHA256SUMS"
LICENCE = (
    "The texts, headlines and captions belong to the newspapers and agencies that published them, and are not licensed"
    " by whoever made this export. Keep them for research, cite the address in `url`, do not publish them again, and"
    " check each newspaper's terms and your law. What is counted or derived from them (ranks, times, counts, ids) may"
    " be used freely."
)
_LOAD = {
    "parquet": """\
import pandas as pd

stories = pd.read_parquet("stories")  # `pd.read_parquet` of any folder here reads the table of that name""",
    "jsonl": """\
import pandas as pd

stories = pd.read_json("stories.jsonl", lines=True, dtype=False)  # moments are texts in ISO 8601""",
}


@dataclass(frozen=True)
class Selection:
    """Tables, sites, period and columns to export; an empty ``sites`` or ``columns`` means all of them.

    :ivar zone: time zone of the days on the data card
    """

    tables: Sequence[str] = DEFAULT_TABLES
    sites: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    columns: Sequence[str] = ()
    zone: tzinfo = UTC


def checksums(folder: Path) -> Iterator[tuple[str, int, str]]:
    """Yield the relative path, size in bytes and SHA-256 of each file in a folder and its subfolders."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            yield (
                path.relative_to(folder).as_posix(),
                path.stat().st_size,
                hashlib.file_digest(file, "sha256").hexdigest(),
            )


def build_card(
    folder: Path, tables: Mapping[str, Mapping[str, Any]], selection: Selection, made_at: datetime
) -> dict[str, Any]:
    """Return the data card of an export as JSON-compatible data: its contents, columns and a checksum of each file.

    :param folder: exported folder
    :param tables: description of each exported table, by name
    :param made_at: time of the export
    """
    files = {path: {"path": path, "bytes": size, "sha256": digest} for path, size, digest in checksums(folder)}
    return {
        "title": "A part of what Khobor recorded of the Bengali press",
        "made_at": made_at.isoformat(timespec="seconds"),
        "made_by": f"khobor {version('khobor')}",
        "selection": {
            "tables": list(selection.tables),
            "sites": list(selection.sites) or "all",
            "since": selection.since.astimezone(selection.zone).isoformat() if selection.since else None,
            "until": selection.until.astimezone(selection.zone).isoformat() if selection.until else None,
            "columns": list(selection.columns) or "all",
        },
        "licence": LICENCE,
        "tables": {
            name: {**table, "files": [files[path] for path in table["files"]]} for name, table in tables.items()
        },
    }


def write_card(folder: Path, card: Mapping[str, Any], form: str) -> None:
    """Write the data card of an export as README.md (for people) and card.json (for programs), and a checksum file.

    :param form: format of the exported files, `parquet` or `jsonl`
    """
    (folder / "card.json").write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(_markdown(card, form), encoding="utf-8")
    (folder / CHECKSUMS).write_text(
        "".join(f"{digest}  {path}\n" for path, _, digest in checksums(folder)), encoding="utf-8"
    )


def _markdown(card: Mapping[str, Any], form: str) -> str:
    chosen = card["selection"]
    sites, columns = (
        value if isinstance(value, str) else ", ".join(value) for value in (chosen["sites"], chosen["columns"])
    )
    rows, sections = [], []
    for name, table in card["tables"].items():
        size = sum(file["bytes"] for file in table["files"])
        first, last = ((table[end] or "")[:10] for end in ("first", "last"))
        rows.append(f"| `{name}` | {table['rows']:,} | {first} | {last} | {len(table['files'])} | {size:,} |")
        path = table_path(ALL[name]).removeprefix("data/") if form == "parquet" else f"{name}.jsonl"
        entries = table_entries(ALL[name], only=[column["name"] for column in table["columns"]])
        sections.append(table_section(ALL[name], entries, path))
    return f"""\
# {card["title"]}

Made at {card["made_at"]} by {card["made_by"]}. Newspapers: {sites}. From: {chosen["since"] or "the beginning"}. Until:
{chosen["until"] or "the end"}. Columns: {columns}. `revisions` and `aliases` are those of these stories.

| table | rows | first | last | files | bytes |
| --- | ---: | --- | --- | ---: | ---: |
{chr(10).join(rows)}

```python
{_LOAD[form]}
```

**Licence.** {card["licence"]}

**Times** in the files are UTC; `site`, `month` and `date` are texts, in the newspaper's time zone, like the days above.
**Joins**: `story_id` joins all tables. **Unique stories**: `story_id == cluster_id`; a cluster's first story may be
outside this selection.

**Verification**: `sha256sum --check {CHECKSUMS}`. `card.json` holds this card for programs.

{chr(10).join(f"{section}{chr(10)}" for section in sections)}"""
