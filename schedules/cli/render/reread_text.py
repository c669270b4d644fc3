"""Results of `reread`, `replay` and `import` as text: pages read, pages left out with the reason, and changes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from schedules.cli.output import short_path
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


def _show_table(table: Mapping[str, Any]) -> None:
    if not (table["added"] or table["removed"] or table["columns"]):
        return
    print(f"\n{table['table']}: {table['added']:,} rows more, {table['removed']:,} rows less, of {table['before']:,}")
    for column in table["columns"]:
        print(f"  {column['column']}: {column['rows']:,} rows")
        for key, before, after in column["examples"]:
            print(f"    {plain(key)}: {_value(before)} → {_value(after)}")


def _value(text: str | None) -> str:
    return "null" if text is None else f"“{plain(' '.join(text.split()))}”"


_EXPLAINED = (
    ("lost", "responses of then are not in the archive, or were removed on request"),
    ("earlier", "requests that were not sent then got the last page of an earlier run"),
    ("not_archived", "requests that were not sent then have no page in the archive: their outcome is `pending`"),
)


def show_replay(results: Sequence[Mapping[str, Any]], out: Path) -> None:
    for result in results:
        state = result["state"]
        runs = len(result["runs"])
        print(f"{result['site']}: {runs} {'run' if runs == 1 else 'runs'} replayed into {short_path(out)}")
        print(f"  State before: {state['pages']:,} pages of the four weeks before read again.")
        for month, pages in state["not_archived"].items():
            print(f"  {month}: {pages:,} pages are not archived; their rows stay as they are")
        for run in result["runs"]:
            _show_run(run)
        _show_differences(result["tables"])


def _show_run(run: Mapping[str, Any]) -> None:
    night, replayed = run["night"], run["replay"]
    print(f"\n{run['run_id']}: {replayed['requests'] or 0:,} requests (then {night['requests'] or 0:,})")
    for name, text in _EXPLAINED:
        if n := run["answers"][name]:
            print(f"  {n:,} {text}")
    for when, report in (("then", night), ("now", replayed)):
        verdict = report["verdict"]
        problems = "".join(f"\n    {plain(problem)}" for problem in verdict["problems"])
        print(f"  {when}: exit code {int(verdict['exit_code'])}{problems}")


def _show_differences(tables: Sequence[Mapping[str, Any]]) -> None:
    if any(table["added"] or table["removed"] or table["columns"] for table in tables):
        print("\nDifferences from the rows of then:")
    else:
        rows = ", ".join(f"{table['before']:,} {table['table']}" for table in tables)
        print(f"\nAll rows are equal: {rows}.")
    for table in tables:
        _show_table(table)


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
