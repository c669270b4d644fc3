"""Tests of exports."""

import hashlib
import json
import shutil
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from khobor import main
from pipelines.analysis.data_card import DEFAULT_TABLES, Selection
from pipelines.analysis.export import export, parse_time
from pipelines.analysis.open_table import QueryError, open_table
from pipelines.analysis.query import connect
from pipelines.analysis.runs_table import ALL
from pipelines.storage.errors import DataDamaged
from tests.support.builders import DECEMBER, JANUARY, SITE, LedgerFolder, make_snapshot, make_story, rows_of
from tests.support.processes import start_command
from tests.support.sample_data import SAMPLE

DHAKA = ZoneInfo("Asia/Dhaka")
NEW_YEAR = datetime(2025, 1, 1, tzinfo=DHAKA)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stories of two months with revisions, aliases and lists."""
    kept = LedgerFolder.at(tmp_path_factory.mktemp("data"))
    stories = {1: DECEMBER, 2: NEW_YEAR, 3: JANUARY}
    kept.keep(*(make_story(number, at, body=f"পুরোনো {number}") for number, at in stories.items()))
    kept.keep(*(make_story(number, at, revision=2) for number, at in stories.items() if number < 3))
    kept.keep(make_story(4, None, first_seen_at=JANUARY))
    for number, at in stories.items():
        kept.alias(f"https://www.kalbela.com/x/{number}", number)
        kept.rank(make_snapshot(at, f"শিরোনাম {number}"))
    kept.publish()
    kept.close()
    return kept.dataset.root


def ids(folder: Path, table: str) -> list[str]:
    return sorted(row["story_id"] for row in rows_of(folder, table))


def test_period_exports_stories_with_revisions_and_aliases(data: Path, tmp_path: Path) -> None:
    card = export(data, tmp_path / "out", Selection(since=NEW_YEAR))
    out = tmp_path / "out"
    assert ids(out, "stories") == [f"{SITE}:2", f"{SITE}:3", f"{SITE}:4"]
    assert ids(out, "revisions") == [f"{SITE}:2"]
    assert ids(out, "aliases") == [f"{SITE}:2", f"{SITE}:3"]
    assert [row["headline"] for row in rows_of(out, "rankings")] == ["শিরোনাম 2", "শিরোনাম 3"]
    assert [card["tables"][name]["rows"] for name in DEFAULT_TABLES] == [3, 1, 2, 2]
    assert card["tables"].keys() == {*DEFAULT_TABLES}
    assert card["tables"]["stories"]["first"] == NEW_YEAR.astimezone(UTC).isoformat()
    until = export(data, tmp_path / "before", Selection(until=NEW_YEAR))
    assert (until["tables"]["stories"]["rows"], ids(tmp_path / "before", "stories")) == (1, [f"{SITE}:1"])


def test_card_has_days_of_the_newspaper(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["export", "--data", str(data), "--out", str(out), "--since", "2025-01-01"]) == 0
    assert "2025-01-01 – 2025-01-10" in capsys.readouterr().out  # in UTC, the first is of 31 December
    card = json.loads((out / "card.json").read_text())
    assert (card["selection"]["since"], card["tables"]["stories"]["first"]) == ("2025-01-01T00:00:00+06:00",) * 2
    assert "| `stories` | 3 | 2025-01-01 | 2025-01-10 |" in (out / "README.md").read_text()


def test_full_export_equals_the_data(tmp_path: Path) -> None:
    export(SAMPLE, tmp_path / "out", Selection(tables=tuple(ALL)))
    for name in ALL:
        ours, theirs = (open_table(name, data=folder).to_arrow() for folder in (SAMPLE, tmp_path / "out"))
        assert ours.equals(theirs)
        assert ours.schema.equals(theirs.schema, check_metadata=True)
    with connect(tmp_path / "out", {"kalbela": "Asia/Dhaka"}) as connection:
        [(kept,)] = connection.sql("SELECT sum(stories) FROM coverage_by_day").fetchall()
    assert kept == len(pd.read_parquet(SAMPLE / "stories"))


def test_checksums_match_every_file(data: Path, tmp_path: Path) -> None:
    export(data, tmp_path / "out", Selection())
    sums = (tmp_path / "out" / "SHA256SUMS").read_text().splitlines()
    lines = {name: digest for digest, name in (line.split("  ") for line in sums)}
    files = {
        path.relative_to(tmp_path / "out").as_posix(): path for path in (tmp_path / "out").rglob("*") if path.is_file()
    }
    assert lines.keys() == files.keys() - {"SHA256SUMS"}
    assert all(hashlib.sha256(files[name].read_bytes()).hexdigest() == told for name, told in lines.items())
    card = json.loads(files["card.json"].read_text())
    told = {file["path"]: file["sha256"] for table in card["tables"].values() for file in table["files"]}
    assert told == {name: digest for name, digest in lines.items() if name.endswith(".parquet")}


def test_card_describes_licence_and_columns(data: Path, tmp_path: Path) -> None:
    export(data, tmp_path / "out", Selection(("stories",), [SITE], NEW_YEAR, None, ("headline", "body")))
    text = (tmp_path / "out" / "README.md").read_text()
    frame = pd.read_parquet(tmp_path / "out" / "stories")
    assert list(frame.columns) == ["story_id", "headline", "body", "site", "month"]
    assert all(f"| `{column}` |" in text for column in frame.columns)
    assert "| `section` |" not in text
    assert "belong to the newspapers" in text
    assert "| `stories` | 3 | 2024-12-31 | 2025-01-10 | 1 |" in text
    assert "From: 2024-12-31T18:00:00+00:00" in text
    [row, *_] = open_table("stories", data=tmp_path / "out").to_arrow().to_pylist()
    assert (row["headline"], row["section"]) == (frame["headline"][0], None)


def test_jsonl_equals_parquet(tmp_path: Path) -> None:
    card = export(SAMPLE, tmp_path / "out", Selection(tables=tuple(ALL)), "jsonl")
    for name in ALL:
        lines = (tmp_path / "out" / f"{name}.jsonl").read_text().splitlines()
        assert len(lines) == card["tables"][name]["rows"] == open_table(name, data=SAMPLE).count_rows()
    stories = pd.read_json(tmp_path / "out" / "stories.jsonl", lines=True, dtype=False)
    assert set(stories["story_id"]) == set(pd.read_parquet(SAMPLE / "stories")["story_id"])
    assert "`stories.jsonl`, key `story_id`" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-01-01", NEW_YEAR),
        ("2025-01-01T06:00+06:00", NEW_YEAR + timedelta(hours=6)),
        ("2024-12-31T18:00Z", NEW_YEAR),
    ],
)
def test_day_begins_in_time_zone_of_site(text: str, moment: datetime) -> None:
    assert parse_time(text, ["Asia/Dhaka", "Asia/Dhaka"]) == moment


@pytest.mark.parametrize("text", ["yesterday", "2025-02-30", "2025-01-01T06:00", "২০২৫-০১-০১"])
def test_invalid_time_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match=text):
        parse_time(text, ["Asia/Dhaka"])
    with pytest.raises(QueryError, match="time zone"):
        parse_time("2025-01-01", ["Asia/Dhaka", "Asia/Kolkata"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--out", "{data}/part"], "data folder"), (["--out", "{place}"], "exists"),
     (["--out", "{place}/new", "--columns", "headlin"], "has a column 'headlin'"),
     (["--out", "{place}/new", "--table", "storys"], "did you mean 'stories'"),
     (["--out", "{place}/new", "--site", "kalbla"], "did you mean 'kalbela'"),
     (["--out", "{place}/new", "--since", "yesterday"], "'yesterday'"),
     (["--out", "/nonexistent/new"], "cannot write /nonexistent/new"), ([], "--out")],
)  # fmt: skip
def test_mistake_is_named_and_nothing_is_written(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").write_text("mine")
    before = sorted(SAMPLE.iterdir())
    given = [part.format(data=SAMPLE, place=tmp_path) for part in arguments]
    with pytest.raises(SystemExit) as ended:
        sys.exit(main(["export", "--data", str(SAMPLE), *given]))
    out, complaint = capsys.readouterr()
    assert ended.value.code == (7 if "nonexistent" in message else 2), complaint
    assert message in complaint
    assert (complaint.count("\n"), out) == (1, "")
    assert (sorted(SAMPLE.iterdir()), [path.name for path in tmp_path.iterdir()]) == (before, ["mine"])


@pytest.mark.parametrize("as_json", [True, False])
def test_export_command_prints_card(as_json: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--out", str(tmp_path / "part"), "--since", "2026-01-01"]
    assert main(["export", "--data", str(SAMPLE), *place, *["--json"] * as_json]) == 0
    out = capsys.readouterr().out
    card = json.loads((tmp_path / "part" / "card.json").read_text())
    assert list(card["tables"]) == list(DEFAULT_TABLES)
    if as_json:
        assert json.loads(out) == card
    else:
        assert [line.split()[0] for line in out.splitlines()[1:5]] == list(DEFAULT_TABLES)
    assert [path.name for path in tmp_path.iterdir()] == ["part"]


def test_date_needs_sites_of_one_time_zone(data: Path, tmp_path: Path) -> None:
    both = tmp_path / "both"
    shutil.copytree(data, both)
    shutil.copytree(both / "stories" / f"site={SITE}", both / "stories" / "site=anandabazar")
    export_since = ["export", "--data", str(both), "--since", "2025-01-01", "--out"]
    assert main([*export_since, str(tmp_path / "all")]) == 2
    assert main([*export_since, str(tmp_path / "india"), "--site", "anandabazar"]) == 0
    assert ids(tmp_path / "india", "stories") == ["kalbela:3", "kalbela:4"]  # midnight in Kolkata


def test_unreadable_file_ends_export_without_output(data: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad" / "stories" / f"site={SITE}" / "month=2025-01" / "stories.parquet"
    bad.parent.mkdir(parents=True)
    bad.write_bytes(next(data.rglob("month=2025-01/stories.parquet")).read_bytes()[:-100])
    with pytest.raises(DataDamaged, match="stories cannot be read"):
        export(tmp_path / "bad", tmp_path / "out", Selection(("stories",)))
    assert [path.name for path in tmp_path.iterdir()] == ["bad"]


def test_interrupted_export_leaves_no_folder(tmp_path: Path) -> None:
    code = (
        "import sys, time, pipelines.analysis.data_card, khobor;"
        "pipelines.analysis.data_card.write_card = lambda *all: (print('writing', flush=True), time.sleep(60));"
        f"sys.exit(khobor.main({['export', '--data', str(SAMPLE), '--out', str(tmp_path / 'part')]!r}))"
    )
    with start_command([sys.executable, "-c", code], SAMPLE) as exporting:
        assert exporting.process.stdout
        assert exporting.process.stdout.readline() == "writing\n"
        ended = exporting.ends(signal.SIGINT, within=30)
    assert ended[:3] == (130, "", "khobor: interrupted; nothing was written\n")
    assert list(tmp_path.iterdir()) == []
