"""Tests of the notebook: it runs without network access and is stored without outputs."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from pipelines.analysis.open_table import open_table
from pipelines.publishing.publisher import fill_empty_tables
from tests.support.builders import JANUARY, LedgerFolder, make_story
from tests.support.project import PROJECT
from tests.support.sample_data import SAMPLE

NOTEBOOK = PROJECT / "notebooks" / "first-hour.ipynb"
MAX_CELL_SECONDS, MAX_OUTPUT_BYTES = 60, 500_000
BENGALI = re.compile(r"<text [^>]*>[^<]*[\u0980-\u09ff]")
# Runs before the first cell, and refuses connections to other machines.
NO_NETWORK = """
import ipaddress, sys
def _only_here(event, about):
    if event == "socket.connect" and isinstance(about[1], tuple) and not ipaddress.ip_address(about[1][0]).is_loopback:
        raise ConnectionRefusedError(f"{about[1]} is not on this machine")
    if event == "socket.getaddrinfo" and about[0] not in ("127.0.0.1", "localhost", None):
        raise ConnectionRefusedError(f"the address of {about[0]} was asked for")
sys.addaudithook(_only_here)
"""


def run_notebook() -> list[Any]:
    """Outputs of each code cell."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(NO_NETWORK))
    resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
    client = NotebookClient(notebook, timeout=MAX_CELL_SECONDS, kernel_name="python3", resources=resources)
    return [cell.outputs for cell in client.execute().cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def outputs() -> list[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KHOBOR_DATA", str(SAMPLE))
        return run_notebook()


def test_notebook_runs_without_stderr(outputs: list[Any]) -> None:
    stderr = [output for cell in outputs for output in cell if output.get("name") == "stderr"]
    assert stderr == []
    assert len(outputs) > 15


def test_pictures_keep_bengali_as_text(outputs: list[Any]) -> None:
    pictures = [
        output["data"]["image/svg+xml"]
        for cell in outputs
        for output in cell
        if "image/svg+xml" in output.get("data", {})
    ]
    assert len(pictures) == 6
    assert sum(bool(BENGALI.search(picture)) for picture in pictures) == 2  # headlines, and words of the day
    assert all("Noto Sans Bengali" in picture for picture in pictures if BENGALI.search(picture))


def test_outputs_are_small(outputs: list[Any]) -> None:
    assert 10_000 < sum(len(str(cell)) for cell in outputs) < MAX_OUTPUT_BYTES


def printed(cells: list[Any]) -> str:
    return "".join(output["text"] for cell in cells for output in cell if output.get("name") == "stdout")


def test_any_data_folder_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = LedgerFolder.at(tmp_path)
    kept.publish(make_story(1), make_story(2, JANUARY - timedelta(days=3)))
    fill_empty_tables(kept.dataset, kept.ledger)
    kept.close()
    monkeypatch.setenv("KHOBOR_DATA", str(tmp_path))
    text = printed(run_notebook())
    assert str(tmp_path) in text
    assert "days without a story: 08 Jan, 09 Jan\n" in text


def test_shares_of_sections_refer_to_all(outputs: list[Any]) -> None:
    stories = open_table("stories", data=SAMPLE).to_pandas()
    largest = stories["section"].str.partition("/")[0].value_counts(normalize=True).iloc[0]
    assert f"{largest:.1%} of all stories" in printed(outputs)


def test_notebook_is_stored_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    kept = [cell for cell in notebook.cells if cell.cell_type == "code" and (cell.outputs or cell.execution_count)]
    assert kept == [], "clear the outputs before keeping it"
    nbformat.validate(notebook)


def test_links_point_to_existing_files() -> None:
    text = "\n".join(
        cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "markdown"
    )
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert links
    assert [link for link in links if not Path(NOTEBOOK.parent, link).exists()] == []
