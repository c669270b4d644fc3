"""Coverage of the stories that the fetched pages link to, with visits every few hours.

`python -m tests.newsroom.linked_coverage --mode incremental --seed 7 --days 4` prints the figures.
"""

import argparse
import gzip
import re
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ..newspaper.http_messages import Response
from .evaluation import Evaluation, number_in
from .newsroom import LoggedRequest, Newsroom
from .simulation import Simulation

_LINK = re.compile(rb'(?:href="|<link>)\s*(?:https?://(?:www\.)?kalbela\.com)?/[^"<?#]*?/(\d+)/?["<?#]')


class LinkRecorder(Newsroom):
    """Newsroom that records the stories to which its pages and feeds link."""

    def _visit(self, target: str, answer: Response) -> LoggedRequest:
        body = gzip.decompress(answer.body) if answer.headers.get("Content-Encoding") == "gzip" else answer.body
        if answer.status == 200 and answer.cut is None and b"<urlset" not in body[:500]:
            stories = self._by_number()
            found = {int(number) for number in _LINK.findall(body)}
            self.linked = getattr(self, "linked", set()) | {number for number in found if number in stories}
        return super()._visit(target, answer)


@dataclass(frozen=True)
class LinkedCoverage:
    """Stories linked from the pages that were fetched, those of them that were stored, and the requests."""

    linked: int
    missed: tuple[str, ...]
    new: int
    requests: int
    revisits: int

    @property
    def share(self) -> float:
        return 1 - len(self.missed) / self.linked

    @property
    def requests_per_new_story(self) -> float:
        return (self.requests - self.revisits) / self.new


def measure(seed: int, mode: str, days: float, place: Path, *, hours: int = 6, per_day: int = 300) -> LinkedCoverage:
    """Visit a newsroom every few hours, after a first full run that only fills the data folder."""
    room = LinkRecorder(seed, per_day=per_day)
    with room.serve() as url:
        simulation = Simulation(room, place, url)
        simulation.crawl("full")
        simulation.crawl("full")
        asked = {number_in(visit) for visit in room.visits}
        first = len(room.visits)
        until = room.start + timedelta(days=days)
        while (due := room.now.replace(minute=0, second=0) + timedelta(hours=hours)) <= until:
            room.set(due)
            simulation.crawl(mode)
    evaluation = Evaluation(simulation)
    missed = sorted(room.linked - evaluation.recorded.keys())
    visits = room.visits[first:]
    revisits = 0
    for number in filter(None, map(number_in, visits)):  # a moved story too, and one that is gone
        revisits += number in asked
        asked.add(number)
    texts = tuple(f"{n} {room._by_number()[n].section} {room._by_number()[n].published}" for n in missed)
    return LinkedCoverage(len(room.linked), texts, sum(ran.new for ran in evaluation.runs), len(visits), revisits)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.newsroom.linked_coverage", description=__doc__)
    parser.add_argument("--mode", choices=("full", "incremental"), default="incremental")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--per-day", type=int, default=300)
    parser.add_argument("--days", type=float, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        found = measure(options.seed, options.mode, options.days, Path(folder), per_day=options.per_day)
    print(f"{options.mode}, seed {options.seed}, {options.days} days, {found.linked} stories linked:")
    print(f"{found.share:.4f} stored; {found.new} new, {found.requests} requests, {found.revisits} of them revisits;")
    print(f"{found.requests_per_new_story:.2f} requests per new story without revisits")
    print("\n".join(found.missed))


if __name__ == "__main__":
    main()
