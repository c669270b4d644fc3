"""Results of `reread` and `import` as text: what was read, what was left out and why, and what changes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from schedules.cli.render.terminal import plain


def show_reread(results: Sequence[dict[str, Any]], data: Path, out: Path | None) -> None:
    for result in results:
        missing = result["not_archived"]
        print(f"{result['site']}: {result['pages']:,} pages read again{_done(result, out)}")
        for month, pages in missing.items():
            print(f"  {month}: {pages:,} pages are not archived; their rows stay as they are")
        for table in result.get("tables", ()):
            _show_table(table)
    if not results:
        print(f"There is no data of any site in {data}.")


def _done(result: dict[str, Any], out: Path | None) -> str:
    if "tables" not in result:
        return f" into {out}" if out is not None else "; the tables are replaced"
    is_same = not any(table["added"] or table["removed"] or table["columns"] for table in result["tables"])
    return "; nothing would change" if is_same else "; this would change (without --diff, it is done):"


def _show_table(table: dict[str, Any]) -> None:
    if not (table["added"] or table["removed"] or table["columns"]):
        return
    print(f"\n{table['table']}: {table['added']:,} rows more, {table['removed']:,} rows less, of {table['before']:,}")
    for column in table["columns"]:
        print(f"  {column['column']}: {column['rows']:,} rows")
        for key, before, after in column["examples"]:
            print(f"    {plain(key)}: {_value(before)} → {_value(after)}")


def _value(text: str | None) -> str:
    return "null" if text is None else f"“{plain(' '.join(text.split()))}”"


_REASONS = {
    "other_url": "on the host of no known site",
    "not_a_story": "not the page of a story",
    "known": "in the data already",
    "no_response": "requests, metadata and descriptions of the file",
    "revisit": "revisit records whose page is neither in these files nor in the data",
    "other_type": "of another type than a response",
    "not_http": "not an HTTP response to an http or https URL",
    "invalid_url": "with a URL that is not valid, or contains a user name",
    "no_date": "without a date and time",
    "impossible_date": "dated before 1990 or in the future",
    "undecodable": "with a body that cannot be decompressed",
    "too_large": "larger than 8 MiB",
    "truncated": "cut short",
    "cut_by_writer": "cut short by the program that wrote it",
    "wrong_length": "with a wrong length",
    "corrupt": "damaged",
}


def show_import(result: dict[str, Any]) -> None:
    for site, found in result["sites"].items():
        gained = f"{found['stories']:,} stories and {found['revisions']:,} revisions more"
        print(f"{site}: {found['pages']:,} pages imported; {gained}")
        if outcomes := found["outcomes"]:
            print(f"  {' · '.join(f'{n:,} {name}' for name, n in outcomes.items())}")
    if not result["sites"]:
        print("No page of a known site was found.")
    if skipped := result["skipped"]:
        print(f"{result['records']:,} records read; of these not imported:")
    for reason, n in skipped.items():
        text = _REASONS.get(reason) or f"with {reason.replace('_', ' ')}"
        print(f"  {n:>9,}  {text}")
