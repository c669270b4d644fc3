"""Run the Bengali benchmark, write its pages for other tools, or score their results; see README.md beside it."""

import argparse
import json
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from benchmarks.bengali.families import FAMILIES, Story
from benchmarks.bengali.scoring import Scores, mean, score
from benchmarks.extraction import read_by_all
from benchmarks.report import table

_STORIES = Path(__file__).with_name("stories.json")
HEADS = ("", "pages", "word F1", "precision", "recall", "paragraphs", "joiners", "headline", "byline", "day", "agency")


def stories() -> list[Story]:
    return [Story(**value) for value in json.loads(_STORIES.read_text(encoding="utf-8"))]


def pages() -> dict[str, tuple[str, str, Story]]:
    """Return the pages by URL, as (family, HTML, story)."""
    return {
        f"https://{name.replace('_', '-')}.example/news/{story.id}": (name, build(story), story)
        for name, build in FAMILIES.items()
        for story in stories()
    }


def scores_of(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Scores]:
    """Return the mean scores by family, and of all pages under the empty name."""
    every = pages()
    by_family: dict[str, list[Scores]] = {}
    for url, (family, _, story) in every.items():
        by_family.setdefault(family, []).append(score(rows.get(url), story))
    return {name: mean(found) for name, found in {"": [*chain(*by_family.values())], **by_family}.items()}


def _cells(name: str, scores: Scores, count: int) -> list[str]:
    values = (scores.f1, scores.precision, scores.recall, scores.paragraphs, scores.joiners, scores.headline)
    values += (scores.byline, scores.day, scores.agency)  # type: ignore[assignment]
    return [name, str(count), *("–" if value is None else f"{value:.3f}" for value in values)]


def report(results: Mapping[str, Mapping[str, Mapping[str, Any]]], notes: Iterable[str] = ()) -> str:
    """Return a table of all contestants, and one of the families for each."""
    scores = {name: scores_of(rows) for name, rows in results.items()}
    count, families = len(pages()), len(FAMILIES)
    parts = [table(HEADS, [_cells(name, every[""], count) for name, every in scores.items()])]
    for name, every in scores.items():
        rows = [_cells(family, found, count // families) for family, found in every.items() if family]
        parts.append(f"By family, {name}:\n\n{table(HEADS, rows)}")
    return "\n\n".join((*parts, *notes))


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.bengali", description=__doc__)
    arguments.add_argument("--pages", type=Path, metavar="DIR", help="write the pages, and index.jsonl with their URLs")
    arguments.add_argument("--results", type=Path, metavar="FILE", help="score these rows instead of running tools")
    options = arguments.parse_args()
    if options.pages:
        options.pages.mkdir(parents=True, exist_ok=True)
        lines = []
        for number, (url, (_, html, _)) in enumerate(pages().items()):
            (options.pages / f"{number:02}.html").write_text(html, encoding="utf-8")
            lines.append(json.dumps({"file": f"{number:02}.html", "url": url}))
        (options.pages / "index.jsonl").write_text("\n".join(lines) + "\n")
    elif options.results:
        rows = [json.loads(line) for line in options.results.read_text(encoding="utf-8").splitlines() if line.strip()]
        print(report({options.results.stem: {row["url"]: row for row in rows}}))
    else:
        results, notes = read_by_all({url: html.encode() for url, (_, html, _) in pages().items()}, language="bn")
        print(report({name: rows for name, (_, rows) in results.items()}, notes))


if __name__ == "__main__":
    main()
