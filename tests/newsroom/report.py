"""The figures of a simulation beside their required values, as text."""

from datetime import timedelta
from typing import Any

from .evaluation import Evaluation, Score


def format_report(evaluation: Evaluation, seconds: float) -> list[str]:
    found = evaluation.report()
    incremental = any(ran.mode == "incremental" for ran in evaluation.runs)
    lines = [
        *_stories(found, incremental),
        *_requests(found, incremental),
        *_revisions(found),
        *_score("pairs: exact duplicates", found["copies"]),
        *_score("pairs: near-duplicates", found["clusters"]),
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
    per_story, limit = f"{spent:.2f} ({full['new']:,} new)", "" if incremental else "at most 1.3"
    lines: list[Line] = [
        ("requests of full runs", f"{full['requests']:,}", f"{full['looks']:,} revisits of known stories", True),
        ("per new story, without revisits", per_story, limit, incremental or spent <= 1.3),
        ("a second full run right after", f"{second} of {first} requests", "at most 5 %", second <= first * 0.05),
    ]
    if incremental:
        mean, most = f"{idle['mean']:.1f} ({idle['runs']} runs)", str(idle["most"])
        lines.append(("requests of idle incremental runs, mean", mean, "at most 8", idle["mean"] <= 8))
        lines.append(("requests of idle incremental runs, most", most, "at most 8", idle["most"] <= 8))
    return lines


def _revisions(found: dict[str, Any]) -> list[Line]:
    seen, planned = found["seen"], found["planned"]
    looks = f"{planned.right:,} stored, {len(planned.missed)} missed"
    return [*_score("revisions shown to a run", seen), ("revisions at a planned revisit", looks, "", True)]


def _score(name: str, score: Score) -> list[Line]:
    counts = f"{score.right:,} right, {len(score.missed)} missed, {len(score.false)} false"
    examples = [f"  missed: {each}" for each in score.missed[:5]] + [f"  false: {each}" for each in score.false[:5]]
    is_exact = not score.missed and not score.false
    return [(name, counts, "none missed, none false", is_exact), *((each[:80], "", "", True) for each in examples)]


def _ranks(found: dict[str, Any]) -> list[Line]:
    ranks, differ = found["ranks"], [(f"  {each}", "", "", True) for each in found["ranks_differ"]]
    counts, is_same = f"{ranks['snapshots']:,} ({ranks['rows']:,} rows)", bool(ranks["same"])
    return [("snapshots like the newsroom's own", counts, "equal", is_same), *([] if is_same else differ)]


def _verdicts(found: dict[str, Any]) -> list[Line]:
    """Nothing of the newsroom is broken, so a run that is judged not good is a false alarm."""
    problems = found["not_good"]
    told: list[Line] = [("false alarms", str(len(problems)), "none", not problems)]
    return told + [(f"  {each[:110]}", "", "", True) for each in problems[:5]]
