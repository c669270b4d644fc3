"""JSON documents: paths to the entries and to their links, titles, ranks and dates."""

import json
from typing import Any

import pytest

from crawler.decoding.json_documents import JsonEntry, entries_at, html_at, load_json, shape_of
from crawler.entry_points import JsonPath

STORY = {"url": "/a/1", "title": "এক", "n": "৩", "at": 1786947241293, "deep": {"url": "/b/2"}}
READ = JsonPath(rank="n", modified="at")
ENTRY = JsonEntry("/a/1", "এক", 3, "2026-08-17T06:14:01.293000+00:00")


@pytest.mark.parametrize(
    ("document", "items"),
    [
        ([STORY], ""),
        ({"1": STORY}, ""),
        ({"data": [STORY]}, "data"),
        ({"data": {"contents": [STORY]}}, "data.contents"),
        ({"a": {"rows": [STORY]}, "b": {"rows": []}}, "*.rows"),
        ([{"rows": [STORY]}], "*.rows"),
        ({"x": [[{"y": {"story": STORY}}]]}, "**.story"),
        ({"a": 1, "data": [None, 5, "x", {}, {"url": ""}, {"url": 7}, STORY]}, "data"),
    ],
)
def test_path_leads_to_entries(document: Any, items: str) -> None:
    assert [*entries_at(document, JsonPath(items=items, rank="n", modified="at"))] == [ENTRY]


def test_all_objects_follow_document_order() -> None:
    tree = {"items": [{"story": {"url": "/1"}}, {"items": [{"story": {"url": "/2"}}]}, {"story": {"url": "/3"}}]}
    assert [entry.link for entry in entries_at(tree, JsonPath(items="**.story"))] == ["/1", "/2", "/3"]


@pytest.mark.parametrize(
    ("link", "found"), [("deep.url", ["/b/2"]), ("/x/{n}", ["/x/৩"]), ("/x/{none}", []), ("none", []), ("at", [])]
)
def test_link_is_path_or_pattern(link: str, found: list[str]) -> None:
    assert [entry.link for entry in entries_at([STORY], JsonPath(link=link))] == found


@pytest.mark.parametrize(
    ("date", "text"),
    [
        (1786947241, "2026-08-17T06:14:01+00:00"),
        ("2026-08-17", "2026-08-17"),
        (True, None),
        (1e300, None),
        (None, None),
    ],
)
def test_dates_are_moments_or_text(date: Any, text: str | None) -> None:
    assert [entry.modified for entry in entries_at([{"url": "/1", "at": date}], READ)] == [text]


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"[" * 100_000, "[১]".encode("utf-16")])
def test_other_documents_have_no_entries(body: bytes) -> None:
    document = load_json(body)
    assert [*entries_at(document, JsonPath())] == []
    assert html_at(document, "html") == ""


def test_deep_document_gives_its_entries() -> None:
    nested: Any = {"story": {"url": "/1"}}
    for _ in range(20_000):
        nested = [nested]
    assert [entry.link for entry in entries_at(nested, JsonPath(items="**.story"))] == ["/1"]


def test_shape_names_top_keys() -> None:
    assert shape_of({"items": [], "total": 3}).endswith("items, total")
    assert shape_of([1, 2]) == "a list of 2"
    assert "JSON" in shape_of(load_json(b"<html>"))


def test_bom_and_raw_breaks_are_read() -> None:
    assert load_json("\ufeff".encode() + b'{"html": "<p>\n"}') == {"html": "<p>\n"}
    assert html_at(json.loads('{"a": {"html": "<p>"}}'), "a.html") == "<p>"
