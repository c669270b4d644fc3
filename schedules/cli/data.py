"""Commands that read the stored data: `tables`, `query`, `export` and `dictionary`."""

import argparse
import sys
from contextlib import closing
from datetime import UTC
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from schedules.cli.arguments import Commands, names
from schedules.cli.output import interruptible, print_error, print_lines, print_result, short_path
from schedules.cli.sites import open_data
from schedules.paths import DATA, SAMPLE

FORMATS = ("table", "csv", "json", "jsonl", "parquet")
_EXAMPLE_SQL = "SELECT day, stories FROM coverage_by_day ORDER BY day DESC LIMIT 7"
_TABLES_HELP = "table (repeatable; default: stories, revisions, aliases, rankings)"


def add_to(commands: Commands) -> None:
    commands.add(tables, "summarise the tables", "tables --json")
    parser = commands.add(query, "run SQL over tables and views (SHOW TABLES lists them)", f'query "{_EXAMPLE_SQL}"')
    parser.add_argument("sql", metavar="SQL", help="DuckDB SQL; - reads it from standard input")
    parser.add_argument("--format", choices=FORMATS, help="default: table, or as the name of --out")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write to this file, atomically")
    exporting = commands.add(
        export, "copy part of the data, with data card and checksums", "export --since 2026-01-01 --out january"
    )
    exporting.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to create")
    exporting.add_argument("--table", action="append", default=[], metavar="NAME", help=_TABLES_HELP)
    exporting.add_argument("--site", action="append", default=[], metavar="SITE", help="only this site (repeatable)")
    exporting.add_argument(
        "--since", metavar="TIME", help="from this day or moment: 2026-01-11, 2026-01-11T06:00+06:00"
    )
    exporting.add_argument("--until", metavar="TIME", help="before this day or moment")
    exporting.add_argument("--columns", type=names, default=(), metavar="A,B", help="only these columns and the keys")
    exporting.add_argument("--format", choices=("parquet", "jsonl"), default="parquet", help="format (%(default)s)")
    describing = commands.add(dictionary, "print the data dictionary", "dictionary > dictionary.md")
    describing.add_argument("--write", action="store_true", help="update data/README.md")


def tables(options: argparse.Namespace) -> int:
    from pipelines.analysis.table_summary import table_sizes
    from schedules.cli.render.table_summary_text import show_table_summary

    summary = table_sizes(open_data(options.data))
    print_result(summary, options.json, lambda: show_table_summary(summary))
    return 0


def query(options: argparse.Namespace) -> int:
    from crawler.registry import zones
    from pipelines.analysis.query import connect, is_empty, run_query
    from pipelines.analysis.writers import choose_format, require_outside, write_result
    from schedules.cli.render.query_result import show_rows

    data = open_data(options.data).root
    out = require_outside(options.out, data) if options.out else None
    kind = choose_format("json" if options.json else options.format, out)
    sql = sys.stdin.buffer.read().decode(errors="surrogateescape") if options.sql == "-" else options.sql
    write = show_rows if kind == "table" else partial(write_result, form=kind, out=out)
    with interruptible(), closing(connect(data, zones())) as connection:
        run_query(connection, sql, write)
    if is_empty(data):
        sample = f"; try the sample with --data {short_path(SAMPLE)}" if SAMPLE.is_dir() else ""
        print_error(f"there is no data in {data} yet{sample}")
    return 0


def export(options: argparse.Namespace) -> int:
    from crawler.registry import zones
    from pipelines.analysis.data_card import DEFAULT_TABLES, Selection
    from pipelines.analysis.export import export as export_data
    from pipelines.analysis.export import parse_time
    from schedules.cli.render.query_result import show_export

    data = open_data(options.data)
    own = {site: zone for site, zone in zones().items() if (site in options.site if options.site else data.holds(site))}
    since, until = (parse_time(text, own.values()) if text else None for text in (options.since, options.until))
    zone = ZoneInfo(next(iter(own.values()))) if len(set(own.values())) == 1 else UTC
    selection = Selection(options.table or DEFAULT_TABLES, options.site, since, until, options.columns, zone)
    with interruptible():
        card = export_data(data.root, options.out, selection, options.format)
    print_result(card, options.json, lambda: show_export(card, options.out))
    return 0


def dictionary(options: argparse.Namespace) -> int:
    from pipelines.analysis.dictionary import as_data, as_markdown, update_readme

    sample = SAMPLE if SAMPLE.is_dir() else None
    if options.write:
        readme = DATA / "README.md"
        readme.write_text(update_readme(readme.read_text(), sample))
    else:
        print_lines(as_data(sample), options.json, [as_markdown(sample)])
    return 0
