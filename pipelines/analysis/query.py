"""Query: SQL over the tables and views of a data folder, which can read those and touch nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from signal import SIG_BLOCK, SIG_SETMASK, SIGINT, SIGTERM, pthread_sigmask
from threading import Event, Thread
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.dataset as ds

from pipelines.analysis.open_table import NAMES, QueryError, open_schema, open_table
from pipelines.analysis.runs_table import RUNS
from pipelines.analysis.sql_views import VIEWS, sql_of
from pipelines.storage.errors import DataDamaged
from pipelines.storage.tables import TABLES

if TYPE_CHECKING:
    import duckdb

_ROWS_AT_ONCE = 10_000
# What DuckDB says when PyArrow failed on a file.
_UNREADABLE = re.compile(r"stream registered as '(?P<table>\w+)' failed: (?P<reason>(?:IOError|Invalid): [^\n]*)")
_NOTHING = pa.table({})
# DuckDB itself opens no file, neither to read nor to write: it sees the tables through PyArrow. A gate on the kind of
# statement would not do, since a SELECT may hold a COPY.
_SHUT = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}


def opened(data: Path | None, zones: Mapping[str, str]) -> duckdb.DuckDBPyConnection:
    """A connection that knows the tables and views of a data folder; moments are shown in UTC.

    :param data: None for tables without rows
    :param zones: the time zone of each newspaper, by which days are told apart
    """
    import duckdb

    connection = duckdb.connect(config=dict(_SHUT))
    connection.execute("SET TimeZone = 'UTC'")
    with suppress(duckdb.InvalidInputException):  # it would be printed among the rows; a notebook may know of none
        connection.execute("SET enable_progress_bar = false")
    for name in NAMES:
        connection.register(name, open_table(name, data=data).dataset if data else _without_rows(name))
    for view in VIEWS.values():
        connection.execute(f"CREATE VIEW {view.name} AS {sql_of(view, zones)}")
    connection.execute("SET lock_configuration = true")
    return connection


def holds_nothing(data: Path) -> bool:
    """Whether no run has kept anything in the folder yet."""
    return not any((data / name).is_dir() for name in NAMES)


def _without_rows(name: str) -> ds.Dataset:
    table = RUNS if name == RUNS.name else TABLES[name]
    return ds.dataset(open_schema(table).empty_table())


@contextmanager
def asked(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[pa.RecordBatchReader]:
    """The answer to a statement (the last, of several), read bit by bit.

    Raises :class:`QueryError` for SQL that DuckDB cannot carry out, with what it says of it, and
    :class:`DataDamaged` for a file that cannot be read.
    """
    import duckdb

    try:
        if not connection.extract_statements(sql):
            raise QueryError("no SQL was given; `SHOW TABLES` lists what there is")
        relation = connection.sql(sql)
        yield _NOTHING.to_reader() if relation is None else relation.to_arrow_reader(_ROWS_AT_ONCE)
    except duckdb.Error as error:
        if found := _UNREADABLE.search(str(error)):
            raise DataDamaged(PurePath(found["table"]), f"cannot be read ({found['reason']})") from error
        raise QueryError(_first_of(str(error))) from error


def answer(connection: duckdb.DuckDBPyConnection, sql: str, use: Callable[[pa.RecordBatchReader], None]) -> None:
    """Have the answer to a statement used, bit by bit, in a thread: so a signal is heard while DuckDB is at work."""
    failed: list[BaseException] = []
    over = Event()  # `join` takes a thread for ended when a signal comes

    def ask() -> None:
        try:
            with asked(connection, sql) as rows:
                use(rows)
        except BaseException as error:  # noqa: BLE001 - raised where the answer is waited for
            failed.append(error)
        finally:
            over.set()

    asking = Thread(target=ask, daemon=True)
    try:
        _start_unheard(asking)
        over.wait()
    except BaseException:
        while asking.ident and not over.wait(0.05):  # an interrupt that comes before DuckDB begins is lost
            connection.interrupt()
        raise
    if failed:
        raise failed[0]


def _start_unheard(thread: Thread) -> None:
    """Start a thread that hears no signal, and is known to have started before one is heard here."""
    before = pthread_sigmask(SIG_BLOCK, (SIGINT, SIGTERM))
    try:
        thread.start()
    finally:
        pthread_sigmask(SIG_SETMASK, before)


def _first_of(message: str) -> str:
    """What is wrong and what DuckDB guesses was meant, without the picture of the line."""
    return " ".join(message.partition("\n\nLINE ")[0].split())
