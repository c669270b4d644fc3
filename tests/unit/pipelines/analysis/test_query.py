"""Tests of SQL queries: views, access to files, formats and the command."""

import csv
import io
import json
import signal
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import strategies as st

from khobor import main
from pipelines.analysis.open_table import QueryError, open_table
from pipelines.analysis.query import connect, execute, run_query
from pipelines.analysis.sql_views import VIEWS
from pipelines.analysis.writers import write_csv, write_json, write_jsonl
from pipelines.storage.errors import DataDamaged
from tests.support.builders import digests
from tests.support.processes import start_command
from tests.support.project import PROJECT
from tests.support.properties import examples, holds
from tests.support.sample_data import SAMPLE

ZONES = {"kalbela": "Asia/Dhaka"}


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(SAMPLE, ZONES) as connection:
        yield connection


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run `khobor query` on the sample; returns exit code, stdout and stderr."""
    code = main(["query", *arguments, "--data", str(SAMPLE)])
    message = capsys.readouterr()
    return code, message.out, message.err


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, object]]:
    with execute(connection, sql) as found:
        return list(found.read_all().to_pylist())


def sample(name: str) -> pd.DataFrame:
    return open_table(name, data=SAMPLE).to_pandas()


def test_view_table_and_command_show_equal_intervals(
    connection: duckdb.DuckDBPyConnection, capsys: pytest.CaptureFixture[str]
) -> None:
    order = "entered_by, list, best_rank, story_id"
    found = rows(connection, f"FROM rank_intervals ORDER BY {order}")
    assert found == open_table("rank_intervals", data=SAMPLE).to_arrow().to_pylist()
    assert main(["ranks", "--top", "--limit", "999", "--json", "--data", str(SAMPLE)]) == 0
    shown = {(row["list"], row["story_id"], row["entered_by"]): row for row in json.loads(capsys.readouterr().out)}
    assert len(shown) == len(found)
    for row in found:
        printed = shown[row["list"], row["story_id"], row["entered_by"].isoformat()]  # type: ignore[attr-defined]
        assert all(printed[name] == row[name] for name in ("certain_minutes", "possible_minutes", "headlines"))


def test_story_history_view_lists_all_changes(connection: duckdb.DuckDBPyConnection) -> None:
    standing, before = sample("stories"), sample("revisions")
    found = pd.DataFrame(rows(connection, "FROM story_history ORDER BY story_id, revision"))
    assert len(found) == len(standing) + len(before)
    assert set(found[found["is_current"]]["story_id"]) == set(standing["story_id"])
    every = pd.concat([standing, before]).sort_values(["story_id", "revision"]).reset_index(drop=True)
    later = every["story_id"].eq(every["story_id"].shift())
    assert later.sum() > 10
    for name in ("headline", "body"):
        changed = every[name].ne(every[name].shift())[later]
        assert found[f"{name}_changed"][later].tolist() == changed.tolist()
        assert found[f"{name}_changed"][~later].isna().all()
    assert found["appeared_after"][later].tolist() == every["fetched_at"].shift()[later].tolist()
    assert found["words_added"][later].tolist() == every["word_count"].diff()[later].tolist()


def test_alias_has_the_id_of_its_url() -> None:
    aliases = sample("aliases")
    assert set(aliases["kind"]) == {"exact_duplicate", "url"}
    assert (aliases["alias_id"].str.partition(":")[2] == aliases["url"].str.rpartition("/")[2]).all()
    assert ((aliases["alias_id"] == aliases["story_id"]) == (aliases["kind"] == "url")).all()


def test_unique_stories_are_cluster_heads(connection: duckdb.DuckDBPyConnection) -> None:
    stories = sample("stories")
    heads = set(stories[stories["story_id"] == stories["cluster_id"]]["story_id"])
    assert {row["story_id"] for row in rows(connection, "FROM unique_stories")} == heads
    assert 0 < len(heads) < len(stories)


def test_coverage_day_is_local_to_site(connection: duckdb.DuckDBPyConnection) -> None:
    stories = sample("stories")
    at = stories["published_at"].fillna(stories["first_seen_at"])
    days = Counter(at.dt.tz_convert("Asia/Dhaka").dt.date)
    found = rows(connection, "FROM coverage_by_day")
    assert {row["day"]: row["stories"] for row in found} == days
    assert days != Counter(at.dt.date)  # so that the time zone matters
    numbers = stories["story_id"].str.partition(":")[2].astype(int)
    assert (min(r["lowest_id"] for r in found), max(r["highest_id"] for r in found)) == (numbers.min(), numbers.max())  # type: ignore[type-var]


def test_report_becomes_a_row_of_runs(connection: duckdb.DuckDBPyConnection) -> None:
    reports = {path.stem: json.loads(path.read_bytes()) for path in (SAMPLE / "runs").glob("*.json")}
    found = {str(row["run_id"]): row for row in rows(connection, "FROM runs")}
    assert found.keys() == reports.keys()
    for run_id, row in found.items():
        report = reports[run_id]
        assert row["stories_new"] == report["stories"]["new"]
        assert row["exit_code"] == report["verdict"]["exit_code"]
        assert row["started_at"] == pd.Timestamp(report["started_at"])


def test_sparse_report_becomes_a_row_of_runs(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    report = {"run_id": "20250101T000000Z-kalbela-0000", "site": "kalbela", "started_at": "2025-01-01T00:00:00+00:00"}
    (tmp_path / "runs" / "one.json").write_text(json.dumps(report))
    [row] = open_table("runs", data=tmp_path).to_arrow().to_pylist()
    assert (row["run_id"], row["exit_code"], row["rejected"]) == (report["run_id"], None, None)
    (tmp_path / "runs" / "two.json").write_text("[]")
    with pytest.raises(DataDamaged, match=r"runs/two.json is not the report of a run"):
        open_table("runs", data=tmp_path)


@pytest.mark.parametrize("name", VIEWS)
def test_views_of_empty_folder_have_no_rows(name: str, tmp_path: Path) -> None:
    with connect(tmp_path, ZONES) as connection:
        assert rows(connection, f"FROM {name}") == []
        assert set(connection.table(name).columns) == set(VIEWS[name].columns)


def test_query_of_empty_folder_prints_a_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "SELECT count(*) AS n FROM stories", "--json", "--data", str(tmp_path)]) == 0
    out, message = capsys.readouterr()
    assert json.loads(out) == [{"n": 0}]
    assert str(tmp_path) in message


@pytest.mark.parametrize(
    "sql",
    ["COPY stories TO '{place}'", "COPY (SELECT 1) TO '{data}/stories/site=kalbela/x.parquet'",
     "WITH x AS (COPY (SELECT 1) TO '{place}') SELECT 1", "EXPLAIN ANALYZE COPY (SELECT 1) TO '{place}'",
     "EXPORT DATABASE '{place}'", "ATTACH '{place}' AS other", "ATTACH '{data}/state/kalbela.sqlite' (TYPE sqlite)",
     "SELECT * FROM read_text('/etc/hostname')", "SELECT * FROM read_text('{data}/README.md')",
     "SELECT * FROM read_parquet('{data}/stories/**/*.parquet')", "FROM '{data}/README.md'",
     "SELECT * FROM glob('/etc/*')", "SELECT * FROM 'https://127.0.0.1:9/x.parquet'", "INSTALL httpfs", "LOAD sqlite",
     "SET enable_external_access = true", "RESET lock_configuration", "SET allowed_directories = ['/']",
     "SET temp_directory = '{place}'", "PRAGMA enable_profiling = 'json'", "SET profile_output = '{place}'",
     "CALL enable_logging(storage = 'file', storage_path = '{place}'); FROM read_text('{place}')",
     "INSERT INTO stories SELECT * FROM stories", "DROP TABLE stories", "DELETE FROM stories",
     "SELECT * FROM connection", "PREPARE x AS COPY (SELECT 1) TO '{place}'; EXECUTE x"],
)  # fmt: skip
def test_sql_cannot_reach_files(sql: str, tmp_path: Path) -> None:
    before = digests(SAMPLE)
    with connect(SAMPLE, ZONES) as connection, pytest.raises(QueryError):
        rows(connection, sql.format(place=tmp_path / "x", data=SAMPLE))
    assert digests(SAMPLE) == before
    assert not list(tmp_path.iterdir())
    assert not (SAMPLE / "stories" / "site=kalbela" / "x.parquet").exists()


@pytest.mark.parametrize(
    ("sql", "message"),
    [("SELECT * FROM storys", "storys does not exist! Did you mean"), ("SELECT headlin FROM stories", "headlin"),
     ("SELEC 1", 'syntax error at or near "SELEC"'), ("", "no SQL was given"), ("-- a thought", "no SQL was given"),
     ("SELECT CAST(headline AS INTEGER) FROM stories", "Conversion Error")],
)  # fmt: skip
def test_wrong_sql_gives_one_sentence(sql: str, message: str, connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(QueryError) as raised:
        rows(connection, sql)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("form", ["NFC", "NFD", "precomposed"])
def test_needle_is_normalised(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    needle = "\u09df" if form == "precomposed" else unicodedata.normalize(form, "\u09df")
    expected = sample("stories")["headline"].str.contains("\u09af\u09bc").sum()
    code, out, _ = run(capsys, f"SELECT count(*) AS n FROM stories WHERE headline LIKE '%{needle}%'", "--json")
    assert (code, json.loads(out)) == (0, [{"n": expected}])
    assert expected > 5
    condition = pc.match_substring(pc.field("headline"), needle)
    if form == "precomposed":
        with pytest.raises(QueryError, match="NFC"):
            open_table("stories", data=SAMPLE).to_arrow(condition)
    else:
        assert len(open_table("stories", data=SAMPLE).to_arrow(condition)) == expected


def test_sql_in_another_encoding_is_refused(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(QueryError, match="UTF-8"):
        rows(connection, "SELECT '\udce0'")


def test_last_of_several_statements_is_returned(connection: duckdb.DuckDBPyConnection) -> None:
    assert rows(connection, "CREATE TEMP TABLE t AS SELECT 3 AS x; SELECT x FROM t") == [{"x": 3}]
    assert rows(connection, "PIVOT (SELECT 1 AS a, 2 AS b) ON a USING max(b)") == [{"1": 2}]


def test_unreadable_file_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "stories" / "site=kalbela" / "month=2026-01" / "stories.parquet"
    path.parent.mkdir(parents=True)
    [good] = (SAMPLE / "stories").rglob("month=2026-01/stories.parquet")
    path.write_bytes(good.read_bytes()[:20_000])
    with connect(tmp_path, ZONES) as connection, pytest.raises(DataDamaged, match=r"khobor check"):
        rows(connection, "SELECT max(body) FROM stories")
    assert main(["query", "SELECT max(body) FROM stories", "--data", str(tmp_path)]) == 8


def test_wrong_page_checksum_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "rankings" / "site=kalbela" / "date=2026-01-11" / "rankings.parquet"
    path.parent.mkdir(parents=True)
    [good] = (SAMPLE / "rankings").rglob("date=2026-01-11/rankings.parquet")
    content = bytearray(good.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)
    with connect(tmp_path, ZONES) as connection, pytest.raises(DataDamaged):
        rows(connection, "SELECT max(COLUMNS(*)) FROM rankings")


HOSTILE = pa.table(
    {
        "=name": ["=1+1", "+1", "-1", "@x", "\tx", "＝1", "ক=খ", None],
        "number": [-1.5, 0.0, float("nan"), float("inf"), 1e300, -0.0, 2.5, None],
        "list": [["=1"], [], None, ["ক", "খ"], ["\x1b[2J"], [], [], []],
        "at": pa.array([0, None, 1, 2, 3, 4, 5, 6], pa.timestamp("us", "UTC")),
    }
)


def test_csv_escapes_formulas() -> None:
    out = io.StringIO()
    write_csv(HOSTILE.to_reader(), out)
    head, *found = csv.reader(io.StringIO(out.getvalue()))
    assert head == ["'=name", "number", "list", "at"]
    assert [row[0] for row in found] == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "'＝1", "ক=খ", ""]
    assert found[0][1:] == ["-1.5", '["=1"]', "1970-01-01T00:00:00+00:00"]


def test_json_keeps_numbers_and_escapes_controls() -> None:
    lines, whole = io.StringIO(), io.StringIO()
    write_jsonl(HOSTILE.to_reader(), lines)
    write_json(HOSTILE.to_reader(), whole)
    found = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert found == json.loads(whole.getvalue())
    assert [row["number"] for row in found] == [-1.5, 0.0, None, None, 1e300, 0.0, 2.5, None]
    assert found[3]["list"] == ["ক", "খ"]
    assert "\x1b" not in lines.getvalue()


@pytest.mark.parametrize("sql", ["SELECT 1 AS x WHERE false", "SELECT 1 AS x"])
def test_json_without_rows_is_an_empty_list(sql: str, connection: duckdb.DuckDBPyConnection) -> None:
    out = io.StringIO()
    with execute(connection, sql) as found:
        write_json(found, out)
    assert json.loads(out.getvalue()) == ([] if "false" in sql else [{"x": 1}])


@pytest.mark.parametrize("kind", ["csv", "json", "jsonl", "parquet"])
def test_query_writes_result_to_file(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / f"answer.{kind}"
    sql = "SELECT story_id, word_count FROM stories ORDER BY 1"
    assert run(capsys, sql, "--out", str(place)) == (0, "", "")
    read = pd.read_json(place, lines=True) if kind == "jsonl" else getattr(pd, f"read_{kind}")(place)
    expected = sample("stories")[["story_id", "word_count"]].sort_values("story_id")
    assert read.values.tolist() == expected.values.tolist()
    assert [path.name for path in tmp_path.iterdir()] == [place.name]


def test_terminal_table_is_limited_to_200_rows(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, message = run(capsys, "SELECT headline, rank FROM rankings")
    assert (code, "--out" in message) == (0, True)
    assert out.split()[:2] == ["headline", "rank"]
    assert len(out.splitlines()) == 201
    _, wide, _ = run(capsys, "FROM stories LIMIT 1")
    assert wide.startswith("row 1\n")
    assert {line.split()[0] for line in wide.splitlines()} >= {"story_id", "image_caption", "month"}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["SELEC 1"], 2, "syntax error"),
        (["SELECT 1", "--out", "{data}/stories/x.csv"], 2, "data folder"),
        (["SELECT 1", "--out", "x.xlsx"], 2, "--format"),
        (["SELECT 1", "--out", "x.csv", "--format", "table"], 2, "--format"),
        (["SELECT 1", "--format", "parquet"], 2, "--out FILE"),
        (["SELECT INTERVAL 1 DAY", "--out", "{place}/x.parquet"], 2, "cast it to text"),
        (["SELECT 1", "--out", "/nonexistent/x.csv"], 7, "cannot write /nonexistent/x.csv"),
    ],
)
def test_mistake_is_named_and_leaves_no_file(
    arguments: list[str], code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended, out, complaint = run(capsys, *(part.format(data=SAMPLE, place=tmp_path) for part in arguments))
    assert ended == code, complaint
    assert message in complaint
    assert (complaint.count("\n"), out, list(tmp_path.iterdir())) == (1, "", [])


# The one before DuckDB gives anything, the other when it has given the first rows.
@pytest.mark.parametrize(("endless", "number"), [("count(*)", signal.SIGINT), ("x", signal.SIGTERM)])
def test_interrupted_query_leaves_no_file(endless: str, number: int, tmp_path: Path) -> None:
    sql = f"SELECT {endless} FROM range(1000000000000) AS t(x) WHERE x < 5 OR x > 999999999990"
    code = (
        "import sys, pipelines.analysis.query, khobor; answer = pipelines.analysis.query.run_query;"
        "pipelines.analysis.query.run_query = lambda *all: (print('asking', flush=True), answer(*all));"
        f"sys.exit(khobor.main({['query', sql, '--data', str(SAMPLE), '--out', str(tmp_path / 'x.csv')]!r}))"
    )
    with start_command([sys.executable, "-c", code], SAMPLE) as asking:
        assert asking.process.stdout
        assert asking.process.stdout.readline() == "asking\n"
        ended = asking.ends(number, within=30)
    assert ended[:3] == (128 + number, "", "khobor: interrupted; nothing was written\n")
    assert list(tmp_path.iterdir()) == []


def test_sql_is_read_from_standard_input() -> None:
    command = [sys.executable, "-m", "khobor", "query", "-", "--data", str(SAMPLE), "--json"]
    done = subprocess.run(command, cwd=PROJECT, input="SELECT 1 AS x", capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [{"x": 1}]


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO '.tmp/x.csv'",
        "COPY (SELECT 1) TO '.tmp/nested/x.parquet'",
        "ATTACH '.tmp/x.db'",
        "SELECT * FROM read_text('.tmp/*')",
        "SELECT * FROM glob('.tmp/*')",
        "EXPORT DATABASE '.tmp'",
        "SET temp_directory = '.tmp'",
        "SET memory_limit = '100GB'",
    ],
)
def test_query_cannot_use_temporary_folder(sql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".tmp").mkdir()
    (tmp_path / ".tmp" / "secret").write_text("secret")
    with connect(None, {"kalbela": "Asia/Dhaka"}) as connection, pytest.raises(QueryError):
        run_query(connection, sql, lambda rows: None)
    assert [path.name for path in (tmp_path / ".tmp").rglob("*")] == ["secret"]


PATHS = (
    "{here}/x",
    "{here}/secret",
    "./secret",
    "../secret",
    "file:{here}/secret",
    "{data}/stories/**",
    "/etc/hostname",
)
READS = (
    "read_text('{}')",
    "read_blob('{}')",
    "read_csv('{}')",
    "read_parquet('{}')",
    "read_json('{}')",
    "glob('{}')",
    "'{}'",
)
WRITES = (
    "COPY (SELECT 1) TO '{}'",
    "COPY stories TO '{}' (FORMAT parquet)",
    "EXPORT DATABASE '{}'",
    "ATTACH '{}' AS o",
)
READ_FORMS = (
    "SELECT * FROM {}", "FROM {}", "SELECT (SELECT count(*) FROM {})", "WITH a AS (FROM {}) FROM a",
    "PREPARE a AS FROM {}", "CREATE TABLE a AS FROM {}", "EXPLAIN ANALYZE FROM {}", "SELECT 1; FROM {}",
    "SELECT * FROM stories, {}",
    "CREATE VIEW v AS FROM {}; FROM v", "SUMMARIZE {}", "FROM query('FROM ' || $q${}$q$)",
)  # fmt: skip
WRITE_FORMS = (
    "{}",
    "SELECT 1; {}",
    "/* x */ {}",
    "EXPLAIN ANALYZE {}",
    "PREPARE a AS {}; EXECUTE a",
    "BEGIN; {}; COMMIT",
)


def check_sandbox(connection: duckdb.DuckDBPyConnection, here: Path, path: str, use: str, form: str, case: str) -> None:
    statement = form.format(getattr(use, case)().format(path.format(here=here, data=SAMPLE)))
    with pytest.raises(QueryError):
        run_query(connection, statement, lambda rows: rows.read_all())
    assert [(file.name, file.read_text()) for file in here.iterdir()] == [("secret", "secret")], statement


@examples
def test_no_statement_reaches_a_file(examples: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text("secret")
    paths, cases = st.sampled_from(PATHS), st.sampled_from(["lower", "upper", "swapcase"])
    reads = st.tuples(st.sampled_from(READS), st.sampled_from(READ_FORMS))
    writes = st.tuples(st.sampled_from(WRITES), st.sampled_from(WRITE_FORMS))
    with connect(None, ZONES) as connection:

        def check(path: str, statement: tuple[str, str], case: str) -> None:
            check_sandbox(connection, tmp_path, path, *statement, case)

        holds(check, paths, reads | writes, cases, examples=examples)


def test_process_with_unread_rows_ends_in_order() -> None:
    code = (
        "import sys; from contextlib import closing; from pathlib import Path;"
        "from pipelines.analysis.query import connect, run_query\n"
        "for sql in ('FROM range(100000000)', 'FROM range(9000000) LIMIT 5', 'FROM stories a, stories b') * 3:\n"
        "    with closing(connect(Path(sys.argv[1]), {})) as connection:\n"
        "        run_query(connection, sql, lambda rows: next(iter(rows)))\n"
        "print('done')"
    )
    done = subprocess.run([sys.executable, "-c", code, str(SAMPLE)], cwd=PROJECT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "done\n")


@pytest.mark.parametrize("command", ["report", "metrics"])
@pytest.mark.parametrize("folder", ["stories", "stories/site=kalbela", "state", "runs"])
def test_output_inside_tables_is_refused(
    command: str, folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / folder).mkdir(parents=True)
    out = tmp_path / folder / "part.parquet"
    assert run(capsys, command, "--out", str(out), "--data", str(tmp_path))[0] == 2
    assert not out.exists()
