"""The data card of an export: what it holds, whose the texts are, and how to tell that nothing was changed since."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.analysis.dictionary import ALL, entries_of, path_of, section_of

if TYPE_CHECKING:
    from pipelines.analysis.selection import Exported, Selection

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


def card_of(folder: Path, tables: Sequence[Exported], selection: Selection, made_at: datetime) -> dict[str, Any]:
    """The card as plain data; the checksums are of the files as they lie in the folder."""
    from pipelines.analysis.selection import checksums

    sums = {path: (size, digest) for path, size, digest in checksums(folder)}
    return {
        "title": "A part of what Khobor recorded of the Bengali press",
        "made_at": made_at.isoformat(timespec="seconds"),
        "made_by": f"khobor {version('khobor')}",
        "selection": {
            "tables": list(selection.tables),
            "sites": list(selection.sites) or "all",
            "since": selection.since.astimezone(UTC).isoformat() if selection.since else None,
            "until": selection.until.astimezone(UTC).isoformat() if selection.until else None,
            "columns": list(selection.columns) or "all",
        },
        "licence": LICENCE,
        "tables": {each.table.name: _table(folder, each, sums) for each in tables},
    }


def _table(folder: Path, exported: Exported, sums: Mapping[str, tuple[int, str]]) -> dict[str, Any]:
    paths = sorted(path.relative_to(folder).as_posix() for path in exported.files)
    return {
        "grain": exported.table.grain,
        "key": list(exported.table.key),
        "rows": exported.rows,
        "first": exported.first.isoformat() if exported.first else None,
        "last": exported.last.isoformat() if exported.last else None,
        "columns": [
            {"name": entry.name, "type": entry.type, "meaning": entry.meaning}
            for entry in entries_of(exported.table, only=exported.columns)
        ],
        "files": [{"path": path, "bytes": sums[path][0], "sha256": sums[path][1]} for path in paths],
    }


def write_card(folder: Path, card: Mapping[str, Any], kind: str) -> None:
    """Write the card for people (README.md) and programs (card.json), and the checksums of all files."""
    from pipelines.analysis.selection import checksums

    (folder / "card.json").write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(_markdown(card, kind), encoding="utf-8")
    lines = [f"{digest}  {path}\n" for path, _, digest in checksums(folder)]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def _markdown(card: Mapping[str, Any], kind: str) -> str:
    chosen = card["selection"]
    sites = chosen["sites"] if isinstance(chosen["sites"], str) else ", ".join(chosen["sites"])
    columns = chosen["columns"] if isinstance(chosen["columns"], str) else ", ".join(chosen["columns"])
    rows = "\n".join(
        f"| `{name}` | {told['rows']:,} | {_day(told['first'])} | {_day(told['last'])} | {len(told['files'])} |"
        f" {sum(file['bytes'] for file in told['files']):,} |"
        for name, told in card["tables"].items()
    )
    sections = [
        section_of(
            ALL[name], entries_of(ALL[name], only=[column["name"] for column in told["columns"]]), _where(name, kind)
        )
        for name, told in card["tables"].items()
    ]
    return f"""\
# {card["title"]}

Made at {card["made_at"]} by {card["made_by"]}. Newspapers: {sites}. From: {chosen["since"] or "the beginning"}. Until:
{chosen["until"] or "the end"}. Columns: {columns}. `revisions` and `aliases` are those of the stories in it.

| table | rows | first | last | files | bytes |
| --- | ---: | --- | --- | ---: | ---: |
{rows}

```python
{_LOAD[kind]}
```

**Whose texts.** {card["licence"]}

**Times** are UTC; `site`, `month` and `date` are texts, in the newspaper's own time zone. **Joins**: `story_id` joins
all tables. **Unique stories**: `story_id == cluster_id`; a cluster's first story may lie outside of this selection.

**Unchanged?** `sha256sum --check {CHECKSUMS}`. `card.json` says all this for programs.

{chr(10).join(f"{section}{chr(10)}" for section in sections)}"""


def _where(name: str, kind: str) -> str:
    return path_of(ALL[name]).removeprefix("data/") if kind == "parquet" else f"{name}.jsonl"


def _day(moment: str | None) -> str:
    return moment[:10] if moment else ""
