"""Crawl benchmark: cost of one further page for each contestant, without start and end."""

import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contestants import CONTESTANTS, IN_ONE_PROCESS, OURS, WITHOUT_ARCHIVE, Contestant
from benchmarks.correctness import Right, right
from benchmarks.measuring import Cost, Spread, cost_of
from benchmarks.pages import Pages
from benchmarks.report import table
from benchmarks.site import Ceiling, Site, ceiling, serving
from tests.support.project import PROJECT

_MAX_ARCHIVE_COST = 1.1
_DONE = (0, 3)  # 3: done, but below an expectation, which a site without listings is


@dataclass(frozen=True)
class Round:
    """Result of one contestant in one round: seconds and CPU seconds per further page, and the rest of the cost."""

    wall: float
    cpu: float
    around: float  # CPU seconds of starting and ending
    peak: float
    server: float  # share of one core that the server used during the larger crawl


def crawling(sizes: tuple[int, int], rounds: int) -> str:
    """Run the benchmark and return its report: medians and extremes over the rounds, ratios within each round."""
    pages = Pages.generated(max(sizes))
    truth = pages.truth(pages.paths(sizes[0]))
    measured: dict[str, list[Round]] = defaultdict(list)
    rights: dict[str, Right] = {}
    with serving(sizes) as site, tempfile.TemporaryDirectory(prefix="khobor-bench-") as scratch:
        limits = [ceiling(site, sizes[0], pages.paths(1)[0]) for _ in range(3)]
        for number in range(rounds):
            start = number % len(CONTESTANTS)
            for contestant in (*CONTESTANTS[start:], *CONTESTANTS[:start]):
                print(f"crawling, round {number + 1} of {rounds}: {contestant.name}", file=sys.stderr)
                folder = Path(scratch, f"{number}-{contestant.name}")
                measured[contestant.name].append(_round(contestant, site, sizes, folder))
                if contestant.rows and not number:
                    rights[contestant.name] = right(contestant.rows(folder / str(sizes[0])), truth)
    limit = max(limits, key=lambda found: found.rate)
    return _report(measured, rights, limit, sizes, rounds)


def _round(contestant: Contestant, site: Site, sizes: tuple[int, int], folder: Path) -> Round:
    costs: list[Cost] = []
    served: list[int] = []
    busy = 0.0
    for size in sizes:
        work = folder / str(size)
        work.mkdir(parents=True)
        before = site.load(size)
        cost = cost_of(contestant.command(site.url(size), work), folder=_cwd(contestant, work), log=work / "log")
        after = site.load(size)
        if cost.code not in _DONE:
            raise RuntimeError(f"{contestant.name} ended with {cost.code}: {(work / 'log').read_text()[-2000:]}")
        costs.append(cost)
        served.append(after.stories - before.stories)
        busy = (after.server_cpu - before.server_cpu) / cost.wall
    if served[0] < sizes[0] or served[1] < sizes[1]:
        raise RuntimeError(f"{contestant.name} asked for {served} of {sizes} pages")
    few, many = costs
    further = served[1] - served[0]
    cpu = (many.cpu - few.cpu) / further
    return Round((many.wall - few.wall) / further, cpu, few.cpu - cpu * served[0], many.peak, busy)


def _cwd(contestant: Contestant, work: Path) -> Path:
    return PROJECT if contestant.name in (OURS, IN_ONE_PROCESS, WITHOUT_ARCHIVE) else work


def _goals(measured: dict[str, list[Round]]) -> str:
    """List each goal and if it was reached, by the median of the paired ratios."""
    lines = []
    for contestant in CONTESTANTS:
        for name, goal in contestant.goal:
            pairs = zip(measured[contestant.name], measured[name], strict=True)
            found = Spread.of([theirs.wall / ours.wall for theirs, ours in pairs])
            verdict = "kept" if found.middle >= goal else "NOT kept"
            lines.append(f"- {name}: {goal:g} times as fast as {contestant.name}: {verdict} ({found.text()})")
    pairs = zip(measured[OURS], measured[WITHOUT_ARCHIVE], strict=True)
    archived = Spread.of([ours.cpu / without.cpu for ours, without in pairs])
    verdict = "kept" if archived.middle <= _MAX_ARCHIVE_COST else "NOT kept"
    lines.append(f"- at most {_MAX_ARCHIVE_COST:g} times the CPU of {WITHOUT_ARCHIVE}: {verdict} ({archived.text()})")
    return "\n".join(("Goals:\n", *lines))


def _report(
    measured: dict[str, list[Round]], rights: dict[str, Right], limit: Ceiling, sizes: tuple[int, int], rounds: int
) -> str:
    def over_ours(name: str, of: Callable[[Round], float]) -> str:
        pairs = zip(measured[name], measured[OURS], strict=True)
        return "1" if name == OURS else Spread.of([of(theirs) / of(ours) for theirs, ours in pairs]).text()

    costs, ratios, fields = [], [], []
    for contestant in CONTESTANTS:
        name, every = contestant.name, measured[contestant.name]
        per_page = [
            Spread.of([1000 * one.wall for one in every]).text(),
            Spread.of([1000 * one.cpu for one in every]).text(),
        ]
        around, peak = Spread.of([one.around for one in every]), Spread.of([one.peak for one in every])
        costs.append([name, *per_page, around.text(), f"{peak.middle:.0f}"])
        ratios.append([name, over_ours(name, lambda r: r.wall), over_ours(name, lambda r: r.cpu)])
        fields.append([name, *(rights[name].cells() if name in rights else ["–"] * 5)])
    fastest = min(one.cpu for every in measured.values() for one in every)
    busiest = max(one.server for every in measured.values() for one in every)
    few, many = sizes
    heads = ["", "ms a page", "CPU ms a page", "CPU s of start and end", "peak MiB"]
    stories = next(iter(rights.values())).stories
    return "\n\n".join(
        (
            f"What one more page costs: the slope between {few:,} and {many:,} pages, whole process, {rounds} rounds"
            " (median, least and most).",
            table(heads, costs),
            "Times as much as ours, pair by pair in the same round:",
            table(["", "time", "CPU"], ratios),
            _goals(measured),
            f"Read right, of {stories} stories; alike is a body with at least 95 % of its words:",
            table(["", "headline", "byline", "day", "body", "body alike"], fields),
            f"The server gives {limit.rate:,.0f} pages a second to one client that only takes them. A page costs it"
            f" {1000 * limit.cpu:.2f} ms of CPU, {fastest / limit.cpu:.0f} times less than the contestant that spends"
            f" least; it was busy for at most {100 * busiest:.1f} % of a core.",
        )
    )
