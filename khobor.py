"""The front door: parses a command, calls a room, prints what came of it."""

import argparse
import json
import math
import os
import re
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from schedules.exits import WrongUsage, explained
from schedules.heard import heard_by

if TYPE_CHECKING:
    from crawler.newspaper import Newspaper
    from pipelines.ledger import Ledger
    from pipelines.storage import Dataset

PROJECT = Path(__file__).resolve().parent
DEMO, SAMPLE = PROJECT / "data" / "demo", PROJECT / "data" / "sample"
TIMETABLE = PROJECT / "schedules" / "schedules.toml"
FORMATS = ("table", "csv", "json", "jsonl", "parquet")
_EXAMPLE_SQL = "SELECT day, stories FROM coverage_by_day ORDER BY day DESC LIMIT 7"
_TAKEN = "this table (repeatable); stories, revisions, aliases and rankings unless given"
CODES = """exit codes:
  0 done, also with nothing new      4 site unreachable, blocking or forbidding   8 ledger or data damaged
  1 internal error                   6 another run holds this site                9 layout changed
  2 wrong usage, nothing started     7 storage, memory or clock           130/143 interrupted, all accepted is kept
  3 done, but below an expectation"""


Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    with _ending_at_once_when_told():
        options = _parser().parse_args(arguments)
        try:
            _refuse_traps()
            code = int(options.command(options))
            with _reader_may_leave():
                sys.stdout.flush()
            return code
        except BrokenPipeError:
            _let_go_of_output()
            return 0
        except Exception as error:  # noqa: BLE001 - no error leaves by the front door but in a sentence
            if os.environ.get("KHOBOR_DEBUG"):
                traceback.print_exc()
            code, sentence = explained(error)
            for line in sentence.splitlines():
                _complain(line)
            return code


@contextmanager
def _ending_at_once_when_told() -> Iterator[None]:
    """What is told to end before a run is under way is gone at once: a kill at any instant does no harm."""

    def end(number: int, _: object) -> NoReturn:
        os.write(2, b"khobor: interrupted; everything accepted is kept\n")
        os._exit(128 + number)

    with heard_by(end):
        yield


@contextmanager
def _giving_up_when_told() -> Iterator[None]:
    """What only reads is told by an exception to end, so that it leaves nothing half-written."""
    from schedules.exits import ToldToEnd

    told: list[ToldToEnd] = []

    def end(number: int, _: object) -> NoReturn:
        told.append(ToldToEnd(number, "interrupted; nothing was written"))
        raise told[0]

    with heard_by(end):
        try:
            yield
        except BaseException as error:
            if told:  # DuckDB makes an exception of its own of it
                raise told[0] from error
            raise


def _refuse_traps() -> None:
    """What a test sets for itself is nothing to run with: these modules refuse to be imported then."""
    try:
        import crawler.clock  # noqa: F401
        import pipelines.failpoint  # noqa: F401
    except ValueError as error:
        raise WrongUsage(str(error)) from error


@contextmanager
def _reader_may_leave() -> Iterator[None]:
    """Whoever reads our output may have seen enough."""
    try:
        yield
    except BrokenPipeError:
        _let_go_of_output()


def _let_go_of_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(sentence: str) -> None:
    from crawler.refusals import one_line

    print(f"khobor: {one_line(sentence, 1000)}", file=sys.stderr)


# Commands -----------------------------------------------------------------------------------------------------------


def crawl(options: argparse.Namespace) -> int:
    """One run of each site, all at once: a newspaper is asked no faster for the company of another."""
    from schedules.lean import lean_imports

    with lean_imports():
        from pipelines.storage import Dataset
        from schedules.floors import below_floor
        from schedules.launch import Launch, carry_out
        from schedules.orders import checked_settings, paper_named, seeds_by_paper
        from schedules.telling import Watching

    if low := below_floor():
        raise WrongUsage(f"{'; '.join(low)}: `make setup` installs what is needed")
    papers = [paper_named(name) for name in dict.fromkeys(options.site)]
    seeds = seeds_by_paper(options.seed, papers)
    settings = checked_settings(
        options.settings, mirror=options.mirror, max_pages=options.max_pages, max_depth=options.max_depth
    )
    launches = [
        Launch(
            newspaper=paper,
            dataset=Dataset(options.data),
            seeds=seeds[paper.name],
            settings=settings,
            max_minutes=options.max_minutes,
        )
        for paper in papers
    ]
    began = time.monotonic()
    with Watching() as watching:
        reports = carry_out(
            launches,
            lambda run: watching.tell(run.launch.newspaper.name, run.progress(), time.monotonic() - began),
            watching.say,
        )
    with _reader_may_leave():
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
    # In a session of its own, so that Ctrl-C leaves it open until the crawl has ended.
    with subprocess.Popen(server, cwd=PROJECT, stdout=subprocess.PIPE, text=True, start_new_session=True) as newspaper:
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
    from crawler.clock import now
    from schedules.overview import show_runs
    from schedules.progress import running
    from schedules.standing import standing

    dataset = _existing(options.data)
    folder = dataset.runs
    if options.run_id:
        path = folder / f"{options.run_id}.json"
        if not re.fullmatch(r"[\w-]{1,80}", options.run_id, re.ASCII) or not path.is_file():
            raise WrongUsage(f"there is no run {options.run_id!r} in {folder}; `khobor runs` lists them")
        _print_account(dataset, _report(path), options.json)
        return 0
    reports = [_report(path) for path in sorted(folder.glob("*.json"))[-options.last :]]
    if options.json:
        print(_as_json(reports))
    elif reports:
        show_runs(reports, standing(dataset), running(dataset), now())
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
    lines = [f"{d['site']}: {d['published']} changes published" for d in done]
    _print(done, options.json, lambda: "\n".join(lines) or _nothing_in(options.data))
    return 0


def check(options: argparse.Namespace) -> int:
    """Verify every file against the ledger."""
    from crawler.refusals import one_line
    from pipelines.check import check as faults_in
    from pipelines.check import quarantine

    faults, moved = [], []
    with _held(options) as held:
        for dataset, paper in held:
            with _ledger(dataset, paper) as ledger:
                found = faults_in(dataset, ledger)
            moved += quarantine(dataset, found) if options.quarantine else []
            faults += [
                {
                    "site": paper.name,
                    "damage": str(fault.damage),
                    "path": fault.path,
                    "detail": fault.detail,
                    "remedy": fault.damage.remedy,
                }
                for fault in found
            ]
    report = {"faults": faults, "quarantined": moved}
    lines = [one_line(f"{f['path']}: {f['detail']}; {f['remedy']}", 1000) for f in faults]
    lines += [f"moved to {path}" for path in moved]
    well = "Every file is what the ledger says it is." if held else _nothing_in(options.data)
    _print(report, options.json, lambda: "\n".join(lines) or well)
    return 8 if faults else 0


def reindex(options: argparse.Namespace) -> int:
    """Rebuild the ledger from the Parquet."""
    from pipelines.reindex import reindex as rebuilt

    done = []
    with _held(options) as held:
        for dataset, paper in held:
            with closing(rebuilt(dataset, paper.name, paper.zone)) as ledger:
                done.append({"site": paper.name, "stories": ledger.size()})
    lines = [f"{d['site']}: {d['stories']:,} stories in the new ledger" for d in done]
    _print(done, options.json, lambda: "\n".join(lines) or _nothing_in(options.data))
    return 0


def schedule(options: argparse.Namespace) -> int:
    """The timetable: as it is, what comes next, one schedule now."""
    from crawler.clock import now
    from pipelines.storage import Dataset
    from schedules.herald import after_turn
    from schedules.noticeboard import coming, listed, show_coming, show_listed
    from schedules.telling import Watching
    from schedules.timetable import Timetable
    from schedules.turn import take_turn

    timetable, dataset, moment = Timetable.read(options.timetable), Dataset(options.data), now()
    if (options.act == "run") != (options.name is not None):
        raise WrongUsage("`khobor schedule run NAME` names a schedule; `list` and `next` show all of them")
    if options.act == "list":
        rows = listed(timetable, dataset, moment)
        print(_as_json(rows)) if options.json else show_listed(rows, moment)
        return 0
    if options.act == "next":
        times = coming(timetable, moment, options.count)
        print(_as_json(times)) if options.json else show_coming(times, moment)
        return 0
    began = time.monotonic()
    with after_turn(dataset, timetable, _complain):
        with Watching() as watching:
            turn = take_turn(
                timetable.named(options.name),
                dataset,
                only_due=options.due,
                settings=options.settings,
                mirror=options.mirror,
                look=lambda run: watching.tell(run.launch.newspaper.name, run.progress(), time.monotonic() - began),
            )
        if turn.sentence:
            print(turn.sentence, file=sys.stderr)
        if turn.reports:
            _print_reports(turn.reports, options.json)
            sys.stdout.flush()
    return turn.exit_code


def serve(options: argparse.Namespace) -> int:
    """Keep the timetable until told to end."""
    from pipelines.storage import Dataset
    from schedules.page.server import Place
    from schedules.service import serve as keep

    page = None if options.no_page else Place(options.host, options.port, tuple(options.name))
    given = {"settings": options.settings, "mirror": options.mirror, "page": page}
    return keep(options.timetable, Dataset(options.data), **given)


def report(options: argparse.Namespace) -> int:
    """The status page as one file, or its numbers."""
    from crawler.clock import now
    from schedules.page.document import numbers_of, write_document

    if (options.out is None) != options.json:
        raise WrongUsage("--out FILE names the file to write; --json prints the numbers instead")
    days = max(1, math.ceil(options.since / timedelta(days=1)))
    asked = {"moment": now(), "days": days, "site": options.site}
    if options.json:
        print(_as_json(numbers_of(_existing(options.data), options.timetable, **asked)))
        return 0
    size = write_document(options.out, _existing(options.data), options.timetable, **asked)
    print(f"{options.out}: {size:,} bytes, to be opened in a browser")
    return 0


def alerts(options: argparse.Namespace) -> int:
    """The alarms that stand and who is told of them; tries whether they can be."""
    from schedules.alerts import tried
    from schedules.overview import show_standing
    from schedules.standing import standing
    from schedules.telling import show_tried
    from schedules.timetable import Timetable

    timetable = Timetable.read(options.timetable)
    if options.try_them:
        if not timetable.targets:
            raise WrongUsage(f"{options.timetable} names nobody to be told: write an '[alert.NAME]' (docs/operate.md)")
        came = tried(timetable.targets)
        print(_as_json(came)) if options.json else show_tried(came)
        return 0 if all(each["reached"] for each in came) else 3
    stands = standing(_existing(options.data))
    if options.json:
        print(_as_json(stands.as_dict()))
    else:
        show_standing(stands, all_targets=True)
        if not stands.alarms:
            print("No alarm stands." if stands.targets else f"No alarm stands, and {options.timetable} names nobody.")
    return 0


def accept(options: argparse.Namespace) -> int:
    """Say that what an alarm tells is right: from the run that first told it, things are so."""
    from schedules.orders import paper_named
    from schedules.past import accept as accept_as_right

    paper = paper_named(options.key.partition("/")[0])
    alarm = accept_as_right(_existing(options.data), paper.name, options.key)
    if alarm is None:
        raise WrongUsage(f"no run of late had the alarm {options.key!r}; `khobor alerts` lists those that stand")
    said = f"{options.key} is right as it is since the run {alarm.get('since_run')}: later runs are measured by that"
    _print(alarm, options.json, lambda: said)
    return 0


def metrics(options: argparse.Namespace) -> int:
    """The numbers of the data folder, as Prometheus reads them."""
    from crawler.clock import now
    from schedules.metrics import exposition, samples, write_exposition
    from schedules.timetable import Timetable

    if options.out is not None and options.json:
        raise WrongUsage("--out writes what Prometheus reads; --json prints the numbers for others")
    dataset, timetable = _existing(options.data), Timetable.read(options.timetable)
    if options.out is not None:
        write_exposition(options.out, dataset, timetable, now())
    elif options.json:
        print(_as_json(samples(dataset, timetable, now())))
    else:
        sys.stdout.write(exposition(dataset, timetable, now()).decode())
    return 0


def history(options: argparse.Namespace) -> int:
    """A story's revisions and what changed."""
    from pipelines.history import revisions_of
    from schedules.lives import history_as_data, show_history
    from schedules.orders import paper_named

    paper = paper_named(options.story_id.partition(":")[0])
    revisions = revisions_of(_existing(options.data), options.story_id)
    if not revisions:
        raise WrongUsage(f"no story {options.story_id!r} is kept in {options.data}")
    print(_as_json(history_as_data(revisions))) if options.json else show_history(revisions, paper.zone)
    return 0


def ranks(options: argparse.Namespace) -> int:
    """How long stories stood where in the lists."""
    from crawler.clock import now
    from pipelines.ranks import rankings_in, spans_of
    from schedules.lives import ranks_as_data, show_ranks
    from schedules.orders import paper_named

    if (options.story_id is None) == (not options.top):
        raise WrongUsage("name a story, or say --top for the stories that stood highest and longest")
    since = now() - options.since if options.since else None
    spans = spans_of(rankings_in(_existing(options.data), story_id=options.story_id, since=since))[: options.most]
    zone = paper_named(spans[0].story_id.partition(":")[0]).zone if spans else None
    if options.json:
        print(_as_json(ranks_as_data(spans)))
    elif zone is not None:
        show_ranks(spans, zone)
    else:
        print("Nothing of that is in the lists.")
    return 0


def tables(options: argparse.Namespace) -> int:
    """What is in the data."""
    from pipelines.contents import contents_of
    from schedules.telling import show_contents

    found = contents_of(_existing(options.data))
    if options.json:
        print(_as_json(found))
    else:
        show_contents(found)
    return 0


def query(options: argparse.Namespace) -> int:
    """SQL over the tables and views."""
    from crawler.sites import zones
    from pipelines.query import answer, holds_nothing, opened
    from pipelines.results import format_of, outside, save
    from schedules.grid import show_rows

    data = _existing(options.data).root
    place = outside(options.out, data) if options.out else None
    kind = format_of("json" if options.json else options.format, place)
    sql = sys.stdin.read() if options.sql == "-" else options.sql
    write = show_rows if kind == "table" else partial(save, kind=kind, place=place)
    with _giving_up_when_told(), closing(opened(data, zones())) as connection:
        answer(connection, sql, write)
    if holds_nothing(data):
        _complain(f"nothing is kept in {data} yet; --data {_shown(SAMPLE)} has something to try")
    return 0


def export(options: argparse.Namespace) -> int:
    """A part of the data in a folder of its own."""
    from crawler.sites import zones
    from pipelines.export import USUAL, Selection, moment_of
    from pipelines.export import export as exported
    from schedules.grid import show_card

    known = zones()
    chosen = [zone for site, zone in known.items() if not options.site or site in options.site]
    since, until = (moment_of(text, chosen) if text else None for text in (options.since, options.until))
    selection = Selection(options.table or USUAL, options.site, since, until, options.columns)
    with _giving_up_when_told():
        card = exported(_existing(options.data).root, options.out, selection, options.format)
    print(_as_json(card)) if options.json else show_card(card, options.out)
    return 0


def dictionary(options: argparse.Namespace) -> int:
    """The data dictionary."""
    from pipelines.dictionary import as_data, as_markdown, refreshed

    sample = SAMPLE if SAMPLE.is_dir() else None
    if options.write:
        readme = PROJECT / "data" / "README.md"
        readme.write_text(refreshed(readme.read_text(), sample))
        return 0
    _print(as_data(sample), options.json, lambda: as_markdown(sample))
    return 0


# Shared by the commands ---------------------------------------------------------------------------------------------


def _existing(data: Path) -> "Dataset":
    """The data folder for a command that only reads it."""
    from pipelines.storage import Dataset

    if not data.is_dir():
        raise WrongUsage(f"there is no folder {data}; --data names the one that a crawl wrote")
    return Dataset(data)


def _nothing_in(data: Path) -> str:
    return f"Nothing of any newspaper is in {data}."


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

    dataset = _existing(options.data)
    if papers := _papers(options, dataset):
        dataset.prepare()
    with ExitStack() as locks:
        for paper in papers:
            locks.enter_context(SiteLock.take(dataset.lock(paper.name)))
        yield [(dataset, paper) for paper in papers]


def _ledger(dataset: "Dataset", paper: "type[Newspaper]") -> "closing[Ledger]":
    from pipelines.ledger import Ledger

    expected = dataset.holds(paper.name)
    return closing(Ledger.open(dataset.ledger(paper.name), paper.name, paper.zone, expected=expected))


def _print_reports(reports: Sequence[dict[str, Any]], as_json: bool) -> None:
    from schedules.accounts import show_report

    if as_json:
        print(_as_json(reports if len(reports) > 1 else reports[0]))
        return
    for report in reports:
        show_report(report)


def _print_account(dataset: "Dataset", report: dict[str, Any], as_json: bool) -> None:
    from schedules.accounts import show_report, traces_of

    if as_json:
        print(_as_json(report))
    else:
        show_report(report, traces_of(dataset, report))


def _print(value: Any, as_json: bool, text: Callable[[], str]) -> None:
    print(_as_json(value) if as_json else text())


def _as_json(value: Any) -> str:
    from schedules.telling import as_json

    return as_json(value)


def _report(path: Path) -> dict[str, Any]:
    from pipelines.ledger import LedgerDamaged

    try:
        report = json.loads(path.read_bytes())
    except ValueError:
        report = None
    if not isinstance(report, dict):
        raise LedgerDamaged(f"{path} is no report of a run; move it away, and `khobor publish` writes it again")
    return report


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        _complain(f"{message}; `{self.prog} --help` explains")
        sys.exit(2)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
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
    one.add_argument("--max-pages", type=_positive, metavar="N", help="ask for at most N pages")
    one.add_argument("--max-depth", type=_positive, metavar="N", help="go at most N links from the seeds")
    one.add_argument("--max-minutes", type=_minutes, metavar="N", help="stop asking after N minutes")
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
    timed = add(schedule, "the timetable: list it, what comes next, run one now", "schedule next --count 5")
    timed.add_argument("act", choices=("list", "next", "run"))
    timed.add_argument("name", nargs="?", metavar="NAME")
    timed.add_argument("--due", action="store_true", help="with run: only if it is due and nobody has run it (cron)")
    timed.add_argument("--count", type=_positive, default=10, metavar="N", help="with next: how many (%(default)s)")
    serving = add(serve, "keep the timetable until told to end, with the status page", "serve --port 8620")
    serving.add_argument("--host", default="127.0.0.1", help="where the status page listens (%(default)s)")
    serving.add_argument("--port", type=_port, default=8620, help="its port, 0 for a free one (%(default)s)")
    serving.add_argument(
        "--name", action="append", default=[], metavar="NAME", help="a further name by which it may be asked"
    )
    serving.add_argument("--no-page", action="store_true", help="without the status page")
    reporting = add(report, "the status page as one file", "report --out khobor.html --since 30d")
    reporting.add_argument("--out", type=Path, metavar="FILE", help="the HTML file to write")
    reporting.add_argument("--site", metavar="SITE", help="only this newspaper")
    reporting.add_argument(
        "--since", type=_length, default=timedelta(days=14), metavar="TIME", help="how far back: 24h, 7d (14d)"
    )
    reporting.add_argument("--timetable", type=Path, default=TIMETABLE, metavar="FILE", help="(%(default)s)")
    warning = add(alerts, "the alarms that stand, and who is told of them", "alerts --try")
    warning.add_argument("--try", dest="try_them", action="store_true", help="send everyone a test, and say what came")
    accepting = add(accept, "say that what an alarm tells is right", "accept kalbela/field/kicker")
    accepting.add_argument("key", metavar="KEY", help="the alarm's key")
    counting = add(metrics, "the numbers as Prometheus reads them", "metrics --out /var/lib/node_exporter/khobor.prom")
    counting.add_argument("--out", type=Path, metavar="FILE", help="write here; the file appears whole")
    for keeping in (timed, serving, warning, counting):
        keeping.add_argument("--timetable", type=Path, default=TIMETABLE, metavar="FILE", help="(%(default)s)")
    for asking in (one, timed, serving):
        asking.add_argument("--mirror", metavar="URL", help="ask this server in place of the site's own hosts")
        asking.add_argument(
            "-s", dest="settings", action="append", default=[], metavar="NAME=VALUE", help="a Scrapy setting"
        )
    lived = add(history, "a story's revisions and what changed, word by word", "history kalbela:154313")
    lived.add_argument("story_id", type=_story_id, metavar="STORY_ID")
    ranked = add(ranks, "how long stories stood where in the lists", "ranks --top --since 24h")
    ranked.add_argument("story_id", nargs="?", type=_story_id, metavar="STORY_ID")
    ranked.add_argument("--top", action="store_true", help="the stories that stood highest and longest")
    ranked.add_argument("--since", type=_length, metavar="TIME", help="lists that still stood then: 90m, 24h, 7d ago")
    ranked.add_argument("--most", type=_positive, default=20, metavar="N", help="how many lines (%(default)s)")
    add(tables, "what is in the data", "tables --json")
    answering = add(query, "SQL over the tables and views (SHOW TABLES lists them)", f'query "{_EXAMPLE_SQL}"')
    answering.add_argument("sql", metavar="SQL", help="DuckDB's SQL; - reads it from standard input")
    answering.add_argument("--format", choices=FORMATS, help="table, unless --out names a file of another kind")
    answering.add_argument("--out", type=Path, metavar="FILE", help="write here; the file appears whole")
    taking = add(
        export, "a part of the data, with a data card and checksums", "export --since 2026-01-01 --out january"
    )
    taking.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder to make")
    taking.add_argument("--table", action="append", default=[], metavar="NAME", help=_TAKEN)
    taking.add_argument("--site", action="append", default=[], metavar="SITE", help="only this newspaper (repeatable)")
    taking.add_argument(
        "--since", metavar="TIME", help="from this day (2026-01-11) or moment (2026-01-11T06:00+06:00) on"
    )
    taking.add_argument("--until", metavar="TIME", help="before this day or moment")
    taking.add_argument(
        "--columns", type=_names, default=(), metavar="A,B", help="only these, and what rows are known by"
    )
    taking.add_argument("--format", choices=("parquet", "jsonl"), default="parquet", help="(%(default)s)")
    telling = add(dictionary, "the data dictionary", "dictionary > dictionary.md")
    telling.add_argument("--write", action="store_true", help="refresh data/README.md")
    return parser


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def _story_id(text: str) -> str:
    site, _, own = text.partition(":")
    if not (site and own):
        raise argparse.ArgumentTypeError(f"{text!r} is no story, which is named like kalbela:154313")
    return text


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def _length(text: str) -> timedelta:
    found = re.fullmatch(r"([1-9][0-9]{0,5})([mhd])", text, re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 90m, 24h or 7d")
    return timedelta(**{{"m": "minutes", "h": "hours", "d": "days"}[found[2]]: int(found[1])})


def _minutes(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes")
    return number


if __name__ == "__main__":
    sys.exit(main())
