"""The data dictionary: every table and column in words, from the same lines that make the schema."""

from typing import Any

from crawler.records import Outcome
from pipelines.tables import TABLES, Table

BEGIN = "<!-- from here to the end: written by `khobor dictionary --write` -->"


def as_data() -> dict[str, Any]:
    """The dictionary as plain data, for JSON."""
    return {
        "tables": {name: _table(table) for name, table in TABLES.items()},
        "outcomes": {outcome.value: outcome.meaning for outcome in Outcome},
    }


def as_markdown() -> str:
    """The dictionary as Markdown, one section per table."""
    sections = [_section(table) for table in TABLES.values()]
    outcomes = "\n".join(f"| `{outcome.value}` | {outcome.meaning} |" for outcome in Outcome)
    return "\n\n".join([*sections, f"## The outcomes of `fetches`\n\n| outcome | meaning |\n| --- | --- |\n{outcomes}"])


def refreshed(readme: str) -> str:
    """The text of `data/README.md` with its dictionary as it must be now."""
    return f"{readme.partition(BEGIN)[0]}{BEGIN}\n\n{as_markdown()}\n"


def _table(table: Table) -> dict[str, Any]:
    columns = [
        {
            "name": field.name,
            "type": str(field.type),
            "nullable": field.nullable,
            "meaning": field.metadata[b"meaning"].decode(),
        }
        for field in table.schema
    ]
    return {"grain": table.grain, "path": _path(table), "key": list(table.key), "columns": columns}


def _section(table: Table) -> str:
    rows = "\n".join(
        f"| `{field.name}` | {_type(str(field.type))} | {'' if field.nullable else 'always'} |"
        f" {field.metadata[b'meaning'].decode()} |"
        for field in table.schema
    )
    partitions = ["| `site` | partition | always | name of the newspaper |"]
    if table.partition:
        moments = ", else ".join(f"`{name}`" for name in table.moments)
        partitions.append(f"| `{table.partition}` | partition | always | of {moments}, in the newspaper's time zone |")
    key = ", ".join(f"`{name}`" for name in table.key)
    return (
        f"## `{table.name}`: {table.grain}\n\n`{_path(table)}`, key {key}\n\n"
        f"| column | type | present | meaning |\n| --- | --- | --- | --- |\n{rows}\n" + "\n".join(partitions)
    )


def _path(table: Table) -> str:
    part = f"/{table.partition}=…" if table.partition else ""
    return f"data/{table.name}/site=…{part}/{table.name}.parquet"


def _type(arrow: str) -> str:
    return {
        "string": "text",
        "timestamp[us, tz=UTC]": "moment, UTC",
        "list<element: string>": "list of texts",
        "list<item: string>": "list of texts",
    }.get(arrow, arrow)
