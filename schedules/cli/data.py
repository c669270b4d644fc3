"""What is in the data, and getting at it: `tables`, `query`, `export` and `dictionary`."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import NoReturn

from schedules.cli.arguments import Commands, names
from schedules.cli.output import answer, complain, shown
from schedules.cli.sites import existing
from schedules.exit_codes import Interrupted
from schedules.paths import DATA, SAMPLE
from schedules.signals import handle_signals

FORMATS = ("table", "csv", "json", "jsonl", "parquet")
_EXAMPLE_SQL = "SELECT day, stories FROM coverage_by_day ORDER BY day DESC LIMIT 7"
_TAKEN = "this table (repeatable); stories, revisions, aliases and rankings unless given"


def add_to(commands: Commands) -> None:
    """Add them to the parser."""
    commands.add(tables, "what is in the data", "tables --json")
    answering = commands.add(query, "SQL over the tables and views (SHOW TABLES lists them)", f'query "{_EXAMPLE_SQL}"')
    answering.add_argument("sql", metavar="SQL", help="DuckDB's SQL; - reads it from standard input")
    answering.add_argument("--format", choices=FORMATS, help="table, unless --out names a file of another kind")
    answering.add_argument("--out", type=Path, metavar="FILE", help="write here; the file appears whole")
    taking = commands.add(
        export, "a part of the data, with a data card and checksums", "export --since 2026-01-01 --out january"
    )
    taking.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder to make")
    taking.add_argument("--table", action="append", default=[], metavar="NAME", help=_TAKEN)
    taking.add_argument("--site", action="append", default=[], metavar="SITE", help="only this newspaper (repeatable)")
    taking.add_argument(
        "--since", metavar="TIME", help="from this day (2026-01-11) or moment (2026-01-11T06:00+06:00) on"
    )
    taking.add_argument("--until", metavar="TIME", help="before this day or moment")
    taking.add_argument(
        "--columns", type=names, default=(), metavar="A,B", help="only these, and what rows are known by"
    )
    taking.add_argument("--format", choices=("parquet", "jsonl"), default="parquet", help="(%(default)s)")
    telling = commands.add(dictionary, "the data dictionary", "dictionary > dictionary.md")
    telling.add_argument("--write", action="store_true", help="refresh data/README.md")


def tables(options: argparse.Namespace) -> int:
    """What is in the data."""
    from pipelines.analysis.table_summary import table_sizes
    from schedules.cli.render.table_summary_text import show_table_summary

    found = table_sizes(existing(options.data))
    answer(found, options.json, lambda: show_table_summary(found))
    return 0


def query(options: argparse.Namespace) -> int:
    """SQL over the tables and views."""
    from crawler.registry import zones
    from pipelines.analysis.query import connect, is_empty, run_query
    from pipelines.analysis.writers import choose_format, require_outside, write_result
    from schedules.cli.render.query_result import show_rows

    data = existing(options.data).root
    place = require_outside(options.out, data) if options.out else None
    kind = choose_format("json" if options.json else options.format, place)
    sql = sys.stdin.read() if options.sql == "-" else options.sql
    write = show_rows if kind == "table" else partial(write_result, form=kind, out=place)
    with _giving_up_when_told(), closing(connect(data, zones())) as connection:
        run_query(connection, sql, write)
    if is_empty(data):
        complain(f"nothing is kept in {data} yet; --data {shown(SAMPLE)} has something to try")
    return 0


def export(options: argparse.Namespace) -> int:
    """A part of the data in a folder of its own."""
    from crawler.registry import zones
    from pipelines.analysis.export import export as exported
    from pipelines.analysis.export import parse_time
    from pipelines.analysis.selection import DEFAULT_TABLES, Selection
    from schedules.cli.render.query_result import show_export

    known = zones()
    chosen = [zone for site, zone in known.items() if not options.site or site in options.site]
    since, until = (parse_time(text, chosen) if text else None for text in (options.since, options.until))
    selection = Selection(options.table or DEFAULT_TABLES, options.site, since, until, options.columns)
    with _giving_up_when_told():
        card = exported(existing(options.data).root, options.out, selection, options.format)
    answer(card, options.json, lambda: show_export(card, options.out))
    return 0


@contextmanager
def _giving_up_when_told() -> Iterator[None]:
    """What only reads is told by an exception to end, so that it leaves nothing half-written."""
    told: list[Interrupted] = []

    def end(number: int, _: object) -> NoReturn:
        told.append(Interrupted(number, "interrupted; nothing was written"))
        raise told[0]

    with handle_signals(end):
        try:
            yield
        except BaseException as error:
            if told:  # DuckDB makes an exception of its own of it
                raise told[0] from error
            raise


def dictionary(options: argparse.Namespace) -> int:
    """The data dictionary."""
    from pipelines.analysis.dictionary import as_data, as_markdown, update_readme

    sample = SAMPLE if SAMPLE.is_dir() else None
    if options.write:
        readme = DATA / "README.md"
        readme.write_text(update_readme(readme.read_text(), sample))
        return 0
    answer(as_data(sample), options.json, lambda: print(as_markdown(sample)))
    return 0
