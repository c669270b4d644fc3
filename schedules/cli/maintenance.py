"""Seeing to the data: `publish`, `check` and `reindex`."""

import argparse
from contextlib import closing

from schedules.cli.arguments import Commands
from schedules.cli.output import answer
from schedules.cli.sites import held, ledger_of, nothing_in


def add_to(commands: Commands) -> None:
    """Add them to the parser."""
    moving = commands.add(publish, "move accepted rows that a killed run left into Parquet", "publish")
    checking = commands.add(check, "verify every file against the ledger", "check --quarantine")
    checking.add_argument("--quarantine", action="store_true", help="move bad and foreign files out of readers' way")
    rebuilding = commands.add(reindex, "rebuild the ledger from the Parquet", "reindex kalbela")
    for named in (moving, checking, rebuilding):
        named.add_argument("site", nargs="*", metavar="SITE", help="only these newspapers")


def publish(options: argparse.Namespace) -> int:
    """Move accepted rows that a killed run left into Parquet."""
    from pipelines.runtime.recovery import recover_runs
    from schedules.monitoring.verdict import evaluate_ended_runs, expectations_of

    done = []
    with held(options) as papers:
        for dataset, paper in papers:
            with ledger_of(dataset, paper) as ledger:
                waiting = ledger.outbox.size()
                killed = recover_runs(dataset, ledger)
                evaluate_ended_runs(dataset, ledger, expectations_of(paper))
            done.append({"site": paper.name, "published": waiting, "runs_ended": killed})
    lines = [f"{each['site']}: {each['published']} changes published" for each in done]
    answer(done, options.json, lambda: print("\n".join(lines) or nothing_in(options.data)))
    return 0


def check(options: argparse.Namespace) -> int:
    """Verify every file against the ledger."""
    from crawler.safe_text import one_line
    from pipelines.publishing.verify import check as faults_in
    from pipelines.publishing.verify import quarantine

    faults, moved = [], []
    with held(options) as papers:
        for dataset, paper in papers:
            with ledger_of(dataset, paper) as ledger:
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
    lines = [one_line(f"{each['path']}: {each['detail']}; {each['remedy']}", 1000) for each in faults]
    lines += [f"moved to {path}" for path in moved]
    well = "Every file is what the ledger says it is." if papers else nothing_in(options.data)
    answer({"faults": faults, "quarantined": moved}, options.json, lambda: print("\n".join(lines) or well))
    return 8 if faults else 0


def reindex(options: argparse.Namespace) -> int:
    """Rebuild the ledger from the Parquet."""
    from pipelines.publishing.reindex import reindex as rebuilt

    done = []
    with held(options) as papers:
        for dataset, paper in papers:
            with closing(rebuilt(dataset, paper.name, paper.zone)) as ledger:
                done.append({"site": paper.name, "stories": ledger.stories.size()})
    lines = [f"{each['site']}: {each['stories']:,} stories in the new ledger" for each in done]
    answer(done, options.json, lambda: print("\n".join(lines) or nothing_in(options.data)))
    return 0
