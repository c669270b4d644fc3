"""Extraction benchmark: the text of real articles of many sites, read without a site file.

The corpus is a folder with `ground-truth.json` (`url` and `articleBody` by file name) and `html/*.html.gz`, as in
scrapinghub/article-extraction-benchmark. It is not part of the project: `python -m benchmarks.extraction FOLDER`.
"""

import argparse
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, median
from typing import Any

from benchmarks.environment import FOLDER, LOCKS, python_of
from benchmarks.report import table
from crawler.generic.container import DEFAULTS, Thresholds
from crawler.generic.generic_layout import GenericLayout
from crawler.generic.unknown_site import unknown_site_parser
from crawler.items import Story
from crawler.parsing.parser import PageResponse
from tests.support.project import PROJECT

CORPUS = PROJECT.parent / "shared" / "benchmarks" / "article-extraction"
OURS = "khobor"
MIN_F1, MIN_EXACT, MIN_VALIDATED_F1, MAX_CPU_SHARE = 0.965, 0.42, 0.960, 0.2
_PEERS = {"trafilatura": "read_trafilatura.py", "newspaper4k": "read_newspaper4k.py"}
_SHINGLE = 4
_FOLDS = 5
_AT = datetime(2027, 1, 1, tzinfo=UTC)  # after the newest page
# For the cross-validation: values of each threshold below and above its own.
_FACTORS = (0.5, 0.75, 1.0, 1.5, 2.0)


@dataclass(frozen=True)
class PageScore:
    """Score of one page: precision, recall, and whether all words are right."""

    precision: float
    recall: float
    exact: bool


@dataclass(frozen=True)
class Score:
    """Means over pages; F1 is that of mean precision and mean recall."""

    precision: float
    recall: float
    exact: float

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / ((self.precision + self.recall) or 1)

    @classmethod
    def of(cls, pages: Iterable[PageScore]) -> "Score":
        every = list(pages)
        return cls(*(fmean(getattr(page, name) for page in every) for name in ("precision", "recall", "exact")))


def score_page(read: str, true: str, word: re.Pattern[str] = re.compile(r"\w+")) -> PageScore:
    """Compare two texts by the multisets of their sequences of four words."""
    words, true_words = word.findall(read), word.findall(true)
    found, expected = _shingles(words), _shingles(true_words)
    common = (found & expected).total()
    precision = common / found.total() if found else float(not expected)
    return PageScore(precision, common / expected.total() if expected else 1.0, words == true_words)


def _shingles(words: Sequence[str]) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + _SHINGLE]) for at in range(max(len(words) - _SHINGLE + 1, 1) if words else 0))


def extraction(corpus: Path = CORPUS) -> str:
    """Run the benchmark and return its report."""
    if not (corpus / "ground-truth.json").exists():
        return f"Skipped: {corpus} has no ground-truth.json."
    pages, truth = load_corpus(corpus)
    results, notes = read_by_all(pages)
    texts = {name: {url: row["body"] or "" for url, row in rows.items()} for name, (_, rows) in results.items()}
    scores = {name: Score.of(score_page(texts[name][url], truth[url]) for url in truth) for name in results}
    ours = results[OURS][0]
    rows = [
        [name, *(f"{value:.3f}" for value in (s.f1, s.precision, s.recall, s.exact)), f"{cpu:.1f}", f"{cpu / ours:.1f}"]
        for name, s in scores.items()
        for cpu in (results[name][0],)
    ]
    validated = cross_validate(pages, truth)
    goals = [
        (scores[OURS].f1, MIN_F1, "F1"),
        (scores[OURS].exact, MIN_EXACT, "exact"),
        (validated.f1, MIN_VALIDATED_F1, "F1"),
    ]
    if "trafilatura" in results:
        notes.append(f"CPU per page: {ours / results['trafilatura'][0]:.3f} of trafilatura's, at most {MAX_CPU_SHARE}.")
    return "\n\n".join(
        (
            f"Text of {len(pages)} real articles, without a site file.",
            table(["", "F1", "precision", "recall", "exact", "CPU ms a page", "times ours"], rows),
            f"In five-fold cross-validation of every threshold: F1 {validated.f1:.3f}, precision"
            f" {validated.precision:.3f}, recall {validated.recall:.3f}, exact {validated.exact:.3f}.",
            "\n".join(
                f"- {name} {value:.3f}, at least {least}: {_verdict(value >= least)}" for value, least, name in goals
            ),
            *notes,
        )
    )


def _verdict(kept: bool) -> str:
    return "kept" if kept else "NOT kept"


def load_corpus(corpus: Path) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return the pages and their true texts, by URL."""
    entries = json.loads((corpus / "ground-truth.json").read_text())
    pages = {
        entry["url"]: gzip.decompress((corpus / "html" / f"{name}.html.gz").read_bytes())
        for name, entry in entries.items()
    }
    return pages, {entry["url"]: entry["articleBody"] for entry in entries.values()}


def read_by_all(
    pages: Mapping[str, bytes], language: str = "en"
) -> tuple[dict[str, tuple[float, dict[str, Any]]], list[str]]:
    """Return, by contestant, CPU milliseconds per page and the rows by URL; and notes on those that cannot run.

    :param language: language of the pages, which newspaper4k needs
    """
    commands = {OURS: [sys.executable, "-m", "benchmarks.extraction_ours"]}
    notes = []
    for name, script in _PEERS.items():
        try:
            commands[name] = [str(python_of("peers")), str(FOLDER / "peers" / script)]
        except (OSError, subprocess.CalledProcessError):
            notes.append(f"Skipped {name}: the packages of {LOCKS['peers']} cannot be installed.")
    with tempfile.TemporaryDirectory(prefix="khobor-bench-") as scratch:
        folder, rows = Path(scratch, "pages"), Path(scratch, "rows.jsonl")
        _write(folder, pages)
        results = {}
        for name, command in commands.items():
            print(f"extraction: {name}", file=sys.stderr)
            environment = {**os.environ, "PYTHONWARNINGS": "ignore", "KHOBOR_BENCH_LANGUAGE": language}
            output = subprocess.run(
                [*command, folder, rows], cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True, check=True
            )
            found = {row["url"]: row for row in map(json.loads, rows.read_text().splitlines())}
            results[name] = median(json.loads(output.stdout.splitlines()[-1])), found
    return results, notes


def _write(folder: Path, pages: Mapping[str, bytes]) -> None:
    folder.mkdir()
    names = [(f"{number}.html", url) for number, url in enumerate(pages)]
    for name, url in names:
        (folder / name).write_bytes(pages[url])
    (folder / "index.json").write_text(json.dumps(names))


def read_page(html: bytes, url: str, limits: Thresholds = DEFAULTS) -> Story:
    """Return the story that generic reading finds; its body is empty without one."""
    parser = replace(unknown_site_parser(), fallback=GenericLayout(limits=limits, knows_zone=False))
    parsed = parser.parse(PageResponse(url=url, body=html, fetched_at=_AT, is_story=True)).story
    return parsed.story if parsed else Story()


def cross_validate(pages: Mapping[str, bytes], truth: Mapping[str, str]) -> Score:
    """Score each fifth of the pages with the thresholds that are best on the other four, varied one at a time."""
    candidates = [DEFAULTS, *_variants()]
    by_candidate = {
        limits: {url: score_page(read_page(html, url, limits).body or "", truth[url]) for url, html in pages.items()}
        for limits in candidates
    }
    held_out: list[PageScore] = []
    for fold in range(_FOLDS):
        own = {url for at, url in enumerate(pages) if at % _FOLDS == fold}
        best = max(
            candidates, key=lambda each: Score.of(s for url, s in by_candidate[each].items() if url not in own).f1
        )
        held_out += [score for url, score in by_candidate[best].items() if url in own]
    return Score.of(held_out)


def _variants() -> Iterator[Thresholds]:
    for name, value in vars(DEFAULTS).items():
        for factor in _FACTORS:
            if factor != 1.0:
                varied = value * factor
                yield replace(
                    DEFAULTS, **{name: round(varied) if isinstance(value, int) else min(varied, max(value, 0.95))}
                )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("corpus", nargs="?", type=Path, default=CORPUS)
    print(extraction(arguments.parse_args().corpus))
