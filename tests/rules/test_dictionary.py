"""The documents of the data: every table, view and column in them exists, and every one that exists is in them."""

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipelines.analysis.dictionary import BEGIN, as_data, table_entries, update_readme
from pipelines.analysis.query import connect
from pipelines.analysis.runs_table import RUNS
from pipelines.analysis.sql_views import VIEWS
from pipelines.storage.tables import TABLES
from tests.support.project import PROJECT
from tests.support.sample_data import SAMPLE

README = PROJECT / "data" / "README.md"
_SECTION = re.compile(r"^## (?:View )?`(\w+)`: (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| ((?:[^|\\]|\\.)+) \|", re.MULTILINE)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(SAMPLE, {"kalbela": "Asia/Dhaka"}) as connection:
        yield connection


def documented() -> dict[str, list[str]]:
    """By table and view the columns that data/README.md describes."""
    return {found[1]: [row[1] for row in _ROW.finditer(found[3])] for found in _SECTION.finditer(README.read_text())}


def test_every_table_and_view_that_exists_is_documented_and_the_other_way_round(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    there = {name for (name,) in connection.sql("SHOW TABLES").fetchall()}
    assert documented().keys() == there == {*TABLES, RUNS.name, *VIEWS}


@pytest.mark.parametrize("name", [*TABLES, RUNS.name, *VIEWS])
def test_every_column_that_exists_is_documented_and_the_other_way_round(
    name: str, connection: duckdb.DuckDBPyConnection
) -> None:
    assert documented()[name] == connection.table(name).columns


@pytest.mark.parametrize("name", VIEWS)
def test_every_column_of_a_view_has_a_meaning_and_every_meaning_a_column(
    name: str, connection: duckdb.DuckDBPyConnection
) -> None:
    assert set(VIEWS[name].columns) == set(connection.table(name).columns)
    assert all(VIEWS[name].columns.values())


def test_the_dictionary_in_the_data_folder_is_fresh() -> None:
    text = README.read_text()
    assert text == update_readme(text, SAMPLE), "`khobor dictionary --write` makes it fresh"


def test_shares_of_nulls_are_those_of_the_sample() -> None:
    told = {entry.name: entry for entry in table_entries(TABLES["stories"], SAMPLE)}
    rows = duckdb.sql(f"FROM read_parquet('{SAMPLE}/stories/**/*.parquet')").to_arrow_table()
    assert told["agency"].nulls == pytest.approx(rows["agency"].null_count / len(rows))
    assert str(told["headline"].example).removesuffix(" …") in " ".join(rows["headline"].to_pylist())
    assert (told["headline"].nullable, told["agency"].nullable) == (False, True)


def test_columns_named_in_the_prose_exist() -> None:
    prose = README.read_text().partition(BEGIN)[0]
    known = {*TABLES, RUNS.name, *VIEWS} | {name for columns in documented().values() for name in columns}
    named = set(re.findall(r"`([a-z_]+)`", prose))
    assert named <= known | {"open_table"}


@pytest.mark.parametrize("page", ["README.md", "docs/analyse.md"])
def test_sql_in_the_documents_can_be_asked(page: str, connection: duckdb.DuckDBPyConnection) -> None:
    text = Path(PROJECT, page).read_text()
    for sql in re.findall(r'khobor query "([^"]+)"', text) + re.findall(r"```sql\n(.*?)```", text, re.DOTALL):
        if sql != "SQL":
            connection.sql(sql).fetchall()


def test_the_dictionary_as_data_has_all_that_the_page_has() -> None:
    told = as_data(SAMPLE)
    columns = {name: [column["name"] for column in table["columns"]] for name, table in told["tables"].items()}
    columns |= {name: [column["name"] for column in view["columns"]] for name, view in told["views"].items()}
    assert columns == documented()
