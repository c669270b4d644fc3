"""The front door: parses a command, calls a room, prints what came of it."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schedules.exits import Unreachable, WrongUsage

if TYPE_CHECKING:
    from crawler.newspaper import Newspaper
    from pipelines.ledger import Ledger
    from pipelines.storage import Dataset

PROJECT = Path(__file__).resolve().parent
DEMO = PROJECT / "data" / "demo"
CODES = """exit codes:
  0 done, also with nothing new      4 site unreachable, blocking or forbidding   8 ledger or data damaged
  1 internal error                   6 another run holds this site                9 layout changed
  2 wrong usage, nothing started     7 storage                            130/143 interrupted, all accepted is kept
  3 done, but below an expectation"""


Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        code = _code_of(error)
        if code is None and os.environ.get("KHOBOR_DEBUG"):
            raise
        sentence = error if code else f"error of ours: {type(error).__name__}: {error}; KHOBOR_DEBUG=1 shows where"
        print(f"khobor: {sentence}", file=sys.stderr)
        return code or 1


def _code_of(error: Exception) -> int | None:
    from pipelines.ledger import LedgerDamaged
    from pipelines.lock import SiteLocked
    from pipelines.parquet import DataDamaged
    from pipelines.storage import StorageRefused

    codes = {
        WrongUsage: 2,
        Unreachable: 4,
        SiteLocked: 6,
        StorageRefused: 7,
        LedgerDamaged: 8,
        DataDamaged: 8,
    }
    return next((code for kind, code in codes.items() if isinstance(error, kind)), None)


# Commands -----------------------------------------------------------------------------------------------------------


def crawl(options: argparse.Namespace) -> int:
    """One run of each site, all at once: a newspaper is asked no faster for the company of another."""
    from pipelines.storage import Dataset
    from schedules.launch import Launch, Running, watch
    from schedules.orders import checked_settings, paper_named, seeds_by_paper
    from schedules.telling import Watching

    papers = [paper_named(name) for name in dict.fromkeys(options.site)]
    seeds = seeds_by_paper(options.seed, papers)
    settings = checked_settings(
        options.settings, mirror=options.mirror, max_pages=options.max_pages, max_depth=options.max_depth
    )
    dataset = Dataset(options.data)
    running: list[Running] = []
    try:
        for paper in papers:
            launch = Launch(
                newspaper=paper,
                dataset=dataset,
                seeds=seeds[paper.name],
                settings=settings,
                max_minutes=options.max_minutes,
            )
            running.append(Running(launch))
    except BaseException:
        for run in running:
            run.interrupt(15)
        watch(running, lambda run: None)
        for run in running:
            run.conclude()
        raise
    began = time.monotonic()
    with Watching() as watching:
        watch(running, lambda run: watching.tell(run.launch.newspaper.name, run.progress(), time.monotonic() - began))
    reports = [run.conclude() for run in running]
    _print_reports(reports, options.json)
    return max(int(report["exit_code"]) for report in reports)


def demo(options: argparse.Namespace) -> int:
    """A crawl of the bundled newspaper, into a folder that it has to itself."""
    from pipelines.contents import glimpse_of
    from pipelines.storage import Dataset
    from schedules.orders import paper_named
    from schedules.telling import show_glimpse

    if options.data == DEMO and DEMO.exists():
        shutil.rmtree(DEMO)  # the newspaper is the same every time: what it showed before would hide what it shows now
    server = [sys.executable, "-m", "tests.newspaper", "--port", "0", "--with-parent"]
    with subprocess.Popen(server, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as newspaper:
        try:
            mirror = newspaper.stdout.readline().strip() if newspaper.stdout else ""
            if not mirror:
                raise WrongUsage("the bundled newspaper did not start; its sentence is above")
            print(f"The bundled newspaper is open at {mirror}; crawling it into {options.data}", file=sys.stderr)
            quick = [f"--{name}={value}" for name, value in (("data", options.data), ("mirror", mirror))]
            quick += [f"-s{name}=0" for name in ("DOWNLOAD_DELAY", "KHOBOR_FIRST_BACKOFF", "KHOBOR_FIRST_PAUSE")]
            code = main(["crawl", "kalbela", *quick, *(["--json"] if options.json else [])])
        finally:
            newspaper.terminate()
    if code == 0 and not options.json:
        show_glimpse(glimpse_of(Dataset(options.data), "kalbela", 5), paper_named("kalbela").zone)
        print(f'\nOpen it:  import pandas as pd; pd.read_parquet("{_shown(options.data)}/stories")')
    return code


def _shown(path: Path) -> Path:
    """A path as short as it can be written from here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def sites(options: argparse.Namespace) -> int:
    """The newspapers that there are."""
    from crawler.sites import newspapers

    known = [
        {"name": name, "title": paper.title, "hosts": list(paper.hosts), "zone": str(paper.zone)}
        for name, paper in newspapers().items()
    ]
    _print(known, options.json, lambda: "\n".join(f"{s['name']}\t{s['title']}\t{', '.join(s['hosts'])}" for s in known))
    return 0


def runs(options: argparse.Namespace) -> int:
    """What ran and how it went."""
    from schedules.telling import show_report, show_runs

    folder = _existing(options.data).runs
    if options.run_id:
        path = folder / f"{options.run_id}.json"
        if path.parent != folder or not path.is_file():
            raise WrongUsage(f"there is no run {options.run_id!r} in {folder}; `khobor runs` lists them")
        report = json.loads(path.read_bytes())
        if options.json:
            print(json.dumps(report, ensure_ascii=False, indent=1))
        else:
            show_report(report)
        return 0
    reports = [json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))][-options.last :]
    if options.json:
        print(json.dumps(reports, ensure_ascii=False, indent=1))
    elif reports:
        show_runs(reports)
    else:
        print(f"No run yet in {folder}.")
    return 0


def publish(options: argparse.Namespace) -> int:
    """Move accepted rows that a killed run left into Parquet."""
    from pipelines.closing import recover
    from schedules.verdicts import expectations_of, judge_ended_runs

    done = []
    with _held(options) as held:
        for dataset, paper in held:
            with _ledger(dataset, paper) as ledger:
                waiting = ledger.outbox.size()
                killed = recover(dataset, ledger)
                judge_ended_runs(dataset, ledger, expectations_of(paper))
            done.append({"site": paper.name, "published": waiting, "runs_ended": killed})
    _print(done, options.json, lambda: "\n".join(f"{d['site']}: {d['published']} changes published" for d in done))
    return 0


def check(options: argparse.Namespace) -> int:
    """Verify every file against the ledger."""
    from pipelines.check import check as faults_in
    from pipelines.check import quarantine

    faults, moved = [], []
    with _held(options) as held:
        for dataset, paper in held:
            with _ledger(dataset, paper) as ledger:
                found = faults_in(dataset, ledger)
            moved += quarantine(dataset, found) if options.quarantine else []
            faults += [{"site": paper.name, "damage": str(f.damage), "path": f.path, "detail": f.detail} for f in found]
    report = {"faults": faults, "quarantined": moved}
    lines = [f"{f['path']}: {f['detail']}" for f in faults] + [f"moved to {path}" for path in moved]
    _print(report, options.json, lambda: "\n".join(lines) or "Every file is what the ledger says it is.")
    return 8 if faults else 0


def reindex(options: argparse.Namespace) -> int:
    """Rebuild the ledger from the Parquet."""
    from pipelines.reindex import reindex as rebuilt

    done = []
    with _held(options) as held:
        for dataset, paper in held:
            with closing(rebuilt(dataset, paper.name, paper.zone)) as ledger:
                done.append({"site": paper.name, "stories": ledger.size()})
    _print(
        done, options.json, lambda: "\n".join(f"{d['site']}: {d['stories']:,} stories in the new ledger" for d in done)
    )
    return 0


def tables(options: argparse.Namespace) -> int:
    """What is in the data."""
    from pipelines.contents import contents_of
    from schedules.telling import show_contents

    found = contents_of(_existing(options.data))
    if options.json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        show_contents(found)
    return 0


def dictionary(options: argparse.Namespace) -> int:
    """The data dictionary."""
    from pipelines.dictionary import as_data, as_markdown, refreshed

    if options.write:
        readme = PROJECT / "data" / "README.md"
        readme.write_text(refreshed(readme.read_text()))
        return 0
    _print(as_data(), options.json, as_markdown)
    return 0


# Shared by the commands ---------------------------------------------------------------------------------------------


def _existing(data: Path) -> "Dataset":
    """The data folder for a command that only reads it."""
    from pipelines.storage import Dataset

    if not data.is_dir():
        raise WrongUsage(f"there is no folder {data}; --data names the one that a crawl wrote")
    return Dataset(data)


def _papers(options: argparse.Namespace, dataset: "Dataset") -> list["type[Newspaper]"]:
    """The newspapers that a command is about: those named, else all that have something in the data folder."""
    from crawler.sites import newspapers
    from schedules.orders import paper_named

    if options.site:
        return [paper_named(name) for name in dict.fromkeys(options.site)]
    return [p for p in newspapers().values() if dataset.ledger(p.name).exists() or dataset.holds(p.name)]


@contextmanager
def _held(options: argparse.Namespace) -> Iterator["list[tuple[Dataset, type[Newspaper]]]"]:
    """The data folder and its newspapers, all locked."""
    from pipelines.lock import SiteLock
    from pipelines.storage import Dataset

    dataset = Dataset(options.data)
    dataset.prepare()
    papers = _papers(options, dataset)
    with ExitStack() as locks:
        for paper in papers:
            locks.enter_context(SiteLock.take(dataset.lock(paper.name)))
        yield [(dataset, paper) for paper in papers]


def _ledger(dataset: "Dataset", paper: "type[Newspaper]") -> "closing[Ledger]":
    from pipelines.ledger import Ledger

    expected = dataset.holds(paper.name)
    return closing(Ledger.open(dataset.ledger(paper.name), paper.name, paper.zone, expected=expected))


def _print_reports(reports: Sequence[dict[str, Any]], as_json: bool) -> None:
    from schedules.telling import show_report

    if as_json:
        print(json.dumps(reports if len(reports) > 1 else reports[0], ensure_ascii=False, indent=1))
        return
    for report in reports:
        show_report(report)


def _print(value: Any, as_json: bool, text: Callable[[], str]) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=1) if as_json else text())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="khobor",
        description="Records the Bengali press: stories, revisions and list ranks, in partitioned Parquet.",
        epilog=CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(command: Command, text: str, example: str, *, data: Path = PROJECT / "data") -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = commands.add_parser(
            command.__name__,
            help=text,
            description=text,
            epilog=f"example:\n  khobor {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        added.set_defaults(command=command)
        added.add_argument("--data", type=Path, default=data, metavar="DIR", help="the data folder (%(default)s)")
        added.add_argument("--json", action="store_true", help="print JSON instead of text")
        return added

    one = add(crawl, "one run now: crawl, publish, judge", "crawl kalbela --max-pages 50")
    one.add_argument("site", nargs="+", metavar="SITE")
    one.add_argument("--seed", action="append", default=[], metavar="URL", help="start here instead (repeatable)")
    one.add_argument("--mirror", metavar="URL", help="ask this server in place of the site's own hosts")
    one.add_argument("--max-pages", type=_positive, metavar="N", help="ask for at most N pages")
    one.add_argument("--max-depth", type=_positive, metavar="N", help="go at most N links from the seeds")
    one.add_argument("--max-minutes", type=float, metavar="N", help="stop asking after N minutes")
    one.add_argument("-s", dest="settings", action="append", default=[], metavar="NAME=VALUE", help="a Scrapy setting")
    add(demo, "crawl the newspaper that comes with the project", "demo", data=DEMO)
    add(sites, "the newspapers it knows", "sites --json")
    ran = add(runs, "what ran and how it went; one run in full", "runs --last 20")
    ran.add_argument("run_id", nargs="?", metavar="RUN_ID")
    ran.add_argument("--last", type=_positive, default=20, metavar="N", help="how many (%(default)s)")
    moving = add(publish, "move accepted rows that a killed run left into Parquet", "publish")
    checking = add(check, "verify every file against the ledger", "check --quarantine")
    checking.add_argument("--quarantine", action="store_true", help="move bad and foreign files out of readers' way")
    rebuilding = add(reindex, "rebuild the ledger from the Parquet", "reindex kalbela")
    for named in (moving, checking, rebuilding):
        named.add_argument("site", nargs="*", metavar="SITE", help="only these newspapers")
    add(tables, "what is in the data", "tables --json")
    telling = add(dictionary, "the data dictionary", "dictionary > dictionary.md")
    telling.add_argument("--write", action="store_true", help="refresh data/README.md")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
