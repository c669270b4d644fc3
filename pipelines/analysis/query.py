"""SQL queries on the tables and views of a data folder, in DuckDB; the SQL can access no other file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from signal import SIG_BLOCK, SIG_SETMASK, SIGINT, SIGTERM, pthread_sigmask
from threading import Event, Thread
from typing import TYPE_CHECKING
from unicodedata import normalize

import pyarrow as pa

from pipelines.analysis.open_table import QueryError, open_schema, open_table
from pipelines.analysis.runs_table import ALL
from pipelines.analysis.sql_views import VIEWS, sql_of
from pipelines.storage.errors import DataDamaged

if TYPE_CHECKING:
    import duckdb

_ROWS_AT_ONCE = 10_000
# DuckDB's message when PyArrow cannot read a file.
_UNREADABLE = re.compile(r"stream registered as '(?P<table>\w+)' failed: (?P<reason>(?:IOError|Invalid): [^\n]*)")
# DuckDB opens no file, because it reads the tables through PyArrow. A check of the kind of statement would not be
# enough: a SELECT may contain a COPY.
_NO_FILE_ACCESS = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    # The folder for spilled data would be open to SQL, so nothing is spilled: a query beyond the memory fails.
    "temp_directory": "",
    "max_temp_directory_size": "0B",
    "memory_limit": "2GiB",
}


def connect(data: Path | None, zones: Mapping[str, str]) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB connection with the tables and views of a data folder; its time zone is UTC.

    :param data: path of the data folder, or None for empty tables
    :param zones: time zone of each newspaper, for the views that group by day
    """
    import duckdb

    connection = duckdb.connect(config=dict(_NO_FILE_ACCESS))
    connection.execute("SET TimeZone = 'UTC'")
    with suppress(duckdb.InvalidInputException):  # a notebook may not have this setting
        connection.execute("SET enable_progress_bar = false")
    for name, table in ALL.items():
        connection.register(name, open_table(name, data=data).dataset if data else open_schema(table).empty_table())
    for view in VIEWS.values():
        connection.execute(f"CREATE VIEW {view.name} AS {sql_of(view, zones)}")
    connection.execute("SET lock_configuration = true")
    return connection


def is_empty(data: Path) -> bool:
    return not any((data / name).is_dir() for name in ALL)


@contextmanager
def execute(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[pa.RecordBatchReader]:
    """Run SQL statements and yield a reader of the rows of the last one.

    The SQL is first converted to Unicode normal form C (NFC), in which all text is stored. Raises :class:`QueryError`
    with DuckDB's message for invalid SQL, and :class:`DataDamaged` for an unreadable file.
    """
    import duckdb

    sql = normalize("NFC", sql)
    try:
        sql.encode()
    except UnicodeEncodeError as error:
        raise QueryError("the SQL is not valid UTF-8: check the encoding of the terminal or file") from error
    try:
        if not connection.extract_statements(sql):
            raise QueryError("no SQL was given; `SHOW TABLES` lists the tables")
        relation = connection.sql(sql)
        rows = pa.table({}).to_reader() if relation is None else relation.to_arrow_reader(_ROWS_AT_ONCE)
        try:
            yield rows
        finally:  # a thread of DuckDB that outlives the connection aborts the process
            rows.close()
            if relation is not None:
                relation.close()
    except duckdb.Error as error:
        if match := _UNREADABLE.search(str(error)):
            raise DataDamaged(PurePath(match["table"]), f"cannot be read ({match['reason']})") from error
        # Omit the excerpt of the statement that follows.
        raise QueryError(" ".join(str(error).partition("\n\nLINE ")[0].split())) from error


def run_query(connection: duckdb.DuckDBPyConnection, sql: str, use: Callable[[pa.RecordBatchReader], None]) -> None:
    """Run SQL and pass a reader of its rows to ``use``.

    Both run in a thread, so that the main thread can handle signals while DuckDB is working.
    """
    errors: list[BaseException] = []
    done = Event()  # a signal would make `join` return before the thread ends

    def work() -> None:
        try:
            with execute(connection, sql) as rows:
                use(rows)
        except BaseException as error:  # noqa: BLE001 - raised in the calling thread
            errors.append(error)
        finally:
            done.set()

    thread = Thread(target=work, daemon=True)
    try:
        # Signals are blocked until the thread runs, because it inherits the mask and must receive none.
        mask = pthread_sigmask(SIG_BLOCK, (SIGINT, SIGTERM))
        try:
            thread.start()
        finally:
            pthread_sigmask(SIG_SETMASK, mask)
        done.wait()
    except BaseException:
        while thread.ident and not done.wait(0.05):  # DuckDB ignores an interrupt that comes before it begins
            connection.interrupt()
        thread.join()
        raise
    thread.join()
    if errors:
        raise errors[0]
