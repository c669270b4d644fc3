"""A fixed list of command lines of `khobor` and `scrapy`, in the names before the renames, and their results."""

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.dataset as pads

from tests.support.digests import document
from tests.support.project import PROJECT
from tests.support.rename_map import Renames

# The bundled newspaper stands still at this moment.
CLOCK = {"KHOBOR_TESTING": "1", "KHOBOR_CLOCK": "2026-01-11T19:05+06:00"}
_LATER = CLOCK | {"KHOBOR_CLOCK": "2026-01-11T20:05+06:00"}
_NOBODY = "--mirror http://127.0.0.1:9"
_COMMANDS = (
    *("crawl", "demo", "sites", "runs", "publish", "check", "reindex", "schedule", "serve", "report", "alerts"),
    *("accept", "metrics", "history", "ranks", "tables", "query", "export", "dictionary"),
)
# `{data}` is a copy of the demo's data, `{out}` a place to write to; `␣` is a space within a word.
_READING = (
    "khobor",
    "khobor --help",
    "khobor fly",
    *(f"khobor {command} --help" for command in _COMMANDS),
    "khobor sites --json",
    "khobor sites",
    "khobor runs --data {data}",
    "khobor runs --json --data {data}",
    "khobor runs {run} --data {data}",
    "khobor runs {run} --json --data {data}",
    "khobor runs 20200101T000000Z-kalbela-0000 --data {data}",
    "khobor runs --last 0 --data {data}",
    "khobor runs --data /nonexistent/data",
    "khobor tables --json --data {data}",
    "khobor tables --data {data}",
    "khobor dictionary --json",
    "khobor dictionary",
    "khobor query SELECT␣outcome,␣count(*)␣AS␣n␣FROM␣fetches␣GROUP␣BY␣outcome --json --data {data}",
    "khobor query SELECT␣*␣FROM␣stories␣ORDER␣BY␣story_id␣LIMIT␣5 --json --data {data}",
    "khobor query SELECT␣*␣FROM␣rankings␣ORDER␣BY␣observed_at,␣list,␣rank␣LIMIT␣5 --format jsonl --data {data}",
    "khobor query SELECT␣*␣FROM␣aliases␣ORDER␣BY␣url --json --data {data}",
    "khobor query SELECT␣*␣FROM␣fetches --json --data {data}",
    "khobor query SELECT␣*␣FROM␣rejects --json --data {data}",
    "khobor query SELECT␣*␣FROM␣sightings --json --data {data}",
    "khobor query SELECT␣*␣FROM␣runs --json --data {data}",
    "khobor query SHOW␣TABLES --json --data {data}",
    "khobor query SELECT␣count(*)␣FROM␣stories --data {data}",
    "khobor query SELECT␣url␣FROM␣stories --format csv --out {out}.csv --data {data}",
    "khobor query SELEKT␣1 --data {data}",
    "khobor query SELECT␣1 --format xml --data {data}",
    "khobor query COPY␣stories␣TO␣'/tmp/x.csv' --data {data}",
    "khobor history {story} --json --data {data}",
    "khobor history {story} --data {data}",
    "khobor history kalbela:1 --data {data}",
    "khobor history 154313 --data {data}",
    "khobor ranks {ranked} --json --data {data}",
    "khobor ranks {ranked} --data {data}",
    "khobor ranks kalbela:1 --data {data}",
    "khobor ranks --top --most 5 --since 24h --json --data {data}",
    "khobor ranks --data {data}",
    "khobor schedule list --json --data {data}",
    "khobor schedule next --count 5 --json --data {data}",
    "khobor schedule list --data {data}",
    "khobor schedule run --data {data}",
    "khobor schedule run nothing --data {data}",
    "khobor schedule list --timetable /nonexistent.toml --data {data}",
    "khobor alerts --json --data {data}",
    "khobor alerts --data {data}",
    "khobor alerts --try --data {data}",
    "khobor accept kalbela/field/nothing --data {data}",
    "khobor metrics --data {data}",
    "khobor metrics --json --data {data}",
    "khobor metrics --out {out}.prom --data {data}",
    "khobor report --json --data {data}",
    "khobor report --out {out}.html --data {data}",
    "khobor report --data {data}",
    "khobor export --out {out} --data {data} --json",
    "khobor export --out {out} --table fetches --columns url,outcome --format jsonl --data {data} --json",
    "khobor export --out {out} --table nothing --data {data}",
    "khobor crawl kalbla --data {out}",
    "khobor crawl --data {out}",
    "khobor crawl kalbela --data {out}",
    f"khobor crawl kalbela {_NOBODY} --data {{out}} --json -s DOWNLOAD_DELAY=0 -s KHOBOR_FIRST_BACKOFF=0"
    " -s KHOBOR_FIRST_PAUSE=0",
    f"khobor crawl kalbela {_NOBODY} --data {{out}} -s KHOBOR_KIND=swep",
    f"khobor crawl kalbela {_NOBODY} --data {{out}} -s DOWNLOAD_DELAYY=2",
    "khobor crawl kalbela --data {out} -s ROBOTSTXT_OBEY=False",
    "khobor crawl kalbela --seed https://www.prothomalo.com/x/1 --data {out}",
    "khobor crawl kalbela --max-pages 0 --data {out}",
    "khobor serve --port 99999 --data {out}",
    "scrapy -h",
    "scrapy list",
    "scrapy crawl nothing",
    "scrapy crawl -h",
    "scrapy parse -h",
    "scrapy shell -h",
    "scrapy settings --get KHOBOR_KIND",
    "scrapy settings --get CONCURRENT_REQUESTS_PER_DOMAIN",
    "scrapy settings --get KHOBOR_PATIENCE",
)
# In this order, each on what the one before left.
_WRITING = (
    "khobor check --data {data}",
    "khobor check --json --data {data}",
    "khobor check nothing --data {data}",
    "khobor publish --json --data {data}",
    "khobor reindex kalbela --json --data {data}",
    "khobor check --json --data {data}",
)


class CommandLines:
    """The command lines, run against a copy of a data folder in a scratch folder."""

    def __init__(self, data: Path, scratch: Path, renames: Renames) -> None:
        self._data, self._scratch, self._renames = data, scratch, renames
        stories, rankings = (
            sorted(filter(None, pads.dataset(data / name).to_table(["story_id"])["story_id"].to_pylist()))
            for name in ("stories", "rankings")
        )
        [run] = (path.stem for path in data.glob("runs/*.json"))
        self._names = {"story": stories[0], "ranked": rankings[0], "run": run}

    def run(self) -> dict[str, Any]:
        """Run them all, those that only read two at a time."""
        copy = self._scratch / "data"
        shutil.copytree(self._data, copy)
        with ThreadPoolExecutor(2) as pool:
            read = pool.map(lambda order: self._one(order[0], order[1], copy), enumerate(_READING))
            found = dict(zip(_READING, read, strict=True))
        for number, line in enumerate(_WRITING, len(_READING)):
            found[f"{number - len(_READING)}: {line}"] = self._one(number, line, copy)
        return {line: outcome for line, outcome in found.items() if outcome is not None}

    def _one(self, number: int, line: str, data: Path) -> dict[str, Any] | None:
        out = self._scratch / f"out{number}"
        words = self._renames.arguments(line.split(" "))
        if words is None:
            return None
        words = [word.format(data=data, out=out, **self._names).replace("␣", " ") for word in words]
        program = line.split(" ")[0]
        environment = {name: value for name, value in os.environ.items() if name != "KHOBOR_CONTACT"} | _LATER
        environment |= {"COLUMNS": "100", "NO_COLOR": "1"}
        done = subprocess.run(
            [sys.executable, "-m", program, *words],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        found: dict[str, Any] = {"exit": done.returncode, "traceback": "Traceback" in done.stdout + done.stderr}
        found["stdout"], found["stderr"] = bool(done.stdout.strip()), bool(done.stderr.strip())
        found |= _read(line, done.stdout)
        return found | _written(self._scratch, out)


def _read(line: str, text: str) -> dict[str, Any]:
    """Return the names in what a command printed: of JSON keys, options, commands, metrics or values."""
    root = line.split(" ")[1] if " " in line else line
    if line in ("khobor --help", "scrapy -h"):
        return {"commands": re.findall(r"^ {2,4}([a-z-]+)(?: {2,}\S|$)", text, re.MULTILINE)}
    if line.endswith((" --help", " -h")):
        return {"options": sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)))}
    if line.startswith(("scrapy list", "scrapy settings")):
        return {"lines": text.split()}
    if line.startswith("khobor metrics --data"):
        return {"json": document(root, _metrics(text))}
    if "jsonl" in line and "--out" not in line:
        return {"json": document(root, *map(json.loads, text.splitlines()))}
    if "--json" in line and text:
        return {"json": document(root, json.loads(text))}
    return {}


def _metrics(text: str) -> dict[str, dict[str, list[str]]]:
    """Return the labels and their values, by the name of the metric."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, labels in re.findall(r"^([a-z_]+)(?:\{(.*)\})? \S+$", text, re.MULTILINE):
        for label, value in re.findall(r'(\w+)="([^"]*)"', labels):
            found.setdefault(name, {}).setdefault(label, []).append(value)
        found.setdefault(name, {})
    return found


def _written(scratch: Path, out: Path) -> dict[str, Any]:
    """Return the names of the files that a command made, and the keys of JSON among them."""
    files = [path for top in scratch.glob(f"{out.name}.*") for path in (top, *top.rglob("*"))]
    files += [path for path in out.rglob("*") if path.is_file()]
    cards = {path.name: json.loads(path.read_bytes()) for path in files if path.name == "card.json"}
    found: dict[str, Any] = {"cards": document("card", *cards.values())} if cards else {}
    names = sorted(path.relative_to(scratch).as_posix().replace(out.name, "out", 1) for path in files)
    return found | ({"files": names} if names else {})
