"""The figures of a simulation beside their required values, as text."""

from datetime import timedelta
from typing import Any

from .evaluation import Evaluation


def format_report(evaluation: Evaluation, seconds: float) -> list[str]:
    found = evaluation.report()
    incremental = any(ran.mode == "incremental" for ran in evaluation.runs)
    lines = [
        *_stories(found, incremental),
        *_requests(found, incremental),
        *_revisions(found),
        *_sameness(found),
        *_ranks(found),
    ]
    lines += _verdicts(found)
    missed = []
    days = (evaluation.end - evaluation.room.start) / timedelta(days=1)
    print(f"{len(evaluation.runs)} runs of {days:.1f} days in {seconds:.0f} s; seed {evaluation.room.seed}")
    for what, number, wanted, good in lines:
        print(f"{'  ' if good else '! '}{what:<46}{number:<34}{wanted}")
        if not good:
            missed.append(what)
    return missed


Line = tuple[str, str, str, bool]


def _stories(found: dict[str, Any], incremental: bool) -> list[Line]:
    delay, missing = found["delay"], found["missing_of_reachable"]
    told = [_share("recorded of the reachable", found["reachable"], len(missing), 0.999)] if incremental else []
    told.append(_share("recorded of all published", found["published"], len(found["missing_of_published"]), 0.99))
    if incremental:
        limits = {"half": timedelta(minutes=10), "of a hundred 99": timedelta(hours=1)}
        for name, value in delay.items():
            limit = limits.get(name)
            wanted = f"at most {limit}" if limit else ""
            told.append(
                (f"delay to record, {name} within", str(value).partition(".")[0], wanted, value <= (limit or value))
            )
    told += [(f"  missing: {each}", "", "", True) for each in missing[:10]]
    return told


def _share(what: str, of: int, missing: int, wanted: float) -> Line:
    share = (of - missing) / of if of else 1.0
    return what, f"{of - missing:,} of {of:,} ({share:.2%})", f"at least {wanted:.1%}", share >= wanted


def _requests(found: dict[str, Any], incremental: bool) -> list[Line]:
    full, idle, (first, second) = found["full"], found["idle"], found["second_full"]
    new = max(1, full["new"])
    spent = (full["requests"] - full["looks"]) / new
    told: list[Line] = [
        ("requests of full runs", f"{full['requests']:,}", f"{full['looks']:,} looks at known stories", True),
    ]
    told.append(
        (
            "of them for each new story, looks left out",
            f"{spent:.2f} ({full['new']:,} new)",
            "" if incremental else "at most 1.3",
            incremental or spent <= 1.3,
        )
    )
    if incremental:
        told.append(
            (
                "requests per incremental run with nothing new, mean",
                f"{idle['mean']:.1f} ({idle['runs']} incremental runs)",
                "at most 8",
                idle["mean"] <= 8,
            )
        )
        told.append(
            ("requests per incremental run with nothing new, most", str(idle["most"]), "at most 8", idle["most"] <= 8)
        )
    told.append(
        ("a second full run right after", f"{second} of {first} requests", "at most 5 %", second <= first * 0.05)
    )
    return told


def _revisions(found: dict[str, Any]) -> list[Line]:
    seen, planned = found["seen"], found["planned"]
    told: list[Line] = [
        (
            "revisions that stood at a visit",
            f"{seen.right:,} kept, {len(seen.missed)} missed, {len(seen.false)} false",
            "none missed, none false",
            not seen.missed and not seen.false,
        ),
        ("revisions that stood at a planned look", f"{planned.right:,} kept, {len(planned.missed)} missed", "", True),
    ]
    return told + [
        (f"  {kind}: {each[:70]}", "", "", True)
        for kind, all_ in (("missed", seen.missed), ("false", seen.false))
        for each in all_[:5]
    ]


def _sameness(found: dict[str, Any]) -> list[Line]:
    told = []
    for name in ("copies", "clusters"):
        tally = found[name]
        right = f"{tally.right} right, {len(tally.missed)} missed, {len(tally.false)} false"
        told.append((f"pairs: {name}", right, "none missed, none false", not tally.missed and not tally.false))
        told += [
            (f"  {kind}: {each}", "", "", True) for kind in ("missed", "false") for each in getattr(tally, kind)[:5]
        ]
    return told


def _ranks(found: dict[str, Any]) -> list[Line]:
    ranks = found["ranks"]
    told = [
        (
            "snapshots of the lists like the newsroom's own",
            f"{ranks['snapshots']:,} ({ranks['rows']:,} rows)",
            "equal",
            bool(ranks["same"]),
        )
    ]
    return told + ([] if ranks["same"] else [(f"  {each}", "", "", True) for each in found["ranks_differ"]])


def _verdicts(found: dict[str, Any]) -> list[Line]:
    """Nothing of the newsroom is broken, so a run that is judged not good is a false alarm."""
    problems = found["not_good"]
    told: list[Line] = [("false alarms", str(len(problems)), "none", not problems)]
    return told + [(f"  {each[:110]}", "", "", True) for each in problems[:5]]
